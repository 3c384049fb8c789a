import { Address } from "@ethereumjs/util";
import { type Bytes, concat, fromHex, type Hex, toHex, uintBE } from "../foundation/bytes.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { decodeRlp, encodeRlp, type RlpItem, readRlpUint, rlpUint } from "../foundation/rlp.ts";
import { recoverAddress, SECP256K1_ORDER } from "../foundation/secp256k1.ts";
import { TRANSACTION_GAS_CAP } from "./parameters.ts";
import type {
  Authorization,
  ChainTransaction,
  DecodedTransaction as Decoded,
  Refusal,
  RefusalCode,
} from "./transaction.ts";

export const MAX_ENVELOPE_BYTES = 98_304;
export const MAX_INITCODE_BYTES = 49_152;
export const DEPOSIT_TYPE = 0x7e;
/** EIP-7702. */
export const SET_CODE_TYPE = 4;

export type DecodeResult = Decoded | Refusal;
export const isRefusal = (result: object): result is Refusal => "code" in result && "message" in result;

const refuse = (code: RefusalCode, message: string): Refusal => ({ code, message });

/** Thrown inside the decoder only; `decodeEnvelope` is total. */
class Malformed extends Error {}

const bytesOf = (item: RlpItem | undefined): Bytes => {
  if (!(item instanceof Uint8Array)) throw new Malformed("a list stands where a byte string belongs");
  return item;
};
const fixed = (item: RlpItem | undefined, size: number): Bytes => {
  const bytes = bytesOf(item);
  if (bytes.length !== size) throw new Malformed(`expected ${size} bytes, got ${bytes.length}`);
  return bytes;
};
const targetOf = (item: RlpItem | undefined): Address | undefined => {
  const bytes = bytesOf(item);
  if (bytes.length === 0) return undefined;
  return new Address(fixed(bytes, 20).slice());
};
const accessListOf = (item: RlpItem | undefined): NonNullable<ChainTransaction["accessList"]> => {
  if (item === undefined || item instanceof Uint8Array) throw new Malformed("the access list is not a list");
  return item.map((entry) => {
    if (entry instanceof Uint8Array || entry.length !== 2) throw new Malformed("an access list entry is not a pair");
    const keys = entry[1];
    if (keys === undefined || keys instanceof Uint8Array) throw new Malformed("storage keys are not a list");
    return {
      address: toHex(fixed(entry[0], 20)),
      storageKeys: keys.map((key) => toHex(fixed(key, 32))),
    };
  });
};

const listOf = (payload: Bytes, fields: number): readonly RlpItem[] => {
  const item = decodeRlp(payload);
  if (item instanceof Uint8Array) throw new Malformed("the payload is not a list");
  if (item.length !== fields) throw new Malformed(`expected ${fields} fields, got ${item.length}`);
  return item;
};

/** Gas of an authorization, whatever comes of it (EIP-7702). */
const AUTHORIZATION_GAS = 25_000;

const zerosIn = (data: Bytes): number => {
  let zeros = 0;
  for (let i = 0; i < data.length; i++) if (data[i] === 0) zeros++;
  return zeros;
};

/** Gas before execution: 21000, 4 or 16 a data byte, lists, creation (EIP-2028, 2930, 3860, 7702). */
export const intrinsicGas = ({
  to,
  data,
  accessList = [],
  authorizationList = [],
}: Pick<ChainTransaction, "to" | "data" | "accessList" | "authorizationList">): bigint => {
  let gas = 21_000 + 16 * data.length - 12 * zerosIn(data) + AUTHORIZATION_GAS * authorizationList.length;
  for (const { storageKeys } of accessList) gas += 2400 + 1900 * storageKeys.length;
  if (to === undefined) gas += 32_000 + 2 * Math.ceil(data.length / 32);
  return BigInt(gas);
};

/** The least that a transaction takes: 21000, 10 or 40 a data byte (EIP-7623). */
export const floorGas = (data: Bytes): bigint => BigInt(21_000 + 40 * data.length - 30 * zerosIn(data));

