// ONNX files into tensor programs.

export { describeModel, describeProgram, type ModelDescription } from "./describe.ts";
export { decodeModel, decodeTensor } from "./emit/decode.ts";
export { readTensor, type TensorConstant } from "./emit/graph.ts";
export { encodeMeta, type TensorSchema } from "./emit/meta.ts";
export { IMPORT_CONSTRAINTS, type Refusal as ImportRefusal, refusalsOf } from "./emit/refusal.ts";
export { type Imported, importOnnx } from "./import.ts";
export { SUPPORTED_OPERATORS } from "./lower/table.ts";
