import type { Bytes } from "../foundation/bytes.ts";
import { batchItemAt, headerTimestamp, isBlockHeader } from "./batch.ts";
import { type Opening, openingOf, type Standing } from "./budget.ts";
import type { ChainState } from "./chain-state.ts";
import { MAX_ENVELOPE_BYTES } from "./envelope.ts";
import type { BlockAttributes, Origin, Position } from "./origin.ts";
import type { ChainParameters } from "./parameters.ts";
import { rulesAt } from "./rules.ts";

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
  | { readonly kind: "begin"; readonly attributes: BlockAttributes; readonly opening: Opening }
  | { readonly kind: "message"; readonly index: bigint }
  /** `envelope` undefined: too long to be read, and refused. */
  | { readonly kind: "envelope"; readonly envelope: Bytes | undefined }
  | { readonly kind: "end" }
  /** The rest of a batch is passed over, or the next batch is taken up. */
  | { readonly kind: "skip" }
);

/** The chain state, as far as it decides which unit is next. */
export type UnitPlace = Pick<ChainState, "phase" | "position"> & Standing;

/**
 * The unit that is next in a batch. Total: any bytes are some sequence of units, the last of which leaves the batch.
 * The budget bounds them: a block that it does not pay for, what follows a block that has used it up, and what belongs
 * to no block are passed over to the batch's end, at once. FORK_UNKNOWN where a block of a fork begins whose rules are not
 * here, and where one might be passed over that those rules would pay for.
 */
export const unitAt = (
  place: UnitPlace,
  { data, delayedEnd, origin }: Pick<InboxRecord, "data" | "delayedEnd" | "origin">,
  parameters: ChainParameters,
): Unit => {
  const { phase, position } = place;
  const { batch, cursor, delayed } = position;
  const item = batchItemAt(data, cursor);
  const past = item === undefined ? position : { ...position, cursor: item.next };
  const isHeader = item !== undefined && isBlockHeader(item.body);
  const hasMessages = delayed < delayedEnd;
  if (phase === "open") {
    if (hasMessages) return { kind: "message", index: delayed, after: { ...position, delayed: delayed + 1n } };
    if (item === undefined || isHeader || place.budget < rulesAt(parameters, place.timestamp).budget.refusal)
      return { kind: "end", after: position };
    return { kind: "envelope", envelope: item.body.length > MAX_ENVELOPE_BYTES ? undefined : item.body, after: past };
  }
  const begin = (timestamp: bigint, after: Position) => {
    const attributes = { timestamp, origin, hasMessages };
    return { kind: "begin", attributes, opening: openingOf(place, attributes, parameters), after } as const;
  };
  if (item === undefined) {
    if (hasMessages) return begin(origin.timestamp, position);
    return { kind: "skip", after: { batch: batch + 1n, cursor: 0, delayed } };
  }
  const unit = isHeader ? begin(headerTimestamp(item.body), past) : undefined;
  return unit?.opening.isPaid ? unit : { kind: "skip", after: { ...position, cursor: data.length } };
};
