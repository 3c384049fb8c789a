import type { Chain } from "../../chain/chain.ts";
import type { Bytes, Hex } from "../../foundation/bytes.ts";
import { CodedError, hasCode } from "../../foundation/errors.ts";
import { type Service, sleep, type Telemetry } from "../../foundation/service.ts";
import type { Block } from "../../protocol/block.ts";
import { DEPOSIT_TYPE } from "../../protocol/envelope.ts";
import { unknownFork } from "../../protocol/forks.ts";
import { TRANSACTION_GAS_CAP } from "../../protocol/parameters.ts";
import { rulesAt } from "../../protocol/rules.ts";
import type { Network, NetworkErrorCode, PeerId } from "../network/network.ts";
import { type BlockExchange, MAX_BLOCKS, type Status } from "./block-exchange.ts";
import { createBlockSyncMetrics } from "./block-sync-metrics.ts";
import type { Evidence } from "./evidence.ts";
import { createPending } from "./pending.ts";
import type { SealStore } from "./seal-store.ts";
import type { SealedBlock } from "./sealed-block.ts";
import type { Witness } from "./witness.ts";

export type BlockSyncErrorCode =
  /**
   * The sequencer signed a block that this node executes to another, or not at all. The node follows L1 alone there;
   * compare with `assay audit`.
   */
  | "BLOCK_INVALID"
  /**
   * A deposit of the block is none that L1 has queued, as far as this node has read. It is tried again as L1 goes on.
   */
  | "BLOCK_DEPOSIT";

export type BlockSyncComponents = Telemetry & {
  readonly chain: Chain;
  readonly network: Pick<Network, "onDisconnected">;
  readonly exchange: Pick<BlockExchange, "blocks">;
  readonly witness: Witness;
  readonly seals: SealStore;
  readonly evidence: Evidence;
  readonly isDeposit?: ((envelope: Bytes, origin: bigint) => boolean | undefined) | undefined;
};

export type BlockSyncOptions = {
  /** Unsafe blocks beyond which none is taken before L1 has caught up. */
  readonly maxUnsafe: number;
  readonly clock: () => number;
  /** Milliseconds after which what failed is tried again. */
  readonly retryMs?: number;
  /** Milliseconds that one peer has for one range. */
  readonly rangeMs?: number;
};

/** Makes signed blocks the node's unsafe head: those that were gossiped, and those in between from peers. */
export type BlockSync = Service & {
  /** The newest signed block that was seen. */
  readonly highest: bigint;
  /** A signed, whole block was heard of a peer. */
  offer(block: SealedBlock, from: PeerId): void;
  /** A peer says how far it is. */
  tell(peer: PeerId, status: Status): void;
  /** Looks again, for instance because gossip is followed again. */
  wake(): void;
  start(): void;
};

/** Peers whose heads are remembered: more than any node has connections. */
const MAX_CLAIMS = 512;
/** Blocks that did not execute, remembered so that they are not tried at once again. */
const MAX_FAILED = 64;
/** What waits below this is worth a further request. */
const LOW_WATER = MAX_BLOCKS / 2;

/** Rests of a peer that gave nothing grow up to this many times the first. */
const MAX_REST = 8;

/** `misses`: ranges in a row that brought nothing. */
type Claim = { readonly head: bigint; blockedUntil: number; misses: number };

const max = (a: bigint, b: bigint) => (a > b ? a : b);

