import {
  type BatchBody,
  type Block,
  type BlockBuilder,
  type Bytes,
  type Chain,
  COLUMN,
  CodedError,
  concat,
  createLock,
  DEPOSIT_TYPE,
  envelopesAt,
  equalBytes,
  type ForkErrorCode,
  fromHex,
  type Hex,
  hasCode,
  type InboxEnvelope,
  type KeyValueStore,
  type L2BlockNumber,
  type MessageIndex,
  messageOf,
  type Opening,
  type Position,
  type Receipt,
  type RecordIndex,
  type Service,
  sleep,
  spend,
  type Telemetry,
  toHex,
  type Unit,
  uintBE,
  unitAt,
  type Write,
} from "../../executor/index.ts";
import { createFollowerMetrics } from "./follower-metrics.ts";
import type { InboxRecord } from "./inbox-store.ts";
import type { L1Source } from "./l1-source.ts";

export type FollowerErrorCode =
  /**
   * A batch takes a delayed message that has not been read from L1. Derivation is tried again; if it stays, begin with
   * an empty data directory.
   */
  | "DERIVATION_MESSAGE_MISSING"
  /** A block of the chain that L1 holds is not in the store. If it stays, begin with an empty data directory. */
  | "DERIVATION_BLOCK_MISSING";

export type FollowerComponents = Telemetry & {
  readonly chain: Chain;
  readonly l1: L1Source;
  readonly store: KeyValueStore;
};

export type FollowerOptions = {
  /**
   * For the node that builds the blocks: an L1 reorg that drops batches leaves the blocks, as unsafe ones to be posted
   * again, unless delayed messages changed. Otherwise blocks that L1 does not hold any more are removed.
   */
  readonly keepUnsafe?: boolean;
  /** Waiting time after a failure, doubled each time. */
  readonly retryMs?: number;
  readonly maxBackoffMs?: number;
};

/** Moves the chain along what L1 holds. */
export type Follower = Service & {
  /**
   * Derives all that has been read from L1, now. Rejects on the first failure; nothing is passed over. At a block of a fork
   * whose rules are not here it ends, and `failure` says so: what is before it becomes final all the same.
   */
  sync(): Promise<void>;
  /** Begins to follow the source. */
  start(): void;
  /** Why derivation stands still, a code and a message. Undefined after an attempt that came to the end of what was read. */
  readonly failure: string | undefined;
};

const DEFAULTS = { keepUnsafe: false, retryMs: 1000, maxBackoffMs: 30_000 };

/** Where the chain stood before a record was derived, and which record it was. */
type Mark = {
  readonly index: RecordIndex;
  readonly lineage: Hex;
  readonly number: L2BlockNumber;
  readonly delayed: MessageIndex;
};

const MARKS = Uint8Array.of(COLUMN.l1Cursor, 0x10);
const MARKS_END = Uint8Array.of(COLUMN.l1Cursor, 0x11);
const SEEN_KEY = Uint8Array.of(COLUMN.l1Cursor, 0x11);
const markKey = (index: bigint) => concat(MARKS, uintBE(index, 8));

const encodeMark = (mark: Mark): Bytes =>
  concat(uintBE(mark.number, 8), uintBE(mark.delayed, 8), fromHex(mark.lineage));
const decodeMark = (key: Bytes, value: Bytes): Mark => {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return {
    index: new DataView(key.buffer, key.byteOffset, key.byteLength).getBigUint64(2),
    number: view.getBigUint64(0),
    delayed: view.getBigUint64(8),
    lineage: toHex(value.subarray(16, 48)),
  };
};

/**
 * Whether the envelope is judged alike wherever it came from. A peer's block does not say which of its transactions were
 * queued, so equal bytes may have been taken for something that L1 refuses.
 */
const speaksForItself = ({ bytes, delayed }: InboxEnvelope): boolean =>
  delayed?.kind === "deposit" && bytes[0] === DEPOSIT_TYPE;

