import type { Hex } from "../../foundation/bytes.ts";
import type { PeerId } from "../network/network.ts";

/** Peers that are asked for one piece at the same time, once nothing else is left to ask for. */
const MAX_ASKED = 3;

/**
 * Who is asked for what. Each piece is asked of one peer; when all are asked for, a peer that is idle is also asked for
 * pieces that another has had for `slowMs` without giving them.
 */
export const createPieces = (hashes: Iterable<Hex>, slowMs: number) => {
  /** Asked of nobody. */
  const free = new Set(hashes);
  /** When it was asked of whom. */
  const asked = new Map<Hex, Map<PeerId, number>>();
  const lacking = new Map<PeerId, Set<Hex>>();
  const isLacking = (peer: PeerId, hash: Hex): boolean => lacking.get(peer)?.has(hash) ?? false;

  const isLate = (peers: ReadonlyMap<PeerId, number>, now: number): boolean => {
    for (const since of peers.values()) if (now - since < slowMs) return false;
    return true;
  };

  return {
    /** Whether nobody has given it yet. */
    isOpen: (hash: Hex): boolean => free.has(hash) || asked.has(hash),
    /** Whether a piece is left that the peer may have. */
    wants(peer: PeerId): boolean {
      for (const hash of free) if (!isLacking(peer, hash)) return true;
      for (const hash of asked.keys()) if (!isLacking(peer, hash)) return true;
      return false;
    },
    /** At most `limit` pieces to ask the peer for, now. */
    take(peer: PeerId, limit: number, now: number): Hex[] {
      const taken: Hex[] = [];
      for (const hash of free) {
        if (taken.length === limit) break;
        if (!isLacking(peer, hash)) taken.push(hash);
      }
      for (const hash of taken) {
        free.delete(hash);
        asked.set(hash, new Map([[peer, now]]));
      }
      if (taken.length > 0) return taken;
      // The last first: a slow peer gives them last.
      for (const [hash, peers] of [...asked].reverse()) {
        if (taken.length === limit) break;
        if (peers.has(peer) || peers.size >= MAX_ASKED || isLacking(peer, hash) || !isLate(peers, now)) continue;
        peers.set(peer, now);
        taken.push(hash);
      }
      return taken;
    },
    /** The peer is not asked for these any more: others may be. */
    release(peer: PeerId, released: readonly Hex[]): void {
      for (const hash of released) {
        const peers = asked.get(hash);
        peers?.delete(peer);
        if (peers?.size !== 0) continue;
        asked.delete(hash);
        free.add(hash);
      }
    },
    lacks(peer: PeerId, hash: Hex): void {
      const known = lacking.get(peer) ?? new Set();
      lacking.set(peer, known.add(hash));
    },
    /** The piece is here: whether it was open. */
    settle: (hash: Hex): boolean => asked.delete(hash) || free.delete(hash),
  };
};
