import type { InboxRecord, L1Source } from "../../bridge/index.ts";
import {
  type BatchBlock,
  type Block,
  type Bytes,
  type Chain,
  CodedError,
  encodeBatch,
  equalBytes,
  type Hex,
  type KeyValueStore,
  keccak256,
  type Origin,
  rulesAt,
  type Telemetry,
  toHex,
  type Write,
} from "../../executor/index.ts";
import { createBatchesMetrics } from "./batches-metrics.ts";
import { type DataChoice, type DataKind, type DataPrices, DEFAULT_DATA, growthLimit, kindOf } from "./data-kind.ts";
import type { L1Prices } from "./l1-prices.ts";
import { messagesFrom } from "./place.ts";
import { decodePlan, encodePlan, PLAN_RANGE, type Plan, planKey } from "./plan.ts";
import { ageOf, createL1Height, type Halt, isHalfGone, type Window } from "./window.ts";

export type BatchesErrorCode =
  /** A block of an unposted batch is not in the store. Check the disk; an empty directory loses what L1 does not hold. */
  "BATCH_BLOCK_MISSING";

export type BatchesOptions = {
  /** Where batches lie on L1. */
  readonly data?: DataChoice;
  /** Bytes of one batch, if fewer than L1 takes. */
  readonly maxBytes?: number;
  /** Milliseconds after its first block at which a batch is closed, unless another waits for L1: then it grows. */
  readonly intervalMs?: number;
  /** Batches that L1 does not hold yet; beyond them no block is built. */
  readonly maxPending?: number;
  /** Blocks that L1 does not hold yet; beyond them no block is built, so that what L1 overrules can be taken back. */
  readonly maxUnsafe?: number;
  /** How long L1 takes a batch. */
  readonly window?: Window;
  /** Clock in milliseconds. */
  readonly now?: () => number;
};

/** A batch with its blocks. */
export type Batch = Omit<Plan, "kind"> & {
  kind: DataKind | undefined;
  last: bigint;
  lastHash: Hex;
  /** Bytes so far, an upper bound until it is closed. */
  bytes: number;
  closed: boolean;
  readonly opened: number;
};

/** The cutting of the chain into batches: all that are not final on L1. */
export type Batches = {
  /** Closed ones that L1 does not hold, in order. */
  readonly pending: readonly Batch[];
  /** The one that takes further blocks. */
  readonly open: Batch | undefined;
  /**
   * Brings the batches into line with the chain and with L1. False: no block may be built now, because L1 holds what has
   * not been derived. Inside `chain.exclusive`.
   */
  align(): Promise<boolean>;
  /** Why no block may be built, though all is in line: what is built might not come to L1. */
  readonly halt: Halt | undefined;
  /** The next batch: the newest L1 block as origin, and the delayed messages up to it. Undefined before L1 was read. */
  draft(): Plan | undefined;
  /** Writes a plan, before its first block is sealed. */
  prepare(plan: Plan): Promise<void>;
  /** The block was sealed into the batch of this plan. `bytes`: what it takes there. */
  append(plan: Plan, block: Block, bytes: number): void;
  /** Bytes that the next block of the batch may take. */
  room(plan: Plan): number;
  /** Whether it is time to close the open batch. */
  readonly isDue: boolean;
  /** Closes the open batch if it is time, at once when told so, and decides where it lies on L1. Inside `chain.exclusive`. */
  close(reason?: "full"): Promise<void>;
  /** The bytes to post. BATCH_BLOCK_MISSING when the chain has lost a block of it. */
  encode(batch: Batch): Bytes;
  /** Whether the chain still has the batch's blocks and L1 the messages that it was built on. */
  isSound(batch: Batch): boolean;
  /** Whether L1's record at the batch's place is this batch. */
  isPosted(batch: Batch): boolean;
};

/** Room below which a batch counts as full. */
const MIN_ROOM = 512;
/** Batches remembered for an L1 reorg, when L1 does not finalize them. */
const MAX_KEPT = 4_096;
/** Of `assay deploy` and the devnet. */
const DEFAULT_WINDOW: Window = { blocks: 300n, seconds: 43_200n };
const greater = (a: bigint, b: bigint): bigint => (a > b ? a : b);

