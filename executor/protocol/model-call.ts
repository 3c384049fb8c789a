import { type Bytes, concat, equalBytes, readUintBE, toHex, uintBE, utf8, ZERO_32 } from "../foundation/bytes.ts";
import { keccakOf } from "../foundation/keccak.ts";
import type { Content } from "./model-content.ts";

/** What the chain keeps of a model (state of the registry predeploy). `gas` is EVM gas of one call. */
export type ModelRecord = {
  readonly gas: bigint;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly operators: number;
};

export type Admission =
  | { readonly admitted: true; readonly record: ModelRecord; readonly meta: Bytes }
  /** `constraint`: "C1".."C16", or "ID" when the bytes have another id. */
  | { readonly admitted: false; readonly constraint: string; readonly message: string };

/** Slot of a model's record in the registry: `keccak256(id ++ uint256(0))`. */
export const recordSlot = (id: Bytes): Bytes => keccakOf(id, ZERO_32);

/** What a record's slot holds; undefined when the model is not callable. */
export const recordIn = (packed: bigint): ModelRecord | undefined => {
  if ((packed & 0xffn) !== 1n) return undefined;
  return {
    gas: packed >> 192n,
    inputBytes: Number((packed >> 160n) & 0xffffffffn),
    outputBytes: Number((packed >> 128n) & 0xffffffffn),
    operators: Number((packed >> 96n) & 0xffffffffn),
  };
};

/** Gas of a call of INFER that fails with a reason. It reads one slot, and costs what a cold one does. */
export const INFER_REASON_GAS = 2100n;
/** Bytes of a model's id, which INFER's data begins with. */
export const MODEL_ID_BYTES = 32;

const selectorOf = (signature: string): Bytes => keccakOf(utf8(signature)).slice(0, 4);
const SELECTORS = {
  missingModelId: selectorOf("MissingModelId(uint256)"),
  unknownModel: selectorOf("UnknownModel(bytes32)"),
  wrongLength: selectorOf("WrongLength(uint256,uint256)"),
} as const;

/** The model that a call of INFER runs, or why it fails whatever gas it is given: a custom error of IInfer.sol. */
export type InferCall = { readonly record: ModelRecord } | { readonly reason: Bytes };

/**
 * @param length Bytes of the call's data.
 * @param id The first 32 of them; not looked at when there are fewer.
 * @param record What the registry has of that id.
 */
export const judgeInfer = (length: number, id: Bytes, record: ModelRecord | undefined): InferCall => {
  if (length < MODEL_ID_BYTES) return { reason: concat(SELECTORS.missingModelId, uintBE(length, 32)) };
  if (record === undefined) return { reason: concat(SELECTORS.unknownModel, id) };
  const given = length - MODEL_ID_BYTES;
  if (given === record.inputBytes) return { record };
  return { reason: concat(SELECTORS.wrongLength, uintBE(given, 32), uintBE(record.inputBytes, 32)) };
};

/** A reason of INFER in words; undefined of any other bytes. */
export const describeInferReason = (data: Bytes): string | undefined => {
  const word = (index: number): Bytes => data.subarray(4 + 32 * index, 36 + 32 * index);
  const number = (index: number): string => String(readUintBE(word(index)));
  const is = (selector: Bytes, words: number): boolean =>
    data.length === 4 + 32 * words && equalBytes(data.subarray(0, 4), selector);
  if (is(SELECTORS.missingModelId, 1)) return `no model id in ${number(0)} bytes of data`;
  if (is(SELECTORS.unknownModel, 1)) return `unknown model ${toHex(word(0))}`;
  if (is(SELECTORS.wrongLength, 2)) return `input of ${number(0)} bytes, the model takes ${number(1)}`;
  return undefined;
};

/** ADMIT costs this and one more for every 8 bytes of the artifact: it hashes and checks all of them. */
const ADMIT_BASE_GAS = 5000n;
const ADMIT_BYTES_PER_GAS = 8;

/** ADMIT's input: `modelId ++ contentRoot ++ u32 bytes ++ u32 chunks`. */
export const ADMIT_BYTES = 72;

export const readAdmit = (input: Bytes): { readonly id: Bytes; readonly content: Content } => {
  const number = (at: number): number => Number(readUintBE(input.subarray(at, at + 4)));
  return {
    id: input.subarray(0, 32),
    content: { root: input.subarray(32, 64), length: number(64), chunks: number(68) },
  };
};

/** Price of ADMIT for an artifact of this many bytes. */
export const admitGas = (length: number): bigint => ADMIT_BASE_GAS + BigInt(Math.ceil(length / ADMIT_BYTES_PER_GAS));

/**
 * What ADMIT answers: `abi.encode(uint64 gas, uint32 inputBytes, uint32 outputBytes, uint32 operators, bytes meta)`, nothing
 * for a refusal.
 */
export const encodeAdmission = (admission: Admission): Bytes => {
  if (!admission.admitted) return new Uint8Array(0);
  const { record, meta } = admission;
  return concat(
    uintBE(record.gas, 32),
    uintBE(record.inputBytes, 32),
    uintBE(record.outputBytes, 32),
    uintBE(record.operators, 32),
    uintBE(160, 32),
    uintBE(meta.length, 32),
    meta,
    new Uint8Array((32 - (meta.length % 32)) % 32),
  );
};
