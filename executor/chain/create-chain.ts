import { type ChainMachine, createMachine } from "../evm/engine.ts";
import { createRuleBook } from "../evm/rules.ts";
import type { L2BlockNumber } from "../foundation/brand.ts";
import { EMPTY_BYTES, equalBytes, type Hex, toHex } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { createLock, type Telemetry } from "../foundation/service.ts";
import type { ModelRuntime } from "../models/runtime.ts";
import type { Block } from "../protocol/block.ts";
import { createEnvelopeDecoder } from "../protocol/envelope.ts";
import { type Fork, requireSamePast, unknownFork } from "../protocol/forks.ts";
import type { BlockAttributes, Position } from "../protocol/origin.ts";
import type { Receipt } from "../protocol/receipt.ts";
import type { WorldState } from "../state/world.ts";
import type { KeyValueStore } from "../store/key-value-store.ts";
import { createDraft } from "./builder.ts";
import { runCall } from "./call.ts";
import { type CallTurnsOptions, createCallTurns } from "./call-turns.ts";
import type {
  AddResult,
  BlockBuilder,
  BlockReplay,
  Chain,
  ChainErrorCode,
  ChainEvents,
  ExecutedUnits,
  Heads,
  SealOptions,
  StateHold,
} from "./chain.ts";
import { createChainMetrics } from "./chain-metrics.ts";
import { createChainStore } from "./chain-store.ts";
import { type Genesis, genesisBlock, writeGenesis } from "./genesis.ts";
import { environmentAfter, writeSystemSlots } from "./system.ts";

export type ChainComponents = Telemetry & {
  readonly store: KeyValueStore;
  readonly world: WorldState;
  readonly models: ModelRuntime;
};

const START: Position = { batch: 0n, cursor: 0, delayed: 0n };
/** Blocks that are removed at once: a long way back is gone in so many steps, each of which leaves a whole chain. */
const REMOVED_AT_ONCE = 1_024n;

/** Blocks whose units are forgotten at most for each whose units are kept. */
const FORGOTTEN_PER_KEPT = 4;

const fault = (code: ChainErrorCode, message: string, data: Record<string, unknown> = {}) =>
  new CodedError<ChainErrorCode>(code, message, data);

/**
 * The chain over a store and a world state. Opens what the store holds, or writes genesis.
 * CHAIN_GENESIS_MISMATCH: the store belongs to another chain. FORK_CHANGED: its blocks were made by other rules.
 * CHAIN_CORRUPT: state and blocks disagree.
 */
