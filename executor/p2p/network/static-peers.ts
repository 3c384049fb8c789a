import { sleep } from "../../foundation/service.ts";
import type { PeerAddress } from "./addresses.ts";
import type { PeerId } from "./network.ts";

/** Milliseconds before the second attempt, and at most. Each failure doubles the wait; up to half of it is chance. */
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
/** A connection that lasted less is a failure too: a peer may take every connection and drop it. */
const STABLE_MS = 30_000;

export type StaticPeersOptions = {
  /** Peers kept. */
  readonly limit: number;
  /** Connects; answers when the connection is there. Rejects when it cannot be had. */
  dial(target: PeerAddress, signal: AbortSignal): Promise<void>;
  isConnected(id: PeerId): boolean;
  /** In [0, 1). */
  readonly random: () => number;
  readonly clock: () => number;
};

export type StaticPeers = {
  /** False when there is no room. An address given again replaces the one before. */
  add(target: PeerAddress): boolean;
  remove(id: PeerId): void;
  has(id: PeerId): boolean;
  readonly targets: readonly PeerAddress[];
  /** Dials from now on. */
  start(): void;
  /** Tells that a connection broke. */
  onDisconnected(id: PeerId): void;
  stop(): Promise<void>;
};

export const waitAfter = (failures: number, random: () => number): number =>
  Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(failures, 10)) * (1 - random() / 2);

/** Keeps connections to peers that an operator named. */
export const createStaticPeers = (options: StaticPeersOptions): StaticPeers => {
  const { limit, dial, isConnected, random, clock } = options;
  type Kept = {
    target: PeerAddress;
    readonly controller: AbortController;
    running: Promise<void> | undefined;
    failures: number;
    connectedAt: number;
  };
  const kept = new Map<PeerId, Kept>();
  let started = false;

  const connect = async (peer: Kept): Promise<void> => {
    const { signal } = peer.controller;
    if (clock() - peer.connectedAt >= STABLE_MS) peer.failures = 0;
    for (; !signal.aborted && !isConnected(peer.target.id); peer.failures++) {
      if (peer.failures > 0) await sleep(waitAfter(peer.failures - 1, random), signal);
      if (signal.aborted) return;
      // The dialler has counted and logged why.
      await dial(peer.target, signal).catch(() => undefined);
    }
    peer.connectedAt = clock();
  };
  const ensure = (peer: Kept) => {
    if (!started || peer.running !== undefined || peer.controller.signal.aborted) return;
    peer.running = connect(peer).finally(() => {
      peer.running = undefined;
      // It may have broken again before this was over.
      if (!isConnected(peer.target.id)) ensure(peer);
    });
  };

  return {
    add(target) {
      const known = kept.get(target.id);
      if (known !== undefined) {
        known.target = target;
        ensure(known);
        return true;
      }
      if (kept.size >= limit) return false;
      const peer: Kept = { target, controller: new AbortController(), running: undefined, failures: 0, connectedAt: 0 };
      kept.set(target.id, peer);
      ensure(peer);
      return true;
    },
    remove(id) {
      kept.get(id)?.controller.abort();
      kept.delete(id);
    },
    has: (id) => kept.has(id),
    get targets() {
      return [...kept.values()].map(({ target }) => target);
    },
    start() {
      started = true;
      for (const peer of kept.values()) ensure(peer);
    },
    onDisconnected(id) {
      const peer = kept.get(id);
      if (peer !== undefined) ensure(peer);
    },
    async stop() {
      const all = [...kept.values()];
      for (const { controller } of all) controller.abort();
      kept.clear();
      await Promise.all(all.map(({ running }) => running));
    },
  };
};
