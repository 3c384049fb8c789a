import type { PublicClient } from "viem";
import { type Chain, createWatch, type Service, type StateHold, type Telemetry } from "../../executor/index.ts";
import type { L1Source } from "../derivation/l1-source.ts";
import type { RightClaims } from "./right-claims.ts";

export type RetentionComponents = Pick<Telemetry, "logger"> & {
  readonly client: PublicClient;
  readonly chain: Chain;
  readonly l1: L1Source;
  readonly right: RightClaims;
};

/**
 * Keeps the states that undecided claims begin with. A claim is decided when L1 has confirmed the right one in a block
 * that is final: what lies before the end of the newest such claim, no claim begins with any more. Before L1 has said so
 * nothing is let go, so a node that starts keeps all that it has.
 */
export type Retention = Service & {
  /** Looks at L1 once. */
  look(): Promise<void>;
  /** Begins to look whenever L1 goes on. */
  start(): void;
};

export const createRetention = (
  { client, chain, l1, right, ...components }: RetentionComponents,
  { pollMs = 1_000, maxBackoffMs = 30_000 }: { readonly pollMs?: number; readonly maxBackoffMs?: number } = {},
): Retention => {
  const logger = components.logger.child({ module: "retention" });
  const aborter = new AbortController();
  const hold: StateHold = chain.hold(0n);
  let from = -1n;

  /** Whether L1 has confirmed the claim for good. The confirmation is in a block that is at most as late. */
  const isDecided = async (id: `0x${string}`, finalTime: bigint): Promise<boolean> => {
    const { status, confirmedAt } = await right.registry.claim(id);
    return status === "confirmed" && confirmedAt <= finalTime;
  };

  const look = async (): Promise<void> => {
    if (l1.finalized === 0n || aborter.signal.aborted) return;
    const { timestamp } = await client.getBlock({ blockTag: "finalized" });
    let decided = from;
    for (const { id, place } of right.steps) {
      if (place.number <= decided) continue;
      if (!(await isDecided(id, timestamp))) break;
      decided = place.number;
    }
    if (decided === from || aborter.signal.aborted) return;
    from = decided;
    hold.move(from);
    logger.info({ block: from }, "claims on states before this block are decided: they may be forgotten");
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
      unsubscribe();
      await watch.ended();
    },
  };
};
