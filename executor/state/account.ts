import { type Bytes, readUintBE, word } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { TAG, tagByte } from "../foundation/tags.ts";
import { type CodeInfo, EMPTY_CODE } from "./code.ts";
import type { StateErrorCode } from "./errors.ts";

/** One account, immutable. */
export type AccountRecord = { readonly nonce: bigint; readonly balance: bigint; readonly code: CodeInfo };

/** Empty in the sense of EIP-161: never stored. */
export const isEmptyAccount = ({ nonce, balance, code }: AccountRecord): boolean =>
  nonce === 0n && balance === 0n && code.size === 0;

export const sameAccount = (a: AccountRecord | undefined, b: AccountRecord | undefined): boolean =>
  a === b ||
  (a !== undefined && b !== undefined && a.nonce === b.nonce && a.balance === b.balance && a.code.key === b.code.key);

/** Key of an account's leaf: `keccak(0x09 ++ address)`. */
export const accountKey = (address: Bytes): Bytes => keccakOf(tagByte(TAG.accountKey), address);

/** Key of a slot's leaf: `keccak(0x0a ++ address ++ slot)`, the slot as 32 bytes. */
export const slotKey = (address: Bytes, slot: Bytes): Bytes => keccakOf(tagByte(TAG.slotKey), address, word(slot));

const preimage = new Uint8Array(108);
const preimageView = new DataView(preimage.buffer);

/** Big-endian u256. */
const writeWord = (view: DataView, at: number, value: bigint): void => {
  for (let i = 0; i < 4; i++) view.setBigUint64(at + 8 * i, BigInt.asUintN(64, value >> BigInt(192 - 64 * i)));
};

/** The 108 bytes behind an account's leaf value. */
export const accountPreimage = ({ nonce, balance, code }: AccountRecord): Bytes => {
  preimageView.setBigUint64(0, nonce);
  writeWord(preimageView, 8, balance);
  preimage.set(code.hash, 40);
  preimageView.setUint32(72, code.size);
  preimage.set(code.root, 76);
  return preimage.slice();
};

/** Value of an account's leaf: `keccak(nonce u64 ++ balance u256 ++ codeHash ++ codeSize u32 ++ codeRoot)`. */
export const accountValue = (account: AccountRecord): Bytes => keccakOf(accountPreimage(account));

/** Without leading zero bytes; empty for zero. */
export const stripZeros = (value: Bytes): Bytes => {
  let start = 0;
  while (start < value.length && value[start] === 0) start++;
  return start === 0 ? value : value.subarray(start);
};

/** Nonce u64, length of the balance u8, balance, then (with code only) codeHash, codeSize u32, codeRoot. */
const flat = new Uint8Array(9 + 32 + 68);
const flatView = new DataView(flat.buffer);
const balanceWord = new Uint8Array(32);
const balanceView = new DataView(balanceWord.buffer);

export const encodeAccount = ({ nonce, balance, code }: AccountRecord): Bytes => {
  writeWord(balanceView, 0, balance);
  const amount = stripZeros(balanceWord);
  flatView.setBigUint64(0, nonce);
  flat[8] = amount.length;
  flat.set(amount, 9);
  const end = 9 + amount.length;
  if (code.size === 0) return flat.slice(0, end);
  flat.set(code.hash, end);
  flatView.setUint32(end + 32, code.size);
  flat.set(code.root, end + 36);
  return flat.slice(0, end + 68);
};

/** STATE_CORRUPT when the bytes have another length than an account's. */
export const decodeAccount = (bytes: Bytes): AccountRecord => {
  const end = 9 + (bytes[8] ?? 0);
  const withCode = bytes.length > end;
  if (bytes.length !== (withCode ? end + 68 : end))
    throw new CodedError<StateErrorCode>("STATE_CORRUPT", `a stored account has ${bytes.length} bytes`);
  const code: CodeInfo = withCode
    ? {
        hash: bytes.subarray(end, end + 32),
        key: Buffer.from(bytes.subarray(end, end + 32)).toString("latin1"),
        size: Number(readUintBE(bytes.subarray(end + 32, end + 36))),
        root: bytes.subarray(end + 36, end + 68),
      }
    : EMPTY_CODE;
  return { nonce: readUintBE(bytes.subarray(0, 8)), balance: readUintBE(bytes.subarray(9, end)), code };
};
