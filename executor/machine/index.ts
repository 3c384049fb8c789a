// The machine: one step of a unit at a time.
export { type AnsweringModels, createAnswering, supplyTo } from "./answers.ts";
export type { UnitSource } from "./derive.ts";
export { afterInference, type PendingInference, pendingInference } from "./inference-call.ts";
export { createEvmMachine, type EvmMachine } from "./machine.ts";
export { loadPrecompiles } from "./precompiles.ts";
export { openWorld } from "./state/world.ts";
export { createUnitTrace, type UnitTrace } from "./trace.ts";
export { STEP_PARTS, type StepPart } from "./witness/parts.ts";
export type { BlobSource } from "./witness/step.ts";
