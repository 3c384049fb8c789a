// The models that contracts call.
export { createModelRuntime, modelRecordOf } from "./create-runtime.ts";
export type { ArtifactKeeper, ArtifactSource, ModelContent, ModelPrograms, ModelRuntime, Piece } from "./runtime.ts";
