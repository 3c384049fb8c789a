import { type MachineState, PHASE, type Phase } from "../state/state.ts";

/**
 * The contracts that have the machine's steps, in the order in which evidence names them (u8) and in which they are
 * deployed: consensus.
 */
export const STEP_PARTS = [
  "derivation",
  "load",
  "code",
  "frames",
  "stack",
  "state",
  "calls",
  "bulk",
  "precompiles",
  "decode",
  "transaction",
] as const;
export type StepPart = (typeof STEP_PARTS)[number];

/** Whose phases are whose; OP's by the instruction, INFER's by a level of its own. */
const PHASES: Readonly<Partial<Record<Phase, StepPart>>> = {
  [PHASE.load]: "load",
  [PHASE.decode]: "decode",
  [PHASE.access]: "transaction",
  [PHASE.authorize]: "transaction",
  [PHASE.txend]: "transaction",
  [PHASE.sweep]: "transaction",
  [PHASE.receipt]: "transaction",
  [PHASE.initcode]: "code",
  [PHASE.deposit]: "code",
  [PHASE.enter]: "frames",
  [PHASE.exit]: "frames",
  [PHASE.bulk]: "bulk",
  [PHASE.precompile]: "precompiles",
};

/** Instructions that are not `stack`'s, which has the undefined ones as well. */
const INSTRUCTIONS: ReadonlyMap<number, StepPart> = new Map([
  ...[0x31, 0x3b, 0x3c, 0x3f, 0x40, 0x47, 0x54, 0x55, 0x5c, 0x5d, 0xff].map((opcode) => [opcode, "state"] as const),
  ...[0xf0, 0xf1, 0xf2, 0xf4, 0xf5, 0xfa].map((opcode) => [opcode, "calls"] as const),
]);

/** The part that has the next step, of a unit that begins where there is no state yet; undefined where none has it. */
export const partOf = (state: Pick<MachineState, "phase" | "frame" | "pc"> | undefined): StepPart | undefined => {
  if (state === undefined) return "derivation";
  if (state.phase !== PHASE.op) return PHASES[state.phase];
  const { pc, frame } = state;
  // Behind the code's end, and where there is none, is STOP.
  const opcode = frame === undefined || pc >= frame.code.size ? undefined : frame.code.bytes[pc];
  return opcode === undefined ? "stack" : (INSTRUCTIONS.get(opcode) ?? "stack");
};
