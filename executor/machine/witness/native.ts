import { equalBytes, fromHex, uintBE } from "../../foundation/bytes.ts";
import { maximumInput } from "../../precompiles/precompile.ts";
import { INFER_REASON_GAS, MODEL_ID_BYTES, recordSlot } from "../../protocol/model-call.ts";
import { ADDRESS } from "../../protocol/parameters.ts";
import { slotKey } from "../../state/account.ts";
import { bytesOf } from "../../tensor/elements.ts";
import { identityOf, openOperator } from "../../tensor/identity.ts";
import { countOf, type OperatorOf } from "../../tensor/program.ts";
import { sourceOf } from "../frames.ts";
import { CHECK_BYTES } from "../native.ts";
import { type Reference, readReference } from "../state/memory.ts";
import { encodeRegisters, type Frame, type Registers } from "../state/state.ts";
import type { Evidence, Step } from "./step.ts";
import { openPath } from "./tree.ts";
import { openReference } from "./words.ts";

const INFER = fromHex(ADDRESS.infer);
const REGISTRY = fromHex(ADDRESS.modelRegistry);
const ADMIT = fromHex(ADDRESS.admit);
const IDENTITY = 4;

/** The model's id and what the registry has of it, if they are looked at. */
const modelEvidence = ({ gas, stateRoot }: Step["state"], calldata: Reference): Evidence => {
  if (gas < INFER_REASON_GAS || calldata.length < MODEL_ID_BYTES) return [];
  const slot = recordSlot(readReference(calldata, 0, MODEL_ID_BYTES));
  return [...openReference(calldata, 0n, MODEL_ID_BYTES), ...openPath(stateRoot, slotKey(REGISTRY, slot))];
};

/** One call of a precompile: twin of PrecompileSteps.sol. */
export const precompileEvidence = ({ state }: Step): Evidence => {
  const frame = state.frame as Frame;
  const { codeAddress, calldata } = frame;
  if (equalBytes(codeAddress, ADMIT)) return [];
  if (equalBytes(codeAddress, INFER)) return modelEvidence(state, calldata);
  const address = (codeAddress[18] as number) * 256 + (codeAddress[19] as number);
  if (address === IDENTITY || calldata.length > maximumInput(address)) return [];
  return openReference(calldata, 0n, calldata.length);
};

/** Where an input's elements begin and end in the packed input. */
const spanOf = ({ dtype, offset, output }: OperatorOf<"INPUT">) => ({
  start: offset,
  end: offset + bytesOf(dtype, countOf({ output })),
});

/** 1,024 bytes of a model's input: twin of CheckSteps.sol. */
export const checkEvidence = ({ state, sources }: Step): Evidence => {
  const registers = state.registers as Registers;
  const source = sourceOf(registers);
  const { cursor, x } = registers;
  const end = Math.min(cursor + CHECK_BYTES, source.length);
  const program = sources.programOf(x);
  const spans = (program.operators.slice(0, program.inputs) as OperatorOf<"INPUT">[]).map(spanOf);
  const first = Math.max(0, spans.filter((span) => span.end <= cursor).length - 1);
  const behind = spans.findIndex(({ start }) => start >= end);
  const opened = spans.slice(0, behind === -1 ? spans.length : behind + 1).flatMap((_, i) => {
    if (i < first) return [];
    const { record, path } = openOperator(program, i);
    return [uintBE(record.length, 2), record, ...path];
  });
  return [
    encodeRegisters(registers),
    ...openReference(source, BigInt(cursor), end - cursor),
    identityOf(program).preimage,
    Uint8Array.of(first),
    ...opened,
  ];
};
