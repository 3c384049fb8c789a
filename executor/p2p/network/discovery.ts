import type { PeerId } from "./network.ts";

/** Attempts at once. */
const MAX_DIALS = 4;
/** Peers remembered that are not connected. More, and some are forgotten. */
export const MAX_KNOWN = 1_024;

export type DiscoveryOptions = {
  /** Connections that are sought; more come from others. */
  readonly target: number;
  readonly clock: () => number;
  readonly random: () => number;
  /** Milliseconds before a peer is tried again. */
  readonly retryMs: number;
  connections(): number;
  isConnected(peer: PeerId): boolean;
  dial(peer: PeerId): Promise<void>;
  /** Peers whose addresses are known. */
  known(): Promise<readonly PeerId[]>;
  forget(peer: PeerId): Promise<void>;
};

export type Discovery = {
  /** Somebody named a peer. */
  onFound(peer: PeerId): Promise<void>;
  /** Tries peers that were found before, and forgets what is too much. */
  sweep(): Promise<void>;
};

/** Connects to peers that other peers know, until there are enough. */
export const createDiscovery = (options: DiscoveryOptions): Discovery => {
  const { target, clock, random, retryMs, connections, isConnected } = options;
  const dialling = new Set<PeerId>();
  const triedAt = new Map<PeerId, number>();

  const isTired = (peer: PeerId) => clock() - (triedAt.get(peer) ?? Number.NEGATIVE_INFINITY) < retryMs;

  const attempt = async (peer: PeerId): Promise<void> => {
    if (connections() + dialling.size >= target || dialling.size >= MAX_DIALS) return;
    if (dialling.has(peer) || isConnected(peer) || isTired(peer)) return;
    dialling.add(peer);
    if (triedAt.size >= MAX_KNOWN) triedAt.clear();
    triedAt.set(peer, clock());
    try {
      await options.dial(peer);
    } finally {
      dialling.delete(peer);
    }
  };

  return {
    onFound: attempt,
    async sweep() {
      const strangers = (await options.known()).filter((peer) => !isConnected(peer));
      // A different start each time, so that none is left out for ever.
      const from = Math.floor(random() * strangers.length);
      const turned = [...strangers.slice(from), ...strangers.slice(0, from)];
      for (const peer of turned.slice(MAX_KNOWN)) await options.forget(peer);
      await Promise.all(turned.slice(0, MAX_KNOWN).map(attempt));
    },
  };
};
