import type { Bytes } from "../../foundation/bytes.ts";
import { COPY_BYTES } from "../operations/bulk.ts";
import { RATE } from "../state/sponge.ts";
import { encodeLogs, encodeRegisters, REGISTERS, type Registers } from "../state/state.ts";
import type { Evidence, Step } from "./step.ts";
import { openBytes, openCode, openReference } from "./words.ts";

/** The source's words or chunks in which `size` bytes from `from` on lie; nothing behind its end. */
const openSource = ({ source }: Registers, from: number, size: number): readonly Bytes[] => {
  if ("words" in source) return openReference(source, BigInt(from), size);
  const { code, offset, length } = source;
  return from >= length ? [] : openCode(code, offset + from, offset + Math.min(from + size, length));
};

const copyEvidence = ({ state }: Step, registers: Registers): Evidence => {
  const { destination, cursor, length } = registers;
  const target = destination + cursor;
  const size = Math.min(length - cursor, COPY_BYTES - (target % 32));
  return [...openSource(registers, cursor, size), ...openBytes(state.memory, target, size)];
};

const hashEvidence = ({ state }: Step, registers: Registers): Evidence => {
  const { kind, cursor, length } = registers;
  const left = length - cursor;
  const bytes = openSource(registers, cursor, Math.min(left, RATE));
  return kind === REGISTERS.hashLog && left < RATE ? [...bytes, encodeLogs(state.logs)] : bytes;
};

/** One step of a copy or a hash: twin of BulkSteps.sol. */
export const bulkEvidence = (step: Step): Evidence => {
  const registers = step.state.registers as Registers;
  const { kind } = registers;
  const hashes = kind === REGISTERS.hash || kind === REGISTERS.hashLog;
  return [encodeRegisters(registers), ...(hashes ? hashEvidence : copyEvidence)(step, registers)];
};
