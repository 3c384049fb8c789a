import type { Connection } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import type { Multiaddr } from "@multiformats/multiaddr";
import { CodedError, messageOf } from "../../foundation/errors.ts";
import { sleep, type Telemetry } from "../../foundation/service.ts";
import { hostOf, isListenable, parsePeerAddress, parsePeerId } from "./addresses.ts";
import { createAnswerer } from "./answer.ts";
import { ask, MAX_CONCURRENT } from "./ask.ts";
import { createDiscovery } from "./discovery.ts";
import { createGater } from "./gater.ts";
import { createValidator, type GossipGuard, type GossipOptions, guardGossip, MAX_GOSSIP_BYTES } from "./gossip.ts";
import { loadIdentity } from "./identity.ts";
import { createNode, kadProtocol, type Libp2pNode } from "./libp2p-node.ts";
import { listenError } from "./listen-error.ts";
import { watchLoneliness } from "./loneliness.ts";
import type { Handler, Network, NetworkErrorCode, NetworkScope, PeerId, Protocol, Topic } from "./network.ts";
import { createNetworkMetrics } from "./network-metrics.ts";
import { createPeerBook } from "./peer-book.ts";
import { createReputation, type Misbehaviour } from "./reputation.ts";
import { createStaticPeers } from "./static-peers.ts";
import { createStrangers } from "./strangers.ts";
import { createTraffic } from "./traffic.ts";

export type NetworkOptions = {
  readonly chainId: bigint;
  /** Made when absent. */
  readonly identityFile: string;
  /** Multiaddresses; none: only dial. */
  readonly listen: readonly string[];
  readonly bootnodes: readonly string[];
  readonly scope: NetworkScope;
  /** Connections; 50 when left out. */
  readonly maxPeers?: number;
  /** Name and version, shown to peers. */
  readonly agent: string;
  /** Milliseconds of a first ban; ten minutes when left out. */
  readonly banMs?: number;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
};

const MAX_STATIC_PEERS = 64;
/** Peers whose scores are remembered. */
const MAX_REMEMBERED = 4_096;
const DEFAULT_PEERS = 50;
const DEFAULT_BAN = 10 * 60_000;
const DIAL_MS = 8_000;
/** Connections that a node seeks by itself among those it may have. */
const SOUGHT = 0.5;
const SWEEP_MS = 30_000;
/** Weight by which libp2p keeps a connection when there are too many. */
const KEPT_TAG = { "assay-kept": { value: 100 } };

const isOpen = ({ status }: Connection): boolean => status === "open";

const GOSSIP = "gossip";
/** Milliseconds in which a broken connection shows itself after its streams. */
const GRACE_MS = 500;
/** Protocols that are libp2p's, as the metrics name them. */
const LIBP2P_PROTOCOLS: Readonly<Record<string, string>> = {
  "/meshsub/1.2.0": GOSSIP,
  "/meshsub/1.1.0": GOSSIP,
  "/meshsub/1.0.0": GOSSIP,
  "/assay/id/1.0.0": "identify",
  "/assay/ping/1.0.0": "ping",
};

const refuse = (code: NetworkErrorCode, message: string, data: Record<string, unknown>) =>
  new CodedError(code, message, data);