export const createBlockSync = (components: BlockSyncComponents, options: BlockSyncOptions): BlockSync => {
  const { chain, exchange, witness, seals, evidence, registry } = components;
  const logger = components.logger.child({ module: "block-sync" });
  const { maxUnsafe, clock, retryMs = 1_000, rangeMs = 20_000 } = options;
  const aborter = new AbortController();
  const pending = createPending();
  const claims = new Map<PeerId, Claim>();
  const failed = new Map<Hex, number>();
  let highest = 0n;
  /** How far below the head the next range begins: grows while peers' blocks do not link to ours. */
  let stepBack = 0n;
  let fetching: Promise<void> | undefined;
  let running: Promise<void> | undefined;
  let awake = false;
  let rouse: () => void = () => undefined;

  const { imported, latency, ranges } = createBlockSyncMetrics(registry, () => pending.size);

  const wake = () => {
    awake = true;
    rouse();
  };

  const claim = (peer: PeerId, head: bigint) => {
    const { blockedUntil, misses } = claims.get(peer) ?? { blockedUntil: 0, misses: 0 };
    claims.delete(peer);
    // Who spoke longest ago goes: a peer may have left before what it said was read.
    if (claims.size >= MAX_CLAIMS) for (const oldest of claims.keys()) if (claims.delete(oldest)) break;
    claims.set(peer, { head, blockedUntil, misses });
  };

  const hashAt = (number: bigint): Hex | undefined => chain.blockByNumber(number)?.hash;
  const isRoom = () => chain.head.header.number - chain.heads.safe < BigInt(maxUnsafe);
  const isBlocked = ({ hash }: SealedBlock) => (failed.get(hash) ?? 0) > clock();
  const rulesEnd = unknownFork(chain.parameters.forks);
  /** Whether this version lacks the rules of the block: it waits for another version, and takes the place of none here. */
  const isBeyondRules = ({ header }: SealedBlock) => rulesEnd !== undefined && header.timestamp >= rulesEnd.from;
  const isLinked = ({ header }: SealedBlock) => hashAt(header.number - 1n) === header.parentHash;
  /** The block above the head that waits. */
  const waiting = () => pending.get(chain.head.header.number + 1n);

  /** Whether a deposit of the block is one that L1 `known` says of. */
  const hasDeposit = ({ envelopes, origin }: SealedBlock, known: false | undefined): boolean =>
    components.isDeposit !== undefined &&
    envelopes.some((bytes) => bytes[0] === DEPOSIT_TYPE && components.isDeposit?.(bytes, origin.number) === known);

  /** Whether the block, at or below the head, takes the place of one that the sequencer took back. */
  const replaces = ({ hash, header, seal }: SealedBlock): boolean => {
    const own = hashAt(header.number);
    if (own === undefined || own === hash || header.number <= chain.heads.safe) return false;
    const sealed = seals.get(header.number);
    return sealed === undefined || sealed.hash !== own || seal.revision > sealed.seal.revision;
  };

  /** The next block that can be taken: a child of the head, or one that replaces a part of the unsafe chain. */
  const nextBlock = (): SealedBlock | undefined => {
    const head = chain.head.header.number;
    pending.prune(chain.heads.safe);
    for (const block of pending.inOrder()) {
      const { number } = block.header;
      if (number > head + 1n) return undefined;
      if (hashAt(number) === block.hash) pending.remove(number);
      else if (isBlocked(block) || !isLinked(block) || isBeyondRules(block)) continue;
      // Until L1 is read so far: executing what it may not hold would keep derivation waiting, for a model that nobody has.
      else if (hasDeposit(block, undefined)) continue;
      else if (number === head + 1n ? isRoom() : replaces(block)) return block;
    }
    return undefined;
  };

  /** Executes the block on the head. BLOCK_INVALID, BLOCK_DEPOSIT, and what the node's own parts throw. */
  const execute = async (sealed: SealedBlock): Promise<Block> => {
    const { header, origin, envelopes, hash } = sealed;
    if (hasDeposit(sealed, false))
      throw new CodedError<BlockSyncErrorCode>("BLOCK_DEPOSIT", "L1 has queued no such deposit", {
        number: header.number,
      });
    // Only a block with messages has the chain's limit beside a smaller budget; what L1 says of that overrules it.
    const hasMessages = header.gasLimit === rulesAt(chain.parameters, header.timestamp).blockGasLimit;
    const builder = await chain.begin({ timestamp: header.timestamp, origin, hasMessages });
    try {
      for (const [index, bytes] of envelopes.entries()) {
        // A message's gas was paid for on L1. Which envelopes were messages a block does not say: where there are some,
        // every other may be one.
        const kind = bytes[0] === DEPOSIT_TYPE ? "deposit" : "raw";
        const isMessage = kind === "deposit" || hasMessages;
        const result = await builder.add(
          isMessage ? { bytes, delayed: { kind, gas: TRANSACTION_GAS_CAP } } : { bytes },
        );
        if (!result.included)
          throw new CodedError<BlockSyncErrorCode>("BLOCK_INVALID", `transaction ${index}: ${result.message}`, {
            number: header.number,
            index,
            code: result.code,
          });
      }
      return (await builder.seal({ expected: hash })).block;
    } catch (error) {
      builder.abort();
      if (hasCode(error, "CHAIN_OTHER_BLOCK"))
        throw new CodedError<BlockSyncErrorCode>("BLOCK_INVALID", error.message, error.data, error);
      throw error;
    }
  };

  const isStill = (sealed: SealedBlock) => sealed.header.number > chain.heads.safe && isLinked(sealed);

  /** Takes one block. */
  const take = (sealed: SealedBlock): Promise<void> =>
    chain.exclusive(async () => {
      const { number } = sealed.header;
      if (aborter.signal.aborted || evidence.halted || !isStill(sealed) || hashAt(number) === sealed.hash) return;
      if (number <= chain.head.header.number) {
        if (!replaces(sealed)) return;
        logger.warn({ number, head: chain.head.header.number }, "the sequencer built these blocks again");
        await chain.rollback(number - 1n);
        imported.inc({ outcome: "replaced" });
      }
      await seals.put(sealed);
      await execute(sealed);
      imported.inc({ outcome: "executed" });
      latency.observe(Math.max(0, clock() - Number(sealed.seal.sealedAt)) / 1000);
    });

  const fail = (sealed: SealedBlock, error: unknown) => {
    const { number } = sealed.header;
    const about = { err: error, number, hash: sealed.hash };
    const isOurs = !hasCode(error, "BLOCK_INVALID") && !hasCode(error, "BLOCK_DEPOSIT");
    imported.inc({ outcome: isOurs ? "failed" : "invalid" });
    if (isOurs) logger.error(about, "a block could not be executed");
    else if (hasCode(error, "BLOCK_INVALID")) logger.error(about, "the sequencer signed a block that is none");
    else logger.warn(about, "a block has a deposit that L1 does not hold, or has taken back");
    failed.delete(sealed.hash);
    if (failed.size >= MAX_FAILED) for (const oldest of failed.keys()) if (failed.delete(oldest)) break;
    failed.set(sealed.hash, clock() + retryMs * (isOurs ? 1 : 60));
  };

  const importAll = async (): Promise<void> => {
    for (;;) {
      if (aborter.signal.aborted || evidence.halted) return;
      const sealed = nextBlock();
      if (sealed === undefined) return;
      try {
        await take(sealed);
        stepBack = 0n;
        pending.remove(sealed.header.number);
        request();
      } catch (error) {
        fail(sealed, error);
      }
    }
  };

  /** Where the next range begins; undefined when nothing is lacking. */
  const lacking = (target: bigint): bigint | undefined => {
    const { safe } = chain.heads;
    const next = waiting();
    // What waits above the head and is no child of it has a branch that begins further below.
    const back = next === undefined || isLinked(next) ? stepBack : max(stepBack, 1n);
    let from = max(chain.head.header.number + 1n - back, safe + 1n);
    while (pending.get(from) !== undefined && back === 0n) from++;
    return from <= target ? from : undefined;
  };

  /** The peer that claims most, of those that have not just failed. */
  const bestPeer = (): readonly [PeerId, Claim] | undefined => {
    const now = clock();
    let best: readonly [PeerId, Claim] | undefined;
    for (const entry of claims)
      if (entry[1].blockedUntil <= now && entry[1].head > (best?.[1].head ?? 0n)) best = entry;
    return best;
  };

  const fetchRange = async (peer: PeerId, from: bigint): Promise<void> => {
    let count = 0;
    let news = 0;
    let links = true;
    let isOver = true;
    const signal = AbortSignal.any([aborter.signal, AbortSignal.timeout(rangeMs)]);
    try {
      for await (const block of exchange.blocks(peer, from, BigInt(MAX_BLOCKS), signal)) {
        if (count++ === 0) links = isLinked(block);
        highest = max(highest, block.header.number);
        const sighting = witness.see(block);
        if (sighting === "equivocation" || sighting === "excess" || sighting === "stale") continue;
        if (hashAt(block.header.number) === block.hash || !pending.put(block)) continue;
        news++;
        wake();
      }
      ranges.inc({ outcome: count === 0 ? "empty" : "received" });
    } catch (error) {
      if (aborter.signal.aborted) return;
      isOver = !signal.aborted;
      ranges.inc({ outcome: "failed" });
      logger.debug({ err: error, peer, from }, "a range of blocks did not come");
      if (hasCode<NetworkErrorCode>(error, "P2P_PEER")) claims.delete(peer);
    }
    // Blocks that came and do not link to ours lie on another branch: the next range begins further below.
    const isBelow = count > 0 && !links && from > chain.heads.safe + 1n;
    if (isBelow) stepBack = stepBack === 0n ? 1n : stepBack * 2n;
    // A peer that brought nothing, or was too slow, is asked later again; others are asked meanwhile.
    const asked = claims.get(peer);
    if (asked === undefined) return;
    asked.misses = isOver && (isBelow || news > 0) ? 0 : asked.misses + 1;
    if (asked.misses > 0) asked.blockedUntil = clock() + 5 * retryMs * Math.min(2 ** (asked.misses - 1), MAX_REST);
  };

  const request = (): void => {
    if (fetching !== undefined || aborter.signal.aborted || evidence.halted || !isRoom()) return;
    const next = waiting();
    if (next !== undefined && isLinked(next) && (pending.size > LOW_WATER || isBeyondRules(next))) return;
    const best = bestPeer();
    if (best === undefined) return;
    const [peer, { head }] = best;
    const from = lacking(head);
    if (from === undefined) return;
    fetching = fetchRange(peer, from).finally(() => {
      fetching = undefined;
      wake();
    });
  };

  const run = async (): Promise<void> => {
    while (!aborter.signal.aborted) {
      awake = false;
      try {
        request();
        await importAll();
        request();
      } catch (error) {
        logger.error({ err: error }, "blocks of peers could not be followed");
      }
      if (awake) continue;
      const rest = new AbortController();
      rouse = () => rest.abort();
      await sleep(retryMs, AbortSignal.any([rest.signal, aborter.signal]));
    }
    await fetching;
  };

  const unsubscribe = [
    chain.on("heads", wake),
    chain.on("rollback", wake),
    components.network.onDisconnected((peer) => claims.delete(peer)),
  ];

  return {
    name: "block-sync",
    get highest() {
      return highest;
    },
    offer(block, from) {
      const { number } = block.header;
      highest = max(highest, number);
      pending.put(block);
      // Who passes a block on has it, and what is below it.
      const claimed = claims.get(from)?.head ?? 0n;
      claim(from, max(number, claimed));
      wake();
    },
    tell(peer, status) {
      claim(peer, status.head);
      if (status.head > chain.head.header.number) wake();
    },
    wake,
    start() {
      running ??= run();
    },
    async stop() {
      aborter.abort();
      for (const remove of unsubscribe) remove();
      rouse();
      await running;
      pending.clear();
    },
  };
};