export const createChain = async (
  { store, world, models, logger, registry }: ChainComponents,
  { genesis, calls: callOptions }: { readonly genesis: Genesis; readonly calls?: CallTurnsOptions },
): Promise<Chain> => {
  const { parameters } = genesis;
  const log = logger.child({ module: "chain" });
  const metrics = createChainMetrics(registry);
  metrics.rulesEnd.set(Number(unknownFork(parameters.forks)?.from ?? Number.POSITIVE_INFINITY));
  const blocks = createChainStore(store, parameters.chainId);
  const decode = createEnvelopeDecoder(parameters.chainId);
  const rulesOf = createRuleBook(parameters.chainId);
  const componentsAt = (fork: Fork) => ({ models, rules: rulesOf(fork) });
  const exclusive = createLock();
  const calls = createCallTurns(callOptions);
  /** One write of heads at a time, whoever writes: a block and a finer safe head may come at once. */
  const committing = createLock();
  const listeners: { readonly [E in keyof ChainEvents]: Set<ChainEvents[E]> } = {
    head: new Set(),
    rollback: new Set(),
    heads: new Set(),
  };

  const known = blocks.genesis();
  if (known !== undefined && known !== genesis.digest)
    throw fault("CHAIN_GENESIS_MISMATCH", `the store holds the chain of genesis ${known}, not ${genesis.digest}`, {
      stored: known,
      given: genesis.digest,
    });
  if (known === undefined) {
    await writeGenesis(world.manager, genesis);
    const sealed = world.seal();
    const block = genesisBlock(genesis, sealed.root);
    await store.write([
      ...sealed.writes,
      ...blocks.blockWrites(block, []),
      blocks.positionWrite(0n, START),
      blocks.headsWrite({ unsafe: 0n, safe: 0n, finalized: 0n }),
      blocks.genesisWrite(genesis.digest),
      blocks.forksWrite(parameters.forks),
    ]);
    sealed.accept();
    log.info({ hash: block.hash, stateRoot: block.header.stateRoot }, "wrote genesis");
  }

  const stored = blocks.heads();
  const newest = stored === undefined ? undefined : blocks.blockByNumber(stored.unsafe);
  const first = blocks.blockByNumber(0n);
  if (stored === undefined || newest === undefined || first === undefined)
    throw fault("CHAIN_CORRUPT", "the store has a genesis but no head");
  if (world.version !== Number(stored.unsafe) || toHex(world.root) !== newest.header.stateRoot)
    throw fault("CHAIN_CORRUPT", "state and head block disagree", {
      version: world.version,
      head: stored.unsafe,
    });
  const held = blocks.forks();
  if (held !== undefined) requireSamePast(held, parameters.forks, newest.header.timestamp);
  const forks = blocks.forksWrite(parameters.forks);
  if (!equalBytes(store.get(forks.key) ?? EMPTY_BYTES, forks.value)) await store.write([forks]);
  const base = blocks.base();
  let heads: Heads = stored;
  let head: Block = newest;
  let position: Position = blocks.positionAt(heads.safe)?.position ?? START;
  /** Of the last block's fork; undefined after one that was abandoned. */
  let last: { readonly fork: Fork; readonly machine: ChainMachine } | undefined;
  const machineAt = (fork: Fork): ChainMachine => {
    if (last?.fork !== fork) last = { fork, machine: createMachine(world.manager, componentsAt(fork)) };
    return last.machine;
  };
  let open: object | undefined;

  const emit = <E extends keyof ChainEvents>(event: E, ...payload: Parameters<ChainEvents[E]>): void => {
    for (const listener of listeners[event]) {
      try {
        (listener as (...payload: Parameters<ChainEvents[E]>) => void)(...payload);
      } catch (error) {
        log.error({ err: error, event }, "a listener failed");
      }
    }
  };
  const holds = new Set<{ from: bigint }>();
  const retained = (): bigint => [...holds].reduce((least, { from }) => (from < least ? from : least), heads.finalized);
  const show = () => {
    // INVARIANT: a state that L1 can still lead back to, or that somebody needs, is never pruned.
    world.retain(Number(retained()));
    metrics.head.set(Number(heads.unsafe));
    metrics.safe.set(Number(heads.safe));
    metrics.retained.set(Number(retained()));
    metrics.oldest.set(world.oldest);
  };
  show();

  const hold = (from: L2BlockNumber): StateHold => {
    const held = { from };
    holds.add(held);
    show();
    return {
      move(to) {
        held.from = to;
        show();
      },
      release() {
        holds.delete(held);
        show();
      },
    };
  };

  const blockOrFail = (number: L2BlockNumber): Block => {
    const block = blocks.blockByNumber(number);
    if (block === undefined || number > heads.unsafe)
      throw fault("CHAIN_UNKNOWN_BLOCK", `there is no block ${number}`, { number });
    return block;
  };

  const counted = async (work: Promise<AddResult>): Promise<AddResult> => {
    const result = await work;
    if (!result.included) metrics.refused.inc({ code: result.code });
    return result;
  };

  const abandon = () => {
    open = undefined;
    world.discard();
    last = undefined;
  };

  const begin = async (attributes: BlockAttributes): Promise<BlockBuilder> => {
    if (open !== undefined) throw fault("CHAIN_BUSY", `block ${head.header.number + 1n} is already being built`);
    const environment = environmentAfter(head, attributes, parameters);
    if (!environment.isPaid && attributes.hasMessages !== true)
      throw fault("CHAIN_BUDGET", `L1's time does not pay for block ${head.header.number + 1n} yet`);
    const mine = {};
    open = mine;
    const started = performance.now();
    const parent = head;
    const { origin } = attributes;
    const draft = createDraft(machineAt(environment.fork), { parent, environment, origin, decode });
    /** One thing at a time happens to a block. A block that is dropped meanwhile is abandoned when that has ended. */
    let busy = false;
    let dropped = false;
    const alone = async <T>(work: () => Promise<T>): Promise<T> => {
      if (open !== mine || dropped) throw fault("CHAIN_BUSY", "this block was sealed or dropped");
      if (busy) throw fault("CHAIN_BUSY", "this block is at work on something else");
      busy = true;
      try {
        const result = await work();
        if (dropped) throw fault("CHAIN_BUSY", "this block was dropped");
        return result;
      } catch (error) {
        if (open === mine) abandon();
        throw error;
      } finally {
        busy = false;
      }
    };
    try {
      await writeSystemSlots(world.manager, parent, attributes.origin);
    } catch (error) {
      abandon();
      throw error;
    }

    const seal = async ({
      position: after,
      expected,
    }: SealOptions): Promise<{ block: Block; receipts: readonly Receipt[] }> => {
      const sealing = performance.now();
      const state = world.seal();
      const block = draft.finish(state.root);
      if (expected !== undefined && block.hash !== expected)
        throw fault("CHAIN_OTHER_BLOCK", `block ${block.header.number} is ${block.hash}, not ${expected}`, {
          number: block.header.number,
          hash: block.hash,
          expected,
        });
      const { receipts } = draft;
      const { number } = block.header;
      await committing(async () => {
        const next: Heads = { ...heads, unsafe: number, ...(after === undefined ? {} : { safe: number }) };
        await store.write([
          ...state.writes,
          ...blocks.blockWrites(block, receipts),
          ...(after === undefined ? [] : [blocks.positionWrite(number, after)]),
          blocks.headsWrite(next),
        ]);
        state.accept();
        blocks.keep(block, receipts);
        head = block;
        heads = next;
        if (after !== undefined) position = after;
      });
      // On disk: a drop comes too late.
      dropped = false;
      open = undefined;
      metrics.transactions.inc(block.transactions.length);
      metrics.gas.inc(Number(block.header.gasUsed));
      metrics.execution.observe((sealing - started) / 1000);
      metrics.seal.observe((performance.now() - sealing) / 1000);
      show();
      emit("head", block, receipts);
      if (after !== undefined) emit("heads", heads);
      return { block, receipts };
    };

    return {
      number: environment.number,
      timestamp: environment.timestamp,
      baseFeePerGas: environment.baseFee,
      gasLimit: environment.gasLimit,
      get gasUsed() {
        return draft.tally.gasUsed;
      },
      get budget() {
        return draft.tally.budget;
      },
      add: (envelope) => alone(() => counted(draft.add(envelope))),
      offer: (envelope, accept) => alone(() => counted(draft.offer(envelope, accept))),
      seal: (options = {}) => alone(() => seal(options)),
      abort() {
        if (open !== mine) return;
        if (busy) dropped = true;
        else abandon();
      },
    };
  };

  const removeAbove = async (number: L2BlockNumber): Promise<void> => {
    if (number === heads.unsafe) return;
    const target = blockOrFail(number);
    if (open !== undefined) throw fault("CHAIN_BUSY", "a block is being built");
    if (Number(number) < world.oldest)
      throw fault("CHAIN_ROLLBACK_TOO_DEEP", `state is kept from block ${world.oldest} on`, {
        oldest: world.oldest,
        number,
      });
    const removed: { block: Block; receipts: readonly Receipt[] }[] = [];
    for (let i = heads.unsafe; i > number; i--)
      removed.push({ block: blockOrFail(i), receipts: blocks.receipts(i) ?? [] });
    const mine = {};
    open = mine;
    const state = world.revertTo(Number(number));
    const place = heads.safe > number ? blocks.positionAt(number) : undefined;
    const safe = heads.safe > number ? (place?.number ?? 0n) : heads.safe;
    const next: Heads = { unsafe: number, safe, finalized: heads.finalized < safe ? heads.finalized : safe };
    try {
      await store.write([
        ...state.writes,
        ...removed.flatMap(({ block }) => blocks.removalWrites(block)),
        blocks.headsWrite(next),
      ]);
      state.accept();
    } finally {
      abandon();
    }
    for (const { block } of removed) blocks.forget(block.header.number);
    const moved = next.safe !== heads.safe || next.finalized !== heads.finalized;
    if (heads.safe > number) position = place?.position ?? START;
    heads = next;
    head = target;
    metrics.rollbacks.inc(removed.length);
    show();
    log.warn({ to: number.toString(), removed: removed.length }, "rolled back");
    emit("rollback", removed, number);
    if (moved) emit("heads", heads);
  };

  const setSafe = async (number: L2BlockNumber, after: Position): Promise<void> => {
    blockOrFail(number);
    const next: Heads = { ...heads, safe: number };
    await store.write([blocks.positionWrite(number, after), blocks.headsWrite(next)]);
    heads = next;
    position = after;
    show();
    emit("heads", heads);
  };

  const setFinalized = async (number: L2BlockNumber): Promise<void> => {
    blockOrFail(number);
    const finalized = number < heads.safe ? number : heads.safe;
    if (finalized <= heads.finalized) return;
    const next: Heads = { ...heads, finalized };
    await store.write([blocks.headsWrite(next)]);
    heads = next;
    show();
    emit("heads", heads);
  };

  const replay = async (number: L2BlockNumber, attributes: BlockAttributes): Promise<BlockReplay> => {
    const parent = blockOrFail(number);
    const state = world.fork(Number(number));
    await writeSystemSlots(state.manager, parent, attributes.origin);
    const environment = environmentAfter(parent, attributes, parameters);
    const { origin } = attributes;
    const draft = createDraft(createMachine(state.manager, componentsAt(environment.fork)), {
      parent,
      environment,
      origin,
      decode,
    });
    return {
      number: environment.number,
      timestamp: environment.timestamp,
      baseFeePerGas: environment.baseFee,
      get tally() {
        return draft.tally;
      },
      add: draft.add,
      stateRoot: state.commit,
      finish: () => draft.finish(state.commit()),
    };
  };

  /** Of blocks before this one no units are kept. */
  let unitsFrom = 0n;
  const keepUnits = async (executed: readonly ExecutedUnits[]): Promise<void> => {
    const from = retained();
    const kept = executed.filter(({ number, hash }) => number > from && blocks.blockByNumber(number)?.hash === hash);
    const limit = FORGOTTEN_PER_KEPT * executed.length;
    const removed = blocks.unitsRemovals({ from: unitsFrom, to: from, limit });
    await store.write([...removed.writes, ...kept.map(({ number, units }) => blocks.unitsWrite(number, units))]);
    unitsFrom = removed.next;
  };

  const atMost = <T>(number: L2BlockNumber, read: () => T | undefined): T | undefined =>
    number > heads.unsafe ? undefined : read();

  return {
    parameters,
    genesisHash: first.hash as Hex,
    base,
    get head() {
      return head;
    },
    get heads() {
      return heads;
    },
    get position() {
      return position;
    },
    exclusive,
    decode,
    begin,
    async rollback(number) {
      for (let step = heads.unsafe - REMOVED_AT_ONCE; step > number; step -= REMOVED_AT_ONCE)
        await committing(() => removeAbove(step));
      await committing(() => removeAbove(number));
    },
    hold,
    get retained() {
      return retained();
    },
    setSafe: (number, after) => committing(() => setSafe(number, after)),
    setFinalized: (number) => committing(() => setFinalized(number)),
    blockByNumber: (number) => atMost(number, () => blocks.blockByNumber(number)),
    blockByHash: (hash) => blocks.blockByHash(hash),
    receipts: (number) => atMost(number, () => blocks.receipts(number)),
    locate: (transaction) => blocks.locate(transaction),
    stateAt(number) {
      blockOrFail(number);
      return world.view(Number(number));
    },
    ground(number) {
      blockOrFail(number);
      return world.ground(Number(number));
    },
    prove(number, keys) {
      blockOrFail(number);
      return world.prove(Number(number), keys);
    },
    async call(message, number, since = performance.now()) {
      const block = blockOrFail(number);
      const view = world.view(Number(number));
      // As if with messages: a call has the chain's gas limit, whatever the budget.
      const attributes = { timestamp: block.header.timestamp, origin: block.origin, hasMessages: true };
      return calls.run(since, async (pace) => {
        await writeSystemSlots(view, block, block.origin);
        const environment = environmentAfter(block, attributes, parameters);
        const machine = createMachine(view, { ...componentsAt(environment.fork), pace });
        return runCall(machine, message, environment);
      });
    },
    replay,
    keptUnits: (number) => atMost(number, () => blocks.units(number)),
    keepUnits: (executed) => committing(() => keepUnits(executed)),
    async rehearse(number, attributes, envelopes) {
      const block = await replay(number, attributes);
      const included: boolean[] = [];
      for (const envelope of envelopes) included.push((await block.add(envelope)).included);
      return included;
    },
    on(event, listener) {
      listeners[event].add(listener);
      return () => void listeners[event].delete(listener);
    },
    async stop() {
      await exclusive(async () => {
        if (open !== undefined) abandon();
      });
      for (const set of Object.values(listeners)) set.clear();
    },
  };
};
