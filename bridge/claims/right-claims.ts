import type { PublicClient } from "viem";
import {
  type BytesOf,
  type Chain,
  type ClaimId,
  CodedError,
  type ContextId,
  chainStateAt,
  createLock,
  type Hex,
  hashChainState,
  type KeyValueStore,
  type L1BlockNumber,
  type Service,
  type Telemetry,
  toClaim,
  toFirstClaim,
  toHex,
} from "../../executor/index.ts";
import type { ClaimParameters } from "../clients/claim-parameters.ts";
import type { L1Source } from "../derivation/l1-source.ts";
import { contextHash, edgeHash, type Game, gameHash, levelBase } from "./game-hash.ts";
import { type ClaimedRange, claimedRange, GENESIS_PLACE, type Place } from "./range.ts";
import { createRegistryReader, type RegisteredClaim, type RegistryReader } from "./registry.ts";
import { firstClaim, openTrail, type Step } from "./trail.ts";

export type RightClaimsErrorCode =
  /** The registry's first claim is another chain's. Give the node the rollup file of these contracts. */
  | "CLAIMS_OTHER_GENESIS"
  /**
   * The registry's contracts judge these blocks by another schedule of forks than the rollup file's: no claim about them is
   * right in both. While the registry is in force nobody with this file disputes what is claimed behind the fork: run
   * challengers with the schedule that L1 has, in an empty directory, or let the announced upgrade take over.
   */
  | "CLAIMS_OTHER_RULES"
  /**
   * L1 changed between two looks at the claims, or shows less than it did. Nothing is to be done: the next look sees it
   * whole.
   */
  | "CLAIMS_L1_CHANGED";

export type RightClaimsComponents = Pick<Telemetry, "logger"> & {
  readonly client: PublicClient;
  readonly chain: Chain;
  readonly l1: L1Source;
  readonly store: KeyValueStore;
};

export type RightClaimsOptions = {
  /** The contract. */
  readonly registry: Hex;
  /** L1 blocks above a claim before another stands on it: an L1 reorg that is not deeper changes nothing of what was sent. */
  readonly depth: bigint;
  /** The claim that the walk begins at; the chain's first, or that of its snapshot, when not given. */
  readonly start?: ClaimStart;
  /** L2 timestamp of the first block that the registry judges by other rules than this node; none when not given. */
  readonly until?: bigint;
};

/** A confirmed claim, and where its state stands in the chain. */
export type ClaimStart = { readonly id: ClaimId; readonly place: Place };

export type RegistryRules = {
  readonly parameters: ClaimParameters;
  /**
   * The claim that the walk begins at: the chain's first, the confirmed one behind the snapshot, or the one with which the
   * registry took over.
   */
  readonly genesis: ClaimId;
  readonly l1ChainId: bigint;
};

/** A right claim on L1. */
export type RightClaim = { readonly id: ClaimId; readonly place: Place; readonly claim: RegisteredClaim };

/** Where claims on one parent meet, and which of them is right. */
export type Succession = {
  readonly parent: RightClaim;
  readonly range: ClaimedRange;
  readonly game: Game;
  /** The game's hash, and the context of its level-0 roots. */
  readonly origin: BytesOf<ContextId>;
  readonly context: BytesOf<ContextId>;
  /** The right claim's id. */
  readonly id: ClaimId;
};

/** What a look at L1 found. */
export type Walk = {
  /** The right claim that is not on L1, on the newest that is. */
  readonly candidate?: Succession;
  /** A right claim that L1 has rejected. */
  readonly lost?: ClaimId;
};

/**
 * Which claims are right: a pure function of what this node derived from L1, and of where L1 says that claims stand. One
 * for a store. What takes long ends with `stop`.
 */
