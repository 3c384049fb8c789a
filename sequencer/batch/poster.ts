import type { PublicClient } from "viem";
import {
  appendBlobsCall,
  appendCall,
  type BatchToAppend,
  type BlobArchive,
  type BlobBatch,
  type L1Source,
  refusalOfAppend,
  type Transactor,
  type TransactorErrorCode,
} from "../../bridge/index.ts";
import {
  type Chain,
  type CommittedBlob,
  commitBlob,
  createLock,
  encodeBlobs,
  type Hex,
  hasCode,
  type Service,
  sleep,
  type Telemetry,
} from "../../executor/index.ts";
import type { Batch, Batches } from "./batches.ts";
import type { L1Prices } from "./l1-prices.ts";
import { createPosterMetrics } from "./poster-metrics.ts";

export type PosterOptions = {
  /** Batches sent to L1 and not yet seen there. */
  readonly maxInFlight?: number;
  readonly pollMs?: number;
  readonly retryMs?: number;
  /** L1 blocks after a batch was mined before it counts as lost when it cannot be seen. */
  readonly patience?: bigint;
};

export type Poster = Service & {
  /** Sends what L1 lacks; rebuilds what L1 will never take. */
  tick(): Promise<void>;
  start(): void;
};

/** Refusals that do not pass: the batch's blocks must be built again. */
const PERMANENT: ReadonlySet<string> = new Set([
  "OriginBackwards",
  "OriginTooOld",
  "DelayedBackwards",
  "DelayedPastEnd",
  "WrongAccumulator",
  "MessageStarved",
  "DelayedGasExceeded",
  "DataTooLong",
]);

/** A batch that was sent. What became of it L1's record says, whatever is heard of the transaction. */
type Flight = {
  readonly batch: Batch;
  /** L1 block that is said to have it. */
  mined: bigint | undefined;
};

