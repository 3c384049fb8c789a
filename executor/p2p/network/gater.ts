import type { ConnectionGater } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import { hostOf, inScope, isLoopback, isPrivate } from "./addresses.ts";
import type { NetworkScope, PeerId } from "./network.ts";

/** Connections that one host may have with this node at once, unless it is this machine. */
export const MAX_CONNECTIONS_PER_HOST = 8;
/** Bans kept. More, and the one that ends first is lifted. */
export const MAX_BANS = 4_096;

export type GaterOptions = {
  readonly scope: NetworkScope;
  readonly clock: () => number;
  /** Connections that are open with a host. */
  connectionsOf(host: string): number;
  /** Whether an operator named the address. */
  isNamed(address: Multiaddr): boolean;
};

export type Gater = {
  readonly rules: ConnectionGater;
  ban(peer: PeerId, ms: number): void;
  unban(peer: PeerId): void;
  isBanned(peer: PeerId): boolean;
  readonly bans: number;
};

/** Who may connect, and where this node connects to. */
export const createGater = ({ scope, clock, connectionsOf, isNamed }: GaterOptions): Gater => {
  const bans = new Map<PeerId, number>();

  const isBanned = (peer: PeerId): boolean => {
    const until = bans.get(peer);
    if (until === undefined) return false;
    if (until > clock()) return true;
    bans.delete(peer);
    return false;
  };
  const makeRoom = () => {
    const now = clock();
    let first: PeerId | undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const [peer, until] of bans) {
      if (until <= now) bans.delete(peer);
      else if (until < earliest) [first, earliest] = [peer, until];
    }
    if (bans.size >= MAX_BANS && first !== undefined) bans.delete(first);
  };

  /** An inbound address has a host by number: it comes from the socket. */
  const denyAddress = (address: Multiaddr): boolean => {
    const host = hostOf(address);
    if (host === undefined) return true;
    if (isLoopback(host)) return false;
    if (scope === "private" && !isPrivate(host)) return true;
    return connectionsOf(host) >= MAX_CONNECTIONS_PER_HOST;
  };

  return {
    rules: {
      denyDialPeer: (peer) => isBanned(peer.toString()),
      denyDialMultiaddr: (address) => !isNamed(address) && !inScope(scope, address),
      denyInboundConnection: ({ remoteAddr }) => denyAddress(remoteAddr),
      denyInboundEncryptedConnection: (peer) => isBanned(peer.toString()),
      denyOutboundEncryptedConnection: (peer) => isBanned(peer.toString()),
      filterMultiaddrForPeer: (_, address) => isNamed(address) || inScope(scope, address),
    },
    ban(peer, ms) {
      if (!bans.has(peer) && bans.size >= MAX_BANS) makeRoom();
      bans.set(peer, Math.max(bans.get(peer) ?? 0, clock() + ms));
    },
    unban(peer) {
      bans.delete(peer);
    },
    isBanned,
    get bans() {
      return bans.size;
    },
  };
};
