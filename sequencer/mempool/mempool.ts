import {
  type Block,
  type BlockRules,
  type Bytes,
  type Chain,
  type ChainTransaction,
  CodedError,
  createBoundedCache,
  createLock,
  type DecodedTransaction,
  type Hex,
  includes,
  type PoolErrorCode,
  type PooledTransaction,
  type RefusalCode,
  readAccount,
  rulesAt,
  SET_CODE_TYPE,
  type Service,
  type Telemetry,
  type TransactionPool,
} from "../../executor/index.ts";
import { type DataFees, dataSizeOf, FREE_DATA, tipInPool } from "./data-fees.ts";
import { cheaper, createEntry, type Entry, effectiveTip, offersMore, outbids, standingOf } from "./entry.ts";
import { createHeap, type Heap } from "./heap.ts";
import { createMempoolMetrics } from "./mempool-metrics.ts";
import { createSelection, type Selection } from "./selection.ts";
import { createSenderQueue, type SenderQueue } from "./sender-queue.ts";

export type MempoolOptions = {
  readonly maxTransactions?: number;
  readonly maxBytes?: number;
  /** Of all senders, transactions behind a nonce gap. */
  readonly maxQueued?: number;
  readonly maxPerSender?: number;
  readonly maxQueuedPerSender?: number;
  /** Percent by which both prices must rise to replace a transaction of the same nonce. */
  readonly priceBump?: number;
  /** Milliseconds that a transaction may wait. */
  readonly lifetimeMs?: number;
  /** Clock in milliseconds. */
  readonly now?: () => number;
  /** Seconds since the epoch, at which the next block is built. */
  readonly clock?: () => bigint;
};

export type Mempool = TransactionPool &
  Service & {
    /** Order of the next block, of those that pay for their data. */
    select(baseFee: bigint): Selection;
    /** Takes a transaction out that can no longer be executed. */
    drop(transaction: ChainTransaction, reason: RefusalCode | "failed"): void;
    /** Takes one out that was executed and did not pay for its data; offered again, it is refused with what it needs. */
    decline(transaction: ChainTransaction, gasUsed: bigint): void;
    /** Whether a ready transaction pays this base fee, and for its data. */
    hasReady(baseFee: bigint): boolean;
    /** Resolves when what the chain's last events brought has been taken in. */
    settled(): Promise<void>;
  };

const refuse = (code: PoolErrorCode | RefusalCode, message: string, data: Record<string, unknown> = {}) =>
  new CodedError<PoolErrorCode | RefusalCode>(code, message, data);

const DEPOSIT = 0x7e;
/** Transactions that were declined, and are remembered so that their senders are told why. */
const MAX_DECLINED = 4_096;
/** Bytes by which a transaction grows, at most, when its sender offers the tip that he is told. */
const LONGER_FEES = 20;