const decodeDeposit = (envelope: Bytes, hash: Hex): Decoded => {
  const fields = listOf(envelope.subarray(1), 8);
  const sourceHash = toHex(fixed(fields[0], 32));
  const sender = new Address(fixed(fields[1], 20).slice());
  const target = targetOf(fields[2]);
  const mint = readRlpUint(fields[3], 16);
  const value = readRlpUint(fields[4], 32);
  const gasLimit = readRlpUint(fields[5], 8);
  if (bytesOf(fields[6]).length !== 0) throw new Malformed("a system deposit");
  const transaction: ChainTransaction = {
    hash,
    envelope,
    type: DEPOSIT_TYPE,
    from: sender.toString(),
    to: target?.toString(),
    nonce: 0n,
    gasLimit,
    value,
    data: bytesOf(fields[7]),
    deposit: { sourceHash, mint },
  };
  return { transaction, sender, target, intrinsicGas: intrinsicGas(transaction), floorGas: 0n };
};

/** `0x7e ++ rlp([sourceHash, from, to, mint, value, gas, isSystem, data])`. */
export const encodeDeposit = (deposit: {
  readonly sourceHash: Hex;
  readonly from: Hex;
  readonly to: Hex | undefined;
  readonly mint: bigint;
  readonly value: bigint;
  readonly gas: bigint;
  readonly data: Bytes;
}): Bytes =>
  concat(
    Uint8Array.of(DEPOSIT_TYPE),
    encodeRlp([
      fromHex(deposit.sourceHash),
      fromHex(deposit.from),
      deposit.to === undefined ? new Uint8Array(0) : fromHex(deposit.to),
      rlpUint(deposit.mint),
      rlpUint(deposit.value),
      rlpUint(deposit.gas),
      new Uint8Array(0),
      deposit.data,
    ]),
  );

type Signed = {
  readonly fields: readonly RlpItem[];
  readonly first: number;
  readonly nonce: bigint;
  readonly gasLimit: bigint;
  readonly to: RlpItem | undefined;
  readonly value: bigint;
  readonly data: Bytes;
  readonly chainId: bigint | undefined;
  readonly fees: Pick<ChainTransaction, "gasPrice" | "maxFeePerGas" | "maxPriorityFeePerGas">;
  readonly accessList: ChainTransaction["accessList"];
  readonly authorizationList?: readonly Authorization[];
  readonly v: bigint;
};

const readLegacy = (envelope: Bytes): Signed => {
  const fields = listOf(envelope, 9);
  const v = readRlpUint(fields[6], 32);
  return {
    fields,
    first: 6,
    nonce: readRlpUint(fields[0], 8),
    fees: { gasPrice: readRlpUint(fields[1], 32) },
    gasLimit: readRlpUint(fields[2], 8),
    to: fields[3],
    value: readRlpUint(fields[4], 32),
    data: bytesOf(fields[5]),
    chainId: v === 27n || v === 28n ? undefined : (v - 35n) / 2n,
    accessList: undefined,
    v,
  };
};

const readAccessList = (envelope: Bytes): Signed => {
  const fields = listOf(envelope.subarray(1), 11);
  return {
    fields,
    first: 8,
    chainId: readRlpUint(fields[0], 32),
    nonce: readRlpUint(fields[1], 8),
    fees: { gasPrice: readRlpUint(fields[2], 32) },
    gasLimit: readRlpUint(fields[3], 8),
    to: fields[4],
    value: readRlpUint(fields[5], 32),
    data: bytesOf(fields[6]),
    accessList: accessListOf(fields[7]),
    v: readRlpUint(fields[8], 32),
  };
};

const readFeeMarket = (envelope: Bytes): Signed => {
  const fields = listOf(envelope.subarray(1), 12);
  return {
    fields,
    first: 9,
    chainId: readRlpUint(fields[0], 32),
    nonce: readRlpUint(fields[1], 8),
    fees: { maxPriorityFeePerGas: readRlpUint(fields[2], 32), maxFeePerGas: readRlpUint(fields[3], 32) },
    gasLimit: readRlpUint(fields[4], 8),
    to: fields[5],
    value: readRlpUint(fields[6], 32),
    data: bytesOf(fields[7]),
    accessList: accessListOf(fields[8]),
    v: readRlpUint(fields[9], 32),
  };
};