export type RightClaims = Service & {
  readonly registry: RegistryReader;
  /** Right claims that were found on L1, oldest first, without the first of all. */
  readonly steps: readonly Step[];
  /** CLAIMS_OTHER_GENESIS. */
  rules(): Promise<RegistryRules>;
  /**
   * Follows right claims on L1 as of its block `head`, whoever made them, up to the first that is not there.
   * CLAIMS_L1_CHANGED, CLAIMS_OTHER_RULES, the codes of units.
   */
  walk(head: L1BlockNumber): Promise<Walk>;
  /** The newest right claim on L1. */
  tip(): Promise<RightClaim>;
  /** One of the steps, or the first claim. RangeError for another. */
  claimAt(id: ClaimId): Promise<RightClaim>;
  /** The right claim on a right claim; undefined while this node has not derived all that it is about. The codes of `walk`. */
  succession(parent: RightClaim): Promise<Succession | undefined>;
  /** Forgets the oldest step. */
  shift(): Promise<void>;
  /** What the last range that was executed took. */
  readonly effort: { readonly units: number; readonly seconds: number };
};

const LEVEL = 0;

/** Where the chain of a node begins that took a snapshot. */
export const placeOfBase = ({ base }: Pick<Chain, "base">): Place | undefined =>
  base && { number: base.block.header.number, position: base.position, ahead: 0 };

export const changed = (what: string) => new CodedError<RightClaimsErrorCode>("CLAIMS_L1_CHANGED", what);

