import type { Block } from "../protocol/block.ts";
import type { Claim, L1View } from "./backend.ts";

/**
 * When what has to wait for L1 is expected, in seconds of L1's clock. Each is what happened last, at L1's present pace;
 * undefined where nothing has happened yet, or what was expected is late.
 */
export type Expectation = {
  /** When the block is on L1: as long after its origin as the newest batch was. */
  posted(block: Block): bigint | undefined;
  /** When L1 has made the block's batch final: as many L1 blocks above it as are not final now. */
  finalized(block: Block): bigint | undefined;
  /**
   * When a claim has the block. The newest right claim and its parent tell the interval; the next claim has what was on L1
   * when the newest was made, the one after it the rest.
   */
  claimed(block: Block, newest: Claim, parent: Claim): bigint | undefined;
  /** When the rest of the challenge period is over. Undefined while its time, or its parent's, stands still. */
  confirmed(claim: Claim, parent: Claim | undefined, period: bigint): bigint | undefined;
};

/** Records over which L1's pace is measured. */
const SAMPLE = 64n;

/** Number of the L1 block that holds the batch with a block of this origin; undefined when L1 does not have it yet. */
const inclusionOf = (l1: L1View, origin: bigint): bigint | undefined => {
  let [low, high] = [0n, l1.recordCount];
  // The last record that was built on the origin, or before.
  while (low < high) {
    const middle = (low + high) / 2n;
    if ((l1.record(middle)?.origin.number ?? 0n) <= origin) low = middle + 1n;
    else high = middle;
  }
  const record = low === 0n ? undefined : l1.record(low - 1n);
  return record?.origin.number === origin ? record.l1Block : undefined;
};

export const expectationFrom = (l1: L1View): Expectation => {
  const { head, recordCount } = l1;
  const newest = recordCount === 0n ? undefined : l1.record(recordCount - 1n);
  const oldest = recordCount === 0n ? undefined : l1.record(recordCount > SAMPLE ? recordCount - SAMPLE : 0n);
  /** Time of an L1 block that is to come. */
  const timeOf = (number: bigint): bigint | undefined => {
    if (head === undefined || oldest === undefined || number <= head.number) return undefined;
    const blocks = head.number - oldest.origin.number;
    if (blocks <= 0n) return undefined;
    return head.timestamp + ((number - head.number) * (head.timestamp - oldest.origin.timestamp)) / blocks;
  };
  return {
    posted: ({ origin }) =>
      newest === undefined ? undefined : timeOf(origin.number + newest.l1Block - newest.origin.number),
    finalized({ origin }) {
      const inclusion = inclusionOf(l1, origin.number);
      return head === undefined || inclusion === undefined ? undefined : timeOf(head.number + inclusion - l1.finalized);
    },
    claimed({ origin }, claim, parent) {
      const inclusion = inclusionOf(l1, origin.number);
      if (inclusion === undefined) return undefined;
      const interval = claim.madeAt - parent.madeAt;
      return timeOf(claim.madeAt + (inclusion <= claim.madeAt ? interval : 2n * interval));
    },
    confirmed(claim, parent, period) {
      if (head === undefined || claim.state !== "open" || !claim.isRunning) return undefined;
      if (parent?.state === "open" && !parent.isRunning) return undefined;
      return timeOf(head.number + period - claim.timer);
    },
  };
};
