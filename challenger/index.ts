// The face of the challenger: what the other folders may import.
export { audit, type BlockReader, type BlockSummary } from "./audit.ts";
// Levels of a dispute as an honest party holds them.
export { createInferenceTrace } from "./trace/inference-trace.ts";
export { LEVEL, type LeafKind, type Trace } from "./trace/trace.ts";
