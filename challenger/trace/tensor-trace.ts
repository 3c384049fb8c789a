import { type Bytes, type TensorTree, ZERO_32 } from "../../executor/index.ts";
import { LEVEL, noTreeBelow, type Trace } from "./trace.ts";

/** Level 3: one operator's output. `prove`: evidence of one element, the zero element beyond the output included. */
export const createTensorTrace = (tree: TensorTree, prove: (position: number) => Promise<Bytes>): Trace => {
  const k = tree.height - tree.wordHeight;
  return {
    level: LEVEL.tensor + k,
    height: tree.height,
    start: ZERO_32,
    node: async (height, index) => tree.node(height, index * 2 ** height),
    pre: async () => ZERO_32,
    leafKind: async () => ({ kind: "prove" }),
    evidence: prove,
    below: async (position) => {
      throw noTreeBelow(LEVEL.tensor + k, position);
    },
    packed: async (height, index) => tree.elements(height, index * 2 ** height),
  };
};
