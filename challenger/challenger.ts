import { formatEther, type PublicClient } from "viem";
import type {
  Follower,
  L1Source,
  LogWindows,
  Registries,
  RightClaims,
  Succession,
  Transactor,
} from "../bridge/index.ts";
import {
  type Chain,
  type ClaimId,
  createLock,
  createWatch,
  type DisputedStep,
  type Hex,
  type KeyValueStore,
  messageOf,
  type Service,
  type Telemetry,
} from "../executor/index.ts";
import { type Arena, createArena, type Findings, type Head, type Sight } from "./arena.ts";
import { createChallengerMetrics } from "./challenger-metrics.ts";
import type { Dispute } from "./dispute.ts";
import { createL1Sources } from "./l1-sources.ts";
import type { Plan } from "./sender.ts";
import { createSpending } from "./spending.ts";
import type { Trace } from "./trace/trace.ts";

export type ChallengerComponents = Telemetry & {
  readonly client: PublicClient;
  /** Further sources of L1, which must agree with the first before anything is signed. */
  readonly others?: readonly PublicClient[];
  readonly chain: Chain;
  readonly l1: L1Source;
  /** Why derivation stands still is what claims beyond it cannot be judged for. */
  readonly follower: Pick<Follower, "failure">;
  readonly registries: Pick<Registries, "all">;
  readonly store: KeyValueStore;
  /** Of the account whose stakes are at risk. */
  readonly transactor: Transactor;
  /** The trees over the units that claims on right claims of a registry are about. */
  readonly tracesOf: (right: RightClaims) => (succession: Succession, signal: AbortSignal) => Promise<Trace>;
};

export type ChallengerOptions = {
  /** L1 block from which on there can be claims. */
  readonly startBlock: bigint;
  /** Whose stakes are defended, and whose winnings brought home, beside the account's own. */
  readonly also?: readonly Hex[];
  /** Whether winnings are brought home whoever won them. */
  readonly isJanitor?: boolean;
  /** Nothing is sent: what would be is told. */
  readonly isRehearsal?: boolean;
  /** Wei that may be sent in 24 hours. */
  readonly spendCap?: bigint | undefined;
  /** How long a look waits for what it needs; what has not come by then comes with a later one. */
  readonly patienceMs?: number;
  readonly windows?: LogWindows;
  readonly pollMs?: number;
  readonly maxBackoffMs?: number;
};

/**
 * Watches all claims on L1, in every registry that there is, recomputes each from L1 alone, and plays against those that are not the right one, however old
 * the claim is that they stand on. It remembers no move: each look decides anew, from the board and its own trees.
 */
export type Challenger = Service & {
  readonly address: Hex;
  readonly isRehearsal: boolean;
  readonly disputes: readonly Dispute[];
  /** The steps of the machine that a dispute, by its parent, has come down to. Executes; what fails is thrown. */
  stepsOf(parent: ClaimId): Promise<readonly DisputedStep[]>;
  /** Undefined before the first look. */
  readonly findings: Findings | undefined;
  readonly plan: Plan | undefined;
  readonly spending: { readonly spent: bigint; readonly cap: bigint | undefined };
  readonly l1Sources: number;
  /** Looks at L1 once and sends at most one transaction; does not wait for it. */
  tick(): Promise<void>;
  /** Begins to look whenever L1 or the chain goes on. */
  start(): void;
};

const DEFAULTS = { pollMs: 1000, maxBackoffMs: 30_000, patienceMs: 5_000, isJanitor: false, isRehearsal: false };

