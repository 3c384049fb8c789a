import { type Bytes, uintBE } from "../../foundation/bytes.ts";
import { keccakOf } from "../../foundation/keccak.ts";
import { TAG, tagByte } from "../../foundation/tags.ts";
import { readReference, writeBytes } from "../state/memory.ts";
import { absorb, RATE, squeeze } from "../state/sponge.ts";
import { push } from "../state/stack.ts";
import { type CodeReference, type Logs, type MachineState, PHASE, REGISTERS, type Registers } from "../state/state.ts";
import { numberIn } from "../state/word.ts";

/** Bytes that one step of a copy moves at most: its destination is 32 words, the first step aligns it. */
export const COPY_BYTES = 1024;

/** Bytes of code, zeros behind its end. */
const readCode = ({ code, offset, length }: CodeReference, at: number, size: number): Bytes => {
  const out = new Uint8Array(size);
  const there = Math.max(0, Math.min(size, length - at));
  if (there > 0) out.set(code.bytes.subarray(offset + at, offset + at + there));
  return out;
};

const readSource = (source: Registers["source"], at: number, size: number): Bytes =>
  "words" in source ? readReference(source, at, size) : readCode(source, at, size);

/** Back to the instruction after the opcode that began this. */
const finish = (state: MachineState): void => {
  state.registers = undefined;
  state.phase = PHASE.op;
};

const copyStep = (state: MachineState, registers: Registers): void => {
  const { source, destination, cursor, length } = registers;
  const target = destination + cursor;
  const size = Math.min(length - cursor, COPY_BYTES - (target % 32));
  state.memory = writeBytes(state.memory, target, readSource(source, cursor, size));
  if (cursor + size === length) finish(state);
  else state.registers = { ...registers, cursor: cursor + size };
};

/** `what`: K(address ++ n ++ topics); `hash`: K(data). */
type LogEntry = { readonly what: Bytes; readonly length: number; readonly hash: Bytes };

/** The logs with one more entry; its address and topics are in the bloom already. */
export const completeLog = ({ chain, count, bloom }: Logs, { what, length, hash }: LogEntry): Logs => {
  const entry = keccakOf(tagByte(TAG.logEntry), what, uintBE(length, 4), hash);
  return { chain: keccakOf(tagByte(TAG.logsLink), chain, entry), count: count + 1, bloom };
};

/** Blocks of 136 bytes, then what is left, with the padding; a log's hash completes its entry, another is pushed. */
const hashStep = (state: MachineState, registers: Registers): void => {
  const { kind, source, cursor, length, sponge, x } = registers;
  const left = length - cursor;
  const bytes = readSource(source, cursor, Math.min(left, RATE));
  if (left >= RATE) {
    state.registers = { ...registers, cursor: cursor + RATE, sponge: absorb(sponge, bytes) };
    return;
  }
  const hash = squeeze(sponge, bytes);
  if (kind === REGISTERS.hash) state.stack = push(state.stack, numberIn(hash));
  else state.logs = completeLog(state.logs, { what: x, length, hash });
  finish(state);
};

const STEPS: ReadonlyMap<number, (state: MachineState, registers: Registers) => void> = new Map([
  [REGISTERS.copy, copyStep],
  [REGISTERS.copyCode, copyStep],
  [REGISTERS.writeBack, copyStep],
  [REGISTERS.hash, hashStep],
  [REGISTERS.hashLog, hashStep],
]);

/** One step in phase `bulk`: a part of a copy or of a hash. */
export const runBulk = (state: MachineState): void => {
  const registers = state.registers as Registers;
  const step = STEPS.get(registers.kind);
  // INVARIANT: whoever enters the phase sets registers of one of these kinds.
  if (step === undefined) throw new Error(`registers of kind ${registers.kind} in phase bulk`);
  step(state, registers);
};
