import type { PublicClient } from "viem";
import type {
  Follower,
  L1Source,
  LogWindows,
  RightClaims,
  RightClaimsErrorCode,
  Succession,
  Transactor,
} from "../bridge/index.ts";
import {
  type Chain,
  type ClaimId,
  CodedError,
  type DisputedStep,
  type Hex,
  hasCode,
  type L1BlockNumber,
  messageOf,
  type Telemetry,
} from "../executor/index.ts";
import { createBackground, reasonOf } from "./background.ts";
import type { ChallengerMetrics } from "./challenger-metrics.ts";
import { choresIn } from "./chores.ts";
import type { Dispute, Game } from "./dispute.ts";
import { createExplainer } from "./explain.ts";
import { createBoardReader } from "./game/board-reader.ts";
import { type Beginning, createClaimBook, type MadeClaim } from "./game/claim-book.ts";
import type { Move } from "./game/solver.ts";
import { createGameHold } from "./game-hold.ts";
import { byUrgency, createGames, type GamesErrorCode } from "./games.ts";
import { createJudgement, type Judgement, type RightChain } from "./judgement.ts";
import type { L1Sources } from "./l1-sources.ts";
import { createSender, type Plan, type Sender } from "./sender.ts";
import type { Spending } from "./spending.ts";
import type { Trace } from "./trace/trace.ts";

export type ArenaComponents = Pick<Telemetry, "logger"> & {
  readonly client: PublicClient;
  readonly chain: Chain;
  readonly l1: L1Source;
  /** Why derivation stands still is what claims beyond it cannot be judged for. */
  readonly follower: Pick<Follower, "failure">;
  readonly right: RightClaims;
  readonly transactor: Transactor;
  readonly traceOf: (succession: Succession, signal: AbortSignal) => Promise<Trace>;
  readonly sources: L1Sources;
  readonly spending: Spending;
  readonly metrics: ChallengerMetrics;
  readonly signal: AbortSignal;
  /** Something came of what was sent, or of what was computed: it is worth a look. */
  readonly onDone: () => void;
};

export type ArenaOptions = {
  readonly startBlock: bigint;
  readonly windows?: LogWindows;
  readonly also: readonly Hex[];
  readonly isJanitor: boolean;
  readonly isRehearsal: boolean;
  readonly patienceMs: number;
};

/** A claim on L1 that is not positively judged right. */
export type Doubt = Pick<MadeClaim, "id" | "parent" | "staker" | "l1Block"> & {
  readonly verdict: "wrong" | "unjudged" | "lost";
  readonly lack: string | undefined;
};

/** What a look found. */
export type Findings = {
  readonly l1Block: bigint;
  readonly counts: { readonly right: number; readonly wrong: number; readonly unjudged: number };
  readonly oldestUnjudgedSeconds: bigint;
  readonly doubts: readonly Doubt[];
  readonly failures: readonly { readonly part: string; readonly error: string }[];
  readonly heldBack: string | undefined;
};

/** What a look at one registry found. `period`: of a claim; undefined when its board could not be read. */
export type Sight = Pick<Findings, "counts" | "oldestUnjudgedSeconds" | "doubts" | "failures" | "heldBack"> & {
  readonly period: bigint | undefined;
};

export type Head = { readonly number: L1BlockNumber; readonly hash: Hex; readonly timestamp: bigint };

/** L1 blocks by which the beginning of what is remembered of L1 moves at a time. */
const FORGET_EVERY = 7_200n;

/**
 * The games of one claim registry, and the account's part in them. What was played it asks of L1: each look decides anew,
 * from the board and its own trees.
 */
