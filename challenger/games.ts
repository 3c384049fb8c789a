import type { PublicClient } from "viem";
import { claimRegistry, type L1Source, type RightClaims, type Succession } from "../bridge/index.ts";
import {
  type Chain,
  type ClaimId,
  CodedError,
  createBoundedCache,
  encodeChainState,
  type Hex,
  hasCode,
  type Telemetry,
  toHex,
} from "../executor/index.ts";
import { type Background, type BackgroundErrorCode, reasonOf } from "./background.ts";
import type { Dispute, Game, Rival } from "./dispute.ts";
import type { FetchedBoard } from "./game/board-reader.ts";
import type { ClaimBook } from "./game/claim-book.ts";
import { holdTree } from "./game/held-tree.ts";
import type { OwnTree } from "./game/own-tree.ts";
import { visit } from "./game/visit.ts";
import type { Trace } from "./trace/trace.ts";

export type GamesErrorCode =
  /**
   * What this node derived does not reach as far as the claims, which are not disputed before. Wait; see that it reads
   * L1 and finds all data.
   */
  | "CHALLENGER_DATA_INCOMPLETE"
  /**
   * More games than are computed at a time. Nothing is to be done: this one comes when one of the others is done.
   */
  | "CHALLENGER_BUSY";

export type GamesComponents = Pick<Telemetry, "logger"> & {
  readonly client: PublicClient;
  readonly chain: Pick<Chain, "position">;
  readonly l1: Pick<L1Source, "lineage">;
  readonly right: Pick<RightClaims, "registry" | "claimAt" | "succession">;
  readonly book: ClaimBook;
  /** The tree over the units that claims on a right claim are about. */
  readonly traceOf: (succession: Succession, signal: AbortSignal) => Promise<Trace>;
  readonly background: Background;
  readonly signal: AbortSignal;
};

export type GamesOptions = {
  readonly account: Hex;
  /** Whose stakes are defended as well. */
  readonly also: readonly Hex[];
  /** Whether what is won is brought home whoever won it. */
  readonly isJanitor: boolean;
  /** How long a look waits for a game. */
  readonly patienceMs: number;
};

/** Trees are kept ready up to so many bytes: those of a range's units, and of the executions below that were asked for. */
const TREE_BYTES = 2 ** 29;
const UNIT_BYTES = 64;
const EXECUTION_BYTES = 2 ** 24;
/** Games that are computed at a time. */
const MOST_BUSY = 64;
/** Decided games that are still shown, the newest ones. */
const MOST_SHOWN = 16;
const BATCH_BYTES = 2_048;

type Ready = { readonly key: string; readonly succession: Succession; readonly trace: Trace; readonly tree: OwnTree };

/** What an account that must move first thinks of: the least time left. */
const clockOf = ({ rivals }: Pick<Dispute, "rivals">): bigint =>
  rivals.reduce((most, { status, timer }) => (status === "open" && timer > most ? timer : most), 0n);

/** Most urgent first. */
export const byUrgency = (a: Pick<Dispute, "rivals">, b: Pick<Dispute, "rivals">): number =>
  Number(clockOf(b) - clockOf(a));

