import { gossipsub } from "@libp2p/gossipsub";
import { identify } from "@libp2p/identify";
import type { ComponentLogger, ConnectionGater, Logger, PrivateKey, StreamMiddleware } from "@libp2p/interface";
import { type KadDHTComponents, kadDHT } from "@libp2p/kad-dht";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import type { Multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { inScope } from "./addresses.ts";
import { type GossipOptions, gossipOptions } from "./gossip.ts";
import type { NetworkScope } from "./network.ts";

export type NodeOptions = {
  readonly key: PrivateKey;
  readonly chainId: bigint;
  readonly listen: readonly string[];
  readonly scope: NetworkScope;
  readonly maxPeers: number;
  readonly agent: string;
  readonly gater: ConnectionGater;
  readonly gossip: GossipOptions;
  isNamed(address: Multiaddr): boolean;
};

/** Streams that one connection holds, of all protocols in one direction. */
const MAX_STREAMS = 256;
const MIB = 2 ** 20;

/** libp2p speaks of every broken stream; what of that matters to an operator, the network says itself. */
const silent: Logger = Object.assign(() => undefined, {
  error: () => undefined,
  trace: () => undefined,
  enabled: false,
  newScope: () => silent,
});
const silence: ComponentLogger = { forComponent: () => silent };

export const kadProtocol = (chainId: bigint): string => `/assay/${chainId}/kad/1`;

/** What of kad-dht 16.4.5 is reached into: which messages of other nodes it answers. */
type KadInternals = { readonly rpc: { readonly handlers: Record<string, unknown> } };

/** Finds peers, keeps nothing for them: records that anyone may store would fill the node. */
const findPeers = (init: Parameters<typeof kadDHT>[0]) => (components: KadDHTComponents) => {
  const dht = kadDHT(init)(components);
  const { handlers } = (dht as unknown as KadInternals).rpc;
  for (const message of ["PUT_VALUE", "GET_VALUE", "ADD_PROVIDER", "GET_PROVIDERS"]) {
    if (handlers[message] === undefined) throw new TypeError(`kad-dht has no ${message}: another version`);
    delete handlers[message];
  }
  return dht;
};

type Middlewares = { registrar: { getMiddleware(protocol: string): StreamMiddleware[] } };

/** libp2p 3.3.11 adds each stream's handler to the list it is given, and would call them all: it is given a copy. */
const copyMiddleware = ({ registrar }: Middlewares) => {
  const { getMiddleware } = registrar;
  registrar.getMiddleware = (protocol) => [...getMiddleware.call(registrar, protocol)];
  return {};
};

export type Libp2pNode = Awaited<ReturnType<typeof createNode>>;

/** The libp2p node, not started. */
export const createNode = (options: NodeOptions) =>
  createLibp2p({
    start: false,
    privateKey: options.key,
    logger: silence,
    nodeInfo: { name: "assay", userAgent: options.agent },
    addresses: { listen: [...options.listen] },
    connectionGater: options.gater,
    transports: [
      tcp({
        backlog: 64,
        // A socket that is not a peer yet counts as well.
        maxConnections: 2 * options.maxPeers + 32,
      }),
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        maxInboundStreams: MAX_STREAMS,
        maxOutboundStreams: MAX_STREAMS,
        // What a stream that is held back buffers is a window at most, and that is below what breaks it.
        streamOptions: { maxStreamWindowSize: MIB, maxReadBufferLength: 4 * MIB },
      }),
    ],
    connectionManager: {
      maxConnections: options.maxPeers,
      // Connections a second from one host: six nodes of a devnet that dial one another at once stay below it.
      inboundConnectionThreshold: 20,
      maxIncomingPendingConnections: 32,
      maxParallelDials: 16,
      maxDialQueueLength: 128,
      maxPeerAddrsToDial: 8,
      dialTimeout: 8_000,
      addressDialTimeout: 4_000,
      inboundUpgradeTimeout: 5_000,
      // gossipsub opens its streams one after the other: a peer that lets it wait keeps the others waiting.
      outboundStreamProtocolNegotiationTimeout: 3_000,
      inboundStreamProtocolNegotiationTimeout: 3_000,
      // Peers that are kept are dialled again by the network itself.
      reconnectRetries: 0,
    },
    connectionMonitor: {
      protocolPrefix: "assay",
      pingInterval: 15_000,
      // A node may be busy with one long inference.
      pingTimeout: { minTimeout: 10_000 },
    },
    services: {
      middleware: copyMiddleware,
      identify: identify({ protocolPrefix: "assay", maxMessageSize: 8_192, maxObservedAddresses: 8 }),
      ping: ping({ protocolPrefix: "assay", maxInboundStreams: 2 }),
      dht: findPeers({
        protocol: kadProtocol(options.chainId),
        clientMode: false,
        kBucketSize: 20,
        maxInboundStreams: 8,
        maxOutboundStreams: 16,
        initialQuerySelfInterval: 1_000,
        // A node whose first connection came late finds the others with the next query.
        querySelfInterval: 10_000,
        allowQueryWithZeroPeers: true,
        peerInfoMapper: (peer) => ({
          ...peer,
          multiaddrs: peer.multiaddrs.filter((address) => options.isNamed(address) || inScope(options.scope, address)),
        }),
      }),
      pubsub: gossipsub(gossipOptions(options.gossip)),
    },
  });
