import type { Connection, IdentifyResult } from "@libp2p/interface";
import type { PeerId, PeerInfo } from "./network.ts";

/** Characters of what a peer says of itself, and protocols it names. */
const MAX_TEXT = 128;
const MAX_PROTOCOLS = 64;

const printable = (text: string): string => text.slice(0, MAX_TEXT).replace(/[^\x20-\x7e]/g, "?");

type Identity = Pick<PeerInfo, "agent" | "protocols">;

export type PeerBook = {
  onIdentified(result: Pick<IdentifyResult, "peerId" | "agentVersion" | "protocols">): void;
  forget(peer: PeerId): void;
  /** Connected peers, each once, by its oldest connection. */
  list(connections: readonly Connection[]): readonly PeerInfo[];
};

export type PeerBookOptions = {
  isConnected(peer: PeerId): boolean;
  describe(peer: PeerId): Pick<PeerInfo, "score" | "bytesIn" | "bytesOut" | "isStatic">;
};

/** What connected peers say of themselves. */
export const createPeerBook = ({ isConnected, describe }: PeerBookOptions): PeerBook => {
  const identities = new Map<PeerId, Identity>();
  return {
    onIdentified({ peerId, agentVersion, protocols }) {
      const id = peerId.toString();
      if (!isConnected(id)) return;
      identities.set(id, {
        agent: agentVersion === undefined ? undefined : printable(agentVersion),
        protocols: protocols.slice(0, MAX_PROTOCOLS).map(printable),
      });
    },
    forget(peer) {
      identities.delete(peer);
    },
    list(connections) {
      const peers = new Map<PeerId, PeerInfo>();
      for (const { remotePeer, remoteAddr, direction, timeline, status } of connections) {
        const id = remotePeer.toString();
        if (status !== "open" || peers.has(id)) continue;
        peers.set(id, {
          id,
          address: remoteAddr.toString(),
          direction,
          connectedAt: timeline.open,
          agent: identities.get(id)?.agent,
          protocols: identities.get(id)?.protocols ?? [],
          ...describe(id),
        });
      }
      return [...peers.values()];
    },
  };
};