const authorizationOf = (entry: RlpItem): Authorization => {
  if (entry instanceof Uint8Array || entry.length !== 6) throw new Malformed("an authorization is not a list of six");
  return {
    chainId: readRlpUint(entry[0], 32),
    address: toHex(fixed(entry[1], 20)),
    nonce: readRlpUint(entry[2], 8),
    yParity: readRlpUint(entry[3], 1),
    r: readRlpUint(entry[4], 32),
    s: readRlpUint(entry[5], 32),
  };
};

/** One of a list that was decoded before. */
export const decodeAuthorization = (encoded: Bytes): Authorization => authorizationOf(decodeRlp(encoded));

/** EIP-7702: it creates nothing, and has an authorization. */
const readSetCode = (envelope: Bytes): Signed => {
  const fields = listOf(envelope.subarray(1), 13);
  const list = fields[9];
  if (list === undefined || list instanceof Uint8Array || list.length === 0)
    throw new Malformed("there is no authorization");
  fixed(fields[5], 20);
  return {
    fields,
    first: 10,
    chainId: readRlpUint(fields[0], 32),
    nonce: readRlpUint(fields[1], 8),
    fees: { maxPriorityFeePerGas: readRlpUint(fields[2], 32), maxFeePerGas: readRlpUint(fields[3], 32) },
    gasLimit: readRlpUint(fields[4], 8),
    to: fields[5],
    value: readRlpUint(fields[6], 32),
    data: bytesOf(fields[7]),
    accessList: accessListOf(fields[8]),
    authorizationList: list.map(authorizationOf),
    v: readRlpUint(fields[10], 32),
  };
};

/** By type; 0 is a legacy transaction. */
const READERS: Readonly<Record<number, (envelope: Bytes) => Signed>> = {
  0: readLegacy,
  1: readAccessList,
  2: readFeeMarket,
  [SET_CODE_TYPE]: readSetCode,
};

const AUTHORIZATION_MAGIC = Uint8Array.of(5);

/** Who signed an authorization; undefined: its signature is none (EIP-7702). */
export const authorityOf = ({ chainId, address, nonce, yParity, r, s }: Authorization): Bytes | undefined => {
  if (yParity > 1n || r === 0n || r >= SECP256K1_ORDER || s === 0n || s > SECP256K1_ORDER / 2n) return undefined;
  const signed = encodeRlp([rlpUint(chainId), fromHex(address), rlpUint(nonce)]);
  const digest = keccak256(concat(AUTHORIZATION_MAGIC, signed));
  const authority = recoverAddress(digest, Number(yParity), uintBE(r, 32), uintBE(s, 32));
  return authority.length === 0 ? undefined : authority;
};

const signingHash = (type: number, { fields, first, v }: Signed): Bytes => {
  const signed = fields.slice(0, first);
  if (type !== 0) return keccak256(concat(Uint8Array.of(type), encodeRlp(signed)));
  if (v < 35n) return keccak256(encodeRlp(signed));
  const empty = new Uint8Array(0);
  return keccak256(encodeRlp([...signed, rlpUint((v - 35n) / 2n), empty, empty]));
};