/** Plays each game by itself: one that lacks data, fails or takes long neither hides nor delays another. */
export const createGames = (components: GamesComponents, options: GamesOptions) => {
  const { client, chain, l1, right, book, traceOf, background, signal, logger } = components;
  const { account, also, isJanitor, patienceMs } = options;
  const isServed = (staker: Hex): boolean => isJanitor || staker === account || also.includes(staker);
  const ready = createBoundedCache<Ready>(
    TREE_BYTES,
    ({ succession }) => EXECUTION_BYTES + UNIT_BYTES * succession.range.units,
  );
  /** Decided games in which nothing is left to do, by their parents. */
  const finished = new Map<ClaimId, Dispute>();
  /** Lost ones in which nothing is left to do. */
  const ended = new Set<ClaimId>();
  let undecided: readonly ClaimId[] = [];
  let staked = new Map<ClaimId, bigint>();
  let retractions = 0;

  /** The own tree of a game. It is built once for a history of L1. CHALLENGER_DATA_INCOMPLETE, the codes of units. */
  const treeOf = async (id: ClaimId): Promise<Ready> => {
    const parent = await right.claimAt(id);
    const { limitBatch } = parent.claim;
    const key = `${id} ${limitBatch} ${l1.lineage(limitBatch)}`;
    const known = ready.get(key);
    if (known !== undefined) return known;
    const succession = await right.succession(parent);
    if (succession === undefined)
      throw new CodedError<GamesErrorCode>(
        "CHALLENGER_DATA_INCOMPLETE",
        `this node has derived ${chain.position.batch} inbox records, the claims are about ${limitBatch}`,
        { derived: chain.position.batch, limitBatch },
      );
    const trace = await traceOf(succession, signal);
    const made = { key, succession, trace, tree: holdTree(trace) };
    ready.set(key, made);
    return made;
  };

  const rivalsIn = ({ parent, rightId }: Game, timers?: readonly bigint[]): readonly Rival[] =>
    book
      .on(parent)
      .filter(({ id }) => id !== rightId)
      .map(({ id, staker, l1Block }, i): Rival => {
        const status = book.winnerOn(parent) === id ? "confirmed" : book.isForfeited(id) ? "forfeited" : "open";
        return { id, parent, staker, l1Block, status, timer: timers?.[i] ?? 0n };
      });

  const timersOf = async (rivals: readonly Rival[], blockNumber: bigint): Promise<readonly bigint[]> => {
    const { address } = right.registry;
    const contracts = rivals.map(
      ({ id }) => ({ address, abi: claimRegistry.abi, functionName: "timerOf", args: [id] }) as const,
    );
    return client.multicall({ deployless: true, allowFailure: false, batchSize: BATCH_BYTES, blockNumber, contracts });
  };

  const play = async (game: Game, board: FetchedBoard, about: Dispute): Promise<Dispute> => {
    const { succession, tree } = await treeOf(game.parent);
    const solution = await visit(
      board,
      {
        parent: game.parent,
        origin: toHex(succession.origin),
        tree,
        endState: toHex(encodeChainState(succession.range.end)),
        isDue: false,
        account,
        also,
        isForAll: isJanitor,
      },
      { signal },
    );
    const { moves } = solution;
    const winner = book.winnerOn(game.parent);
    const isLost = winner !== undefined && winner !== succession.id;
    const state = isLost ? "lost" : moves.length > 0 ? "playing" : winner === undefined ? "waiting" : "settled";
    const { staked, partings } = solution;
    const dispute: Dispute = { ...about, right: succession.id, state, moves, staked, partings };
    if (state === "settled" && !solution.isPending) finished.set(game.parent, dispute);
    if (isLost && !solution.isPending) ended.add(game.parent);
    return dispute;
  };

  /** What a game is when it cannot be played now. */
  const stuck = (about: Dispute, error: unknown): Dispute => {
    signal.throwIfAborted();
    const isComputing =
      hasCode<BackgroundErrorCode>(error, "CHALLENGER_COMPUTING") || hasCode<GamesErrorCode>(error, "CHALLENGER_BUSY");
    if (!isComputing)
      logger.error({ err: error, parent: about.parent }, "a dispute stands still: this node lacks what it takes");
    // What is decided stays so: it is only stakes of lower levels that wait.
    const isDecided = book.winnerOn(about.parent) !== undefined;
    const state = isComputing ? "computing" : isDecided ? about.state : "blocked";
    return { ...about, state, lack: reasonOf(error) };
  };

  /** `isPending`: some stake of a lower level is not decided, or not taken. */
  type Given = { readonly lack: unknown; readonly isPending: boolean };
  const judge = async (game: Game, board: FetchedBoard, { lack, isPending }: Given): Promise<Dispute> => {
    const { parent, rightId } = game;
    const { now, period } = board;
    const winner = book.winnerOn(parent);
    let about: Dispute = {
      parent,
      right: rightId,
      rivals: rivalsIn(game),
      state: winner === undefined || winner === rightId ? "settled" : "lost",
      moves: [],
      refusals: [],
      lack: undefined,
      partings: [],
      staked: staked.get(parent) ?? 0n,
      period,
      l1Block: now,
    };
    if (winner !== undefined && winner === rightId && !isPending) return { ...about, staked: 0n };
    try {
      if (rightId === undefined) throw lack;
      about = { ...about, rivals: rivalsIn(game, await timersOf(about.rivals, now)) };
      const name = `the game on ${parent}`;
      if (background.count >= MOST_BUSY && !background.isRunning(name))
        throw new CodedError<GamesErrorCode>("CHALLENGER_BUSY", `${MOST_BUSY} games are computed already`);
      return await background.within(patienceMs, name, () => play(game, board, about));
    } catch (error) {
      return stuck(about, error);
    }
  };

  return {
    isServed,
    /** The right tree of a game, made when it is not at hand. Fails as a game does. */
    traceOf: treeOf,
    /** Parents of the games, as they were last judged, in which something is not decided yet. */
    get undecided() {
      return undecided;
    },
    /**
     * What is done in each game, on one state of the board, in the games' order. `lack`: why it is not known what is right
     * in a game without a right claim.
     */
    async judge(games: readonly Game[], board: FetchedBoard, lack: unknown): Promise<readonly Dispute[]> {
      if (retractions !== book.retractions) for (const known of [finished, ended]) known.clear();
      retractions = book.retractions;
      const given = { lack, isPending: book.isPendingBelow(isServed) };
      const decided = games.filter(({ parent }) => book.winnerOn(parent) !== undefined);
      const old = new Set(decided.slice(0, -MOST_SHOWN).map(({ parent }) => parent));
      const disputes = await Promise.all(
        games.map(async (game) => finished.get(game.parent) ?? (await judge(game, board, given))),
      );
      undecided = games.flatMap(({ parent, rightId }) => {
        const isOver = !given.isPending && rightId !== undefined && book.winnerOn(parent) === rightId;
        return isOver || finished.has(parent) || ended.has(parent) ? [] : [parent];
      });
      staked = new Map(disputes.map(({ parent, staked }) => [parent, staked] as const));
      return disputes.filter(({ parent, state }) => state !== "settled" || !old.has(parent));
    },
  };
};
export type Games = ReturnType<typeof createGames>;
