import type { L1Source } from "../../bridge/index.ts";
import type { Origin } from "../../executor/index.ts";

/** How long L1 takes a batch, as its inbox says. */
export type Window = {
  /** L1 blocks that a batch's origin may be old. */
  readonly blocks: bigint;
  /** Seconds after which L1 refuses its origin, or that it leaves a delayed message out. */
  readonly seconds: bigint;
};

/** Why no block is built. */
export type HaltCode =
  /**
   * Half of the time in which L1 takes the oldest batch has passed: the other half is for bringing it there. See to the
   * account's ether, the fees and the L1 endpoint.
   */
  | "BATCH_WINDOW_HALF_GONE"
  /** As many closed batches wait for L1 as may. See why L1 takes none: the account's ether, the fees, the endpoint. */
  | "BATCHES_PENDING_FULL"
  /**
   * L1 lacks so many blocks that more could not be taken back if it overruled them. See why L1 takes no batch: the
   * account's ether, the fees, the endpoint.
   */
  | "BLOCKS_UNSAFE_FULL";
export type Halt = { readonly code: HaltCode; readonly reason: string };

/**
 * L1's height as it should be by now: an endpoint that stands still does not stop L1. The pace is that of the heads that
 * were seen, by their timestamps. `now` in milliseconds.
 */
export const createL1Height = (l1: Pick<L1Source, "head">, now: () => number) => {
  let first: Origin | undefined;
  let last: (Origin & { readonly seen: number }) | undefined;
  return (): bigint => {
    const { head } = l1;
    if (head === undefined) return 0n;
    first ??= head;
    if (last?.number !== head.number) last = { number: head.number, timestamp: head.timestamp, seen: now() };
    const blocks = Number(last.number - first.number);
    const seconds = Number(last.timestamp - first.timestamp);
    if (blocks <= 0 || seconds <= 0) return head.number;
    return head.number + BigInt(Math.floor(((now() - last.seen) * blocks) / (seconds * 1_000)));
  };
};

/** L1 blocks and seconds since the origin of a batch. `height`: L1's, as it should be by now. */
export type Age = { readonly blocks: bigint; readonly seconds: bigint };
export const ageOf = (origin: Origin, { head }: Pick<L1Source, "head">, height: bigint): Age => ({
  blocks: height - origin.number,
  seconds: (head?.timestamp ?? origin.timestamp) - origin.timestamp,
});

/** INVARIANT: a block that L1 may not take any more is not acknowledged: it would be taken back without an L1 reorg. */
export const isHalfGone = (age: Age, { blocks, seconds }: Window): boolean =>
  age.blocks * 2n >= blocks || age.seconds * 2n >= seconds;
