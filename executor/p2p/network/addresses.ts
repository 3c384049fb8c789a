import { BlockList, isIP } from "node:net";
import type { PeerId as Libp2pPeerId } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { CodedError } from "../../foundation/errors.ts";
import type { NetworkErrorCode, NetworkScope, PeerId } from "./network.ts";

/** Longer than any address of the form below with a DNS name in it. */
const MAX_ADDRESS = 512;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** Loopback, private (RFC 1918, RFC 6598, RFC 4193) and link-local. */
const PRIVATE = new BlockList();
for (const [net, prefix] of [
  ["127.0.0.0", 8],
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
  ["169.254.0.0", 16],
] as const)
  PRIVATE.addSubnet(net, prefix, "ipv4");
PRIVATE.addAddress("::1", "ipv6");
PRIVATE.addSubnet("fc00::", 7, "ipv6");
PRIVATE.addSubnet("fe80::", 10, "ipv6");

const listed = (list: BlockList, host: string): boolean => {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 4 ? "ipv4" : "ipv6");
};

export const isLoopback = (host: string): boolean => listed(LOOPBACK, host);
export const isPrivate = (host: string): boolean => listed(PRIVATE, host);

const HOST_KINDS: ReadonlySet<string> = new Set(["ip4", "ip6", "dns", "dns4", "dns6"]);

/** The host that an address names, by number or by name; undefined when it names none. */
export const hostOf = (address: Multiaddr): string | undefined =>
  address.getComponents().find(({ name }) => HOST_KINDS.has(name))?.value;

/** Whether a peer that somebody else names may be met there. A name could stand for any address: only numbers are. */
export const inScope = (scope: NetworkScope, address: Multiaddr): boolean => {
  const host = hostOf(address);
  return host !== undefined && isIP(host) !== 0 && isPrivate(host) === (scope === "private");
};

/** Whether an operator may name it. A public node may be given a private peer, not the other way round. */
const mayBeNamed = (scope: NetworkScope, host: string): boolean =>
  scope === "public" || isIP(host) === 0 || isPrivate(host);

export type PeerAddress = { readonly id: PeerId; readonly peer: Libp2pPeerId; readonly address: Multiaddr };

const refuse = (text: string, what: string): CodedError<NetworkErrorCode> =>
  new CodedError("P2P_ADDRESS", `${text.slice(0, MAX_ADDRESS)} ${what}`, { address: text.slice(0, MAX_ADDRESS) });

const FORM = "is no address of a peer: /ip4|ip6|dns|dns4|dns6/<host>/tcp/<port>/p2p/<id>";

const ID_FORM = "is no peer: expected its id, or an address that ends in /p2p/<id>";

/** `/ip4|ip6|dns|dns4|dns6/<host>/tcp/<port>/p2p/<id>` within the scope. P2P_ADDRESS. */
export const parsePeerAddress = (text: string, scope: NetworkScope): PeerAddress => {
  if (text.length > MAX_ADDRESS) throw refuse(text, FORM);
  let address: Multiaddr;
  let peer: Libp2pPeerId;
  let host: string | undefined;
  try {
    address = multiaddr(text);
    const [where, port, who, ...rest] = address.getComponents();
    if (where === undefined || !HOST_KINDS.has(where.name) || port?.name !== "tcp" || who?.name !== "p2p")
      throw refuse(text, FORM);
    if (rest.length !== 0 || port.value === "0") throw refuse(text, FORM);
    host = where.value ?? "";
    peer = peerIdFromString(who.value ?? "");
  } catch (error) {
    throw error instanceof CodedError ? error : refuse(text, FORM);
  }
  if (!mayBeNamed(scope, host)) throw refuse(text, "is a public address, and this node meets private ones alone");
  return { id: peer.toString(), peer, address };
};

/** A bare id, or the one at the end of an address. P2P_ADDRESS. */
export const parsePeerId = (text: string): PeerId => {
  const [, id] = /^(?:\/(?:.*\/)?p2p\/)?([1-9A-HJ-NP-Za-km-z]+)$/.exec(text.slice(0, MAX_ADDRESS + 1)) ?? [];
  try {
    if (id === undefined || text.length > MAX_ADDRESS) throw refuse(text, ID_FORM);
    return peerIdFromString(id).toString();
  } catch {
    throw refuse(text, ID_FORM);
  }
};

/** `/ip4|ip6/<host>/tcp/<port>`. */
export const isListenable = (text: string): boolean => {
  try {
    const [host, port, ...rest] = multiaddr(text).getComponents();
    return (host?.name === "ip4" || host?.name === "ip6") && port?.name === "tcp" && rest.length === 0;
  } catch {
    return false;
  }
};
