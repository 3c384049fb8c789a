import { toHex } from "../../foundation/bytes.ts";
import type { Equivocation } from "../../p2p/blocks/evidence.ts";
import type { SealedHeader } from "../../p2p/blocks/sealed-block.ts";
import type { PeerInfo } from "../../p2p/network/network.ts";
import { encodeBlockHeader } from "../../protocol/block.ts";
import type { Backend, Peers } from "../backend.ts";
import { refused } from "../errors.ts";
import { type Json, quantity } from "../format.ts";
import { type MethodTable, method } from "../method.ts";
import { peerText } from "../schemas.ts";

/** The node's peers, for its operator: geth's names and shapes where geth has them. */

const requirePeers = ({ peering }: Backend): Peers => {
  if (peering === undefined) throw refused("P2P_OFF", "this node has no peers: it was started with --p2p-off");
  return peering;
};

const formatPeer = (peer: PeerInfo): Json => ({
  id: peer.id,
  name: peer.agent ?? "",
  caps: [...peer.protocols],
  network: {
    remoteAddress: peer.address,
    inbound: peer.direction === "inbound",
    trusted: false,
    static: peer.isStatic,
  },
  protocols: {
    assay: { score: peer.score, bytesIn: peer.bytesIn, bytesOut: peer.bytesOut, connectedAt: peer.connectedAt },
  },
});

/** Everything that the signature is over, and the header in full: the hash can be made again from it. */
const formatSigned = ({ hash, header, origin, seal }: SealedHeader): Json => ({
  hash,
  header: toHex(encodeBlockHeader(header)),
  origin: { number: quantity(origin.number), timestamp: quantity(origin.timestamp) },
  revision: quantity(seal.revision),
  sealedAt: quantity(seal.sealedAt),
  signature: toHex(seal.signature),
});

const formatEvidence = ({ kind, number, first, second, seenAt }: Equivocation): Json => ({
  kind,
  number: quantity(number),
  first: formatSigned(first),
  second: formatSigned(second),
  seenAt: quantity(BigInt(seenAt)),
});

export const ADMIN_METHODS: MethodTable = {
  admin_peers: method([], (_, backend) => requirePeers(backend).network.peers.map(formatPeer)),
  admin_nodeInfo: method([], (_, backend) => {
    const { network, highest, halted } = requirePeers(backend);
    const { chain, identity } = backend;
    return {
      id: network.id,
      name: identity.clientVersion,
      listenAddr: network.addresses[0] ?? "",
      addresses: network.addresses,
      protocols: {
        assay: {
          network: Number(chain.parameters.chainId),
          genesis: chain.genesisHash,
          head: chain.head.hash,
          highest: quantity(highest),
          halted,
        },
      },
    };
  }),
  admin_addPeer: method([peerText], async ([address], backend) => {
    await requirePeers(backend).network.addPeer(address);
    return true;
  }),
  /** Whether there was such a peer. */
  admin_removePeer: method([peerText], async ([peer], backend) => requirePeers(backend).network.removePeer(peer)),
  admin_evidence: method([], (_, backend) => {
    const { evidence, halted } = requirePeers(backend);
    return { halted, evidence: evidence.map(formatEvidence) };
  }),
  /** Whether gossip had been halted. */
  admin_resumeGossip: method([], async (_, backend) => {
    const peers = requirePeers(backend);
    const { halted } = peers;
    await peers.resume();
    return halted;
  }),
};
