// Tensor programs: building, reading, running, proving.

export { digitsAt, elementHeight, isLive, product } from "./address.ts";
export { type Access, type Assembly, createAssembly, type OperatorSpec, type Ref } from "./assembly.ts";
export {
  type Conv2d,
  concatAxis,
  conv2d,
  expand,
  gatherRows,
  instruction,
  lookup,
  map,
  matmul,
  pad,
  pool2d,
  reduceAxes,
  requantise,
  slice,
  topkAxes,
  transpose,
  upsample2d,
} from "./builders.ts";
export { encodeProgram } from "./codec.ts";
export {
  buildTensorTree,
  createTensorTree,
  partHash,
  type TensorTree,
  tensorRoot,
  tensorRootOf,
} from "./commitment.ts";
export { readProgram, violations } from "./constraints.ts";
export { decodeProgram } from "./decode.ts";
export { bytesOf, constantData, packTensor, paddedBytes, unpackTensor } from "./elements.ts";
export { createEngine, type Engine } from "./engine.ts";
export { identityOf, openConstant, openOperator, operatorLeaf, programId } from "./identity.ts";
export type { OpenableTree } from "./multi-proof.ts";
export { createGraph as createOnnxGraph, type Value as OnnxValue } from "./onnx-graph.ts";
export { createHeldTrees, type HeldTrees, type Openings, openRun } from "./openings.ts";
export {
  type Constant,
  countOf,
  DTYPES,
  type Dtype,
  FOLDS,
  type Guard,
  type Instruction,
  type Interval,
  KINDS,
  type Operator,
  type Program,
  type Source,
  type TensorData,
} from "./program.ts";
export { element, evaluate, inputBytesOf, outputBytesOf, packOutputs, run as runReference } from "./reference.ts";
export {
  codeOf,
  IMMEDIATE_SOURCE,
  INSTRUCTIONS,
  type InstructionSpec,
  immediateBits,
  OPERAND_SOURCE,
  type ScalarType,
  scalarTypeOf,
} from "./scalar.ts";
export { processorName } from "./selftest.ts";
export { type Inference, type InferenceCall, proveStep, type StepProof } from "./step-proof.ts";
export { wordLeaf } from "./word-nodes.ts";
