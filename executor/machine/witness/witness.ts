import { type Bytes, concat } from "../../foundation/bytes.ts";
import { fault, type UnitContext } from "../context.ts";
import {
  createHasher,
  encodeFrame,
  encodeRest,
  type Frame,
  type MachineState,
  PHASE,
  type Phase,
  RESULT,
} from "../state/state.ts";
import { stepTransaction } from "../step.ts";
import { bulkEvidence } from "./bulk.ts";
import { depositEvidence, initcodeEvidence } from "./code-steps.ts";
import { decodeEvidence } from "./decode.ts";
import { loadEvidence } from "./derivation.ts";
import { enterEvidence, exitEvidence } from "./frames.ts";
import { instructionEvidence } from "./instruction.ts";
import { precompileEvidence } from "./native.ts";
import type { Evidence, Step, WitnessSources } from "./step.ts";
import { accessEvidence, authorizeEvidence, endEvidence, receiptEvidence, sweepEvidence } from "./transaction.ts";

/** What a step reads behind its head, by phase. */
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
};

const hasher = createHasher();

/** Phases of a frame: it belongs to the evidence's head. */
const FRAMED: ReadonlySet<Phase> = new Set([
  PHASE.initcode,
  PHASE.enter,
  PHASE.op,
  PHASE.precompile,
  PHASE.exit,
  PHASE.deposit,
]);

/** Where the rest's hash stands in a state, and its frame's in a rest. */
const REST_AT = 96;
const FRAME_AT = 1;

/** State and rest, of a frame's phases the frame, each without the hash of what follows it. */
const headOf = (state: Readonly<MachineState>): Evidence => {
  const scalars = hasher.encode(state).slice(0, REST_AT);
  const rest = encodeRest(state);
  if (!FRAMED.has(state.phase)) return [scalars, rest];
  return [scalars, rest.subarray(0, FRAME_AT), rest.subarray(FRAME_AT + 32), encodeFrame(state.frame as Frame)];
};

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
  return concat(...headOf(state), ...evidence);
};