export const createChallenger = (components: ChallengerComponents, options: ChallengerOptions): Challenger => {
  const { client, l1, registries, transactor, tracesOf, others = [] } = components;
  const { also = [], pollMs, maxBackoffMs, ...given } = { ...DEFAULTS, ...options };
  const account = transactor.address;
  const logger = components.logger.child({ module: "challenger", address: account });
  const metrics = createChallengerMetrics(components.registry);
  const aborter = new AbortController();
  const { signal } = aborter;
  const lock = createLock();
  const sources = createL1Sources({ client, others, registry: components.registry });
  const spending = createSpending(components, { cap: options.spendCap });
  const known = new Map<RightClaims, Arena>();
  let findings: Findings | undefined;
  let turn = 0;

  const arenaOf = (right: RightClaims): Arena => {
    const arena =
      known.get(right) ??
      createArena(
        {
          ...components,
          right,
          traceOf: tracesOf(right),
          logger,
          sources,
          spending,
          metrics,
          signal,
          onDone: () => watch.rouse(),
        },
        { ...given, also },
      );
    known.set(right, arena);
    return arena;
  };
  /** Oldest first. */
  const arenas = (): readonly Arena[] => registries.all.map(arenaOf);
  const disputes = (): readonly Dispute[] => arenas().flatMap((arena) => arena.disputes);

  const observe = ({ counts, oldestUnjudgedSeconds }: Findings, periods: readonly bigint[]): void => {
    const all = disputes();
    metrics.disputes.reset();
    for (const { state } of all) metrics.disputes.inc({ state });
    metrics.wrongClaims.set(counts.wrong);
    metrics.unjudgedClaims.set(counts.unjudged);
    metrics.oldestUnjudged.set(Number(oldestUnjudgedSeconds));
    const clocks = all
      .filter(({ state }) => state !== "settled")
      .flatMap(({ rivals, period }) => rivals.map((rival) => ({ ...rival, period })))
      .filter(({ status }) => status === "open")
      .map(({ timer, period }) => (period > timer ? period - timer : 0n));
    metrics.rivalClock.set(Number([...periods, ...clocks].reduce((least, clock) => (clock < least ? clock : least))));
    metrics.atStake.set(Number(formatEther(all.reduce((sum, { staked }) => sum + staked, 0n))));
  };

  const merged = (l1Block: bigint, sights: readonly Sight[]): Findings => {
    const sum = (count: keyof Findings["counts"]) => sights.reduce((total, { counts }) => total + counts[count], 0);
    return {
      l1Block,
      counts: { right: sum("right"), wrong: sum("wrong"), unjudged: sum("unjudged") },
      oldestUnjudgedSeconds: sights.reduce((most, { oldestUnjudgedSeconds: age }) => (age > most ? age : most), 0n),
      doubts: sights.flatMap(({ doubts }) => doubts),
      failures: sights.flatMap(({ failures }) => failures),
      heldBack: sights.find(({ heldBack }) => heldBack !== undefined)?.heldBack,
    };
  };

  /** INVARIANT: no registry keeps another from being looked at, or from its turn to send. */
  const look = async (head: Head): Promise<void> => {
    const all = arenas();
    const first = turn++ % all.length;
    const sights: Sight[] = [];
    const errors: unknown[] = [];
    if (transactor.pending === 0) metrics.heldBack.reset();
    for (const arena of [...all.slice(first), ...all.slice(0, first)])
      await arena.look(head).then(
        (sight) => sights.push(sight),
        (error: unknown) => errors.push(error),
      );
    signal.throwIfAborted();
    if (sights.length > 0) findings = merged(head.number, sights);
    const periods = sights.flatMap(({ period }) => period ?? []);
    if (findings !== undefined && periods.length > 0) observe(findings, periods);
    if (errors.length > 0) throw errors[0];
  };

  const tick = (): Promise<void> =>
    lock(async () => {
      if (signal.aborted) return;
      try {
        await look(await client.getBlock({ blockTag: "latest" }));
      } catch (error) {
        metrics.failures.inc({ part: "all" });
        throw error;
      }
    });

  const watch = createWatch({
    look: tick,
    onFailure(error, failed) {
      logger.warn({ err: error, failed }, `disputes stand still: ${messageOf(error)}`);
    },
    pollMs,
    maxBackoffMs,
    signal,
  });
  const unsubscribe = [l1.onAdvance(watch.rouse), components.chain.on("heads", watch.rouse)];

  return {
    name: "challenger",
    address: account,
    isRehearsal: given.isRehearsal,
    get disputes() {
      return disputes();
    },
    async stepsOf(parent) {
      const arena = arenas().find(({ disputes }) => disputes.some((one) => one.parent === parent));
      return (await arena?.stepsOf(parent)) ?? [];
    },
    get findings() {
      return findings;
    },
    get plan() {
      return arenas()
        .map(({ plan }) => plan)
        .reduce(
          (newest, plan) => (plan && (newest === undefined || plan.l1Block > newest.l1Block) ? plan : newest),
          undefined,
        );
    },
    get spending() {
      return { spent: spending.spent(l1.head?.timestamp ?? 0n), cap: spending.cap };
    },
    l1Sources: sources.count,
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
