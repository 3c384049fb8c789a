import {
  ADMISSION,
  type AdmissionCall,
  type Artifact,
  admissionNodes,
  afterInference,
  type Bytes,
  buildTensorTree,
  ceilLog2,
  concat,
  createAdmissionProofs,
  keccak256,
  runAdmission,
} from "../../executor/index.ts";
import { createTensorTrace } from "./tensor-trace.ts";
import { LEVEL, noTreeBelow, type Trace } from "./trace.ts";

/** 2^5 bytes make a word. */
const BYTES_EXPONENT = 5;

/** Level 2 of an admission: objects, judgements, the machine behind ADMIT. `artifact`: what L1 has of it. */
export const createAdmissionTrace = (
  { state, rest, registers, ...asked }: AdmissionCall,
  artifact: Artifact,
): Trace => {
  const run = runAdmission(artifact.bytes, asked);
  const start = keccak256(state);
  const nodes = admissionNodes(run, keccak256(afterInference({ state, rest }, run.output)));
  const proofs = createAdmissionProofs(run, nodes, artifact);
  const before = concat(state, rest, registers);

  const objectAt = (position: number) => (position < ADMISSION.header ? run.object(position) : undefined);
  const wordHeightOf = (bytes: Bytes): number => ceilLog2(Math.ceil(bytes.length / 32));

  return {
    level: LEVEL.inference,
    height: ADMISSION.height,
    start,
    node: async (h, index) => nodes.node(h, index),
    pre: async (position) => (position === 0 ? start : nodes.node(0, position - 1)),
    async leafKind(position) {
      const object = objectAt(position);
      if (object === undefined) return { kind: "prove" };
      const height = BYTES_EXPONENT + wordHeightOf(object.bytes);
      return { kind: "descend", level: LEVEL.tensor + BYTES_EXPONENT, height };
    },
    evidence: async (position) => concat(before, proofs.leaf(position)),
    async below(position) {
      const object = objectAt(position);
      if (object === undefined) throw noTreeBelow(LEVEL.inference, position);
      const tree = buildTensorTree("u8", object.bytes);
      const wordHeight = wordHeightOf(object.bytes);
      return createTensorTrace({
        ...{ height: BYTES_EXPONENT + wordHeight, wordHeight },
        tree: () => tree,
        prove: async (byte) => concat(before, await proofs.element(position, byte)),
      });
    },
  };
};
