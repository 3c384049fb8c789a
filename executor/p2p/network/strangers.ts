import type { Logger } from "pino";
import { sleep } from "../../foundation/service.ts";
import type { PeerId } from "./network.ts";

/** Milliseconds for which a node of another chain is not met again: its operator may be setting it right. */
export const STRANGER_MS = 10 * 60_000;
/** Milliseconds after which it is dropped: it is to learn as well whom it met, for its own operator. */
const GRACE_MS = 2_000;
/** Chains of one peer that are named in the log. */
const MAX_NAMED = 4;

export type StrangersOptions = {
  readonly chainId: bigint;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Drops the peer and meets it no more for so long. */
  ban(peer: PeerId, ms: number): void;
};

export type Strangers = {
  /** What a peer says that it speaks. Resolves when what follows of it is done. */
  onIdentified(peer: PeerId, protocols: readonly string[]): Promise<void>;
  has(peer: PeerId): boolean;
  forget(peer: PeerId): void;
};

const CHAIN = /^\/assay\/(\d{1,20})\//;

/** The chains whose protocols these are. */
const chainsOf = (protocols: readonly string[]): readonly string[] =>
  [...new Set(protocols.map((protocol) => CHAIN.exec(protocol)?.[1] ?? ""))].filter((chain) => chain !== "");

/** Connected nodes that speak the protocols of other chains, or of none. They are no peers, and soon not connected. */
export const createStrangers = ({ chainId, logger, signal, ban }: StrangersOptions): Strangers => {
  const strangers = new Set<PeerId>();
  return {
    async onIdentified(peer, protocols) {
      const chains = chainsOf(protocols);
      if (strangers.has(peer) || chains.includes(String(chainId))) return;
      strangers.add(peer);
      logger.warn(
        { peer, chainId: Number(chainId), theirs: chains.slice(0, MAX_NAMED).map(Number) },
        "a node of another chain is no peer: one of the two has the wrong rollup.json or the wrong address",
      );
      await sleep(GRACE_MS, signal);
      if (!signal.aborted) ban(peer, STRANGER_MS);
    },
    has: (peer) => strangers.has(peer),
    forget: (peer) => void strangers.delete(peer),
  };
};
