import type { L1Source } from "../../bridge/index.ts";
import {
  type AddResult,
  type Block,
  type BlockAttributes,
  type BlockBuilder,
  batchBlockSize,
  blockTimestamp,
  type Chain,
  type ChainTransaction,
  CodedError,
  hasCode,
  nextBaseFee,
  openingOf,
  type Service,
  type Spent,
  sleep,
  type Telemetry,
  unknownFork,
} from "../../executor/index.ts";
import type { Batches } from "../batch/batches.ts";
import type { L1Prices } from "../batch/l1-prices.ts";
import type { Plan } from "../batch/plan.ts";
import { type DataFees, dataSizeOf, tipInBlock } from "../mempool/data-fees.ts";
import type { Mempool } from "../mempool/mempool.ts";
import { createProducerMetrics } from "./producer-metrics.ts";

export type ProducerErrorCode =
  /** L1 took back a delayed message that the block was to take. Nothing is to be done: the block is tried again. */
  "DELAYED_MESSAGE_GONE";

export type ProducerOptions = {
  /** Milliseconds between two blocks while something waits. */
  readonly intervalMs?: number;
  /** Milliseconds after which an empty block is built; never, when not given. */
  readonly maxIdleMs?: number;
  /**
   * Milliseconds after a block with transactions at which an empty one follows it, if nothing else does: tools wait for
   * a next block before they look for a receipt again. Never, when not given.
   */
  readonly trailingMs?: number;
  /** Milliseconds that executing transactions of one block may take. */
  readonly timeBudgetMs?: number;
  readonly retryMs?: number;
  /** Seconds since the epoch. */
  readonly clock?: () => bigint;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
};

export type Producer = Service & {
  /** Builds one block if there is something for it. */
  produce(): Promise<Block | undefined>;
  start(): void;
};

const TRANSFER_GAS = 21_000n;
/** Each block's record of its timestamp. */
const HEADER_BYTES = batchBlockSize({ timestamp: 0n, envelopes: [] });
const RECORD_BYTES = 4;
/** Transactions that one block may pass over. */
const MAX_REFUSALS = 1_000;
/** Refusals that another block may not share: the transaction stays. */
const PASSING: ReadonlySet<string> = new Set(["TX_BLOCK_GAS", "TX_FEE_CAP", "TX_NONCE_HIGH"]);

type Filling = { readonly bytes: number; readonly count: number; readonly full: boolean };

