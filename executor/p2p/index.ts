// Peers: blocks and content between nodes.
export {
  encodeSealedBlock,
  type SealedBlock,
  type SealedHeader,
  sealDigest,
  sealedBlockOf,
} from "./blocks/sealed-block.ts";
export { composePeering } from "./compose-peering.ts";
export type { ContentExchange } from "./content/content.ts";
export { createPeerArchive, createPeerArtifactSource } from "./content/sources.ts";
export { createContentPeers } from "./content-peers.ts";
export { createPeering } from "./load-peering.ts";
export type { Handler, Network, NetworkErrorCode, Topic } from "./network/network.ts";
export type { Peering, PeeringComponents, PeeringOptions } from "./peering.ts";
