import { type Bytes, concat, EMPTY_BYTES } from "./bytes.ts";

/** A byte string or a list of items. */
export type RlpItem = Bytes | readonly RlpItem[];

const header = (length: number, base: number): Bytes => {
  if (length < 56) return Uint8Array.of(base + length);
  const out: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) out.unshift(rest % 256);
  return Uint8Array.of(base + 55 + out.length, ...out);
};

export const encodeRlp = (item: RlpItem): Bytes => {
  if (item instanceof Uint8Array)
    return item.length === 1 && (item[0] as number) < 0x80 ? item : concat(header(item.length, 0x80), item);
  const parts = item.map(encodeRlp);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return concat(header(length, 0xc0), ...parts);
};

/** The shortest big-endian form: no leading zero byte, zero is the empty string. */
export const rlpUint = (value: bigint | number): Bytes => {
  if (value === 0 || value === 0n) return EMPTY_BYTES;
  const hex = value.toString(16);
  return new Uint8Array(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex"));
};

const MAX_DEPTH = 16;

/**
 * Decodes one item that fills `bytes`. Only the canonical form passes; anything else is a RangeError, and so are more than
 * `maxItems`: a byte can be an item, and takes two hundred in memory.
 */
export const decodeRlp = (bytes: Bytes, maxItems = Number.POSITIVE_INFINITY): RlpItem => {
  let at = 0;
  let items = 0;
  const read = (end: number, depth: number): RlpItem => {
    if (at >= end) throw new RangeError("RLP ends early");
    if (depth > MAX_DEPTH) throw new RangeError("RLP is nested too deep");
    if (++items > maxItems) throw new RangeError("RLP has too many items");
    const first = bytes[at++] as number;
    if (first < 0x80) return bytes.subarray(at - 1, at);
    const base = first < 0xc0 ? 0x80 : 0xc0;
    let length = first - base;
    if (length > 55) {
      const size = length - 55;
      if (size > 4 || at + size > end || bytes[at] === 0) throw new RangeError("RLP length is not canonical");
      length = 0;
      for (let i = 0; i < size; i++) length = length * 256 + (bytes[at++] as number);
      if (length < 56) throw new RangeError("RLP length is not canonical");
    }
    const stop = at + length;
    if (stop > end) throw new RangeError("RLP item is longer than its bytes");
    if (base === 0x80) {
      if (length === 1 && (bytes[at] as number) < 0x80) throw new RangeError("RLP byte is not canonical");
      at = stop;
      return bytes.subarray(stop - length, stop);
    }
    const list: RlpItem[] = [];
    while (at < stop) list.push(read(stop, depth + 1));
    return list;
  };
  const item = read(bytes.length, 0);
  if (at !== bytes.length) throw new RangeError("RLP has bytes left over");
  return item;
};

/** Unsigned integer of at most `size` bytes in the shortest form. */
export const readRlpUint = (item: RlpItem | undefined, size: number): bigint => {
  if (!(item instanceof Uint8Array) || item.length > size || item[0] === 0) throw new RangeError("not an RLP integer");
  return item.length === 0 ? 0n : BigInt(`0x${Buffer.from(item.buffer, item.byteOffset, item.length).toString("hex")}`);
};