/** Keeps signed transactions until a block takes them. Every operation costs the logarithm of what waits. */
export const createMempool = (
  { chain, fees = FREE_DATA, logger, registry }: Telemetry & { readonly chain: Chain; readonly fees?: DataFees },
  options: MempoolOptions = {},
): Mempool => {
  const {
    maxTransactions = 16_384,
    maxBytes = 64_000_000,
    maxQueued = 4_096,
    maxPerSender = 1_024,
    maxQueuedPerSender = 256,
    priceBump = 10,
    lifetimeMs = 3 * 3_600_000,
    now = () => performance.now(),
    clock = () => BigInt(Math.floor(Date.now() / 1000)),
  } = options;
  const { size, admissions, departures } = createMempoolMetrics(registry, () => ({
    ready: ready.size,
    queued: queued.size,
  }));

  /** In order of arrival. */
  const byHash = new Map<Hex, Entry>();
  const senders = new Map<string, SenderQueue>();
  const ready: Heap<Entry> = createHeap(cheaper);
  const queued: Heap<Entry> = createHeap(cheaper);
  /** Gas that the declined ones used. */
  const declined = createBoundedCache<bigint>(MAX_DECLINED, () => 1);
  const listeners = new Set<(transaction: ChainTransaction) => void>();
  const lock = createLock();
  let bytes = 0;
  let sequence = 0;
  /** Counts changes of the chain: what was read before the last one is stale. */
  let version = 0;
  let state: ReturnType<Chain["stateAt"]> | undefined;
  let stopped = false;

  const place = (entry: Entry, isReady: boolean) => {
    entry.ready = isReady;
    (isReady ? queued : ready).remove(entry);
    (isReady ? ready : queued).push(entry);
  };

  const announce = (entries: readonly Entry[]) => {
    for (const { transaction } of entries) for (const listener of listeners) listener(transaction);
  };

  const flip = (changed: readonly Entry[]) => {
    for (const entry of changed) place(entry, !entry.ready);
    announce(changed.filter((entry) => entry.ready));
  };

  /** Forgets an entry that its sender's queue no longer holds. */
  const forget = (entry: Entry, reason: string) => {
    byHash.delete(entry.transaction.hash);
    ready.remove(entry);
    queued.remove(entry);
    bytes -= entry.bytes;
    size.set(bytes);
    departures.inc({ reason });
    const sender = senders.get(entry.transaction.from);
    if (sender?.size === 0) senders.delete(entry.transaction.from);
  };

  const remove = (entry: Entry, reason: string) => {
    const changed = senders.get(entry.transaction.from)?.take(entry) ?? [];
    forget(entry, reason);
    flip(changed);
  };

  const setNonce = (sender: SenderQueue, nonce: bigint, reason: string) => {
    const { stale, changed } = sender.advance(nonce);
    flip(changed);
    for (const entry of stale) forget(entry, reason);
  };

  /**
   * Hands over the sender's queue with nonce and balance as the head has them. `use` runs in the same turn, so that of
   * several transactions of one new sender each sees the ones before.
   */
  const withSender = async (address: Hex, use: (sender: SenderQueue) => void): Promise<void> => {
    for (;;) {
      const at = version;
      const known = senders.get(address);
      if (known?.version === at) return use(known);
      state ??= chain.stateAt(chain.head.header.number);
      const { nonce, balance, isContract, isDelegated } = await readAccount(state, address);
      if (version !== at) continue;
      if (isContract) throw refuse("TX_SENDER_CODE", `${address} is a contract`);
      const sender = senders.get(address) ?? createSenderQueue(address);
      if (sender.version !== at) {
        sender.balance = balance;
        sender.isDelegated = isDelegated;
        sender.version = at;
        setNonce(sender, nonce, "included");
      }
      return use(sender);
    }
  };

  const expire = () => {
    for (const entry of byHash.values()) {
      if (now() - entry.arrived <= lifetimeMs) break;
      remove(entry, "expired");
    }
  };

  /** The entries to drop so that a newcomer fits; throws when it offers too little. Changes nothing. */
  const victimsOf = (entry: Entry, replaced: Entry | undefined, isReady: boolean): Entry[] => {
    const victims: Entry[] = [];
    const { from, nonce } = entry.transaction;
    let count = byHash.size + (replaced === undefined ? 1 : 0);
    let total = bytes + entry.bytes - (replaced?.bytes ?? 0);
    let waiting = queued.size + (isReady || replaced !== undefined ? 0 : 1);
    try {
      while (count > maxTransactions || total > maxBytes || waiting > maxQueued) {
        const heap = queued.size > 0 ? queued : ready;
        const victim = heap.peek();
        if (victim === undefined) throw refuse("POOL_QUEUE_FULL", "the pool is full");
        const sheltered = heap === queued && isReady;
        const own = victim.transaction.from === from && victim.transaction.nonce < nonce;
        if (own || (!sheltered && !offersMore(entry, victim)))
          throw refuse("POOL_UNDERPRICED", "the pool is full of better offers", { cheapest: victim.maxFee });
        heap.pop();
        victims.push(victim);
        if (victim === replaced) continue;
        count--;
        total -= victim.bytes;
        if (!victim.ready) waiting--;
      }
    } finally {
      for (const victim of victims) (victim.ready ? ready : queued).push(victim);
    }
    return victims.filter((victim) => victim !== replaced);
  };

  /** Checks against the pool and keeps. Synchronous: nothing changes in between. */
  const insert = (decoded: DecodedTransaction, sender: SenderQueue) => {
    const { transaction } = decoded;
    const entry = createEntry(decoded, sequence++, now());
    const { nonce, hash } = transaction;
    if (byHash.has(hash)) throw refuse("POOL_KNOWN", "already known", { hash });
    if (nonce < sender.nonce)
      throw refuse("TX_NONCE_LOW", `next nonce ${sender.nonce}, tx nonce ${nonce}`, { next: sender.nonce, nonce });
    const replaced = sender.at(nonce);
    if (replaced !== undefined && !outbids(entry, replaced, BigInt(priceBump)))
      throw refuse("POOL_REPLACEMENT_UNDERPRICED", `both prices must rise by ${priceBump} %`, { hash });
    const cost = sender.cost - (replaced?.cost ?? 0n) + entry.cost;
    if (cost > sender.balance)
      throw refuse("TX_BALANCE", `address ${sender.sender} have ${sender.balance} want ${cost}`, {
        balance: sender.balance,
        cost,
      });
    const isReady = nonce <= sender.next;
    if (replaced === undefined) {
      // Whoever calls it may spend what would pay for the next.
      if (sender.isDelegated && sender.size > 0)
        throw refuse("POOL_DELEGATED", `${sender.sender} delegates, and has a transaction waiting`);
      if (sender.size >= maxPerSender || (!isReady && sender.queued >= maxQueuedPerSender))
        throw refuse("POOL_SENDER_FULL", `${sender.sender} has ${sender.size} transactions waiting`);
    }
    for (const victim of victimsOf(entry, replaced, isReady)) remove(victim, "evicted");
    if (replaced !== undefined) {
      sender.take(replaced);
      forget(replaced, "replaced");
    }
    senders.set(sender.sender, sender);
    byHash.set(hash, entry);
    bytes += entry.bytes;
    size.set(bytes);
    const changed = sender.put(entry);
    if (!changed.includes(entry)) queued.push(entry);
    flip(changed);
  };

  /** Of the next block. FORK_UNKNOWN. */
  const nextRules = (): BlockRules => {
    const { timestamp } = chain.head.header;
    const time = clock();
    return rulesAt(chain.parameters, time > timestamp ? time : timestamp);
  };

  /**
   * POOL_DATA_FEE when the most that it can offer, however low the base fee falls, does not pay for its data on L1. The
   * gas that it will use is not known here: its limit is taken for it, so an honest sender is told at once. Whoever
   * declares more than he uses is found out when the block is built.
   */
  const requireDataFee = ({ transaction }: DecodedTransaction, { minimumBaseFee }: BlockRules) => {
    const { envelope, hash, gasLimit, maxFeePerGas = transaction.gasPrice ?? 0n } = transaction;
    const { maxPriorityFeePerGas: maxTip = maxFeePerGas } = transaction;
    const gas = declined.get(hash) ?? gasLimit;
    const size = dataSizeOf(envelope);
    const cost = fees.costOf(size);
    const tip = effectiveTip({ maxFee: maxFeePerGas, maxTip }, minimumBaseFee);
    if (tip >= tipInPool(cost, gas)) return;
    const needed = tipInPool(fees.costOf({ ...size, others: size.others + LONGER_FEES }), gas);
    const offered = tip > 0n ? tip : 0n;
    throw refuse(
      "POOL_DATA_FEE",
      `tip of ${offered} wei a gas, minimum needed ${needed}: its ${envelope.length} bytes cost ${cost} wei on L1, and it uses ${gas} gas`,
      { tip: offered, needed, cost, gas },
    );
  };

  /** What a block takes: TX_BLOCK_GAS, TX_TYPE, TX_INTRINSIC_GAS. */
  const requireRules = ({ transaction, floorGas }: DecodedTransaction, { fork, blockGasLimit }: BlockRules) => {
    const { type, gasLimit } = transaction;
    const isPrague = includes(fork, "prague");
    if (gasLimit > blockGasLimit) throw refuse("TX_BLOCK_GAS", `gas limit ${gasLimit} of ${blockGasLimit}`);
    if (type === SET_CODE_TYPE && !isPrague) throw refuse("TX_TYPE", "authorizations come with Prague");
    if (isPrague && gasLimit < floorGas)
      throw refuse("TX_INTRINSIC_GAS", `its bytes take ${floorGas} gas at least, its limit is ${gasLimit}`);
  };

  const submit = async (envelope: Bytes): Promise<Hex> => {
    if (stopped) throw refuse("POOL_STOPPED", "the pool is stopped");
    const decoded = chain.decode(envelope);
    if (!("transaction" in decoded)) throw refuse(decoded.code, decoded.message);
    const { transaction } = decoded;
    if (transaction.type === DEPOSIT) throw refuse("TX_TYPE", "deposits come from L1 only");
    const rules = nextRules();
    requireRules(decoded, rules);
    if (byHash.has(transaction.hash)) throw refuse("POOL_KNOWN", "already known", { hash: transaction.hash });
    requireDataFee(decoded, rules);
    await withSender(transaction.from, (sender) => insert(decoded, sender));
    return transaction.hash;
  };

  const changedHead = () => {
    version++;
    state = undefined;
  };

  const onHead = (block: Block) => {
    changedHead();
    for (const transaction of block.transactions) {
      const entry = byHash.get(transaction.hash);
      if (entry !== undefined) remove(entry, "included");
    }
    for (const { from, nonce, type } of block.transactions) {
      const sender = senders.get(from);
      if (sender === undefined) continue;
      // A deposit carries no nonce: its sender is read again before the next decision about it.
      if (type !== DEPOSIT && nonce + 1n > sender.nonce) setNonce(sender, nonce + 1n, "included");
    }
    expire();
  };

  /** Reads the senders again whose transactions were taken back, then offers these to the pool once more. */
  const reinject = (transactions: readonly ChainTransaction[]) =>
    lock(async () => {
      for (const transaction of transactions) {
        if (stopped) return;
        try {
          await withSender(transaction.from, (sender) => {
            const decoded = chain.decode(transaction.envelope);
            if (transaction.type !== DEPOSIT && "transaction" in decoded) insert(decoded, sender);
          });
        } catch (error) {
          logger.debug({ err: error, hash: transaction.hash }, "transaction of a removed block is not kept");
        }
      }
    });

  const unsubscribe = [
    chain.on("head", onHead),
    chain.on("rollback", (removed) => {
      changedHead();
      void reinject(removed.toReversed().flatMap(({ block }) => [...block.transactions]));
    }),
  ];

  return {
    name: "mempool",
    async submit(envelope) {
      try {
        const hash = await submit(envelope);
        admissions.inc({ outcome: "accepted" });
        return hash;
      } catch (error) {
        admissions.inc({ outcome: error instanceof CodedError ? error.code : "error" });
        throw error;
      }
    },
    get(hash): PooledTransaction | undefined {
      return byHash.get(hash);
    },
    async pendingNonce(address) {
      const known = senders.get(address);
      if (known?.version === version) return known.next;
      state ??= chain.stateAt(chain.head.header.number);
      const { nonce } = await readAccount(state, address);
      const next = senders.get(address)?.next ?? 0n;
      return next > nonce ? next : nonce;
    },
    status: () => ({ ready: ready.size, queued: queued.size }),
    content: (sender) =>
      (sender === undefined ? [...senders.values()] : [senders.get(sender)]).flatMap((one) => one?.all() ?? []),
    onPending(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    get ordinaryTip() {
      return fees.ordinaryTip;
    },
    select: (baseFee) =>
      createSelection({ all: senders.values(), get: (sender) => senders.get(sender) }, { baseFee, fees }),
    drop(transaction, reason) {
      const entry = byHash.get(transaction.hash);
      if (entry !== undefined) remove(entry, reason);
    },
    decline(transaction, gasUsed) {
      declined.set(transaction.hash, gasUsed);
      const entry = byHash.get(transaction.hash);
      if (entry !== undefined) remove(entry, "POOL_DATA_FEE");
    },
    hasReady(baseFee) {
      for (const sender of senders.values()) {
        const first = sender.at(sender.nonce);
        if (first !== undefined && standingOf(first, effectiveTip(first, baseFee), fees) !== "not") return true;
      }
      return false;
    },
    settled: () => lock(async () => undefined),
    async stop() {
      stopped = true;
      for (const off of unsubscribe) off();
      await lock(async () => undefined);
      listeners.clear();
    },
  };
};
