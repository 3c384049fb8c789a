import { type Bytes, type TensorTree, ZERO_32 } from "../../executor/index.ts";
import { LEVEL, noTreeBelow, type Trace } from "./trace.ts";

export type TensorTraceOptions = {
  /** Of the tree, and of the words in it. */
  readonly height: number;
  readonly wordHeight: number;
  /** Asked for at each question, as it may have been forgotten. */
  readonly tree: () => Promise<TensorTree>;
  /** Evidence of one element, the zero element beyond the output included. */
  readonly prove: (position: number) => Promise<Bytes>;
};

/** Level 3: one operator's output. */
export const createTensorTrace = ({ height, wordHeight, tree, prove }: TensorTraceOptions): Trace => {
  const k = height - wordHeight;
  return {
    level: LEVEL.tensor + k,
    height,
    start: ZERO_32,
    node: async (of, index) => (await tree()).node(of, index * 2 ** of),
    pre: async () => ZERO_32,
    leafKind: async () => ({ kind: "prove" }),
    evidence: prove,
    below: async (position) => {
      throw noTreeBelow(LEVEL.tensor + k, position);
    },
    packed: async (of, index) => (await tree()).elements(of, index * 2 ** of),
  };
};