export const createArena = (components: ArenaComponents, options: ArenaOptions) => {
  const { client, l1, right, transactor, sources, spending, metrics, signal, onDone } = components;
  const { startBlock, also, isJanitor, isRehearsal, patienceMs } = options;
  const account = transactor.address;
  const { registry } = right;
  const logger = components.logger.child({ registry: registry.address });
  const background = createBackground({ onLate: onDone, signal });

  /** Stakes are free so many L1 blocks after the first claim of their game: thrice the bound for its verdict. */
  const horizonBlocks = async (): Promise<bigint> => {
    const { heights, period, censorship, delay } = (await right.rules()).parameters;
    const answers = BigInt(heights.reduce((sum, height) => sum + height + 1, 0));
    return 3n * (period + censorship + (delay + 1n) * (answers + 1n));
  };
  const beginning = async (head: bigint): Promise<Beginning> => {
    const horizon = head - (await horizonBlocks());
    const steps = [...right.steps];
    const { genesis } = await right.rules();
    const { madeAt } = (await right.claimAt(genesis)).claim;
    let begin: Beginning = { id: genesis, l1Block: madeAt > startBlock ? madeAt : startBlock };
    // Confirmed claims are the oldest, and blocks rise with them.
    for (let [low, high] = [0, steps.length]; low < high; ) {
      const middle = Math.floor((low + high) / 2);
      const id = steps[middle]?.id as ClaimId;
      const { status, madeAt } = await registry.claim(id);
      if (status === "confirmed" && madeAt <= horizon) [low, begin] = [middle + 1, { id, l1Block: madeAt }];
      else high = middle;
    }
    return begin;
  };
  const book = createClaimBook(client, {
    registry: registry.address,
    beginning: async () => beginning(await client.getBlockNumber({ cacheTime: 0 })),
    ...(options.windows && { windows: options.windows }),
  });
  const reader = createBoardReader(client, { registry: registry.address, book });
  const games = createGames(
    { ...components, logger, book, background, signal },
    { account, also, isJanitor, patienceMs },
  );
  const explain = createExplainer({ client, book, traceOf: games.traceOf }, { registry: registry.address });
  const states = createGameHold(components.chain);
  let sender: Sender | undefined;
  let disputes: readonly Dispute[] = [];
  let heldBack: string | undefined;
  let candidate: { readonly parent: ClaimId; readonly id: ClaimId; readonly lineage: Hex | undefined } | undefined;
  let lack: unknown = new CodedError<GamesErrorCode>("CHALLENGER_DATA_INCOMPLETE", "nothing was computed yet");
  /** Inbox records that the candidate is about. */
  let limit = 0n;
  let forgotten = 0n;
  let oldest: { readonly id: ClaimId; readonly createdAt: bigint } | undefined;

  /** The right claim on the newest right one on L1, where somebody has claimed or it is not there. */
  const seek = async (head: bigint): Promise<Succession | undefined> => {
    const { candidate } = await right.walk(head);
    if (candidate !== undefined) return candidate;
    const tip = await right.tip();
    return book.on(tip.id).length === 0 ? undefined : right.succession(tip);
  };

  const walk = async (head: bigint): Promise<void> => {
    try {
      const found = await background.within(patienceMs, "the walk along right claims", () => seek(head));
      const { parent, id } = found ?? {};
      const lineage = parent && l1.lineage(parent.claim.limitBatch);
      candidate = parent && id ? { parent: parent.id, id, lineage } : undefined;
      limit = parent?.claim.limitBatch ?? 0n;
      const { batch } = components.chain.position;
      const { failure } = components.follower;
      const why = failure === undefined ? "" : `: ${failure}`;
      const message = `this node has derived ${batch} inbox records, which is less than the claims are about${why}`;
      lack = new CodedError<GamesErrorCode>("CHALLENGER_DATA_INCOMPLETE", message, { derived: batch });
    } catch (error) {
      lack = error;
      throw error;
    }
  };

  /** What is known begins with the first claim of all, or with a later one, when older ones were forgotten. */
  const idsFrom = (genesis: ClaimId): readonly ClaimId[] => {
    const ids = right.steps.map(({ id }) => id);
    const [first] = ids;
    const parent = first && book.claim(first)?.parent;
    return parent === undefined || parent === genesis ? [genesis, ...ids] : ids;
  };

  /** Games of which somebody made a claim that is not known to be right, oldest first. */
  const gamesIn = ({ ids }: RightChain, { rightOn }: Judgement): readonly Game[] =>
    ids.flatMap((parent) => {
      const claims = book.on(parent);
      const rightId = rightOn(parent);
      return claims.some(({ id }) => id !== rightId) ? [{ parent, rightId }] : [];
    });

  const ageOf = async (claim: MadeClaim | undefined, { timestamp }: Head): Promise<bigint> => {
    if (claim === undefined) return 0n;
    if (oldest === undefined || oldest.id !== claim.id) {
      const { timestamp: createdAt } = await client.getBlock({ blockNumber: claim.l1Block });
      oldest = { id: claim.id, createdAt };
    }
    return timestamp > oldest.createdAt ? timestamp - oldest.createdAt : 0n;
  };

  /** What there is to say of every claim that is not decided, and of those that L1 took wrongly. */
  const weigh = (judgement: Judgement) => {
    const counts = { right: 0, wrong: 0, unjudged: 0 };
    const doubts: Doubt[] = [];
    let first: MadeClaim | undefined;
    for (const claim of book.undecided()) {
      const verdict = judgement.verdictOf(claim);
      counts[verdict]++;
      if (verdict === "unjudged") first ??= claim;
      if (verdict !== "right")
        doubts.push({ ...claim, verdict, lack: verdict === "unjudged" ? reasonOf(lack) : undefined });
    }
    for (const { parent, rivals, state } of disputes)
      for (const rival of state === "lost" ? rivals : [])
        if (rival.id === book.winnerOn(parent)) doubts.push({ ...rival, verdict: "lost", lack: undefined });
    return { counts, doubts, first };
  };

  /** Claims that moves are about, with what they stand on. */
  const claimsOf = (moves: readonly Move[]): readonly ClaimId[] => {
    const about = new Set<ClaimId>();
    for (const { parent, right: id, rivals, moves: own } of disputes)
      if (own.some((move) => moves.includes(move)))
        for (const claim of [parent, id, ...rivals.map((rival) => rival.id)]) if (claim !== undefined) about.add(claim);
    for (const { call } of moves) {
      const claim = call.type === "forfeit" ? book.claim(call.claim) : undefined;
      if (claim !== undefined) for (const id of [claim.id, claim.parent]) about.add(id);
    }
    return [...about];
  };

  const act = async (head: Head, chores: readonly Move[]): Promise<string | undefined> => {
    if (sender === undefined || sender.isBusy) return heldBack;
    const moves = [...disputes.toSorted(byUrgency).flatMap((dispute) => dispute.moves), ...chores];
    const { number, hash, timestamp } = head;
    const at = {
      head: { number, hash },
      timestamp,
      derived: l1.head,
      claims: claimsOf(moves),
      registry: registry.address,
    };
    const { refusals, lack: held } = await sender.send(moves, at);
    disputes = disputes.map((dispute) => ({
      ...dispute,
      ...(held !== undefined && dispute.moves.length > 0 ? { state: "blocked", lack: held } : {}),
      refusals: refusals.filter(({ move }) => dispute.moves.includes(move)),
    }));
    const isIdle = moves.length === 0 && disputes.every(({ staked }) => staked === 0n);
    if (isIdle && (await registry.credit(account)) > 0n) await sender.withdraw(at);
    return held;
  };

  /** The oldest of the games that are not over, or the newest claim: what lies before is not asked about any more. */
  const keep = async (at: L1BlockNumber): Promise<void> => {
    const first = games.undecided[0];
    const { place } = first === undefined ? await right.tip() : await right.claimAt(first);
    states.note({ at, from: place.number }, l1.finalized);
  };

  /** INVARIANT: one part that fails silences no other; what failed is told, by part. */
  const look = async (head: Head): Promise<Sight> => {
    const failures: Findings["failures"][number][] = [];
    const part = async <T>(name: string, work: () => T | Promise<T>, otherwise: T): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        failures.push({ part: name, error: reasonOf(error) });
        metrics.failures.inc({ part: name });
        const level = hasCode<RightClaimsErrorCode>(error, "CLAIMS_L1_CHANGED") ? "debug" : "warn";
        logger[level]({ err: error, part: name }, `a part of the look at disputes failed: ${messageOf(error)}`);
        return otherwise;
      }
    };
    const { genesis, parameters, l1ChainId } = await right.rules();
    sender ??= createSender(
      { client, transactor, sources, spending, metrics, signal, logger, onDone },
      { registry: registry.address, stakes: parameters.stakes, isRehearsal },
    );
    const sync = () => background.within(patienceMs, "the list of claims", () => book.sync(head));
    await part("claims", sync, undefined);
    await part("walk", () => walk(head.number), undefined);
    const ids = idsFrom(genesis);
    // What was found before holds as long as nothing has moved below it.
    const isStill = candidate?.parent === ids.at(-1) && candidate?.lineage === l1.lineage(limit);
    const next = isStill ? candidate?.id : undefined;
    const chain: RightChain = { ids, next };
    const judgement = createJudgement(book, chain);
    const board = await part("board", () => reader.at(head.number), undefined);
    if (board !== undefined)
      disputes = await part("games", () => games.judge(gamesIn(chain, judgement), board, lack), disputes);
    if (failures.length === 0) await part("states", () => keep(head.number), undefined);
    const chores = await part(
      "chores",
      async () =>
        choresIn({
          book,
          chain,
          judgement,
          registry: registry.address,
          anchor: (await right.claimAt(genesis)).claim,
          l1ChainId,
          lineageAt: l1.lineage,
          height: parameters.heights[0],
          period: parameters.period,
          grace: parameters.spacing,
          now: head.number,
          account,
          isServed: games.isServed,
          disputed: new Set(disputes.filter(({ state }) => state !== "settled").map(({ parent }) => parent)),
        }),
      [],
    );
    const { counts, doubts, first } = weigh(judgement);
    const oldestUnjudgedSeconds = await part("age", () => ageOf(first, head), 0n);
    heldBack = await part("sending", () => act(head, chores), undefined);
    if (head.number >= forgotten + FORGET_EVERY) {
      await part("memory", async () => book.forget(await beginning(head.number)), undefined);
      forgotten = head.number;
    }
    return { counts, doubts, oldestUnjudgedSeconds, failures, heldBack, period: board?.period };
  };

  return {
    registry: registry.address,
    get disputes(): readonly Dispute[] {
      return disputes;
    },
    get plan(): Plan | undefined {
      return sender?.plan;
    },
    async stepsOf(parent: ClaimId): Promise<readonly DisputedStep[]> {
      const dispute = disputes.find((one) => one.parent === parent);
      return dispute === undefined ? [] : explain(dispute);
    },
    look,
  };
};
export type Arena = ReturnType<typeof createArena>;
