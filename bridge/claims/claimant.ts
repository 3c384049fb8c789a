import type { PublicClient } from "viem";
import {
  type Chain,
  CodedError,
  chainStateAt,
  createLock,
  fromHex,
  type Hex,
  hashChainState,
  type KeyValueStore,
  messageOf,
  type Service,
  sleep,
  type Telemetry,
  toHex,
} from "../../executor/index.ts";
import type { L1Call, Transactor } from "../clients/transactor.ts";
import type { L1Source } from "../derivation/l1-source.ts";
import { type ClaimAction, createClaimantMetrics } from "./claimant-metrics.ts";
import { contextHash, edgeHash, gameHash, levelBase } from "./game-hash.ts";
import type { ClaimParameters } from "./parameters.ts";
import { type ClaimedRange, claimedRange, GENESIS_PLACE, type Place } from "./range.ts";
import { createRegistryReader, proposeCall, type RegisteredClaim, settleCall, withdrawCreditCall } from "./registry.ts";
import { openTrail } from "./trail.ts";

export type ClaimantErrorCode =
  /** The registry's first claim is another chain's. */
  | "CLAIMS_OTHER_GENESIS"
  /** L1 changed between two looks; the next one sees it whole. */
  | "CLAIMS_L1_CHANGED";

export type ClaimantComponents = Telemetry & {
  readonly client: PublicClient;
  readonly chain: Chain;
  readonly l1: L1Source;
  readonly store: KeyValueStore;
  /** Of the account whose bonds are at stake. */
  readonly transactor: Transactor;
};

export type ClaimantOptions = {
  /** The contract. */
  readonly registry: Hex;
  /** L1 blocks from a claim to the next, at least; the registry has a minimum of its own. */
  readonly intervalBlocks: bigint;
  /** L1 blocks above a claim before another stands on it: an L1 reorg that is not deeper changes nothing of what was sent. */
  readonly depth: bigint;
  readonly pollMs?: number;
  readonly maxBackoffMs?: number;
};

/**
 * Claims on L1 what this node derived from L1. Which claim is next, and whether it is there, is asked of L1 each time: a
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
const LEVEL = 0;

/** The newest right claim on L1. */
type Tip = { readonly id: Hex; readonly place: Place; readonly claim: RegisteredClaim };
/** The right claim on it, which is not on L1. */
type Candidate = { readonly parent: Tip; readonly range: ClaimedRange; readonly context: Uint8Array };
type Rules = { readonly parameters: ClaimParameters; readonly genesis: Hex; readonly l1ChainId: bigint };

const most = (a: bigint, b: bigint) => (a > b ? a : b);

