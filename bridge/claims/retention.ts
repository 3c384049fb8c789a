import type { PublicClient } from "viem";
import {
  type Chain,
  type ClaimId,
  createWatch,
  type Service,
  type StateHold,
  type Telemetry,
} from "../../executor/index.ts";
import type { L1Source } from "../derivation/l1-source.ts";
import type { Registries } from "./registries.ts";
import type { RightClaims } from "./right-claims.ts";

export type RetentionComponents = Pick<Telemetry, "logger"> & {
  readonly client: PublicClient;
  readonly chain: Chain;
  readonly l1: L1Source;
  readonly registries: Pick<Registries, "all" | "onEntered">;
};

/**
 * Keeps the states that undecided claims begin with. A claim is decided when L1 has confirmed the right one in a block
 * that is final: what lies before the end of the newest such claim, no claim of its registry begins with any more. Before
 * L1 has said so nothing is let go, so a node that starts keeps all that it has. In a former registry nobody claims where
 * nobody has: when its newest right claim is decided, and none is made on it, it needs nothing.
 */
export type Retention = Service & {
  /** Looks at L1 once. */
  look(): Promise<void>;
  /** Begins to look whenever L1 goes on. */
  start(): void;
};

export const createRetention = (
  { client, chain, l1, registries, ...components }: RetentionComponents,
  { pollMs = 1_000, maxBackoffMs = 30_000 }: { readonly pollMs?: number; readonly maxBackoffMs?: number } = {},
): Retention => {
  const logger = components.logger.child({ module: "retention" });
  const aborter = new AbortController();
  /** What each registry needs. `hold` undefined: nothing any more. */
  type Need = { hold: StateHold | undefined; from: bigint };
  const needs = new Map<RightClaims, Need>();
  const entered = registries.onEntered((right) => needs.set(right, { hold: chain.hold(0n), from: -1n }));

  /** Whether L1 has confirmed the claim for good. The confirmation is in a block that is at most as late. */
  const isDecided = async ({ registry }: RightClaims, id: ClaimId, finalTime: bigint): Promise<boolean> => {
    const { status, confirmedAt } = await registry.claim(id);
    return status === "confirmed" && confirmedAt <= finalTime;
  };

  /** Whether nobody can claim anything more there that is not decided. */
  const isOver = async (right: RightClaims, finalTime: bigint): Promise<boolean> => {
    if (right === registries.all.at(-1)) return false;
    const tip = await right.tip();
    if (!(await isDecided(right, tip.id, finalTime))) return false;
    const next = await right.succession(tip);
    return next !== undefined && !(await right.registry.isClaimed(next.context));
  };

  const lookAt = async (right: RightClaims, need: Need, finalTime: bigint): Promise<void> => {
    let decided = need.from;
    for (const { id, place } of right.steps) {
      if (place.number <= decided) continue;
      if (!(await isDecided(right, id, finalTime))) break;
      decided = place.number;
    }
    const isDone = await isOver(right, finalTime);
    if (aborter.signal.aborted) return;
    const registry = right.registry.address;
    if (isDone) {
      need.hold?.release();
      need.hold = undefined;
      logger.info({ registry }, "all claims of a former registry are decided");
    } else if (decided !== need.from) {
      need.from = decided;
      need.hold?.move(decided);
      logger.info(
        { registry, block: decided },
        "claims on states before this block are decided: they may be forgotten",
      );
    }
  };

  const look = async (): Promise<void> => {
    if (l1.finalized === 0n || aborter.signal.aborted) return;
    const { timestamp } = await client.getBlock({ blockTag: "finalized" });
    // What cannot be told of a registry silences no other.
    const failures: unknown[] = [];
    for (const [right, need] of needs)
      if (need.hold !== undefined) await lookAt(right, need, timestamp).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };

  const watch = createWatch({
    look,
    onFailure: (error, failed) => logger.warn({ err: error, failed }, "L1 does not say which claims are decided"),
    pollMs,
    maxBackoffMs,
    signal: aborter.signal,
  });
  const unsubscribe = l1.onAdvance(watch.rouse);

  return {
    name: "retention",
    look,
    start: watch.start,
    async stop() {
      aborter.abort();
      entered();
      unsubscribe();
      await watch.ended();
    },
  };
};