type Begin = Unit & { readonly kind: "begin" };

/** What a block may be made of: delayed messages, then what was posted, up to the byte `end` of the batch. */
type Content = BatchBody & { readonly messages: readonly InboxEnvelope[] };

const textOf = (error: unknown): string =>
  error instanceof CodedError ? `${error.code}: ${error.message}` : messageOf(error);

/** Stands for an envelope that is too long to be read: refused, as it would be. */
const UNREADABLE: Bytes = new Uint8Array(0);

export const createFollower = (components: FollowerComponents, options: FollowerOptions = {}): Follower => {
  const { chain, l1, store, registry } = components;
  const logger = components.logger.child({ module: "follower" });
  const { keepUnsafe, retryMs, maxBackoffMs } = { ...DEFAULTS, ...options };
  const lock = createLock();
  const aborter = new AbortController();
  let following: Promise<void> | undefined;
  let wake: () => void = () => undefined;
  let awake = true;
  let failure: string | undefined;

  const { safeGauge, derived, rollbacks, failures, rulesEnded } = createFollowerMetrics(registry);

  const blockAt = (number: L2BlockNumber): Block => {
    const block = chain.blockByNumber(number);
    if (block === undefined)
      throw new CodedError("DERIVATION_BLOCK_MISSING", `the chain has no block ${number}`, { number });
    return block;
  };

  const messageAt = (index: bigint): InboxEnvelope => {
    const message = l1.message(index);
    if (message === undefined)
      throw new CodedError("DERIVATION_MESSAGE_MISSING", `delayed message ${index} has not been read from L1`, {
        index,
      });
    const { envelope, kind, gas } = message;
    return { bytes: envelope, delayed: { kind, gas } };
  };

  /** What L1 may have for the block that begins there: all of it, unless the budget ends before. */
  const contentOf = ({ data, delayedEnd }: InboxRecord, { cursor, delayed }: Position): Content => {
    const messages: InboxEnvelope[] = [];
    for (let i = delayed; i < delayedEnd; i++) messages.push(messageAt(i));
    const { envelopes, end } = envelopesAt(data, cursor);
    return { messages, envelopes, end };
  };

  /** Executes the block that L1 holds, unit by unit. */
  const build = async (record: InboxRecord, { attributes, after }: Begin): Promise<Block> => {
    const builder: BlockBuilder = await chain.begin(attributes);
    try {
      for (let position = after; ; ) {
        const { timestamp, budget } = builder;
        const unit = unitAt({ phase: "open", position, timestamp, budget }, record, chain.parameters);
        if (unit.kind !== "message" && unit.kind !== "envelope") return (await builder.seal({ position })).block;
        const envelope = unit.kind === "message" ? messageAt(unit.index) : { bytes: unit.envelope ?? UNREADABLE };
        const result = await builder.add(envelope);
        if (!result.included) logger.debug({ block: builder.number, code: result.code }, "envelope is a no-op");
        position = unit.after;
      }
    } catch (error) {
      builder.abort();
      throw error;
    }
  };

  /** Replaces the block after the safe head, and all above, by what L1 says. */
  const replace = async (record: InboxRecord, begin: Begin): Promise<void> => {
    const { safe } = chain.heads;
    const removed = chain.head.header.number - safe;
    if (removed > 0n) await chain.rollback(safe);
    const block = await build(record, begin);
    if (removed === 0n) return;
    rollbacks.inc();
    logger.warn({ block: block.header.number, removed }, "blocks differ from what L1 holds");
  };

  /** Whether the block has these envelopes, and the budget paid for those that no message brought. */
  const holds = (
    { header, transactions }: Block,
    { budget }: Opening,
    messages: readonly InboxEnvelope[],
    posted: readonly Bytes[],
  ): boolean => {
    const envelopes = [...messages.map(({ bytes }) => bytes), ...posted];
    const receipts = chain.receipts(header.number) ?? [];
    if (transactions.length !== envelopes.length || receipts.length !== envelopes.length) return false;
    let left = budget;
    for (const [i, { envelope, gasLimit }] of transactions.entries()) {
      if (!equalBytes(envelope, envelopes[i] as Bytes)) return false;
      if (i >= messages.length && gasLimit > left) return false;
      left = spend(left, (receipts[i] as Receipt).gasUsed);
    }
    return header.budget === left;
  };

  /**
   * Whether the block is what L1 says. All that was posted must be in it, for a refusal would have had its price. Messages
   * that it lacks must be no-ops, and those that L1 judges by where they came from none: that is tried out, beside the
   * chain.
   */
  const matches = async (block: Block, { attributes, opening }: Begin, content: Content): Promise<boolean> => {
    const { header, origin, transactions } = block;
    if (header.timestamp !== opening.timestamp || header.gasLimit !== opening.gasLimit) return false;
    if (origin.number !== attributes.origin.number || origin.timestamp !== attributes.origin.timestamp) return false;
    const posted: Bytes[] = [];
    for (const bytes of content.envelopes) {
      if (bytes === undefined || bytes[0] === DEPOSIT_TYPE) return false;
      posted.push(bytes);
    }
    const { messages } = content;
    if (transactions.length === messages.length + posted.length && messages.every(speaksForItself))
      return holds(block, opening, messages, posted);
    const included = await chain.rehearse(header.number - 1n, attributes, messages);
    return holds(
      block,
      opening,
      messages.filter((_, i) => included[i]),
      posted,
    );
  };

  const deriveBlock = async (record: InboxRecord, begin: Begin): Promise<void> => {
    const number = chain.heads.safe + 1n;
    const content = contentOf(record, begin.after);
    const existing = chain.blockByNumber(number);
    const same = existing !== undefined && (await matches(existing, begin, content));
    if (same) await chain.setSafe(number, { batch: record.index, cursor: content.end, delayed: record.delayedEnd });
    else await replace(record, begin);
    derived.inc({ how: same ? "compared" : "executed" });
    safeGauge.set(Number(number));
  };

  const lastMark = (): Mark | undefined => {
    for (const [key, value] of store.scan({ gte: MARKS, lt: MARKS_END, reverse: true, limit: 1 }))
      return decodeMark(key, value);
    return undefined;
  };

  /** What of the delayed queue the blocks above the safe head may have been built on. */
  const seenMessages = (): { readonly count: bigint; readonly accumulator: Hex } | undefined => {
    const bytes = store.get(SEEN_KEY);
    if (bytes === undefined) return undefined;
    return {
      count: new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0),
      accumulator: toHex(bytes.subarray(8, 40)),
    };
  };

  /** Takes back what was derived from records that L1 does not hold any more. */
  const reconcile = async (): Promise<void> => {
    const stale: Mark[] = [];
    for (const [key, value] of store.scan({ gte: MARKS, lt: MARKS_END, reverse: true })) {
      const mark = decodeMark(key, value);
      if (l1.record(mark.index)?.lineage === mark.lineage) break;
      stale.push(mark);
    }
    const seen = seenMessages();
    const messagesChanged = seen !== undefined && l1.accumulator(seen.count) !== seen.accumulator;
    const first = stale.at(-1);
    if (first !== undefined) {
      // Between two records the cursor rests at the start of the next.
      await chain.setSafe(first.number, { batch: first.index, cursor: 0, delayed: first.delayed });
      logger.warn({ batch: first.index, block: first.number }, "L1 dropped batches");
    }
    const drop = keepUnsafe ? messagesChanged : first !== undefined;
    if (drop && chain.head.header.number > chain.heads.safe) {
      rollbacks.inc();
      await chain.rollback(chain.heads.safe);
    }
    const writes: Write[] = stale.map(({ index }) => ({ type: "del", key: markKey(index) }));
    if (keepUnsafe && seen?.accumulator !== l1.accumulator(l1.messageCount)) {
      const accumulator = l1.accumulator(l1.messageCount) as Hex;
      writes.push({ type: "put", key: SEEN_KEY, value: concat(uintBE(l1.messageCount, 8), fromHex(accumulator)) });
    }
    if (writes.length > 0) await store.write(writes);
  };

  /** Everything derived from records that stand in final L1 blocks is final. */
  const finalize = async (): Promise<void> => {
    let number: L2BlockNumber | undefined;
    const passed: Write[] = [];
    let open: Mark | undefined;
    for (const [key, value] of store.scan({ gte: MARKS, lt: MARKS_END })) {
      const mark = decodeMark(key, value);
      if (open !== undefined) {
        // A record's last block is the one before the next record's first.
        number = mark.number;
        passed.push({ type: "del", key: markKey(open.index) });
      }
      open = mark;
      if ((l1.record(mark.index)?.l1Block ?? l1.finalized + 1n) > l1.finalized) break;
      if (chain.position.batch > mark.index && lastMark()?.index === mark.index) number = chain.heads.safe;
    }
    if (number === undefined || number <= chain.heads.finalized) return;
    await chain.setFinalized(number);
    await store.write(passed);
  };

  /** One block, or the passage to the next record. Returns whether something was done. */
  const step = async (): Promise<boolean> => {
    await reconcile();
    const { position } = chain;
    const record = l1.record(position.batch);
    if (record === undefined) return false;
    if (lastMark()?.index !== record.index)
      await store.write([
        {
          type: "put",
          key: markKey(record.index),
          value: encodeMark({
            index: record.index,
            lineage: record.lineage,
            number: chain.heads.safe,
            delayed: position.delayed,
          }),
        },
      ]);
    const { timestamp, budget } = blockAt(chain.heads.safe).header;
    const unit = unitAt({ phase: "between", position, timestamp, budget }, record, chain.parameters);
    if (unit.kind === "begin") await deriveBlock(record, unit);
    else await chain.setSafe(chain.heads.safe, unit.after);
    return true;
  };

  /** Derives what was read; the error that says so where this version's rules end before. */
  const advance = async (): Promise<CodedError | undefined> => {
    try {
      while (!aborter.signal.aborted && (await chain.exclusive(step)));
      return undefined;
    } catch (error) {
      // INVARIANT: nothing was executed, and nothing is to be tried again, before L1 takes the record back.
      if (hasCode<ForkErrorCode>(error, "FORK_UNKNOWN")) return error;
      throw error;
    }
  };

  const sync = (): Promise<void> =>
    lock(async () => {
      try {
        const end = await advance();
        await chain.exclusive(finalize);
        const text = end && textOf(end);
        if (text !== undefined && text !== failure) logger.error({ err: end }, "derivation ends here");
        rulesEnded.set(end === undefined ? 0 : 1);
        failure = text;
      } catch (error) {
        failures.inc();
        failure = textOf(error);
        throw error;
      }
    });

  const follow = async (): Promise<void> => {
    for (let failed = 0; !aborter.signal.aborted; ) {
      awake = false;
      try {
        await sync();
        failed = 0;
      } catch (error) {
        failed++;
        logger.error({ err: error, failed }, "derivation stands still");
        await sleep(Math.min(retryMs * 2 ** Math.min(failed - 1, 16), maxBackoffMs), aborter.signal);
        continue;
      }
      if (!awake && !aborter.signal.aborted)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  };

  const unsubscribe = l1.onAdvance(() => {
    awake = true;
    wake();
  });

  return {
    name: "follower",
    get failure() {
      return failure;
    },
    sync,
    start() {
      following ??= follow();
    },
    async stop() {
      aborter.abort();
      unsubscribe();
      wake();
      await following;
      await lock(async () => undefined);
    },
  };
};
