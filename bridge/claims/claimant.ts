import type { PublicClient } from "viem";
import {
  type Chain,
  type ClaimId,
  createLock,
  createWatch,
  hasCode,
  type L1BlockNumber,
  type L2BlockNumber,
  messageOf,
  type Service,
  type Telemetry,
} from "../../executor/index.ts";
import type { L1Call, Transactor } from "../clients/transactor.ts";
import type { L1Source } from "../derivation/l1-source.ts";
import { type ClaimAction, createClaimantMetrics } from "./claimant-metrics.ts";
import type { Registries } from "./registries.ts";
import { proposeCall, settleCall, withdrawCreditCall } from "./registry.ts";
import { changed, type RightClaims, type RightClaimsErrorCode, type Succession } from "./right-claims.ts";

export type ClaimantComponents = Telemetry & {
  readonly client: PublicClient;
  readonly chain: Chain;
  readonly l1: L1Source;
  readonly registries: Pick<Registries, "all">;
  /** Of the account whose bonds are at stake. */
  readonly transactor: Transactor;
};

export type ClaimantOptions = {
  /** L1 blocks from a claim to the next, at least; the registry has a minimum of its own. */
  readonly intervalBlocks: bigint;
  readonly pollMs?: number;
  readonly maxBackoffMs?: number;
};

/**
 * Claims on L1, in the registry in force, what this node derived from L1; confirms claims and takes bonds home in all. Which claim is next, and whether it is there, is asked of L1 each time: a
 * claim's id is its content, so neither a crash nor another claimant makes one twice.
 */
export type Claimant = Service & {
  /** Looks at L1 once and sends at most one transaction; does not wait for it. */
  tick(): Promise<void>;
  /** Begins to look whenever L1 or the chain goes on. */
  start(): void;
};

/** Confirmed claims that are kept, for L1 reorgs. */
const KEPT = 16;
const most = (a: bigint, b: bigint) => (a > b ? a : b);

