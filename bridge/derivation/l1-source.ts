import type { PublicClient } from "viem";
import {
  type Bytes,
  type Chunk,
  CodedError,
  createLock,
  fromHex,
  type Hex,
  hasCode,
  type KeyValueStore,
  keccakOf,
  type ModelRuntime,
  type Piece,
  type Position,
  type Service,
  sleep,
  type Telemetry,
  toHex,
  ZERO_32,
} from "../../executor/index.ts";
import type { Deployment } from "../clients/deploy.ts";
import { createWindow } from "../clients/log-windows.ts";
import { createBlobArchive } from "./blob-archive.ts";
import {
  createInboxStore,
  type DelayedMessage,
  type InboxCursor,
  type InboxRecord,
  type L1Block,
  lineageOf,
  type NewRecord,
} from "./inbox-store.ts";
import { inboxTotals } from "./inbox-totals.ts";
import { type BlobSource, createBlobReader } from "./l1-blobs.ts";
import { createL1Blocks, type L1BlocksErrorCode } from "./l1-blocks.ts";
import type { Archive, L1Data } from "./l1-calldata.ts";
import { createL1SourceMetrics } from "./l1-source-metrics.ts";
import { accumulatorAfter, beforeDeployment, blockBefore, lineageAfter } from "./l1-start.ts";
import { type L1Stretch, readStretch } from "./l1-stretch.ts";
import { accumulate } from "./messages.ts";

export type L1SourceErrorCode =
  /**
   * The data directory belongs to other contracts, or to another L1. Give the right --l1-rpc and --rollup, or an empty
   * directory.
   */
  | "L1_DEPLOYMENT_MISMATCH"
  /**
   * L1 shows records, messages or chunks out of sequence, or other ones than the inbox says it holds: its endpoint leaves
   * logs out. Reading is tried again; use another endpoint if it stays, and an empty data directory if it stays with that.
   */
  | "L1_GAP";

export type L1SourceComponents = Telemetry & {
  readonly client: PublicClient;
  readonly store: KeyValueStore;
  /** Is given the chunks of every published model before the message that registers it can be seen. */
  readonly models: Pick<ModelRuntime, "putChunks">;
  /** Asked for bytes that L1 has pruned. */
  readonly archive?: Archive;
  /** Asked one after the other for blobs that are not in the store. */
  readonly blobSources?: readonly BlobSource[];
};

export type L1SourceOptions = {
  readonly deployment: Deployment;
  /** Where derivation begins, if that is not the inbox's first record: what lies before is never read. */
  readonly start?: Pick<Position, "batch" | "delayed">;
  /** L1 blocks asked for at a time, at most. */
  readonly window?: bigint;
  /** L1 blocks above a block before it is read. */
  readonly confirmations?: bigint;
  readonly pollMs?: number;
  readonly maxBackoffMs?: number;
};

/** L1 as derivation sees it. What it shows is on disk. */
export type L1Source = Service & {
  /** The newest L1 block that was read. */
  readonly head: L1Block | undefined;
  /** Number of the newest final L1 block, at most the head's. */
  readonly finalized: bigint;
  /** Whether L1 has been read up to its head since this node began. */
  readonly isCurrent: boolean;
  readonly recordCount: bigint;
  readonly messageCount: bigint;
  record(index: bigint): InboxRecord | undefined;
  message(index: bigint): DelayedMessage | undefined;
  /** Accumulator after `count` messages; undefined when there are fewer. */
  accumulator(count: bigint): Hex | undefined;
  /** Lineage after `count` records; undefined when there are fewer. */
  lineage(count: bigint): Hex | undefined;
  /** Bytes of a batch in calldata by their hash. */
  batchData(hash: Hex): Bytes | undefined;
  /** A blob that was kept, by its versioned hash. */
  blob(hash: Hex): Bytes | undefined;
  /**
   * Whether L1 has queued a deposit with exactly this envelope. Undefined when it has not shown it, but was not read as
   * far as block `origin`.
   */
  isDeposit(envelope: Bytes, origin: bigint): boolean | undefined;
  /** Hash on L2 of the deposit that the OP Stack's tools know by this one, which they compute from its event on L1. */
  depositOf(eventHash: Hex): Hex | undefined;
  /**
   * Reads on to L1's head, now, or as far as the endpoint shows it. Rejects on the first failure; nothing half-read is kept.
   */
  sync(): Promise<void>;
  /** Begins to poll. */
  start(): void;
  /** After every stretch that was read. */
  onAdvance(listener: () => void): () => void;
};

