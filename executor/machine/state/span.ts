import type { Bytes } from "../../foundation/bytes.ts";

/** Where the payload of an RLP item lies in the bytes that hold it: what decoding them does not tell. */
export type Span = { readonly start: number; readonly end: number };

/** Payload of the item that begins at `at`. INVARIANT: the bytes are canonical RLP; they were decoded before. */
export const spanOf = (bytes: Bytes, at: number): Span => {
  const first = bytes[at] as number;
  if (first < 0x80) return { start: at, end: at + 1 };
  const length = first - (first < 0xc0 ? 0x80 : 0xc0);
  if (length < 56) return { start: at + 1, end: at + 1 + length };
  const size = length - 55;
  let long = 0;
  for (let i = 1; i <= size; i++) long = long * 256 + (bytes[at + i] as number);
  return { start: at + 1 + size, end: at + 1 + size + long };
};

/** Payload of a list's item by its index. `list`: where the list begins. */
export const itemSpan = (bytes: Bytes, list: number, index: number): Span => {
  let at = spanOf(bytes, list).start;
  for (let i = 0; i < index; i++) at = spanOf(bytes, at).end;
  return spanOf(bytes, at);
};
