// The state transition.
export { createMachine } from "./engine.ts";
export { pointEvaluation } from "./library-precompiles.ts";
export { createRules, eipsOf } from "./rules.ts";
export { applyTransaction, type Spent } from "./transition.ts";
