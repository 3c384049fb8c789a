import { type Bytes, concat } from "../../foundation/bytes.ts";
import { fault, type UnitContext } from "../context.ts";
import { createHasher, encodeRest, type MachineState, PHASE, type Phase, RESULT } from "../state/state.ts";
import { stepTransaction } from "../step.ts";
import { bulkEvidence } from "./bulk.ts";
import { depositEvidence, initcodeEvidence } from "./code-steps.ts";
import { decodeEvidence } from "./decode.ts";
import { loadEvidence } from "./derivation.ts";
import { enterEvidence, exitEvidence } from "./frames.ts";
import { instructionEvidence } from "./instruction.ts";
import { checkEvidence, precompileEvidence } from "./native.ts";
import type { Evidence, Step, WitnessSources } from "./step.ts";
import { accessEvidence, authorizeEvidence, endEvidence, receiptEvidence, sweepEvidence } from "./transaction.ts";

/** What a step reads behind state and rest, by phase. */
const PHASES: Readonly<Partial<Record<Phase, (step: Step) => Evidence | undefined>>> = {
  [PHASE.load]: loadEvidence,
  [PHASE.decode]: decodeEvidence,
  [PHASE.access]: accessEvidence,
  [PHASE.authorize]: authorizeEvidence,
  [PHASE.initcode]: initcodeEvidence,
  [PHASE.enter]: enterEvidence,
  [PHASE.op]: instructionEvidence,
  [PHASE.bulk]: bulkEvidence,
  [PHASE.precompile]: precompileEvidence,
  [PHASE.check]: checkEvidence,
  [PHASE.exit]: exitEvidence,
  [PHASE.deposit]: depositEvidence,
  [PHASE.txend]: endEvidence,
  [PHASE.sweep]: sweepEvidence,
  [PHASE.receipt]: receiptEvidence,
};

const missing = (what: string) => (): never => {
  throw fault("MACHINE_BROKEN", `a step's evidence needs ${what}, which were not given`);
};
/** Of a transaction that is in no blob, and calls no model. */
export const NO_SOURCES: WitnessSources = {
  blobs: { blobHashes: missing("blobs"), element: missing("blobs") },
  programOf: missing("programs"),
};

const hasher = createHasher();

/**
 * Evidence of the step at this state, in the one form that L1's contracts take: a function of the state before it.
 * Undefined where no contract has the step.
 */
export const witnessOf = (
  state: Readonly<MachineState>,
  context: UnitContext,
  sources: Partial<WitnessSources> = {},
): Bytes | undefined => {
  const open = PHASES[state.phase];
  if (open === undefined) return undefined;
  const after = { ...state };
  stepTransaction(after, context);
  const halts = after.phase === PHASE.exit && after.result === RESULT.halt;
  const evidence = open({ state, after, halts, context, sources: { ...NO_SOURCES, ...sources } });
  if (evidence === undefined) return undefined;
  return concat(hasher.encode(state).slice(), encodeRest(state), ...evidence);
};
