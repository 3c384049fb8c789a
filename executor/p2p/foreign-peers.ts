import type { Logger } from "pino";
import type { Hex } from "../foundation/bytes.ts";
import { sleep } from "../foundation/service.ts";
import type { Network, PeerId } from "./network/network.ts";

/** Milliseconds for which a peer with another genesis is not met again: its operator may be setting it right. */
const FOREIGN_MS = 10 * 60_000;
/** Milliseconds in which a peer that asked is to have its answer: it must be able to tell its own operator. */
const GRACE_MS = 5_000;

export type ForeignPeers = {
  /** A peer said that it starts elsewhere: when it asked, or in its answer, and then it has been told already. */
  meet(peer: PeerId, theirs: Hex, said: "asking" | "answering"): void;
  stop(): Promise<void>;
};

/** Peers of this chain's id and another genesis. Both sides say so, then they part. */
export const createForeignPeers = (
  { network, logger }: { readonly network: Pick<Network, "ban" | "onDisconnected">; readonly logger: Logger },
  { genesisHash }: { readonly genesisHash: Hex },
): ForeignPeers => {
  const foreign = new Map<PeerId, AbortController>();
  const partings = new Set<Promise<void>>();
  let stopped = false;
  const unsubscribe = network.onDisconnected((peer) => foreign.get(peer)?.abort());

  const part = async (peer: PeerId, { signal }: AbortController): Promise<void> => {
    await sleep(GRACE_MS, signal);
    foreign.delete(peer);
    if (!stopped) network.ban(peer, FOREIGN_MS);
  };

  return {
    meet(peer, theirs, said) {
      let parting = foreign.get(peer);
      if (parting === undefined) {
        logger.warn(
          { peer, genesisHash, theirs },
          "a peer starts from another genesis block than this node: one of the two has the wrong rollup.json",
        );
        parting = new AbortController();
        foreign.set(peer, parting);
        const parted = part(peer, parting).finally(() => partings.delete(parted));
        partings.add(parted);
      }
      if (said === "answering") parting.abort();
    },
    async stop() {
      stopped = true;
      unsubscribe();
      for (const parting of foreign.values()) parting.abort();
      await Promise.all(partings);
    },
  };
};
