// The machine: one step of a unit at a time.
export { type AnsweringModels, createAnswering, supplyTo } from "./answers.ts";
export type { UnitSource } from "./derive.ts";
export type { ChainView, MachineView, StateView, StepView } from "./describe.ts";
export {
  type AdmissionCall,
  afterInference,
  type PendingInference,
  pendingAdmission,
  pendingInference,
} from "./inference-call.ts";
export { createEvmMachine, type EvmMachine } from "./machine.ts";
export { loadPrecompiles } from "./precompiles.ts";
export { openWorld } from "./state/world.ts";
export { createUnitTrace, type UnitTrace } from "./trace.ts";
export { machineEvidence } from "./witness/machine-evidence.ts";
export { STEP_PARTS, type StepPart } from "./witness/parts.ts";
export type { BlobSource, WitnessSources } from "./witness/step.ts";
