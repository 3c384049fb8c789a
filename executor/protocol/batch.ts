import { type Bytes, concat, uintBE } from "../foundation/bytes.ts";
import { MAX_ENVELOPE_BYTES } from "./envelope.ts";

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

/** Bytes of one batch that the inbox takes. */
export const MAX_BATCH_BYTES = 100_000;

/** One block as a sequencer puts it into a batch: its timestamp, and the envelopes that are not delayed messages. */
export type BatchBlock = { readonly timestamp: bigint; readonly envelopes: readonly Bytes[] };

/** Bytes that a block takes in a batch. */
export const batchBlockSize = (block: BatchBlock): number =>
  block.envelopes.reduce((size, envelope) => size + LENGTH_BYTES + envelope.length, LENGTH_BYTES + HEADER_BYTES);

const recordOf = (body: Bytes): readonly Bytes[] => [uintBE(body.length, LENGTH_BYTES), body];

/** Batch = records `u32 length ++ body`; a block is a header record `0x00 ++ u64 timestamp` and its envelopes. */
export const encodeBatch = (blocks: readonly BatchBlock[]): Bytes =>
  concat(
    ...blocks.flatMap(({ timestamp, envelopes }) => [
      ...recordOf(concat(Uint8Array.of(0), uintBE(timestamp, 8))),
      ...envelopes.flatMap(recordOf),
    ]),
  );

/** Where a batch's derivation stands between two blocks. */
export type BatchCursor = { readonly cursor: number; readonly delayed: bigint };

/** One block that a batch holds. */
export type DerivedBlock = {
  /** As given in the header; undefined: the origin's timestamp. */
  readonly timestamp: bigint | undefined;
  /** Delayed messages `from` to `to - 1`, before the envelopes. */
  readonly delayed: { readonly from: bigint; readonly to: bigint };
  readonly envelopes: readonly Bytes[];
  /** Where derivation goes on after this block. */
  readonly end: BatchCursor;
};

/**
 * The blocks of a batch from a cursor on, one at a time. Total: any bytes give a sequence of blocks, and what is
 * malformed is passed over; an envelope that is too long, unread. A batch's delayed messages run first in its first block.
 */
export function* decodeBatch(data: Bytes, start: BatchCursor, delayedEnd: bigint): Generator<DerivedBlock> {
  let { cursor, delayed } = start;
  for (;;) {
    const record = batchItemAt(data, cursor);
    if (record === undefined && delayed >= delayedEnd) return;
    if (record !== undefined && !isBlockHeader(record.body)) {
      // No block is open: an envelope here belongs to none.
      cursor = record.next;
      continue;
    }
    if (record !== undefined) cursor = record.next;
    const from = delayed;
    if (delayed < delayedEnd) delayed = delayedEnd;
    const envelopes: Bytes[] = [];
    for (
      let next = batchItemAt(data, cursor);
      next !== undefined && !isBlockHeader(next.body);
      next = batchItemAt(data, cursor)
    ) {
      if (next.body.length <= MAX_ENVELOPE_BYTES) envelopes.push(next.body);
      cursor = next.next;
    }
    yield {
      timestamp: record === undefined ? undefined : headerTimestamp(record.body),
      delayed: { from, to: delayed },
      envelopes,
      end: { cursor, delayed },
    };
  }
}