export const createClaimant = (components: ClaimantComponents, options: ClaimantOptions): Claimant => {
  const { client, chain, l1, registries, transactor } = components;
  const { intervalBlocks, pollMs = 1000, maxBackoffMs = 30_000 } = options;
  const logger = components.logger.child({ module: "claimant", address: transactor.address });
  const metrics = createClaimantMetrics(components.registry);
  const lock = createLock();
  const aborter = new AbortController();
  let sending: Promise<void> | undefined;

  /** Where others are, nothing new is claimed any more. */
  const isInForce = (right: RightClaims): boolean => right === registries.all.at(-1);

  const lose = (id: ClaimId): undefined => {
    metrics.lost.set(1);
    logger.error({ id }, "L1 confirmed another claim than the one that this node computed");
  };

  const proposal = async (
    { registry, rules }: RightClaims,
    { parent, range, origin, context }: Succession,
    head: L1BlockNumber,
  ) => {
    const { parameters } = await rules();
    const { claim } = parent;
    if (head < claim.madeAt + most(intervalBlocks, parameters.spacing)) return undefined;
    // A claim of nothing only makes room for the records that came since.
    if (range.units === 0 && l1.recordCount <= claim.limitBatch) return undefined;
    if ((await registry.winner(context)) !== undefined) return lose(parent.id);
    const [bond] = parameters.stakes;
    if ((await client.getBalance({ address: transactor.address })) <= bond) {
      logger.warn({ bond }, "the account cannot pay for a claim's bond");
      return undefined;
    }
    const read = l1.head;
    const [now, again] = await Promise.all([
      read && client.getBlock({ blockNumber: read.number }),
      registry.claim(parent.id),
    ]);
    // What L1 would refuse, when it comes to that, is not sent: the game says which parent and history the claim is for.
    if (now === undefined || now.hash !== read?.hash || again.limitBatch !== claim.limitBatch)
      throw changed("L1 reorganised");
    const call = proposeCall(registry.address, bond, { parent: parent.id, origin, ...range });
    return { action: "propose" as const, call, block: range.end.number };
  };

  /** The oldest open claim, when its time has come: one's own at once, another's when its owner is late. */
  const settlement = async (right: RightClaims, head: L1BlockNumber) => {
    const { registry } = right;
    const { parameters } = await right.rules();
    const oldest = right.steps.slice(0, KEPT + 1);
    const claims = await Promise.all(oldest.map(({ id }) => registry.claim(id)));
    const open = claims.findIndex(({ status }) => status === "open");
    const confirmed = claims[(open === -1 ? claims.length : open) - 1];
    if (confirmed !== undefined && isInForce(right)) metrics.confirmed.set(Number(confirmed.blockNumber));
    if (open === -1 && claims.length > KEPT) await right.shift();
    const [step, claim] = [oldest[open], claims[open]];
    if (step === undefined || claim === undefined) return undefined;
    if ((await registry.timer(step.id)) < parameters.period) return undefined;
    const late = head >= claim.madeAt + parameters.period + most(intervalBlocks, parameters.spacing);
    if (!late && (await registry.staker(step.id)) !== transactor.address) return undefined;
    return { action: "settle" as const, call: settleCall(registry.address, step.id), block: claim.blockNumber };
  };

  const withdrawal = async ({ registry }: RightClaims) => {
    if ((await registry.credit(transactor.address)) === 0n) return undefined;
    return { action: "withdraw" as const, call: withdrawCreditCall(registry.address), block: undefined };
  };

  type Move = { readonly action: ClaimAction; readonly call: L1Call; readonly block: L2BlockNumber | undefined };

  /** What came of it is read from L1, by the next look. */
  const send = ({ action, call, block }: Move): void => {
    logger.info({ action, block }, "sending an L1 transaction for a claim");
    const done = (outcome: string) => {
      metrics.sent.inc({ action, outcome });
      sending = undefined;
      watch.rouse();
    };
    sending = transactor.send(call).then(
      () => done("mined"),
      (error) => {
        done("failed");
        if (!aborter.signal.aborted) logger.warn({ err: error, action, block }, "an L1 transaction for a claim failed");
      },
    );
  };

  const visit = async (right: RightClaims, head: L1BlockNumber): Promise<void> => {
    const { candidate, lost } = await right.walk(head);
    if (isInForce(right)) {
      metrics.right.set(Number((await right.tip()).claim.blockNumber));
      metrics.rangeUnits.set(right.effort.units);
      metrics.rangeSeconds.set(right.effort.seconds);
    }
    if (lost !== undefined) lose(lost);
    // INVARIANT: one transaction at a time, so that each is decided on what the one before came to.
    if (sending !== undefined || transactor.pending > 0) return;
    const move: Move | undefined =
      (await settlement(right, head)) ??
      (candidate && isInForce(right) ? await proposal(right, candidate, head) : undefined) ??
      (await withdrawal(right));
    if (move !== undefined && !aborter.signal.aborted) send(move);
  };

  const tick = (): Promise<void> =>
    lock(async () => {
      if (aborter.signal.aborted) return;
      try {
        const { number: head } = await client.getBlock({ blockTag: "latest" });
        metrics.lost.set(0);
        // What cannot be told of a registry silences no other.
        const failures: unknown[] = [];
        for (const right of registries.all) await visit(right, head).catch((error: unknown) => failures.push(error));
        if (failures.length > 0) throw failures[0];
      } catch (error) {
        metrics.failures.inc();
        throw error;
      }
    });

  const watch = createWatch({
    look: tick,
    onFailure(error, failed) {
      const level = hasCode<RightClaimsErrorCode>(error, "CLAIMS_L1_CHANGED") ? "debug" : "warn";
      logger[level]({ err: error, failed }, `claims stand still: ${messageOf(error)}`);
    },
    pollMs,
    maxBackoffMs,
    signal: aborter.signal,
  });
  const unsubscribe = [l1.onAdvance(watch.rouse), chain.on("heads", watch.rouse)];

  return {
    name: "claimant",
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
