import { formatEther, type PublicClient } from "viem";
import {
  type L1Call,
  type L1Source,
  type RightClaim,
  type RightClaims,
  type RightClaimsErrorCode,
  type Succession,
  settleCall,
  type Transactor,
} from "../bridge/index.ts";
import {
  type Chain,
  CodedError,
  createLock,
  createWatch,
  encodeChainState,
  type Hex,
  hasCode,
  messageOf,
  type Service,
  type Telemetry,
  toHex,
} from "../executor/index.ts";
import { type ChallengerMetrics, createChallengerMetrics } from "./challenger-metrics.ts";
import { createBoardReader, type FetchedBoard } from "./game/board-reader.ts";
import { holdTree } from "./game/held-tree.ts";
import type { OwnTree } from "./game/own-tree.ts";
import type { RuleName } from "./game/rules.ts";
import type { Move } from "./game/solver.ts";
import { visit } from "./game/visit.ts";
import { createClaimEvents, type MadeClaim } from "./rivals.ts";
import { type Attempt, createAttempts, NO_FUNDS, type Refusal } from "./sending.ts";
import type { Trace } from "./trace/trace.ts";

export type ChallengerErrorCode =
  /**
   * What this node derived does not reach as far as the claims, which are not disputed before. Wait; see that it reads
   * L1 and finds all data.
   */
  | "CHALLENGER_DATA_INCOMPLETE"
  /** The account cannot pay the stake and gas of what it would send. Send it ether: the clocks run. */
  | "CHALLENGER_FUNDS";

export type ChallengerComponents = Telemetry & {
  readonly client: PublicClient;
  readonly chain: Chain;
  readonly l1: L1Source;
  readonly right: RightClaims;
  /** Of the account whose stakes are at risk. */
  readonly transactor: Transactor;
  /** The tree over the units that claims on a right claim are about. */
  readonly traceOf: (succession: Succession, signal: AbortSignal) => Promise<Trace>;
};

export type ChallengerOptions = {
  /** L1 block from which on there can be claims. */
  readonly startBlock: bigint;
  readonly pollMs?: number;
  readonly maxBackoffMs?: number;
};

/** A claim that is not the right one. */
export type Rival = MadeClaim & { readonly status: string; readonly timer: bigint };

/** What the challenger does about the claims on one right claim. */
export type Dispute = {
  readonly parent: Hex;
  /** The right claim; undefined while it is not known here. */
  readonly right: Hex | undefined;
  readonly rivals: readonly Rival[];
  /**
   * `playing`: moves were found; `waiting`: time runs for the right side; `settled`: the place is decided; `blocked`: what is
   * missing is in `lack`, and nothing is signed; `lost`: L1 has taken another claim.
   */
  readonly state: "playing" | "waiting" | "settled" | "blocked" | "lost";
  readonly moves: readonly Move[];
  /** Moves that L1 would refuse now. */
  readonly refusals: readonly Refusal[];
  readonly lack: string | undefined;
  /** Wei of the account's own stakes that are not decided yet. */
  readonly staked: bigint;
  /** Of challenge, in L1 blocks. */
  readonly period: bigint;
  /** L1 block of this view. */
  readonly l1Block: bigint;
};

/**
 * Watches the claims on L1, recomputes each from L1 alone, and plays against those that are not the right one. It
 * remembers no move: each look decides anew, from the board and its own trees.
 */
export type Challenger = Service & {
  readonly disputes: readonly Dispute[];
  /** Looks at L1 once and sends at most one transaction; does not wait for it. */
  tick(): Promise<void>;
  /** Begins to look whenever L1 or the chain goes on. */
  start(): void;
};

/** Trees of so many games are kept ready. */
const MOST_TREES = 8;
/** Confirmed claims below the newest whose games are still looked at: stakes of lower levels are decided later. */
const SETTLED_GAMES = 16;

type Game = { readonly parent: RightClaim; readonly rightId: Hex | undefined };
type Ready = { readonly succession: Succession; readonly tree: OwnTree };