/** P2P_IDENTITY, and P2P_ADDRESS for a bootnode that cannot be one. */
export const createNetwork = async ({ logger, registry }: Telemetry, options: NetworkOptions): Promise<Network> => {
  const { chainId, scope, listen, clock = Date.now, banMs = DEFAULT_BAN, maxPeers = DEFAULT_PEERS } = options;
  const bootnodes = options.bootnodes.map((text) => parsePeerAddress(text, scope));
  const key = await loadIdentity(options.identityFile, logger);
  const self = peerIdFromString(key.publicKey.toString()).toString();
  const metrics = createNetworkMetrics(registry, () => network.peers);
  const stopping = new AbortController();
  const topics: Topic[] = [];
  const served = new Map<string, { readonly protocol: Protocol; readonly handler: Handler }>();
  const running = new Set<Promise<void>>();
  const connectedListeners = new Set<(peer: PeerId) => void>();
  const disconnectedListeners = new Set<(peer: PeerId) => void>();
  let node: Libp2pNode | undefined;
  let starting: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;

  /** Work beside the caller's, waited for when the network stops. It never rejects. */
  const track = (work: Promise<void>, what: string): void => {
    const done = work.catch((error: unknown) => logger.error({ err: error }, what)).finally(() => running.delete(done));
    running.add(done);
  };
  const connections = (peer?: PeerId): readonly Connection[] =>
    node === undefined || node.status === "stopped"
      ? []
      : node.getConnections(peer === undefined ? undefined : peerIdFromString(peer)).filter(isOpen);
  const isConnected = (peer: PeerId): boolean => connections(peer).length > 0;
  const drop = (peer: PeerId, why: string): void => {
    for (const connection of connections(peer)) connection.abort(new Error(why));
  };

  const reputation = createReputation({ clock, banMs, limit: MAX_REMEMBERED });
  const traffic = createTraffic(metrics.bytes);
  const statics = createStaticPeers({
    limit: MAX_STATIC_PEERS,
    isConnected,
    random: Math.random,
    clock,
    async dial({ address }, signal) {
      try {
        const { remotePeer } = await (node as Libp2pNode).dial(address, {
          signal: AbortSignal.any([signal, AbortSignal.timeout(DIAL_MS)]),
        });
        await (node as Libp2pNode).peerStore.merge(remotePeer, { tags: KEPT_TAG });
        metrics.dials.inc({ outcome: "connected" });
      } catch (error) {
        metrics.dials.inc({ outcome: "failed" });
        logger.debug({ address: address.toString(), reason: messageOf(error) }, "a kept peer could not be dialled");
        throw error;
      }
    },
  });
  const isNamed = (address: Multiaddr): boolean => {
    const text = address.toString();
    return statics.targets.some(({ address: known }) => text === known.toString());
  };
  const gater = createGater({
    scope,
    clock,
    isNamed,
    connectionsOf: (host) => connections().filter(({ remoteAddr }) => hostOf(remoteAddr) === host).length,
  });
  const book = createPeerBook({
    isConnected,
    describe: (peer) => ({
      score: reputation.score(peer),
      bytesIn: traffic.bytesOf(peer).in,
      bytesOut: traffic.bytesOf(peer).out,
      isStatic: statics.has(peer),
    }),
  });

  const discovery = createDiscovery({
    target: Math.ceil(maxPeers * SOUGHT),
    clock,
    random: Math.random,
    retryMs: 2 * SWEEP_MS,
    connections: () => connections().length,
    isConnected: (peer) => peer === self || isConnected(peer),
    async dial(peer) {
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(DIAL_MS)]);
      try {
        await node?.dial(peerIdFromString(peer), { signal });
        metrics.dials.inc({ outcome: "connected" });
      } catch {
        // Most of what peers name is gone by the time it is tried.
        metrics.dials.inc({ outcome: "failed" });
      }
    },
    known: async () => ((await node?.peerStore.all()) ?? []).map(({ id }) => id.toString()),
    forget: async (peer) => node?.peerStore.delete(peerIdFromString(peer)),
  });
  const sweep = async (): Promise<void> => {
    for (;;) {
      await sleep(SWEEP_MS, stopping.signal);
      if (stopping.signal.aborted) return;
      await discovery.sweep().catch((error: unknown) => logger.error({ err: error }, "a sweep of known peers failed"));
    }
  };

  const ban = (peer: PeerId, ms: number): void => {
    if (peer === self) return;
    metrics.bans.inc();
    gater.ban(peer, ms);
    drop(peer, "banned");
  };
  const penalise = (peer: PeerId, why: Misbehaviour): void => {
    if (peer === self || gater.isBanned(peer)) return;
    metrics.penalties.inc({ reason: why });
    const ms = reputation.penalise(peer, why);
    if (ms === undefined) return;
    logger.warn({ peer, why, ms }, "a peer is banned");
    ban(peer, ms);
  };
  const strangers = createStrangers({ chainId, logger, signal: stopping.signal, ban });
  const gossip: GossipOptions = {
    topics,
    logger,
    clock,
    penalise,
    score: reputation.score,
    isBanned: gater.isBanned,
    onMessage: (outcome) => metrics.messages.inc({ outcome }),
  };
  const protocolId = (name: string) => `/assay/${chainId}/${name}`;
  const countable = (): readonly (readonly [id: string, label: string])[] => [
    ...Object.entries(LIBP2P_PROTOCOLS),
    [kadProtocol(chainId), "kad"],
    ...[...served.keys()].map((name) => [protocolId(name), name] as const),
  ];

  const tell = (listeners: ReadonlySet<(peer: PeerId) => void>, peer: PeerId) => {
    for (const listener of listeners)
      try {
        listener(peer);
      } catch (error) {
        logger.error({ err: error, peer }, "a listener to connections failed");
      }
  };
  const listenTo = (libp2p: Libp2pNode) => {
    libp2p.addEventListener("peer:connect", ({ detail }) => tell(connectedListeners, detail.toString()));
    libp2p.addEventListener("peer:disconnect", ({ detail }) => {
      const peer = detail.toString();
      traffic.forget(peer);
      book.forget(peer);
      strangers.forget(peer);
      statics.onDisconnected(peer);
      tell(disconnectedListeners, peer);
    });
    libp2p.addEventListener("peer:discovery", ({ detail }) =>
      track(discovery.onFound(detail.id.toString()), "discovery failed"),
    );
    libp2p.addEventListener("peer:identify", ({ detail }) => {
      const peer = detail.peerId.toString();
      if (!isConnected(peer)) return;
      book.onIdentified(detail);
      track(strangers.onIdentified(peer, detail.protocols), "judging a stranger failed");
    });
  };

  /** A peer that no message reaches is met anew: as long as it stays connected, it would hear nothing. */
  const meetAnew = async (peer: PeerId, guard: GossipGuard): Promise<void> => {
    await sleep(GRACE_MS, stopping.signal);
    if (!stopping.signal.aborted && isConnected(peer) && !guard.reaches(peer)) drop(peer, "gossip broke");
  };

  const serveAll = async (libp2p: Libp2pNode, guard: GossipGuard) => {
    for (const [id, label] of countable())
      libp2p.use(id, (stream, connection, next) => {
        traffic.count(stream, connection, label);
        if (label === GOSSIP && stream.direction === "outbound")
          stream.addEventListener(
            "close",
            () => track(meetAnew(connection.remotePeer.toString(), guard), "meeting a peer anew failed"),
            { once: true },
          );
        next(stream, connection);
      });
    for (const { protocol, handler } of served.values()) {
      const answerer = createAnswerer({
        protocol,
        handler,
        logger,
        clock,
        penalise,
        signal: stopping.signal,
        onOutcome: (outcome) => metrics.requests.inc({ protocol: protocol.name, outcome }),
      });
      await libp2p.handle(
        protocolId(protocol.name),
        (stream, connection) => track(answerer.answer(stream, connection), "answering failed"),
        { maxInboundStreams: 2 * MAX_CONCURRENT, maxOutboundStreams: 2 * MAX_CONCURRENT },
      );
    }
  };

  const start = async (): Promise<void> => {
    for (const address of listen)
      if (!isListenable(address)) throw refuse("P2P_LISTEN", `${address} is no address to listen on`, { address });
    const libp2p = await createNode({ ...options, key, maxPeers, gater: gater.rules, gossip, isNamed });
    const { pubsub } = libp2p.services;
    const guard = guardGossip(pubsub, gossip);
    for (const topic of topics) pubsub.topicValidators.set(topic.name, createValidator(topic, gossip));
    listenTo(libp2p);
    await serveAll(libp2p, guard);
    node = libp2p;
    try {
      await libp2p.start();
    } catch (error) {
      throw listenError(listen, error);
    }
    for (const { name } of topics) pubsub.subscribe(name);
    statics.start();
    track(sweep(), "discovery ended");
    const lonely = { bootnodes: options.bootnodes, logger, signal: stopping.signal, peers: () => network.peers.length };
    track(watchLoneliness(lonely), "watching for loneliness ended");
    logger.info({ id: self, addresses: network.addresses }, "among peers");
  };

  const stop = async (): Promise<void> => {
    stopping.abort(new Error("the network stops"));
    // Whoever started it has been told.
    await starting?.catch(() => undefined);
    await statics.stop();
    await node?.stop();
    await Promise.all(running);
  };

  const beforeStart = (what: string) => {
    if (starting !== undefined) throw new Error(`${what} after start`);
  };

  const network: Network = {
    name: "network",
    id: self,
    get addresses() {
      return node?.status === "started" ? node.getMultiaddrs().map(String) : [];
    },
    get peers() {
      return book.list(connections()).filter(({ id }) => !strangers.has(id));
    },
    async addPeer(text) {
      const target = parsePeerAddress(text, scope);
      if (target.id === self) throw refuse("P2P_ADDRESS", `${text} is this node's own address`, { address: text });
      // Whoever names a peer wants it, whatever it did.
      gater.unban(target.id);
      if (!statics.add(target))
        throw refuse("P2P_ADDRESS", `${MAX_STATIC_PEERS} peers are kept already`, { address: text });
    },
    async removePeer(text) {
      const peer = parsePeerId(text);
      const known = statics.has(peer) || isConnected(peer);
      statics.remove(peer);
      drop(peer, "removed");
      return known;
    },
    penalise,
    ban,
    unban: gater.unban,
    onConnected(listener) {
      connectedListeners.add(listener);
      return () => connectedListeners.delete(listener);
    },
    onDisconnected(listener) {
      disconnectedListeners.add(listener);
      return () => disconnectedListeners.delete(listener);
    },
    join(topic) {
      beforeStart("join");
      topics.push(topic);
      return {
        async publish(data) {
          if (data.length > topic.maxBytes) throw new RangeError(`${data.length} bytes on ${topic.name}`);
          if (node?.status !== "started" || data.length > MAX_GOSSIP_BYTES) return 0;
          return (await node.services.pubsub.publish(topic.name, data)).recipients.length;
        },
      };
    },
    serve(protocol, handler) {
      beforeStart("serve");
      served.set(protocol.name, { protocol, handler });
    },
    async *request(peer, protocol, request, signal) {
      const [connection] = stopping.signal.aborted ? [] : connections(peer);
      if (connection === undefined) throw refuse("P2P_PEER", `peer ${peer} is not connected`, { peer });
      yield* ask({
        connection,
        protocolId: protocolId(protocol.name),
        protocol,
        request,
        penalise,
        signals: signal === undefined ? [stopping.signal] : [stopping.signal, signal],
      });
    },
    start: () => {
      starting ??= start();
      return starting;
    },
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };

  for (const bootnode of bootnodes) if (bootnode.id !== self) statics.add(bootnode);
  return network;
};