export const createBatches = (
  components: Telemetry & {
    readonly chain: Chain;
    readonly l1: L1Source;
    readonly store: KeyValueStore;
    readonly prices: Pick<L1Prices, "now">;
  },
  options: BatchesOptions = {},
): Batches => {
  const { chain, l1, store, prices, registry } = components;
  const logger = components.logger.child({ module: "batches" });
  const { data: choice = DEFAULT_DATA, intervalMs = 1_000, maxPending = 256, maxUnsafe = 2_048 } = options;
  const { now = () => performance.now(), window = DEFAULT_WINDOW } = options;
  const height = createL1Height(l1, now);
  let limit: { readonly at: DataPrices | undefined; readonly bytes: number } | undefined;
  /** Bytes of a batch at L1's present prices. */
  const maxBytes = (): number => {
    const { now: at } = prices;
    if (limit === undefined || limit.at !== at)
      limit = { at, bytes: Math.min(growthLimit(choice, at), options.maxBytes ?? Number.POSITIVE_INFINITY) };
    return limit.bytes;
  };
  const { sizes, closings } = createBatchesMetrics(registry, () => {
    const batch = oldest();
    return {
      pending: pending().length,
      oldestAge: batch === undefined ? 0n : ageOf(batch.origin, l1, height()).blocks,
      halted: halt()?.code,
    };
  });

  const hashOf = (number: bigint): Hex | undefined => chain.blockByNumber(number)?.hash;

  /** Those of the last life, all closed: what the chain holds of them is what they are. */
  const load = (): { readonly kept: Batch[]; readonly dropped: Plan[] } => {
    const plans = [...store.scan(PLAN_RANGE)].map(([key, value]) => decodePlan(key, value));
    const kept: Batch[] = [];
    const dropped: Plan[] = [];
    for (const [i, plan] of plans.entries()) {
      const last = (plans[i + 1]?.first ?? chain.head.header.number + 1n) - 1n;
      const lastHash = hashOf(last);
      if (last < plan.first || lastHash === undefined) dropped.push(plan);
      else kept.push({ ...plan, last, lastHash, bytes: maxBytes(), closed: true, opened: now() });
    }
    return { kept, dropped };
  };
  let { kept: batches, dropped: stale } = load();

  const isMissing = ({ index }: Batch): boolean => index >= l1.recordCount;
  const pending = () => batches.filter((batch) => batch.closed && isMissing(batch));
  /** Of all that L1 does not hold yet. */
  const oldest = () => batches.find(isMissing);

  const halt = (): Halt | undefined => {
    // At each look: L1's pace is that of the heads that were seen.
    const heightNow = height();
    const batch = oldest();
    if (batch !== undefined) {
      const age = ageOf(batch.origin, l1, heightNow);
      const reason = `the oldest batch that L1 lacks is ${age.blocks} L1 blocks and ${age.seconds} s old; L1 takes it for ${window.blocks} and ${window.seconds}`;
      if (isHalfGone(age, window)) return { code: "BATCH_WINDOW_HALF_GONE", reason };
    }
    const waiting = pending().length;
    if (waiting >= maxPending) return { code: "BATCHES_PENDING_FULL", reason: `${waiting} batches wait for L1` };
    const unsafe = chain.head.header.number - chain.heads.safe;
    if (unsafe >= BigInt(maxUnsafe)) return { code: "BLOCKS_UNSAFE_FULL", reason: `L1 lacks ${unsafe} blocks` };
    return undefined;
  };

  const hasBlocks = (batch: Batch): boolean => hashOf(batch.last) === batch.lastHash;

  const encode = (batch: Batch): Bytes => {
    const blocks: BatchBlock[] = [];
    for (let number = batch.first; number <= batch.last; number++) {
      const block = chain.blockByNumber(number);
      if (block === undefined)
        throw new CodedError<BatchesErrorCode>(
          "BATCH_BLOCK_MISSING",
          `block ${number} of batch ${batch.index} is gone`,
          {
            number,
            batch: batch.index,
          },
        );
      const own = number === batch.first ? block.transactions.slice(batch.taken) : block.transactions;
      blocks.push({ timestamp: block.header.timestamp, envelopes: own.map(({ envelope }) => envelope) });
    }
    return encodeBatch(blocks);
  };

  /** Decides where a closed batch lies. On disk before anything is sent: the next life sends the very same. */
  const decide = async (batch: Batch): Promise<void> => {
    const kind = kindOf(encode(batch), choice, prices.now);
    await store.write([{ type: "put", key: planKey(batch), value: encodePlan({ ...batch, kind }) }]);
    batch.kind = kind;
    closings.inc({ data: kind });
  };

  const holds = ({ kind, dataHash, data }: InboxRecord, batch: Batch): boolean => {
    const own = encode(batch);
    if (kind === "calldata") return dataHash === toHex(keccak256(own));
    // Blobs are padded with zeros.
    return equalBytes(data.subarray(0, own.length), own) && data.subarray(own.length).every((byte) => byte === 0);
  };

  /** Whether L1 holds this batch as it was planned. */
  const isPosted = (batch: Batch): boolean => {
    const record = l1.record(batch.index);
    return (
      record !== undefined &&
      hasBlocks(batch) &&
      record.kind === batch.kind &&
      record.delayedEnd === batch.delayedEnd &&
      holds(record, batch)
    );
  };

  /** The first batch that the chain or L1 has overruled, as a place in the list. */
  const firstUnsound = (): number => {
    let place = batches.length;
    // A block names its parent: where one batch's blocks are, those of all before it are.
    while (place > 0 && !hasBlocks(batches[place - 1] as Batch)) place--;
    const { safe } = chain.heads;
    const cut = batches.findIndex(({ index, last }, i) => i < place && last > safe && index < chain.position.batch);
    return cut < 0 ? place : cut;
  };

  const forget = async (dropped: readonly Plan[]) => {
    if (dropped.length === 0) return;
    await store.write(dropped.map((plan): Write => ({ type: "del", key: planKey(plan) })));
  };

  const align = async (): Promise<boolean> => {
    await forget(stale);
    stale = [];
    // What is built on an old view of L1 is overruled by what L1 has held all along.
    if (!l1.isCurrent) return false;
    const unsound = firstUnsound();
    if (unsound < batches.length) {
      const dropped = batches.slice(unsound);
      logger.warn({ batches: dropped.map(({ index }) => index) }, "batches overruled by L1: their blocks are gone");
      batches = batches.slice(0, unsound);
      await forget(dropped);
    }
    // Those that were open when the last life ended.
    for (const batch of batches) if (batch.closed && batch.kind === undefined) await decide(batch);
    const { finalized, safe } = chain.heads;
    const surplus = batches.length - MAX_KEPT;
    const isDone = ({ last, closed }: Batch, i: number) =>
      closed && (last <= finalized || (last <= safe && i < surplus));
    const needed = batches.findIndex((batch, i) => !isDone(batch, i));
    const done = needed < 0 ? batches.length : needed;
    await forget(batches.slice(0, done));
    batches = batches.slice(done);
    // What L1 holds beyond the derived position must be our own work, else it is derived first.
    for (let index = chain.position.batch; index < l1.recordCount; index++) {
      const batch = batches.find((one) => one.index === index);
      if (batch === undefined || !batch.closed || !isPosted(batch)) return false;
    }
    const covered = greater(safe, batches.at(-1)?.last ?? 0n);
    if (chain.head.header.number > covered) {
      logger.warn({ head: chain.head.header.number, covered }, "blocks of no batch are built again");
      await chain.rollback(covered);
    }
    return true;
  };

  const nextIndex = (): bigint => {
    const last = batches.at(-1);
    return last === undefined ? chain.position.batch : greater(last.index + 1n, chain.position.batch);
  };

  /** Origins never go back, whatever L1 did. */
  const originOf = (head: Origin, index: bigint): Origin => {
    const before = [batches.at(-1)?.origin, index > 0n ? l1.record(index - 1n)?.origin : undefined, chain.head.origin];
    return before.reduce<Origin>(
      (origin, other) =>
        other === undefined
          ? origin
          : { number: greater(origin.number, other.number), timestamp: greater(origin.timestamp, other.timestamp) },
      { number: head.number, timestamp: head.timestamp },
    );
  };

  const draft = (): Plan | undefined => {
    const { head } = l1;
    if (head === undefined) return undefined;
    const index = nextIndex();
    const last = batches.at(-1);
    const delayedStart = last !== undefined && last.index + 1n === index ? last.delayedEnd : chain.position.delayed;
    const { blockGasLimit } = rulesAt(chain.parameters, chain.head.header.timestamp);
    const delayedEnd = messagesFrom(l1, delayedStart, blockGasLimit);
    const accumulator = l1.accumulator(delayedEnd);
    if (accumulator === undefined) return undefined;
    const origin = originOf(head, index);
    return {
      index,
      origin,
      delayedStart,
      delayedEnd,
      accumulator,
      first: chain.head.header.number + 1n,
      taken: 0,
      kind: undefined,
    };
  };

  const open = (): Batch | undefined => {
    const last = batches.at(-1);
    return last?.closed === false ? last : undefined;
  };

  /** A batch waits for L1: the open one would do no more than wait beside it. What does not grow need not be held back. */
  const isDue = (): boolean => {
    const batch = open();
    if (batch === undefined || !hasBlocks(batch)) return false;
    if (maxBytes() - batch.bytes < MIN_ROOM || halt() !== undefined) return true;
    return now() - batch.opened >= intervalMs && pending().length === 0;
  };

  return {
    get pending() {
      return pending();
    },
    get halt() {
      return halt();
    },
    get isDue() {
      return isDue();
    },
    get open() {
      return open();
    },
    align,
    draft,
    async prepare(plan) {
      await store.write([{ type: "put", key: planKey(plan), value: encodePlan(plan) }]);
    },
    append(plan, block, bytes) {
      let batch = open();
      if (batch?.index !== plan.index) {
        batch = {
          ...plan,
          last: block.header.number,
          lastHash: block.hash,
          bytes: 0,
          closed: false,
          opened: now(),
        };
        batches.push(batch);
      }
      batch.last = block.header.number;
      batch.lastHash = block.hash;
      batch.bytes += bytes;
    },
    room: (plan) => maxBytes() - (open()?.index === plan.index ? (open()?.bytes ?? 0) : 0),
    async close(reason) {
      const batch = open();
      if (batch === undefined || (reason !== "full" && !isDue())) return;
      batch.closed = true;
      await decide(batch);
      sizes.inc(batch.bytes);
    },
    encode,
    isPosted,
    isSound: (batch) => hasBlocks(batch) && l1.accumulator(batch.delayedEnd) === batch.accumulator,
  };
};
