import { EMPTY_BYTES } from "../../foundation/bytes.ts";
import type { Fork } from "../../protocol/forks.ts";
import { EMPTY_REFERENCE, type Reference } from "../state/memory.ts";
import type { Stack } from "../state/stack.ts";
import {
  type Environment,
  FLAG,
  type Frame,
  type MachineState,
  PHASE,
  REGISTERS,
  RESULT,
  type Result,
  registersOf,
} from "../state/state.ts";

/**
 * One opcode. Before `run`, the dispatcher has seen that the stack holds `pops` words and will not hold more than 1024.
 * `run` reads its operands with `operands(state.stack, pops)`, checks in one order (static, sizes, memory
 * window, state, gas in ONE subtraction by `spend`), and returns `halt(state)` where a check fails.
 * INVARIANT: nothing but `gas` is written before the last check has passed, because a halt keeps the pre-state's fields.
 * An ordinary opcode ends with `next(state, stack)`.
 */
export type Operation = {
  readonly pops: number;
  readonly pushes: number;
  readonly run: (state: MachineState) => void;
};

/** The step's post-state is the pre-state, ended: all gas of the frame is gone. */
export const halt = (state: MachineState): void => {
  state.result = RESULT.halt;
  state.gas = 0;
  state.registers = undefined;
  state.phase = PHASE.exit;
};

/** Takes `gas`; false when there is not so much: the caller halts. */
export const spend = (state: MachineState, gas: number): boolean => {
  if (gas > state.gas) return false;
  state.gas -= gas;
  return true;
};

/** The end of an ordinary opcode: its stack, and the next instruction. */
export const next = (state: MachineState, stack: Stack): void => {
  state.stack = stack;
  state.pc++;
};

/** The running frame. INVARIANT: there is one from the end of DECODE on. */
export const frameOf = (state: Pick<MachineState, "frame">): Frame => state.frame as Frame;

/** Whose rules hold. INVARIANT: from the end of DECODE on. */
export const forkOf = ({ env }: Pick<MachineState, "env">): Fork => (env as Environment).block.fork;

export const isStatic = (state: Pick<MachineState, "frame">): boolean => (frameOf(state).flags & FLAG.static) !== 0;

/** The frame ends with this output; its effects are judged in EXIT. */
export const exitWith = (state: MachineState, result: Result, output: Reference): void => {
  state.result = result;
  state.registers = output.length === 0 ? undefined : registersOf({ kind: REGISTERS.output, source: output });
  state.phase = PHASE.exit;
};

/** STOP, and the end of the code. */
export const stop = (state: MachineState): void => exitWith(state, RESULT.success, EMPTY_REFERENCE);

const STACK_LIMIT = 1024;

/** One step in phase OP. */
export const runOperation = (state: MachineState, table: readonly (Operation | undefined)[]) => {
  const code = frameOf(state).code.size === 0 ? EMPTY_BYTES : frameOf(state).code.bytes;
  const opcode = code[state.pc];
  if (opcode === undefined) return stop(state);
  const operation = table[opcode];
  if (operation === undefined) return halt(state);
  const { size } = state.stack;
  if (size < operation.pops || size - operation.pops + operation.pushes > STACK_LIMIT) return halt(state);
  operation.run(state);
};
