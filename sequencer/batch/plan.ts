import { type Bytes, COLUMN, concat, fromHex, type Hex, type Origin, toHex, uintBE } from "../../executor/index.ts";
import type { DataKind } from "./data-kind.ts";

/**
 * One batch as it is meant to stand on L1: which blocks, on which origin, after which delayed messages. Plans lie on disk
 * before their first block does, so that a restart cuts the unposted blocks into the same batches.
 */
export type Plan = {
  /** Inbox record that it becomes. */
  readonly index: bigint;
  readonly origin: Origin;
  /** Delayed messages `delayedStart` to `delayedEnd - 1` open its first block. */
  readonly delayedStart: bigint;
  readonly delayedEnd: bigint;
  /** Accumulator of the delayed queue at `delayedEnd`. */
  readonly accumulator: Hex;
  readonly first: bigint;
  /** Transactions of the first block that came from the delayed queue. */
  readonly taken: number;
  /** Where its bytes lie, decided when it is closed: before that, undefined. */
  readonly kind: DataKind | undefined;
};

const KINDS = [undefined, "calldata", "blobs"] as const satisfies readonly (DataKind | undefined)[];

const key = (index: bigint): Bytes => concat(Uint8Array.of(COLUMN.batcher), uintBE(index, 8));
/** All plans. */
export const PLAN_RANGE = { gte: Uint8Array.of(COLUMN.batcher), lt: Uint8Array.of(COLUMN.batcher + 1) } as const;

export const planKey = (plan: Pick<Plan, "index">): Bytes => key(plan.index);

export const encodePlan = (plan: Plan): Bytes =>
  concat(
    uintBE(plan.origin.number, 8),
    uintBE(plan.origin.timestamp, 8),
    uintBE(plan.delayedStart, 8),
    uintBE(plan.delayedEnd, 8),
    uintBE(plan.first, 8),
    uintBE(plan.taken, 4),
    fromHex(plan.accumulator),
    Uint8Array.of(KINDS.indexOf(plan.kind)),
  );

export const decodePlan = (storedKey: Bytes, value: Bytes): Plan => {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return {
    index: new DataView(storedKey.buffer, storedKey.byteOffset, storedKey.byteLength).getBigUint64(1),
    origin: { number: view.getBigUint64(0), timestamp: view.getBigUint64(8) },
    delayedStart: view.getBigUint64(16),
    delayedEnd: view.getBigUint64(24),
    first: view.getBigUint64(32),
    taken: view.getUint32(40),
    accumulator: toHex(value.subarray(44, 76)),
    kind: KINDS[value[76] ?? 0],
  };
};
