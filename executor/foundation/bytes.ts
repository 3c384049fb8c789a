import type { Brand } from "./brand.ts";

/** Byte strings: `Uint8Array` inside, `0x` hex at the edges. */
export type Hex = `0x${string}`;
export type Bytes = Uint8Array;

/** Bytes of what is branded as hex. */
export type BytesOf<Branded extends string> = Branded extends Brand<Hex, infer Name> ? Brand<Bytes, Name> : Bytes;
/** Hex of what is branded as bytes. */
export type HexOf<Branded extends Bytes> = Branded extends Brand<Bytes, infer Name> ? Brand<Hex, Name> : Hex;

export const EMPTY_BYTES: Bytes = new Uint8Array(0);
export const ZERO_32: Bytes = new Uint8Array(32);

/** What is branded stays so. */
export const toHex = <Given extends Bytes>(bytes: Given): HexOf<Given> =>
  `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}` as HexOf<Given>;

/** Strict: even length, hex digits only. Throws a RangeError otherwise. What is branded stays so. */
export const fromHex = <Given extends string>(hex: Given): BytesOf<Given> => {
  // Buffer stops at the first character that is no digit: the length tells.
  const bytes = hex.startsWith("0x") ? Buffer.from(hex.slice(2), "hex") : undefined;
  if (bytes === undefined || 2 + 2 * bytes.length !== hex.length)
    throw new RangeError(`not a hex byte string: ${hex.slice(0, 80)}`);
  return new Uint8Array(bytes) as BytesOf<Given>;
};

export const concat = (...parts: readonly Bytes[]): Bytes => {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
};

export const equalBytes = (a: Bytes, b: Bytes): boolean => Buffer.compare(a, b) === 0;

/** Lexicographic order of unsigned bytes: negative, zero or positive. */
export const compareBytes = (a: Bytes, b: Bytes): number => Buffer.compare(a, b);

export const utf8 = (text: string): Bytes => new TextEncoder().encode(text);

/** Big-endian unsigned integer of exactly `size` bytes. Throws a RangeError when it does not fit. */
export const uintBE = (value: bigint | number, size: number): Bytes => {
  let rest = BigInt(value);
  if (rest < 0n || rest >= 1n << BigInt(8 * size)) throw new RangeError(`${value} does not fit ${size} bytes`);
  const out = new Uint8Array(size);
  for (let i = size - 1; i >= 0 && rest > 0n; i--) {
    out[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return out;
};

export const readUintBE = (bytes: Bytes): bigint => (bytes.length === 0 ? 0n : BigInt(toHex(bytes)));

/** Left-pads with zero bytes to 32; longer input is a RangeError. */
export const word = (bytes: Bytes): Bytes => {
  if (bytes.length === 32) return bytes;
  if (bytes.length > 32) throw new RangeError(`${bytes.length} bytes do not fit a word`);
  const out = new Uint8Array(32);
  out.set(bytes, 32 - bytes.length);
  return out;
};