export const createRightClaims = (components: RightClaimsComponents, options: RightClaimsOptions): RightClaims => {
  const { client, chain, l1, logger } = components;
  const { depth } = options;
  const aborter = new AbortController();
  const { signal } = aborter;
  const lock = createLock();
  /** L1 block of the last look: all of a look is read as of it. */
  let lookedAt: L1BlockNumber | undefined;
  const registry = createRegistryReader(client, options.registry, () => lookedAt);
  const trail = openTrail(components.store, options.registry);
  /** INVARIANT: a snapshot's claim is confirmed for good, so all claims before it are decided. */
  const first = options.start?.id ?? (chain.base === undefined ? undefined : firstClaim(components.store));
  const firstPlace: Place = options.start?.place ?? placeOfBase(chain) ?? GENESIS_PLACE;
  let known: RegistryRules | undefined;
  let isRightStart: boolean | undefined;
  let computed: { readonly key: string; readonly range: ClaimedRange } | undefined;
  let effort = { units: 0, seconds: 0 };

  const rules = async (): Promise<RegistryRules> => {
    if (known !== undefined) return known;
    const [parameters, stated, l1ChainId] = await Promise.all([
      registry.parameters(),
      registry.anchor(),
      client.getChainId(),
    ]);
    const genesis =
      first ?? toFirstClaim(toHex(hashChainState(chainStateAt(chain, firstPlace.number, firstPlace.position))));
    // Who wrote the chain from a snapshot has compared them; of another registry's beginning `follow` judges.
    if (first === undefined && stated !== genesis)
      throw new CodedError<RightClaimsErrorCode>("CLAIMS_OTHER_GENESIS", "the registry holds claims of another chain", {
        expected: genesis,
        stated,
      });
    known = { parameters, genesis, l1ChainId: BigInt(l1ChainId) };
    return known;
  };

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

  const tip = async (): Promise<RightClaim> => {
    const { genesis } = await rules();
    const { id, place } = trail.steps.at(-1) ?? { id: genesis, place: firstPlace };
    return { id, place, claim: await registry.claim(id) };
  };

  const claimAt = async (id: ClaimId): Promise<RightClaim> => {
    const { genesis } = await rules();
    const place = id === genesis ? firstPlace : trail.steps.find((step) => step.id === id)?.place;
    if (place === undefined) throw new RangeError(`${id} is no right claim that was found`);
    return { id, place, claim: await registry.claim(id) };
  };

  /** The range that claims on this one are about. The same question is answered from memory. */
  const rangeOn = async ({ id, place, claim }: RightClaim, height: number): Promise<ClaimedRange> => {
    const limit = claim.limitBatch;
    const lineage = l1.lineage(limit);
    const key = `${id} ${limit} ${lineage}`;
    if (computed?.key === key) return computed.range;
    const began = performance.now();
    const range = await claimedRange({ chain, inbox: l1 }, place, { limit, height, signal });
    // INVARIANT: all units were read from one history of L1, and go on from what the parent claims.
    if (l1.lineage(limit) !== lineage || toHex(range.start) !== claim.endState) throw changed("L1 moved meanwhile");
    effort = { units: range.units, seconds: (performance.now() - began) / 1000 };
    computed = { key, range };
    return range;
  };

  const succession = async (parent: RightClaim): Promise<Succession | undefined> => {
    const { parameters, l1ChainId } = await rules();
    const { limitBatch } = parent.claim;
    const lineage = l1.lineage(limitBatch);
    // INVARIANT: nothing is called right before this node derived it from L1.
    if (lineage === undefined || chain.position.batch < limitBatch) return undefined;
    const height = parameters.heights[LEVEL];
    const range = await rangeOn(parent, height);
    if (l1.lineage(limitBatch) !== lineage) throw changed("L1 moved meanwhile");
    // INVARIANT: nothing is called right that the contracts that decide it would find wrong.
    if (options.until !== undefined && range.end.timestamp >= options.until)
      throw new CodedError<RightClaimsErrorCode>(
        "CLAIMS_OTHER_RULES",
        `the registry judges blocks from L2 time ${options.until} on by other rules than this node's`,
        { registry: registry.address, until: options.until },
      );
    const game = { l1ChainId, registry: registry.address, parent: parent.id, limitBatch, lineage };
    const origin = gameHash(game);
    const base = levelBase(origin, range.start);
    const context = contextHash({ level: LEVEL, origin, position: 0n, height, base });
    return { parent, range, game, origin, context, id: toClaim(toHex(edgeHash(context, range.root))) };
  };

  /** Whether the walk begins with the state that this node has there; undefined while it has not derived it. */
  const isOwnStart = async (): Promise<boolean | undefined> => {
    if (options.start === undefined) return true;
    const { id, place } = options.start;
    const { batch, cursor } = chain.position;
    const { position } = place;
    if (batch < position.batch || (batch === position.batch && cursor < position.cursor)) return undefined;
    return toHex(hashChainState(chainStateAt(chain, place.number, position))) === (await registry.claim(id)).endState;
  };

  const follow = async (head: L1BlockNumber): Promise<Walk> => {
    const { genesis } = await rules();
    isRightStart ||= await isOwnStart();
    if (isRightStart === undefined) return {};
    if (!isRightStart) return { lost: genesis };
    await retrace();
    for (let parent = await tip(); ; ) {
      if (head < parent.claim.madeAt + depth) return {};
      const next = await succession(parent);
      if (next === undefined) return {};
      const { id, range } = next;
      const [claim, isRejected] = await Promise.all([registry.claim(id), registry.isRejected(id)]);
      if (claim.status === "none") return { candidate: next };
      if (isRejected) return { lost: id };
      // The records that lie, wholly or in part, before the end.
      const { batch, cursor } = range.end.position;
      const records = range.end.phase === "open" || cursor > 0 ? batch + 1n : batch;
      const lineage = l1.lineage(records);
      if (lineage === undefined) throw changed("L1 dropped records meanwhile");
      await trail.append({ id, place: range.endPlace, records, lineage });
      parent = { id, place: range.endPlace, claim };
      logger.info({ id, block: range.end.number, units: range.units }, "L1 holds a right claim");
    }
  };

  return {
    name: "right-claims",
    async stop() {
      aborter.abort();
      await lock(async () => undefined);
    },
    registry,
    get steps() {
      return trail.steps;
    },
    get effort() {
      return effort;
    },
    rules,
    tip,
    claimAt,
    succession,
    shift: () => lock(() => trail.shift()),
    walk: (head) =>
      lock(async () => {
        // INVARIANT: a claim that a node of L1 does not show because it is behind is not one that L1 dropped.
        if (lookedAt !== undefined && head < lookedAt) throw changed("L1 shows less than it did");
        lookedAt = head;
        return follow(head);
      }),
  };
};