export const createChallenger = (components: ChallengerComponents, options: ChallengerOptions): Challenger => {
  const { client, chain, l1, right, transactor, traceOf } = components;
  const { startBlock, pollMs = 1000, maxBackoffMs = 30_000 } = options;
  const logger = components.logger.child({ module: "challenger", address: transactor.address });
  const metrics: ChallengerMetrics = createChallengerMetrics(components.registry);
  const { registry } = right;
  const reader = createBoardReader(client, { registry: registry.address, startBlock });
  const events = createClaimEvents(client, { registry: registry.address, startBlock });
  const aborter = new AbortController();
  const { signal } = aborter;
  const lock = createLock();
  const ready = new Map<string, Ready>();
  let disputes: readonly Dispute[] = [];
  let sending: Promise<void> | undefined;

  /** Right claims with what is right on each, oldest first. */
  const gamesOn = async (candidate: Succession | undefined): Promise<readonly Game[]> => {
    const { genesis } = await right.rules();
    const { steps } = right;
    const first = Math.max(0, steps.length - SETTLED_GAMES);
    const parents = [{ id: genesis }, ...steps].slice(first);
    const games: Game[] = [];
    for (const [i, { id }] of parents.entries()) {
      if (events.on(id).length === 0 && candidate?.parent.id !== id) continue;
      const rightId = parents[i + 1]?.id ?? (candidate?.parent.id === id ? candidate.id : undefined);
      games.push({ parent: await right.claimAt(id), rightId });
    }
    return games;
  };

  /** The own tree of a game. It is built once for a history of L1. CHALLENGER_DATA_INCOMPLETE, the codes of units. */
  const treeOf = async ({ parent }: Game): Promise<Ready> => {
    const { limitBatch } = parent.claim;
    const key = `${parent.id} ${limitBatch} ${l1.lineage(limitBatch)}`;
    const known = ready.get(key);
    if (known !== undefined) {
      ready.delete(key);
      ready.set(key, known);
      return known;
    }
    const succession = await right.succession(parent);
    if (succession === undefined)
      throw new CodedError<ChallengerErrorCode>(
        "CHALLENGER_DATA_INCOMPLETE",
        `this node has derived ${chain.position.batch} inbox records, the claims are about ${limitBatch}`,
        { derived: chain.position.batch, limitBatch },
      );
    const made = { succession, tree: holdTree(await traceOf(succession, signal)) };
    ready.set(key, made);
    for (const oldest of ready.keys()) {
      if (ready.size <= MOST_TREES) break;
      ready.delete(oldest);
    }
    return made;
  };

  const rivalsOf = async ({ parent, rightId }: Game): Promise<readonly Rival[]> => {
    const others = events.on(parent.id).filter(({ id }) => id !== rightId);
    return Promise.all(
      others.map(async (made) => {
        const [{ status }, timer] = await Promise.all([registry.claim(made.id), registry.timer(made.id)]);
        return { ...made, status, timer };
      }),
    );
  };

  /** What is to be done in one game, on one state of the board. Nothing that fails here touches the other games. */
  const judge = async (game: Game, board: FetchedBoard, rivals: readonly Rival[]): Promise<Dispute> => {
    const about = { parent: game.parent.id, rivals, refusals: [], period: board.period, l1Block: board.now };
    try {
      const { succession, tree } = await treeOf(game);
      const solution = await visit(
        board,
        {
          parent: game.parent.id,
          origin: toHex(succession.origin),
          limitBatch: game.parent.claim.limitBatch,
          tree,
          endState: toHex(encodeChainState(succession.range.end)),
          isDue: false,
          account: transactor.address,
        },
        { signal },
      );
      const winner = await registry.winner(succession.context);
      const state =
        winner !== undefined && winner !== succession.id
          ? "lost"
          : solution.moves.length > 0
            ? "playing"
            : winner === undefined
              ? "waiting"
              : "settled";
      return { ...about, right: succession.id, state, moves: solution.moves, lack: undefined, staked: solution.staked };
    } catch (error) {
      signal.throwIfAborted();
      const code = error instanceof CodedError ? `${error.code}: ` : "";
      logger.error({ err: error, parent: game.parent.id }, "a dispute stands still: this node lacks what it takes");
      return {
        ...about,
        right: game.rightId,
        state: "blocked",
        moves: [],
        lack: `${code}${messageOf(error)}`,
        staked: disputes.find(({ parent }) => parent === game.parent.id)?.staked ?? 0n,
      };
    }
  };

  const observe = (board: FetchedBoard): void => {
    metrics.disputes.reset();
    for (const { state } of disputes) metrics.disputes.inc({ state });
    const open = disputes.flatMap(({ rivals }) => rivals).filter(({ status }) => status === "open");
    metrics.wrongClaims.set(open.length);
    const most = open.reduce((timer, rival) => (rival.timer > timer ? rival.timer : timer), 0n);
    metrics.rivalClock.set(Number(board.period > most ? board.period - most : 0n));
    metrics.atStake.set(Number(formatEther(disputes.reduce((sum, { staked }) => sum + staked, 0n))));
  };

  /** What came of it is read from L1, by the next look. */
  const submit = (call: L1Call, rules: readonly RuleName[]): void => {
    logger.info({ rules, value: call.value }, "sending moves");
    const done = (outcome: string) => {
      for (const rule of rules) metrics.moves.inc({ rule, outcome });
      sending = undefined;
      watch.rouse();
    };
    sending = transactor.send(call).then(
      ({ gasUsed }) => {
        metrics.gas.inc(Number(gasUsed));
        done("mined");
      },
      (error) => {
        done("failed");
        if (!signal.aborted) logger.warn({ err: error, rules }, "L1 did not take the moves");
      },
    );
  };

  let attempts: ReturnType<typeof createAttempts> | undefined;

  /** What the account lacks for an attempt. */
  const lackOf = async ({ moves, refusals, value, gas }: Attempt): Promise<string | undefined> => {
    const isShort = refusals.some(({ error }) => error === NO_FUNDS);
    if (moves.length === 0 && !isShort) return undefined;
    const [balance, price] = await Promise.all([
      client.getBalance({ address: transactor.address }),
      client.getGasPrice(),
    ]);
    if (moves.length > 0 && balance >= value + gas * price) return undefined;
    const code: ChallengerErrorCode = "CHALLENGER_FUNDS";
    return `${code}: ${transactor.address} has ${formatEther(balance)} ether, which does not pay for the moves`;
  };

  const send = async (moves: readonly Move[]): Promise<Pick<Attempt, "refusals"> & { readonly lack?: string }> => {
    const { parameters } = await right.rules();
    attempts ??= createAttempts(client, {
      registry: registry.address,
      account: transactor.address,
      stakes: parameters.stakes,
    });
    const attempt = await attempts(moves);
    const { refusals } = attempt;
    for (const { error } of refusals) metrics.refusals.inc({ error });
    const lack = await lackOf(attempt);
    if (lack !== undefined) {
      logger.error({ lack }, "a dispute stands still: the account lacks what it takes");
      return { refusals, lack };
    }
    if (attempt.moves.length === 0 || signal.aborted) return { refusals };
    submit(
      { to: registry.address, data: attempt.data, value: attempt.value },
      attempt.moves.map(({ rule }) => rule),
    );
    return { refusals };
  };

  /** The oldest right claim whose time has come: what is disputed above it waits for its confirmation. */
  const overdue = async (): Promise<Hex | undefined> => {
    const { parameters } = await right.rules();
    for (const { id } of right.steps) {
      const { status } = await registry.claim(id);
      if (status !== "open") continue;
      return (await registry.timer(id)) >= parameters.period ? id : undefined;
    }
    return undefined;
  };

  const tick = (): Promise<void> =>
    lock(async () => {
      if (signal.aborted) return;
      try {
        const { number: head } = await client.getBlock({ blockTag: "latest" });
        const { candidate } = await right.walk(head);
        await events.sync(head);
        const board = await reader.atHead();
        const found: Dispute[] = [];
        for (const game of await gamesOn(candidate)) {
          const rivals = await rivalsOf(game);
          if (rivals.length > 0) found.push(await judge(game, board, rivals));
        }
        disputes = found;
        observe(board);
        // INVARIANT: one transaction at a time, so that each is decided on what the one before came to.
        if (sending !== undefined || transactor.pending > 0) return;
        const moves = disputes.flatMap((dispute) => dispute.moves);
        if (moves.length === 0) {
          const id = disputes.some(({ state }) => state === "waiting") ? await overdue() : undefined;
          if (id !== undefined) submit(settleCall(registry.address, id), ["settle"]);
          return;
        }
        const { refusals, lack } = await send(moves);
        disputes = disputes.map((dispute) => ({
          ...dispute,
          ...(lack !== undefined && dispute.moves.length > 0 ? { state: "blocked", lack } : {}),
          refusals: refusals.filter(({ move }) => dispute.moves.includes(move)),
        }));
      } catch (error) {
        metrics.failures.inc();
        throw error;
      }
    });

  const watch = createWatch({
    look: tick,
    onFailure(error, failed) {
      const level = hasCode<RightClaimsErrorCode>(error, "CLAIMS_L1_CHANGED") ? "debug" : "warn";
      logger[level]({ err: error, failed }, `disputes stand still: ${messageOf(error)}`);
    },
    pollMs,
    maxBackoffMs,
    signal,
  });
  const unsubscribe = [l1.onAdvance(watch.rouse), chain.on("heads", watch.rouse)];

  return {
    name: "challenger",
    get disputes() {
      return disputes;
    },
    tick,
    start: watch.start,
    async stop() {
      aborter.abort();
      for (const off of unsubscribe) off();
      await watch.ended();
      await lock(async () => undefined);
    },
  };
};
