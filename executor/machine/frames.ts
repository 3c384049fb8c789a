import { fromHex } from "../foundation/bytes.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import { createAddress } from "../protocol/contract-address.ts";
import { fault } from "./context.ts";
import { delegateFor, transfer } from "./operations/calls.ts";
import { exitWith, forkOf, frameOf, halt, stop } from "./operations/operation.ts";
import { EMPTY_REFERENCE, type Reference, readReference, referTo } from "./state/memory.ts";
import { push } from "./state/stack.ts";
import {
  FLAG,
  type Frame,
  type MachineState,
  PHASE,
  REGISTERS,
  RESULT,
  type Registers,
  registersOf,
  type Suspended,
} from "./state/state.ts";
import { numberOf } from "./state/word.ts";
import { type Code, codeFrom, isPrecompile, MARK, markOf, NO_CODE, setMark, warmAddress } from "./state/world.ts";

/** Begin and end of frames: INITCODE, ENTER, EXIT, DEPOSIT. */

const MAX_CODE_BYTES = 24_576;
const CODE_BYTE_GAS = 200;
/** EIP-3541. */
const RESERVED_BYTE = 0xef;
const CREATE2_PREFIX = Uint8Array.of(0xff);

const requireRegisters = (state: MachineState): Registers => {
  if (state.registers === undefined) throw fault("MACHINE_BROKEN", `phase ${state.phase} without registers`);
  return state.registers;
};

/** The reference that registers hold. */
export const sourceOf = ({ source }: Pick<Registers, "source">): Reference => {
  if (!("words" in source)) throw fault("MACHINE_BROKEN", "registers refer to code where words belong");
  return source;
};

/** The initcode becomes the frame's code, and the new account has its address. */
export const runInitcode = (state: MachineState): void => {
  const registers = requireRegisters(state);
  const source = sourceOf(registers);
  const frame = frameOf(state);
  const initcode = readReference(source, 0, source.length);
  const creator = state.world.account(state.stateRoot, frame.caller);
  // The creator's nonce counts this creation already.
  const self =
    registers.kind === REGISTERS.initcode2
      ? keccakOf(CREATE2_PREFIX, frame.caller, registers.x, keccak256(initcode)).subarray(12)
      : fromHex(createAddress(frame.caller, creator.nonce - 1n));
  state.frame = { ...frame, self, codeAddress: self, code: codeFrom(initcode) };
  state.txTree = warmAddress(state.txTree, self, forkOf(state));
  state.registers = undefined;
  state.phase = PHASE.enter;
};

const enter = (state: MachineState, frame: Frame): void => {
  const { stateRoot, txTree, logs, sweep, refund } = state;
  state.frame = { ...frame, entry: { stateRoot, txTree, logs, sweep, refund } };
};

/** The frame as it is now, its value moved. */
const moveValue = (state: MachineState, { flags, caller, self, value }: Frame): void => {
  if (value !== 0n && (flags & FLAG.delegated) === 0) state.stateRoot = transfer(state, caller, self, value);
};

const enterCreation = (state: MachineState, frame: Frame): void => {
  enter(state, frame);
  const { world } = state;
  const before = world.account(state.stateRoot, frame.self);
  if (before.nonce > 0n || before.code.size > 0) {
    halt(state);
    return;
  }
  const mark = markOf(state.txTree, frame.self);
  state.txTree = setMark(state.txTree, frame.self, mark | MARK.created);
  state.stateRoot = world.setAccount(state.stateRoot, frame.self, { ...before, nonce: 1n });
  moveValue(state, frame);
  if (frame.code.size === 0) stop(state);
  else state.phase = PHASE.op;
};

/** The code that runs for an account: its own or its delegate's, whose own delegation is not followed (EIP-7702). */
const codeFor = (state: MachineState, { codeAddress }: Frame): Code => {
  const { world, stateRoot } = state;
  const delegate = delegateFor(state, codeAddress);
  if (delegate === undefined) return world.account(stateRoot, codeAddress).code;
  // CALL paid for it and made it warm; that of the transaction's own target is warm for nothing.
  if (state.depth === 0) state.txTree = warmAddress(state.txTree, delegate, forkOf(state));
  return isPrecompile(delegate, forkOf(state)) ? NO_CODE : world.account(stateRoot, delegate).code;
};

