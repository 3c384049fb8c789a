import type { Bytes } from "../../foundation/bytes.ts";

/** 256-bit numbers and their 32 bytes, big-endian. */

const MASK_64 = 2n ** 64n - 1n;

const view = (bytes: Bytes): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Writes `value` (below 2^256) into 32 bytes from `at` on. */
export const writeWord = (target: DataView, at: number, value: bigint): void => {
  if (value <= MASK_64) {
    target.setBigUint64(at, 0n);
    target.setBigUint64(at + 8, 0n);
    target.setBigUint64(at + 16, 0n);
    target.setBigUint64(at + 24, value);
    return;
  }
  const high = value >> 128n;
  const low = value & (2n ** 128n - 1n);
  target.setBigUint64(at, high >> 64n);
  target.setBigUint64(at + 8, high & MASK_64);
  target.setBigUint64(at + 16, low >> 64n);
  target.setBigUint64(at + 24, low & MASK_64);
};

export const wordOf = (value: bigint): Bytes => {
  const bytes = new Uint8Array(32);
  writeWord(view(bytes), 0, value);
  return bytes;
};

/** The number in `size` bytes (at most 32) from `at` on; bytes past the end are zero. */
export const numberIn = (bytes: Bytes, at = 0, size = bytes.length - at): bigint => {
  if (at + size > bytes.length) {
    const padded = new Uint8Array(size);
    if (at < bytes.length) padded.set(bytes.subarray(at));
    return numberIn(padded, 0, size);
  }
  const source = view(bytes);
  let value = 0n;
  let i = at;
  const end = at + size;
  for (; i < at + (size & 7); i++) value = (value << 8n) | BigInt(bytes[i] as number);
  for (; i < end; i += 8) value = (value << 64n) | source.getBigUint64(i);
  return value;
};

/** Four bytes, big-endian. */
export const writeU32 = (out: Bytes, at: number, value: number): void => {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
};

const MASK_160 = 2n ** 160n - 1n;

/** The low 20 bytes of a word. */
export const addressIn = (value: bigint): Bytes => wordOf(value & MASK_160).subarray(12);

export const numberOf = (address: Bytes): bigint => numberIn(address);
