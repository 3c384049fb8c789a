import type { Bytes } from "../foundation/bytes.ts";
import { batchItemAt, headerTimestamp, isBlockHeader } from "./batch.ts";
import type { ChainState } from "./chain-state.ts";
import { MAX_ENVELOPE_BYTES } from "./envelope.ts";
import type { Origin, Position } from "./origin.ts";

/** What L1 holds, as far as it was read. */
export type Inbox = {
  record(index: bigint): { readonly data: Bytes; readonly origin: Origin; readonly delayedEnd: bigint } | undefined;
  message(
    index: bigint,
  ): { readonly kind: "deposit" | "raw"; readonly gas: bigint; readonly envelope: Bytes } | undefined;
};
export type InboxRecord = NonNullable<ReturnType<Inbox["record"]>>;

/** One step of derivation; `after`: where the next one stands. */
export type Unit = { readonly after: Position } & (
  | { readonly kind: "begin"; readonly timestamp: bigint | undefined }
  | { readonly kind: "message"; readonly index: bigint }
  /** `envelope` undefined: too long to be read. */
  | { readonly kind: "envelope"; readonly envelope: Bytes | undefined }
  | { readonly kind: "end" }
  | { readonly kind: "skip" }
);

/** The unit that is next in a batch. Total: any bytes are some sequence of units, the last of which leaves the batch. */
export const unitAt = (
  { phase, position }: Pick<ChainState, "phase" | "position">,
  record: Pick<InboxRecord, "data" | "delayedEnd">,
): Unit => {
  const { data, delayedEnd } = record;
  const { batch, cursor, delayed } = position;
  const item = batchItemAt(data, cursor);
  const past = item === undefined ? position : { ...position, cursor: item.next };
  const isHeader = item !== undefined && isBlockHeader(item.body);
  const queued = delayed < delayedEnd;
  if (phase === "open") {
    if (queued) return { kind: "message", index: delayed, after: { ...position, delayed: delayed + 1n } };
    if (item === undefined || isHeader) return { kind: "end", after: position };
    return { kind: "envelope", envelope: item.body.length > MAX_ENVELOPE_BYTES ? undefined : item.body, after: past };
  }
  if (isHeader) return { kind: "begin", timestamp: headerTimestamp(item.body), after: past };
  if (item !== undefined) return { kind: "skip", after: past };
  if (queued) return { kind: "begin", timestamp: undefined, after: position };
  return { kind: "skip", after: { batch: batch + 1n, cursor: 0, delayed } };
};
