import type { Bytes } from "../foundation/bytes.ts";

const LENGTH_BYTES = 4;
const HEADER_BYTES = 9;

/** One of the items `u32 length ++ body` that a batch consists of, and where the next one begins. */
export type BatchItem = { readonly body: Bytes; readonly next: number };

/** The item at `cursor`, or undefined at the end: fewer than four bytes left, length 0, or more than is left. */
export const batchItemAt = (data: Bytes, cursor: number): BatchItem | undefined => {
  if (data.length - cursor < LENGTH_BYTES) return undefined;
  const length = new DataView(data.buffer, data.byteOffset + cursor, LENGTH_BYTES).getUint32(0);
  const next = cursor + LENGTH_BYTES + length;
  if (length === 0 || next > data.length) return undefined;
  return { body: data.subarray(cursor + LENGTH_BYTES, next), next };
};

/** Whether the item begins a block; otherwise it is an envelope of the block at hand. */
export const isBlockHeader = (body: Bytes): boolean => body.length === HEADER_BYTES && body[0] === 0;

export const headerTimestamp = (header: Bytes): bigint =>
  new DataView(header.buffer, header.byteOffset + 1, HEADER_BYTES - 1).getBigUint64(0);