export const createClaimant = (components: ClaimantComponents, options: ClaimantOptions): Claimant => {
  const { client, chain, l1, transactor } = components;
  const { intervalBlocks, depth, pollMs = 1000, maxBackoffMs = 30_000 } = options;
  const logger = components.logger.child({ module: "claimant", address: transactor.address });
  const metrics = createClaimantMetrics(components.registry);
  const registry = createRegistryReader(client, options.registry);
  const trail = openTrail(components.store);
  const lock = createLock();
  const aborter = new AbortController();
  let known: Rules | undefined;
  let computed: { readonly key: string; readonly range: ClaimedRange } | undefined;
  let sending: Promise<void> | undefined;
  let running: Promise<void> | undefined;
  let wake: () => void = () => undefined;
  let awake = true;

  const rules = async (): Promise<Rules> => {
    if (known !== undefined) return known;
    const [parameters, stated, l1ChainId] = await Promise.all([
      registry.parameters(),
      registry.genesis(),
      client.getChainId(),
    ]);
    const genesis = toHex(hashChainState(chainStateAt(chain, GENESIS_PLACE.number, GENESIS_PLACE.position)));
    if (stated !== genesis)
      throw new CodedError<ClaimantErrorCode>("CLAIMS_OTHER_GENESIS", "the registry holds claims of another chain", {
        expected: genesis,
        stated,
      });
    known = { parameters, genesis, l1ChainId: BigInt(l1ChainId) };
    return known;
  };

  const changed = (what: string) => new CodedError<ClaimantErrorCode>("CLAIMS_L1_CHANGED", what);

  /** Forgets claims that L1 holds no more, or that another history of the inbox gave. */
  const retrace = async (): Promise<void> => {
    let { length } = trail.steps;
    for (; length > 0; length--) {
      const step = trail.steps[length - 1];
      if (step === undefined || l1.lineage(step.records) !== step.lineage) continue;
      const { status } = await registry.claim(step.id);
      if ((status === "open" || status === "confirmed") && !(await registry.isRejected(step.id))) break;
    }
    if (length === trail.steps.length) return;
    logger.warn({ claims: trail.steps.length - length }, "L1 dropped claims, or what they claim");
    await trail.cut(length);
  };

  const tipOf = async ({ genesis }: Rules): Promise<Tip> => {
    const { id, place } = trail.steps.at(-1) ?? { id: genesis, place: GENESIS_PLACE };
    return { id, place, claim: await registry.claim(id) };
  };

  /** The range that claims on this one are about. The same question is answered from memory. */
  const rangeOn = async ({ id, place, claim }: Tip, height: number): Promise<ClaimedRange> => {
    const limit = claim.limitBatch;
    const lineage = l1.lineage(limit);
    const key = `${id} ${limit} ${lineage}`;
    if (computed?.key === key) return computed.range;
    const began = performance.now();
    const range = await claimedRange({ chain, inbox: l1 }, place, { limit, height, signal: aborter.signal });
    // INVARIANT: all units were read from one history of L1, and go on from what the parent claims.
    if (l1.lineage(limit) !== lineage || toHex(range.start) !== claim.endState) throw changed("L1 moved meanwhile");
    metrics.rangeUnits.set(range.units);
    metrics.rangeSeconds.set((performance.now() - began) / 1000);
    computed = { key, range };
    return range;
  };

  /** Follows right claims on L1, whoever made them, up to the first that is not there. */
  const follow = async (given: Rules, head: bigint): Promise<Candidate | undefined> => {
    const height = given.parameters.heights[LEVEL];
    for (;;) {
      const parent = await tipOf(given);
      const { limitBatch, madeAt } = parent.claim;
      metrics.right.set(Number(parent.claim.blockNumber));
      // INVARIANT: nothing is claimed before this node derived it from L1.
      if (l1.recordCount < limitBatch || chain.position.batch < limitBatch) return undefined;
      if (head < madeAt + depth) return undefined;
      const range = await rangeOn(parent, height);
      const origin = gameHash({
        l1ChainId: given.l1ChainId,
        registry: registry.address,
        parent: fromHex(parent.id),
        limitBatch,
      });
      const base = levelBase(origin, range.start);
      const context = contextHash({ level: LEVEL, origin, position: 0n, height, base });
      const id = toHex(edgeHash(context, range.root));
      const { status } = await registry.claim(id);
      if (status === "none") return { parent, range, context };
      if (await registry.isRejected(id)) return lose(id);
      // The records that lie, wholly or in part, before the end.
      const { batch, cursor } = range.end.position;
      const records = range.end.phase === "open" || cursor > 0 ? batch + 1n : batch;
      const lineage = l1.lineage(records);
      if (lineage === undefined) throw changed("L1 dropped records meanwhile");
      await trail.append({ id, place: range.endPlace, records, lineage });
      logger.info({ id, block: range.end.number, units: range.units }, "L1 holds a right claim");
    }
  };

  const lose = (id: Hex): undefined => {
    metrics.lost.set(1);
    logger.error({ id }, "L1 confirmed another claim than the one that this node computed");
  };

  const proposal = async ({ parent, range, context }: Candidate, given: Rules, head: bigint) => {
    const { parameters } = given;
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
    // INVARIANT: the claim is one for the parent and the history that L1 has now.
    const { limitBatch } = claim;
    if (now === undefined || now.hash !== read?.hash || again.limitBatch !== limitBatch)
      throw changed("L1 reorganised");
    const call = proposeCall(registry.address, bond, { parent: parent.id, limitBatch, ...range });
    return { action: "propose" as const, call, block: range.end.number };
  };

  /** The oldest open claim, when its time has come: one's own at once, another's when its owner is late. */
  const settlement = async ({ parameters }: Rules, head: bigint) => {
    const oldest = trail.steps.slice(0, KEPT + 1);
    const claims = await Promise.all(oldest.map(({ id }) => registry.claim(id)));
    const open = claims.findIndex(({ status }) => status === "open");
    const confirmed = claims[(open === -1 ? claims.length : open) - 1];
    if (confirmed !== undefined) metrics.confirmed.set(Number(confirmed.blockNumber));
    if (open === -1 && claims.length > KEPT) await trail.shift();
    const [step, claim] = [oldest[open], claims[open]];
    if (step === undefined || claim === undefined) return undefined;
    if ((await registry.timer(step.id)) < parameters.period) return undefined;
    const late = head >= claim.madeAt + parameters.period + most(intervalBlocks, parameters.spacing);
    if (!late && (await registry.staker(step.id)) !== transactor.address) return undefined;
    return { action: "settle" as const, call: settleCall(registry.address, step.id), block: claim.blockNumber };
  };

  const withdrawal = async () => {
    if ((await registry.credit(transactor.address)) === 0n) return undefined;
    return { action: "withdraw" as const, call: withdrawCreditCall(registry.address), block: undefined };
  };

  type Move = { readonly action: ClaimAction; readonly call: L1Call; readonly block: bigint | undefined };

  /** What came of it is read from L1, by the next look. */
  const send = ({ action, call, block }: Move): void => {
    logger.info({ action, block }, "sending an L1 transaction for a claim");
    const done = (outcome: string) => {
      metrics.sent.inc({ action, outcome });
      sending = undefined;
      rouse();
    };
    sending = transactor.send(call).then(
      () => done("mined"),
      (error) => {
        done("failed");
        if (!aborter.signal.aborted) logger.warn({ err: error, action, block }, "an L1 transaction for a claim failed");
      },
    );
  };

  const tick = (): Promise<void> =>
    lock(async () => {
      if (aborter.signal.aborted) return;
      try {
        const given = await rules();
        const { number: head } = await client.getBlock({ blockTag: "latest" });
        metrics.lost.set(0);
        await retrace();
        const candidate = await follow(given, head);
        // INVARIANT: one transaction at a time, so that each is decided on what the one before came to.
        if (sending !== undefined || transactor.pending > 0) return;
        const move: Move | undefined =
          (await settlement(given, head)) ??
          (candidate && (await proposal(candidate, given, head))) ??
          (await withdrawal());
        if (move !== undefined && !aborter.signal.aborted) send(move);
      } catch (error) {
        metrics.failures.inc();
        throw error;
      }
    });

  const rouse = (): void => {
    awake = true;
    wake();
  };
  const unsubscribe = [l1.onAdvance(rouse), chain.on("heads", rouse)];

  const run = async (): Promise<void> => {
    for (let failed = 0; !aborter.signal.aborted; ) {
      awake = false;
      try {
        await tick();
        failed = 0;
      } catch (error) {
        if (aborter.signal.aborted) return;
        failed++;
        awake = true;
        const level = error instanceof CodedError && error.code === "CLAIMS_L1_CHANGED" ? "debug" : "warn";
        logger[level]({ err: error, failed }, `claims stand still: ${messageOf(error)}`);
      }
      await sleep(Math.min(pollMs * 2 ** Math.min(failed, 16), Math.max(maxBackoffMs, pollMs)), aborter.signal);
      if (!awake && !aborter.signal.aborted)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  };

  return {
    name: "claimant",
    tick,
    start() {
      running ??= run();
    },
    async stop() {
      aborter.abort();
      for (const off of unsubscribe) off();
      wake();
      await running;
      await lock(async () => undefined);
    },
  };
};
