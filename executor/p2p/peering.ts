import type { Chain } from "../chain/chain.ts";
import type { Bytes } from "../foundation/bytes.ts";
import type { Service, Telemetry } from "../foundation/service.ts";
import type { KeyValueStore } from "../store/key-value-store.ts";
import type { Equivocation } from "./blocks/evidence.ts";
import type { SealedBlock, SealedHeader } from "./blocks/sealed-block.ts";
import type { SignerRule } from "./blocks/witness.ts";
import type { ContentExchange, ContentProvider } from "./content/content.ts";
import type { Network, NetworkScope } from "./network/network.ts";

export type PeeringComponents = Telemetry & {
  readonly chain: Chain;
  readonly store: KeyValueStore;
  /** What this node gives to others. */
  readonly provide: ContentProvider;
  /**
   * Whether a deposit is one that L1 has queued: true or false when L1 was read as far as the block's origin, undefined
   * before: then the block waits.
   */
  readonly isDeposit?: (envelope: Bytes, origin: bigint) => boolean | undefined;
  /** How often L1 has shown something new so far: each time it may have made the sequencer build again. */
  readonly l1Advances: () => number;
};

export type PeeringOptions = {
  /** Whether an account, in lower case, may sign blocks of an origin: L1 says so. */
  readonly isSigner: SignerRule;
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
  /** What the sequencer signed at a height, as far as this node knows; not necessarily the block of its chain. */
  signedAt(number: bigint): SealedHeader | undefined;
  /** The highest revision of the blocks that this node kept. */
  readonly revision: bigint;
  /** Newest signed block that was seen, for eth_syncing. */
  readonly highest: bigint;
  /**
   * For the sequencer: keeps a seal of its own on disk, then gossips the block. To how many peers it went at once; others
   * ask for it.
   */
  publish(block: SealedBlock): Promise<number>;
  start(): Promise<void>;
};