const decodeSigned = (envelope: Bytes, hash: Hex, type: number, options: DecodeOptions): DecodeResult => {
  const { chainId, gasCap = TRANSACTION_GAS_CAP } = options;
  const signed = (READERS[type] as (typeof READERS)[number])(envelope);
  const { fields, first, v, gasLimit, data } = signed;
  const target = targetOf(signed.to);
  const r = readRlpUint(fields[first + 1], 32);
  const s = readRlpUint(fields[first + 2], 32);
  const isPlain = type === 0 && (v === 27n || v === 28n);
  if (type === 0 && !isPlain && v < 35n) return refuse("TX_SIGNATURE", `v = ${v} means nothing`);
  if (!isPlain && signed.chainId !== chainId)
    return refuse("TX_CHAIN_ID", `signed for chain ${signed.chainId}, this is chain ${chainId}`);
  if (type !== 0 && v > 1n) return refuse("TX_SIGNATURE", `y parity is ${v}`);
  if (r === 0n || r >= SECP256K1_ORDER || s === 0n || s > SECP256K1_ORDER / 2n)
    return refuse("TX_SIGNATURE", "r or s is out of range");
  let { sender } = options;
  if (sender === undefined) {
    const parity = type !== 0 ? v : isPlain ? v - 27n : (v - 35n) % 2n;
    const digest = signingHash(type, signed);
    const address = recoverAddress(digest, Number(parity), bytesOf(fields[first + 1]), bytesOf(fields[first + 2]));
    if (address.length === 0 || address.every((byte) => byte === 0))
      return refuse("TX_SIGNATURE", "no key gives this signature");
    sender = new Address(address);
  }
  const transaction: ChainTransaction = {
    hash,
    envelope,
    type,
    from: sender.toString(),
    to: target?.toString(),
    nonce: signed.nonce,
    gasLimit,
    value: signed.value,
    data,
    ...signed.fees,
    ...(signed.accessList === undefined ? {} : { accessList: signed.accessList }),
    ...(signed.authorizationList === undefined ? {} : { authorizationList: signed.authorizationList }),
    ...(signed.chainId === undefined ? {} : { chainId: signed.chainId }),
    signature: { v, r, s },
  };
  if (target === undefined && data.length > MAX_INITCODE_BYTES)
    return refuse("TX_INITCODE_SIZE", `init code of ${data.length} bytes, at most ${MAX_INITCODE_BYTES}`);
  if (gasLimit > gasCap) return refuse("TX_GAS_CAP", `gas limit ${gasLimit} is above ${gasCap}`);
  const intrinsic = intrinsicGas(transaction);
  if (intrinsic > gasLimit) return refuse("TX_INTRINSIC_GAS", `needs ${intrinsic} gas, its limit is ${gasLimit}`);
  const { maxFeePerGas = 0n, maxPriorityFeePerGas = 0n } = signed.fees;
  if (maxPriorityFeePerGas > maxFeePerGas)
    return refuse("TX_TIP_CAP", `tip ${maxPriorityFeePerGas} is above the fee cap ${maxFeePerGas}`);
  return { transaction, sender, target, intrinsicGas: intrinsic, floorGas: floorGas(data) };
};

export type DecodeOptions = {
  readonly chainId: bigint;
  /** The sender, if it was recovered before. */
  readonly sender?: Address;
  /** K(envelope), if it is known. */
  readonly hash?: Hex;
  /** Another bound than EIP-7825's: for tests of rules older than it. */
  readonly gasCap?: bigint;
};

/** The stateless rules 1 to 8 (their part that needs no block), in their order. Total: malformed bytes give a refusal. */
export const decodeEnvelope = (envelope: Bytes, options: DecodeOptions): DecodeResult => {
  if (envelope.length === 0 || envelope.length > MAX_ENVELOPE_BYTES)
    return refuse("TX_MALFORMED", `${envelope.length} bytes, expected 1 to ${MAX_ENVELOPE_BYTES}`);
  const first = envelope[0] as number;
  if (first < 0xc0 && (first === 0 || READERS[first] === undefined) && first !== DEPOSIT_TYPE)
    return refuse("TX_TYPE", `transaction type ${first} is not supported`);
  const hash = options.hash ?? toHex(keccak256(envelope));
  try {
    if (first === DEPOSIT_TYPE) return decodeDeposit(envelope, hash);
    return decodeSigned(envelope, hash, first < 0xc0 ? first : 0, options);
  } catch (error) {
    if (error instanceof Malformed || error instanceof RangeError) return refuse("TX_MALFORMED", error.message);
    throw error;
  }
};

/** Remembers the transactions it decoded last, so that a sender is recovered once. */
export const createEnvelopeDecoder = (
  chainId: bigint,
  { remembered = 16_384, rememberedBytes = 32 * 2 ** 20 } = {},
) => {
  const recent = new Map<Hex, Decoded>();
  let bytes = 0;
  return (envelope: Bytes): DecodeResult => {
    const hash = toHex(keccak256(envelope));
    const seen = recent.get(hash);
    if (seen !== undefined) return seen;
    const result = decodeEnvelope(envelope.slice(), { chainId, hash });
    if (isRefusal(result)) return result;
    recent.set(hash, result);
    bytes += envelope.length;
    for (const [oldest, { transaction }] of recent) {
      if (recent.size <= remembered && bytes <= rememberedBytes) break;
      recent.delete(oldest);
      bytes -= transaction.envelope.length;
    }
    return result;
  };
};
export type EnvelopeDecoder = ReturnType<typeof createEnvelopeDecoder>;
