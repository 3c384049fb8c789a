import type { Chain } from "../chain/chain.ts";
import type { Bytes, Hex } from "../foundation/bytes.ts";
import type { Service, Telemetry } from "../foundation/service.ts";
import type { KeyValueStore } from "../store/key-value-store.ts";
import type { Equivocation } from "./blocks/evidence.ts";
import type { Seal, SealedBlock } from "./blocks/sealed-block.ts";
import type { ContentExchange, ContentProvider } from "./content/content.ts";
import type { Network, NetworkScope } from "./network/network.ts";

export type PeeringComponents = Telemetry & {
  readonly chain: Chain;
  readonly store: KeyValueStore;
  /** What this node gives to others. */
  readonly provide: ContentProvider;
  /**
   * Whether a deposit is one that L1 has queued: true or false when L1 was read as far as the block's origin, undefined
   * before.
   */
  readonly isDeposit?: (envelope: Bytes, origin: bigint) => boolean | undefined;
};

export type PeeringOptions = {
  /** Who signs blocks: L1 names it. Lower case. */
  readonly sequencer: Hex;
  /** File of the node's identity key; made when absent, readable by its owner alone. */
  readonly identityFile: string;
  /** Multiaddresses to listen on; none: only dial. */
  readonly listen: readonly string[];
  readonly bootnodes: readonly string[];
  readonly scope: NetworkScope;
  readonly maxPeers?: number;
  /** Name and version, shown to peers. */
  readonly agent: string;
  /** Whether blocks that are heard become this node's unsafe head. Not on the node that makes them. */
  readonly follow: boolean;
  /** Unsafe blocks beyond which no more are taken before L1 has caught up. */
  readonly maxUnsafe: number;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
};

/** One node among its peers: hears and serves blocks, content, status. */
export type Peering = Service & {
  readonly network: Network;
  readonly content: ContentExchange;
  /** Everything that proves the sequencer signed two blocks where one belongs. Oldest first. */
  readonly evidence: readonly Equivocation[];
  /** Whether gossip is not followed because of evidence. */
  readonly halted: boolean;
  /** An operator has seen the evidence: gossip is followed again. The evidence stays. */
  resume(): Promise<void>;
  /** The seal that this node knows of a block of its chain. */
  sealOf(number: bigint): Seal | undefined;
  /** Newest block that any peer claims to have, for eth_syncing. */
  readonly highest: bigint;
  /** Signs with `sign`, keeps and publishes a block that this node has sealed. For the sequencer. */
  publish(block: SealedBlock): Promise<void>;
  start(): Promise<void>;
};
