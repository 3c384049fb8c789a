import { type Bytes, concat, uintBE, ZERO_32 } from "../foundation/bytes.ts";
import { keccakOf } from "../foundation/keccak.ts";

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

/** ADMIT costs this and one more for every 8 bytes of the artifact: it hashes and checks all of them. */
const ADMIT_BASE_GAS = 5000n;
const ADMIT_BYTES_PER_GAS = 8;

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