/** Blocks below L1's newest that one of the nodes behind an endpoint may lack. */
const LAG = 32n;
const NOTHING: L1Stretch = { records: [], messages: [], chunks: new Map(), blobPostings: new Map(), publications: [] };

const DEFAULTS = { window: 100n, confirmations: 0n, pollMs: 1000, maxBackoffMs: 30_000 };

const min = (a: bigint, b: bigint) => (a < b ? a : b);
const max = (a: bigint, b: bigint) => (a > b ? a : b);

/** L1_DEPLOYMENT_MISMATCH when the store was begun for other contracts. */
export const createL1Source = (components: L1SourceComponents, options: L1SourceOptions): L1Source => {
  const { client, models, registry } = components;
  const logger = components.logger.child({ module: "l1-source" });
  const { deployment, window, confirmations, pollMs, maxBackoffMs } = { ...DEFAULTS, ...options };
  const blobs = createBlobArchive(components.store);
  const inbox = createInboxStore(components.store, blobs);
  const lock = createLock();
  const blocks = createL1Blocks(client);
  const listeners = new Set<() => void>();
  const aborter = new AbortController();
  const readBlobs = createBlobReader({ ...components, archive: blobs }, components.blobSources ?? []);
  const l1: L1Data = { client, archive: components.archive, readBlobs, signal: aborter.signal };
  let polling: Promise<void> | undefined;
  const span = createWindow({ most: window });
  let isCurrent = false;

  const { headGauge, behindGauge, reorgs, failures } = createL1SourceMetrics(registry);

  /** Final as L1 says; what an L1 without finality has, or does not say, is not final. */
  const finalizedNumber = async (): Promise<bigint> => {
    try {
      return (await client.getBlock({ blockTag: "finalized" })).number;
    } catch (error) {
      logger.debug({ err: error }, "L1 names no final block");
      return 0n;
    }
  };

  const identity = keccakOf(fromHex(deployment.contracts.batchInbox), fromHex(deployment.contracts.modelRegistry));
  if (inbox.cursor !== undefined && inbox.deployment !== toHex(identity))
    throw new CodedError<L1SourceErrorCode>(
      "L1_DEPLOYMENT_MISMATCH",
      "the data directory belongs to other L1 contracts",
      { contracts: deployment.contracts },
    );

  const begin = async (): Promise<InboxCursor> => {
    if (inbox.cursor !== undefined) return inbox.cursor;
    const { start } = options;
    if (start === undefined) return inbox.begin(identity, await blocks.read(beforeDeployment(deployment)));
    const head = await blocks.read(await blockBefore(client, deployment, start));
    const [lineage, accumulator] = await Promise.all([
      lineageAfter(client, deployment, start.batch),
      accumulatorAfter(client, deployment, start.delayed),
    ]);
    return inbox.begin(identity, head, {
      recordCount: start.batch,
      messageCount: start.delayed,
      lineage: fromHex(lineage),
      accumulator: fromHex(accumulator),
    });
  };

  /** A chunk of a published model. One in a blob is in the archive when this resolves. L1_BLOB_MISSING. */
  const pieceOf = async (
    { kind, hash, length }: Chunk,
    { chunks, blobPostings }: L1Stretch,
  ): Promise<Piece | undefined> => {
    if (kind === "calldata") return chunks.get(hash) ?? inbox.chunk(fromHex(hash));
    const posting = blobPostings.get(hash) ?? inbox.blobPosting(hash);
    if (posting === undefined) return undefined;
    await readBlobs({ hashes: [hash], ...posting }, aborter.signal);
    return { blob: hash, length };
  };

  /** Gives every published model's bytes to the model store, from this stretch or from what was read before. */
  const deliverModels = async (stretch: L1Stretch): Promise<void> => {
    for (const { modelId, contentHash, chunks } of stretch.publications) {
      const pieces: Piece[] = [];
      for (const chunk of chunks) {
        const piece = await pieceOf(chunk, stretch);
        if (piece === undefined && inbox.first.recordCount > 0n) break;
        if (piece === undefined)
          throw new CodedError("L1_GAP", `a chunk of model ${modelId} was not seen on L1`, {
            modelId,
            hash: chunk.hash,
          });
        pieces.push(piece);
      }
      // Published in part before this node began: it comes by its hash when it is needed.
      if (pieces.length < chunks.length) continue;
      const stored = await models.putChunks(pieces);
      if (stored !== contentHash)
        throw new CodedError("L1_GAP", `chunks of model ${modelId} have another content hash`, { modelId, stored });
      logger.info({ modelId, chunks: pieces.length }, "model read from L1");
    }
  };

  const nextOf = (kind: string, index: bigint, expected: bigint): void => {
    if (index !== expected)
      throw new CodedError("L1_GAP", `L1 shows ${kind} ${index} where ${expected} is next`, { index, expected });
  };

  /** Links a stretch to what L1 held after block `base`. */
  const link = (stretch: L1Stretch, base: bigint) => {
    const counts = inbox.countsAt(base);
    let accumulator = inbox.accumulator(counts.messageCount) as Bytes;
    const accumulators: Bytes[] = [];
    const messages = stretch.messages.map((message, i): DelayedMessage => {
      nextOf("message", message.index, counts.messageCount + BigInt(i));
      accumulator = accumulate(accumulator, message);
      accumulators.push(accumulator);
      return { ...message, accumulator: toHex(accumulator) };
    });
    let lineage = inbox.lineage(counts.recordCount) as Bytes;
    const records = stretch.records.map((record, i): NewRecord => {
      nextOf("batch", record.index, counts.recordCount + BigInt(i));
      const taken =
        record.delayedEnd > counts.messageCount
          ? accumulators[Number(record.delayedEnd - counts.messageCount) - 1]
          : inbox.accumulator(record.delayedEnd);
      if (taken === undefined)
        throw new CodedError("L1_GAP", `batch ${record.index} takes messages that were not seen`, {
          delayedEnd: record.delayedEnd,
        });
      lineage = lineageOf(lineage, record, taken);
      return { ...record, lineage: toHex(lineage) };
    });
    return {
      records,
      messages,
      lineage: toHex(lineage),
      recordCount: counts.recordCount + BigInt(records.length),
      messageCount: counts.messageCount + BigInt(messages.length),
    };
  };

  /**
   * INVARIANT: what is kept of a block is all that the inbox has: an endpoint whose logs come later than its blocks says
   * that there are none. Of old blocks nobody may have the state any more; their logs have long come.
   */
  const requireWhole = async (linked: ReturnType<typeof link>, head: L1Block, shown: bigint): Promise<void> => {
    if (head.number + LAG < shown) return;
    const nothing = { recordCount: 0n, messageCount: 0n, lineage: toHex(ZERO_32) };
    const totals = (await inboxTotals(client, deployment.contracts.batchInbox, head.hash)) ?? nothing;
    const { recordCount, messageCount, lineage } = totals;
    if (linked.recordCount === recordCount && linked.messageCount === messageCount && linked.lineage === lineage)
      return;
    const message = `L1 shows ${linked.recordCount} records and ${linked.messageCount} messages, not those that the inbox has`;
    throw new CodedError<L1SourceErrorCode>("L1_GAP", message, totals);
  };

  /** What the contracts did above a block that was read, up to another. */
  const readAbove = async (base: L1Block, to: bigint, shown: bigint): Promise<readonly [L1Block, L1Stretch]> => {
    if (to === base.number) return [base, NOTHING];
    const head = await blocks.read(to);
    const from = base.number + 1n;
    const recent = await blocks.readTo(head, max(from, min(shown - LAG, to) + 1n));
    return [head, await readStretch(l1, deployment.contracts, { from, recent, first: inbox.first })];
  };

  type Progress = "more" | "current" | "behind";

  /** One stretch. Nothing is read, and nothing taken back, from an L1 that is behind. L1_BEHIND says the same. */
  const advance = async (): Promise<Progress> => {
    const cursor = await begin();
    const { number: shown } = await client.getBlock({ blockTag: "latest" });
    behindGauge.set(Number(max(cursor.head.number - shown, 0n)));
    const standing = await blocks.stand(inbox.checkpoints(), shown);
    if (standing.kind === "behind") return "behind";
    const target = max(shown - confirmations, 0n);
    if (standing.kind === "intact" && target <= cursor.head.number) return "current";
    const base = standing.kind === "intact" ? cursor.head : standing.ancestor;
    const to = target > base.number ? min(target, base.number + span.size) : base.number;
    const [head, stretch] = await readAbove(base, to, shown);
    const finalized = min(await finalizedNumber(), to);
    // INVARIANT: the stretch lies between two blocks that were both canonical after it was read.
    await Promise.all([blocks.confirm(base), blocks.confirm(head)]);
    const linked = link(stretch, base.number);
    await requireWhole(linked, head, shown);
    await deliverModels(stretch);
    await inbox.apply({
      base: base.number,
      cursor: {
        head,
        recordCount: linked.recordCount,
        messageCount: linked.messageCount,
        finalized: finalized > cursor.finalized ? finalized : cursor.finalized,
      },
      records: linked.records,
      messages: linked.messages,
      chunks: [...stretch.chunks.values()],
      chunkHashes: [...stretch.chunks.keys()].map(fromHex),
      blobPostings: stretch.blobPostings,
    });
    if (standing.kind === "parted") {
      reorgs.inc();
      logger.warn({ ancestor: base.number, dropped: cursor.head.number - base.number, head: to }, "L1 reorganised");
    }
    headGauge.set(Number(to));
    for (const listener of listeners) listener();
    return to < target ? "more" : "current";
  };

  /** L1_BEHIND is no failure: the next look finds a node that has come further. */
  const advanceOrWait = async (): Promise<Progress> => {
    try {
      return await advance();
    } catch (error) {
      if (!hasCode<L1BlocksErrorCode>(error, "L1_BEHIND")) throw error;
      logger.debug({ err: error }, "L1 is behind");
      return "behind";
    }
  };

  const sync = (): Promise<void> =>
    lock(async () => {
      for (let progress: Progress = "more"; progress === "more" && !aborter.signal.aborted; ) {
        try {
          progress = await advanceOrWait();
          span.took();
          if (progress === "current") isCurrent = true;
        } catch (error) {
          failures.inc();
          span.refused();
          throw error;
        }
      }
    });

  const poll = async (): Promise<void> => {
    for (let failed = 0; !aborter.signal.aborted; ) {
      try {
        await sync();
        failed = 0;
      } catch (error) {
        failed++;
        logger.warn({ err: error, failed }, "L1 could not be read");
      }
      await sleep(Math.min(pollMs * 2 ** Math.min(failed, 16), Math.max(maxBackoffMs, pollMs)), aborter.signal);
    }
  };

  return {
    name: "l1-source",
    get head() {
      return inbox.cursor?.head;
    },
    get finalized() {
      return inbox.cursor?.finalized ?? 0n;
    },
    get isCurrent() {
      return isCurrent;
    },
    get recordCount() {
      return inbox.cursor?.recordCount ?? 0n;
    },
    get messageCount() {
      return inbox.cursor?.messageCount ?? 0n;
    },
    record: inbox.record,
    message: inbox.message,
    accumulator(count) {
      const accumulator = inbox.accumulator(count);
      return accumulator === undefined ? undefined : toHex(accumulator);
    },
    lineage(count) {
      const lineage = inbox.lineage(count);
      return lineage === undefined ? undefined : toHex(lineage);
    },
    batchData: inbox.batchData,
    blob: blobs.get,
    isDeposit(envelope, origin) {
      if (inbox.isDeposit(envelope)) return true;
      return inbox.cursor !== undefined && inbox.cursor.head.number >= origin ? false : undefined;
    },
    depositOf: inbox.depositOf,
    sync,
    start() {
      polling ??= poll();
    },
    onAdvance(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      aborter.abort();
      await polling;
      await lock(async () => undefined);
    },
  };
};