/** Brings closed batches to L1, several at a time, each at its place. */
export const createPoster = (
  components: Telemetry & {
    readonly chain: Chain;
    readonly l1: L1Source;
    readonly batches: Batches;
    readonly prices: Pick<L1Prices, "refresh" | "estimate">;
    readonly archive: BlobArchive;
    readonly transactor: Transactor;
    readonly client: PublicClient;
  },
  { inbox, ...options }: PosterOptions & { readonly inbox: Hex },
): Poster => {
  const { chain, l1, batches, prices, archive, transactor, client, registry } = components;
  const logger = components.logger.child({ module: "poster" });
  const { maxInFlight = 6, pollMs = 500, retryMs = 1_000, patience = 8n } = options;
  const aborter = new AbortController();
  const lock = createLock();
  /** By the index of the batch. */
  const flights = new Map<bigint, Flight>();
  let running: Promise<void> | undefined;
  let wake: () => void = () => undefined;

  const { posted, rebuilds } = createPosterMetrics(registry);

  /** The blobs that were made last: a batch that has to wait is tried again. */
  let committed: { readonly of: string; readonly blobs: readonly CommittedBlob[] } | undefined;

  /** Commits to the batch's blobs and keeps them: this node need not ask anybody for its own. */
  const blobsOf = async (batch: Batch): Promise<readonly CommittedBlob[]> => {
    const of = `${batch.first}:${batch.lastHash}`;
    if (committed?.of === of) return committed.blobs;
    const blobs = await Promise.all(encodeBlobs(batches.encode(batch)).map(commitBlob));
    await archive.keep(blobs);
    committed = { of, blobs };
    return blobs;
  };

  const appendOf = async (batch: Batch): Promise<BatchToAppend | BlobBatch> => {
    const { index, origin, delayedEnd, accumulator: delayedAccumulator } = batch;
    const place = { index, origin, delayedEnd, delayedAccumulator };
    return batch.kind === "blobs"
      ? { ...place, blobs: await blobsOf(batch) }
      : { ...place, data: batches.encode(batch) };
  };

  /** Removes the batch's blocks and all after; the pool takes their transactions back. */
  const rebuild = (batch: Batch, reason: string, isStill: () => boolean = () => true): Promise<void> =>
    chain.exclusive(async () => {
      const parent = batch.first - 1n;
      const stands = chain.blockByNumber(batch.last)?.hash === batch.lastHash;
      if (!stands || !isStill() || parent < chain.heads.safe || batch.index < l1.recordCount) return;
      rebuilds.inc();
      logger.warn({ batch: batch.index, first: batch.first, reason }, "L1 does not take the batch: built again");
      await chain.rollback(parent);
    });

  const send = (batch: Batch, append: BatchToAppend | BlobBatch) => {
    const flight: Flight = { batch: { ...batch }, mined: undefined };
    flights.set(batch.index, flight);
    // Those before it may not be mined when its turn comes.
    const estimate = () => prices.estimate("blobs" in append ? { blobs: append.blobs } : { data: append.data });
    const call = "blobs" in append ? appendBlobsCall(inbox, append, estimate) : appendCall(inbox, append, estimate);
    const isWanted = () => flights.get(batch.index) === flight && batch.index >= l1.recordCount;
    void transactor.send(call, isWanted).then(
      ({ blockNumber }) => {
        flight.mined = blockNumber;
        wake();
      },
      (error: unknown) => {
        const isOver =
          flights.get(batch.index) !== flight || hasCode<TransactorErrorCode>(error, "TRANSACTOR_UNWANTED");
        if (isOver || aborter.signal.aborted) return;
        posted.inc({ outcome: hasCode<TransactorErrorCode>(error, "L1_REVERTED") ? "reverted" : "failed" });
        logger.warn({ err: error, batch: batch.index }, "batch was not taken");
        flights.delete(batch.index);
      },
    );
  };

  /** Flights that have landed, that were overtaken by another batch of the same index, or that a reorg lost. */
  const review = (pending: readonly Batch[]) => {
    const head = l1.head?.number ?? 0n;
    for (const [index, { batch, mined }] of flights) {
      const record = l1.record(index);
      if (record === undefined) {
        const isLost = mined !== undefined && head >= mined + patience;
        const isOvertaken = pending.find((one) => one.index === index)?.lastHash !== batch.lastHash;
        if (isLost || isOvertaken) flights.delete(index);
        continue;
      }
      flights.delete(index);
      const outcome = batches.isPosted(batch) ? "posted" : "overruled";
      posted.inc({ outcome });
      const { kind: data, bytes } = batch;
      logger.info({ batch: index, data, bytes, l1Block: record.l1Block, outcome }, "L1 has a record for the batch");
    }
  };

  /** What is due is closed when it can be sent, not when the next block is built. */
  const closeDue = async (): Promise<void> => {
    if (batches.isDue) await chain.exclusive(() => batches.close());
  };

  const tick = (): Promise<void> =>
    lock(async () => {
      await prices.refresh();
      review(batches.pending);
      await closeDue();
      const { pending } = batches;
      for (const batch of pending) {
        if (flights.has(batch.index)) continue;
        if (flights.size >= maxInFlight || aborter.signal.aborted) return;
        // Of the last life: where it lies is decided when the producer looks at it.
        if (batch.kind === undefined) return;
        // Blocks that are being built again right now are not there for a moment.
        if (!batches.isSound(batch)) return rebuild(batch, "delayed messages changed", () => !batches.isSound(batch));
        const append = await appendOf(batch);
        if (!batches.isSound(batch)) return;
        // The first in line can be tried out; the others need it to be mined before.
        const { head } = l1;
        const refusal =
          batch.index === l1.recordCount && head !== undefined
            ? await refusalOfAppend(client, { inbox, batch: append, account: transactor.address, at: head.hash })
            : undefined;
        if (refusal !== undefined) {
          posted.inc({ outcome: "refused" });
          if (PERMANENT.has(refusal)) return rebuild(batch, refusal);
          logger.debug({ batch: batch.index, refusal }, "batch has to wait");
          return;
        }
        send(batch, append);
      }
    });

  const run = async () => {
    while (!aborter.signal.aborted) {
      let pause = pollMs;
      try {
        await tick();
      } catch (error) {
        logger.warn({ err: error }, "batches could not be posted");
        pause = retryMs;
      }
      const waiting = new AbortController();
      wake = () => waiting.abort();
      await sleep(pause, AbortSignal.any([waiting.signal, aborter.signal]));
    }
  };

  const unsubscribe = l1.onAdvance(() => wake());

  return {
    name: "poster",
    tick,
    start() {
      running ??= run();
    },
    async stop() {
      aborter.abort();
      unsubscribe();
      await running;
      await lock(async () => undefined);
    },
  };
};
