/** The inbox's bounds of units once more: twin of BatchInbox's `furthest`. */

export type Metering = {
  /** Gas that a second adds, that is saved up at most, and that a unit takes at least. */
  readonly rate: bigint;
  readonly cap: bigint;
  readonly unitPrice: bigint;
  /** Seconds. */
  readonly drift: bigint;
};

/** `size`: bytes; `messages`: taken by the batch; `timestamp`: its origin's. */
export type MeteredRecord = { readonly size: number; readonly messages: number; readonly timestamp: bigint };

const lesser = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** Units that the records hold at most, one at least. */
export const unitsBound = (records: readonly MeteredRecord[], { rate, cap, unitPrice, drift }: Metering): bigint => {
  const messages = BigInt(records.reduce((sum, record) => sum + record.messages, 0));
  const byBytes = records.reduce((sum, { size }) => sum + BigInt(Math.floor(size / 5)) + 3n, messages);
  const [first, last] = [records[0], records.at(-1)] as [MeteredRecord, MeteredRecord];
  const paid = (cap + rate * (last.timestamp - first.timestamp + drift)) / unitPrice;
  return lesser(byBytes, paid + messages + 4n * BigInt(records.length));
};

/** The furthest record from `start` on to which the units surely fit; one record at least, where there is one. */
export const furthestRecord = (
  records: readonly MeteredRecord[],
  start: number,
  units: bigint,
  metering: Metering,
): number => {
  let end = Math.min(start + 1, records.length);
  while (end < records.length && unitsBound(records.slice(start, end + 1), metering) <= units) end++;
  return end;
};
