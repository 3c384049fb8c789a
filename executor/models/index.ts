// The models that contracts call.
export { ADMISSION, type AdmissionRun, runAdmission } from "./admission.ts";
export { admissionNodes, createAdmissionProofs } from "./admission-proof.ts";
export { createModelRuntime, modelRecordOf } from "./create-runtime.ts";
export type {
  Artifact,
  ArtifactKeeper,
  ArtifactSource,
  ModelContent,
  ModelPrograms,
  ModelRuntime,
  Piece,
} from "./runtime.ts";
