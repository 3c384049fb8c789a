import { join } from "node:path";
import type { L1Source } from "../../bridge/index.ts";
import {
  type Chain,
  CodedError,
  type ContentExchange,
  createPeering,
  hasCode,
  type KeyValueStore,
  type ModelContent,
  messageOf,
  type NetworkErrorCode,
  type Peering,
  type PeeringOptions,
  type Telemetry,
} from "../../executor/index.ts";
import type { NodeConfig } from "../config/config.ts";
import { snapshotProvider } from "../snapshot/serve.ts";

/** Content from peers, for those that are made before the peers are. Until it is filled nobody has anything. */
export const createContentSlot = (): ContentExchange & { fill(exchange: ContentExchange): void } => {
  let filled: ContentExchange | undefined;
  return {
    fill(exchange) {
      filled = exchange;
    },
    fetch: async (kind, hashes, options) => (filled === undefined ? hashes : filled.fetch(kind, hashes, options)),
  };
};

/** Blocks of peers that L1 does not hold yet: all their states are kept. As many as the node that builds makes. */
const MAX_UNSAFE = 2_048;

export type PeeringParts = Telemetry & {
  readonly chain: Chain;
  readonly store: KeyValueStore;
  readonly models: ModelContent;
  readonly l1: L1Source;
};

/** The node's place among its peers; `startPeering` begins it. The network's codes. */
export const openPeering = async (
  { models, l1, ...components }: PeeringParts,
  {
    config,
    isSigner,
    hears,
    agent,
  }: {
    readonly config: NodeConfig;
    readonly isSigner: PeeringOptions["isSigner"];
    readonly hears: "blocks" | "nothing";
    readonly agent: string;
  },
): Promise<Peering> => {
  const snapshotContent = snapshotProvider(components.store);
  let l1Advances = 0;
  l1.onAdvance(() => {
    l1Advances++;
  });
  return createPeering(
    {
      ...components,
      l1Advances: () => l1Advances,
      provide: (kind, hash) => {
        if (kind === "batch") return l1.batchData(hash);
        if (kind === "blob") return l1.blob(hash);
        if (kind === "manifest" || kind === "chunk") return models.content(kind, hash);
        return snapshotContent(kind, hash);
      },
      isDeposit: (envelope, origin) => l1.isDeposit(envelope, origin),
    },
    {
      isSigner,
      identityFile: join(config.dataDir, "p2p.key"),
      listen: config.p2pListen,
      bootnodes: config.p2pBootnodes ?? [],
      scope: config.p2pScope,
      maxPeers: config.p2pMaxPeers,
      agent,
      follow: hears === "blocks",
      maxUnsafe: MAX_UNSAFE,
    },
  );
};

/** Listens and dials. P2P_LISTEN, saying what an operator can do. Answers where the node can be dialled. */
export const startPeering = async (peering: Peering | undefined): Promise<readonly string[]> => {
  if (peering === undefined) return [];
  await peering.start().catch((error: unknown) => {
    if (!hasCode<NetworkErrorCode>(error, "P2P_LISTEN")) throw error;
    throw new CodedError<NetworkErrorCode>(
      "P2P_LISTEN",
      `${messageOf(error)}: stop what listens there, choose another address with --p2p-listen, or do without peers with --p2p-off`,
      error.data,
    );
  });
  return peering.network.addresses;
};