/** Builds blocks out of the delayed queue and the pool, each inside one batch. */
export const createProducer = (
  components: Telemetry & {
    readonly chain: Chain;
    readonly pool: Mempool;
    readonly l1: L1Source;
    readonly batches: Batches;
    readonly prices: L1Prices;
    readonly fees: DataFees;
  },
  options: ProducerOptions = {},
): Producer => {
  const { chain, pool, l1, batches, prices, fees, registry } = components;
  const logger = components.logger.child({ module: "producer" });
  const {
    intervalMs = 1_000,
    maxIdleMs = Number.POSITIVE_INFINITY,
    trailingMs = Number.POSITIVE_INFINITY,
    timeBudgetMs = 2_000,
    retryMs = 1_000,
    clock = () => BigInt(Math.floor(Date.now() / 1000)),
    now = () => performance.now(),
  } = options;
  const aborter = new AbortController();
  let running: Promise<void> | undefined;
  let lastBlock = now();

  const { blocks, transactions, seconds, failures } = createProducerMetrics(registry);

  /** Runs the batch's delayed messages. Returns how many transactions came of them. */
  const takeDelayed = async (builder: BlockBuilder, plan: Plan): Promise<number> => {
    let taken = 0;
    for (let index = plan.delayedStart; index < plan.delayedEnd; index++) {
      const message = l1.message(index);
      if (message === undefined)
        throw new CodedError<ProducerErrorCode>(
          "DELAYED_MESSAGE_GONE",
          `L1 changed: delayed message ${index} is gone`,
          {
            index,
          },
        );
      const { envelope, kind, gas } = message;
      const result = await builder.add({ bytes: envelope, delayed: { kind, gas } });
      if (result.included) taken++;
      else logger.info({ index, code: result.code }, "delayed message is a no-op");
    }
    return taken;
  };

  /**
   * Runs one transaction, and takes it in if it pays for its data with the gas that it used. One that does not has used
   * little, or it would pay; it is not run a second time.
   */
  const attempt = async (builder: BlockBuilder, transaction: ChainTransaction): Promise<AddResult> => {
    const cost = fees.costOf(dataSizeOf(transaction.envelope));
    let used = 0n;
    const accept = ({ gasUsed, tip }: Spent): boolean => {
      used = gasUsed;
      return tip >= tipInBlock(cost, gasUsed);
    };
    const result = await builder.offer(transaction.envelope, accept).catch((error: unknown) => {
      // Not the chain's no-op but a failure of this node: the next block is built without the transaction.
      if (!hasCode(error, "CHAIN_BUSY")) pool.drop(transaction, "failed");
      throw error;
    });
    transactions.inc({ outcome: result.included ? "included" : result.code });
    if (result.included || PASSING.has(result.code)) return result;
    if (result.code === "TX_DECLINED") pool.decline(transaction, used);
    else pool.drop(transaction, result.code);
    return result;
  };

  /** Adds transactions of the pool, best first, within gas, bytes and time. */
  const fill = async (builder: BlockBuilder, room: number): Promise<Filling> => {
    const selection = pool.select(builder.baseFeePerGas);
    const end = now() + timeBudgetMs;
    let bytes = HEADER_BYTES;
    let count = 0;
    let full = false;
    for (let refusals = 0; refusals < MAX_REFUSALS && now() < end; ) {
      const unused = builder.gasLimit - builder.gasUsed;
      const left = unused < builder.budget ? unused : builder.budget;
      if (left < TRANSFER_GAS) break;
      const transaction = selection.next();
      if (transaction === undefined) break;
      const size = RECORD_BYTES + transaction.envelope.length;
      if (bytes + size > room) {
        full = true;
        refusals++;
        continue;
      }
      if (transaction.gasLimit > left) {
        refusals++;
        continue;
      }
      const result = await attempt(builder, transaction);
      if (result.included) {
        bytes += size;
        count++;
        selection.advance(transaction);
      } else {
        refusals++;
        // INVARIANT: a block executes in vain once, whatever is offered.
        if (result.code === "TX_DECLINED") selection.restrict();
      }
    }
    return { bytes, count, full };
  };

  const hasMessages = (plan: Plan, isNew: boolean) => isNew && plan.delayedEnd > plan.delayedStart;

  /** Closes the open batch early when L1 brought messages: they can only open a batch. */
  const choosePlan = async (): Promise<{ readonly plan: Plan; readonly isNew: boolean } | undefined> => {
    const { open } = batches;
    if (open !== undefined && l1.messageCount > open.delayedEnd) await batches.close("full");
    else if (open !== undefined) return { plan: open, isNew: false };
    const plan = batches.draft();
    return plan && { plan, isNew: true };
  };

  const build = async (
    plan: Plan,
    attributes: BlockAttributes,
    isNew: boolean,
    idle: boolean,
  ): Promise<Block | undefined> => {
    const builder = await chain.begin(attributes);
    try {
      const taken = isNew ? await takeDelayed(builder, plan) : 0;
      const filling = await fill(builder, batches.room(plan));
      if (filling.count === 0 && !hasMessages(plan, isNew) && !idle) {
        builder.abort();
        if (filling.full) await batches.close("full");
        return undefined;
      }
      if (isNew) await batches.prepare({ ...plan, taken });
      const { block } = await builder.seal();
      batches.append(isNew ? { ...plan, taken } : plan, block, filling.bytes);
      if (filling.full) await batches.close("full");
      return block;
    } catch (error) {
      builder.abort();
      throw error;
    }
  };

  const rulesEnd = unknownFork(chain.parameters.forks);
  let isOver = false;

  /** Whether the rules that are known here do not reach a block of these attributes: derivation ends there as well. */
  const isBeyondRules = ({ timestamp, origin }: BlockAttributes): boolean => {
    const { parameters, head } = chain;
    const { name, from } = rulesEnd ?? {};
    if (from === undefined || blockTimestamp(head.header.timestamp, timestamp, origin, parameters) < from) return false;
    if (!isOver) logger.error({ fork: name, from }, "no block is built: the rules of a fork are not in this version");
    isOver = true;
    return true;
  };

  const produce = async (): Promise<Block | undefined> => {
    // Nobody waits for L1 but the first block: without prices nothing is known of what has to be paid.
    const refreshed = prices.refresh();
    if (prices.now === undefined) await refreshed;
    return prices.now === undefined ? undefined : chain.exclusive(buildNext);
  };

  const buildNext = async (): Promise<Block | undefined> => {
    await pool.settled();
    if (!(await batches.align())) return undefined;
    await batches.close();
    if (batches.halt !== undefined) return undefined;
    const chosen = await choosePlan();
    if (chosen === undefined) return undefined;
    const { plan, isNew } = chosen;
    const idle =
      now() - lastBlock >= (chain.head.transactions.length > 0 ? Math.min(trailingMs, maxIdleMs) : maxIdleMs);
    const attributes = { timestamp: clock(), origin: plan.origin, hasMessages: hasMessages(plan, isNew) };
    if (isBeyondRules(attributes)) return undefined;
    const { isPaid, rules } = openingOf(chain.head.header, attributes, chain.parameters);
    if (!idle && !attributes.hasMessages && !pool.hasReady(nextBaseFee(chain.head.header, rules))) return undefined;
    // Derivation passes over what L1's time does not pay for.
    if (!isPaid) return undefined;
    const start = now();
    const block = await build(plan, attributes, isNew, idle);
    if (block === undefined) return undefined;
    lastBlock = now();
    blocks.inc();
    seconds.observe((lastBlock - start) / 1000);
    logger.debug(
      { number: block.header.number, transactions: block.transactions.length, batch: plan.index },
      "block built",
    );
    return block;
  };

  const run = async () => {
    for (let next = now(); !aborter.signal.aborted; ) {
      try {
        await produce();
        next = Math.max(next + intervalMs, now());
      } catch (error) {
        failures.inc();
        logger.error({ err: error }, "no block could be built");
        next = now() + retryMs;
      }
      await sleep(Math.max(0, next - now()), aborter.signal);
    }
  };

  return {
    name: "producer",
    produce,
    start() {
      running ??= run();
    },
    async stop() {
      aborter.abort();
      await running;
    },
  };
};
