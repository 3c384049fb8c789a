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

/** What a batch holds for the block that begins before `cursor`. */
export type BatchBody = {
  /** undefined: an envelope that is too long to be read. */
  readonly envelopes: readonly (Bytes | undefined)[];
  /** Where the next block begins, or what is left of the batch. */
  readonly end: number;
};

/** The envelopes from a cursor on to the next block's header, or to the end. Total. */
export const envelopesAt = (data: Bytes, cursor: number): BatchBody => {
  const envelopes: (Bytes | undefined)[] = [];
  let end = cursor;
  for (
    let item = batchItemAt(data, end);
    item !== undefined && !isBlockHeader(item.body);
    item = batchItemAt(data, end)
  ) {
    envelopes.push(item.body.length > MAX_ENVELOPE_BYTES ? undefined : item.body);
    end = item.next;
  }
  return { envelopes, end };
};