const enterCall = (state: MachineState, frame: Frame): void => {
  const native = isPrecompile(frame.codeAddress, forkOf(state));
  const code = native ? NO_CODE : codeFor(state, frame);
  enter(state, { ...frame, code });
  moveValue(state, frame);
  if (native) state.phase = PHASE.precompile;
  else if (code.size === 0) stop(state);
  else state.phase = PHASE.op;
};

export const runEnter = (state: MachineState): void => {
  const frame = frameOf(state);
  if ((frame.flags & FLAG.create) !== 0) enterCreation(state, frame);
  else enterCall(state, frame);
};

const resume = (state: MachineState, parent: Suspended): void => {
  state.result = RESULT.none;
  state.pc = parent.pc;
  state.depth = parent.depth;
  state.gas += parent.gas;
  state.memory = parent.memory;
  state.frame = parent.frame;
  state.registers = undefined;
  state.phase = PHASE.op;
};

const revertToEntry = (state: MachineState, { entry }: Frame): void => {
  if (entry === undefined) throw fault("MACHINE_BROKEN", "a frame ends that never began");
  state.stateRoot = entry.stateRoot;
  state.txTree = entry.txTree;
  state.logs = entry.logs;
  state.sweep = entry.sweep;
  state.refund = entry.refund;
};

/** Pops the frame; a call's output is then copied into the window that the caller named. */
export const runExit = (state: MachineState): void => {
  const frame = frameOf(state);
  const { result } = state;
  const isCreation = (frame.flags & FLAG.create) !== 0;
  if (isCreation && result === RESULT.success) {
    state.phase = PHASE.deposit;
    return;
  }
  const failed = result === RESULT.revert || result === RESULT.halt;
  if (failed) revertToEntry(state, frame);
  if (result === RESULT.halt) state.gas = 0;
  const output = state.registers === undefined ? EMPTY_REFERENCE : sourceOf(state.registers);
  const { parent } = frame;
  if (parent === undefined) {
    state.registers = undefined;
    state.returndata = EMPTY_REFERENCE;
    state.phase = PHASE.txend;
    return;
  }
  resume(state, parent);
  const shown = isCreation ? result === RESULT.revert : result !== RESULT.halt;
  state.returndata = shown ? output : EMPTY_REFERENCE;
  const pushed = failed ? 0n : isCreation ? numberOf(frame.self) : 1n;
  state.stack = push(parent.stack, pushed);
  const length = isCreation ? 0 : Math.min(frame.outLength, state.returndata.length);
  if (length === 0) return;
  const { words, offset } = state.returndata;
  const source = referTo(words, offset, length);
  state.registers = registersOf({ kind: REGISTERS.writeBack, source, destination: frame.outOffset, length });
  state.phase = PHASE.bulk;
};

/** Whether an output of so many bytes is short enough for code, and paid for. */
export const canStore = (length: number, gas: number): boolean =>
  length <= MAX_CODE_BYTES && CODE_BYTE_GAS * length <= gas;

/** The code of a creation that succeeded is paid and stored. */
export const runDeposit = (state: MachineState): void => {
  const { world } = state;
  const { self } = frameOf(state);
  const output = state.registers === undefined ? EMPTY_REFERENCE : sourceOf(state.registers);
  const { length } = output;
  if (!canStore(length, state.gas)) {
    halt(state);
    return;
  }
  const bytes = readReference(output, 0, length);
  if (bytes[0] === RESERVED_BYTE) {
    halt(state);
    return;
  }
  state.gas -= CODE_BYTE_GAS * length;
  const account = world.account(state.stateRoot, self);
  state.stateRoot = world.setAccount(state.stateRoot, self, { ...account, code: codeFrom(bytes) });
  exitWith(state, RESULT.created, EMPTY_REFERENCE);
};
