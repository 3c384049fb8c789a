import { type GossipsubOpts, StrictNoSign, TopicValidatorResult } from "@libp2p/gossipsub";
import type { PeerId as Libp2pPeerId, Stream } from "@libp2p/interface";
import type { Logger } from "pino";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import { keccak256 } from "../../foundation/keccak.ts";
import type { PeerId, Topic, Verdict } from "./network.ts";
import { type Clock, createBuckets } from "./rate.ts";
import type { Misbehaviour } from "./reputation.ts";

/** The most ids that gossipsub names in one IHAVE, asks for in one heartbeat, and so the most messages it answers with. */
export const MAX_IDS = 5_000;
/** Ids that weigh as much as one message: an id is looked up, a message is judged. */
const IDS_PER_MESSAGE = 100;
/**
 * What one peer may gossip: messages, subscriptions and control entries together, again and again the same included. A
 * second may bring a heartbeat's IHAVE, IWANT and IDONTWANT, which weigh 106, beside two hundred messages; a moment the
 * largest answer to an IWANT, beside what is relayed at once.
 */
export const GOSSIP_RATE = { perSecond: 300, burst: MAX_IDS + 1_000 } as const;
/** Messages over the rate that cost one penalty. */
const FLOOD_UNIT = 100;
/** Topics that a peer names in one rpc: more than any chain has. */
const MAX_SUBSCRIPTIONS = 256;
/** Control entries of one kind in one rpc, each with its ids: gossipsub sends one for each topic, and a chain has one. */
const MAX_CONTROLS = 16;
/** Milliseconds for which messages are judged before the node turns to its other work. */
const MAX_TURN_MS = 10;
/** Bytes of an rpc around the data of its messages. */
const FRAMING = 64 * 1_024;
const MAX_PEERS = 1_024;

/** The framing that gossipsub sends with takes no rpc over 4 MiB, and says so to nobody. */
export const MAX_GOSSIP_BYTES = 4 * 2 ** 20 - 1_024;

export type GossipOptions = {
  readonly topics: readonly Topic[];
  readonly logger: Logger;
  readonly clock: Clock;
  score(peer: PeerId): number;
  penalise(peer: PeerId, why: Misbehaviour): void;
  isBanned(peer: PeerId): boolean;
  onMessage(outcome: "accepted" | "ignored" | "rejected" | "dropped"): void;
};

type Rpc = {
  readonly subscriptions: readonly unknown[];
  readonly messages: readonly unknown[];
  readonly control?: {
    readonly ihave: readonly { readonly messageIDs: readonly unknown[] }[];
    readonly iwant: readonly { readonly messageIDs: readonly unknown[] }[];
    readonly graft: readonly unknown[];
    readonly prune: readonly unknown[];
    readonly idontwant: readonly { readonly messageIDs: readonly unknown[] }[];
  };
};

/** What of gossipsub 17.1.1 is reached into: its public face has no place between reading and handling. */
type GossipInternals = {
  pipePeerReadStream(peer: Libp2pPeerId, source: AsyncIterable<{ subarray(): Bytes }>): Promise<void>;
  handlePeerReadStreamError(error: unknown, peer: Libp2pPeerId): void;
  handleReceivedRpc(peer: Libp2pPeerId, rpc: Rpc): Promise<void>;
  decodeRpc(bytes: Bytes): Rpc;
  readonly streamsOutbound: ReadonlyMap<string, unknown>;
  readonly streamsInbound: ReadonlyMap<string, { readonly rawStream: Stream }>;
};

const weightOfIds = (entries: readonly { readonly messageIDs: readonly unknown[] }[]): number =>
  entries.reduce((sum, { messageIDs }) => sum + Math.ceil((1 + messageIDs.length) / IDS_PER_MESSAGE), 0);

/** Whether an rpc decodes, but to more than is taken. Another gossipsub may have larger bounds than this one. */
const isTooLong = (error: unknown): boolean => error instanceof Error && error.name === "MaxLengthError";

/** What an rpc counts towards the rate. An empty one is one too. */
export const weightOf = ({ subscriptions, messages, control }: Rpc): number => {
  const controls =
    control === undefined
      ? 0
      : weightOfIds(control.ihave) +
        weightOfIds(control.iwant) +
        weightOfIds(control.idontwant) +
        control.graft.length +
        control.prune.length;
  return Math.max(1, subscriptions.length + messages.length + controls);
};

const maxRpcBytes = (topics: readonly Topic[]): number =>
  FRAMING + Math.max(0, ...topics.map((topic) => topic.maxBytes));

/** Options of gossipsub for a chain with a message or a few each second. */
export const gossipOptions = ({ topics, score }: GossipOptions): Partial<GossipsubOpts> => ({
  globalSignaturePolicy: StrictNoSign,
  msgIdFn: ({ data }) => keccak256(data),
  msgIdToStrFn: (id) => toHex(id),
  allowedTopics: topics.map(({ name }) => name),
  allowPublishToZeroTopicPeers: true,
  ignoreDuplicatePublishError: true,
  fallbackToFloodsub: false,
  floodPublish: true,
  doPX: false,
  awaitRpcHandler: true,
  awaitRpcMessageHandler: true,
  maxInboundDataLength: maxRpcBytes(topics),
  // Two messages of the largest size may wait for a slow peer; a third breaks its stream, and it asks for blocks instead.
  maxOutboundBufferSize: 2 * maxRpcBytes(topics) + 2 ** 20,
  maxInboundStreams: 2,
  maxOutboundStreams: 2,
  maxTopicBytesPerPeer: 16 * 1_024,
  // Announcing what came before it is judged would pass a flood on, and have this node blamed for it.
  idontwantMinDataSize: Number.MAX_SAFE_INTEGER,
  decodeRpcLimits: {
    maxSubscriptions: MAX_SUBSCRIPTIONS,
    maxMessages: MAX_IDS,
    maxIhaveMessageIDs: MAX_IDS,
    maxIwantMessageIDs: MAX_IDS,
    maxControlMessages: MAX_CONTROLS,
    maxIdontwantMessageIDs: 512,
    maxPeerInfos: 16,
  },
  // A whole small network is one mesh; in a large one a message takes log_6 of it hops.
  D: 6,
  Dlo: 4,
  Dhi: 12,
  Dout: 2,
  Dlazy: 6,
  // A message older than this is its topic's to know again.
  seenTTL: 30_000,
  // A peer that comes back after a break is taken into the mesh at once.
  pruneBackoff: 5_000,
  scoreThresholds: { gossipThreshold: -40, publishThreshold: -60, graylistThreshold: -80 },
  scoreParams: {
    appSpecificScore: score,
    appSpecificWeight: 1,
    // The gater limits connections of a host.
    IPColocationFactorWeight: 0,
    behaviourPenaltyWeight: -1,
    behaviourPenaltyThreshold: 6,
    behaviourPenaltyDecay: 0.9,
    retainScore: 10 * 60_000,
    topics: Object.fromEntries(
      topics.map(({ name }) => [
        name,
        {
          topicWeight: 1,
          timeInMeshWeight: 0.01,
          timeInMeshQuantum: 1_000,
          timeInMeshCap: 300,
          firstMessageDeliveriesWeight: 0.1,
          firstMessageDeliveriesDecay: 0.9,
          firstMessageDeliveriesCap: 50,
          // A chain may rest: silence is no fault.
          meshMessageDeliveriesWeight: 0,
          meshFailurePenaltyWeight: 0,
          invalidMessageDeliveriesWeight: -10,
          invalidMessageDeliveriesDecay: 0.9,
        },
      ]),
    ) as never,
  },
});

/** The judge of a topic's messages as gossipsub asks it. Never throws. */
export const createValidator = (topic: Topic, { penalise, logger, onMessage }: GossipOptions) => {
  const judge = async (data: Bytes, from: PeerId): Promise<Verdict> => {
    if (data.length > topic.maxBytes) return { accept: false, misbehaviour: "malformed" };
    try {
      return await topic.validate(data, from);
    } catch (error) {
      logger.error({ err: error, topic: topic.name }, "a gossiped message could not be judged");
      return { accept: false };
    }
  };
  let turn = performance.now();
  return async (peer: Libp2pPeerId, { data }: { readonly data: Bytes }): Promise<TopicValidatorResult> => {
    const from = peer.toString();
    // One rpc may hold thousands, and between them gossipsub never waits.
    if (performance.now() - turn > MAX_TURN_MS) {
      await new Promise(setImmediate);
      turn = performance.now();
    }
    const verdict = await judge(data, from);
    if (verdict.accept) {
      onMessage("accepted");
      return TopicValidatorResult.Accept;
    }
    if (verdict.misbehaviour === undefined) {
      onMessage("ignored");
      return TopicValidatorResult.Ignore;
    }
    onMessage("rejected");
    penalise(from, verdict.misbehaviour);
    return TopicValidatorResult.Reject;
  };
};

/** Bytes that a length before a frame takes. */
const prefixLength = (length: number): number => {
  let size = 1;
  for (let rest = length; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
};

/**
 * Holds a stream back while more than `most` of its bytes wait to be handled, so that a peer that sends faster than its
 * messages are judged waits itself, and not in memory.
 */
const createBacklog = (stream: Stream, most: number) => {
  let waiting = 0;
  const onMessage = (event: { data: { byteLength: number } }) => {
    waiting += event.data.byteLength;
    if (waiting > most && stream.readStatus === "readable") stream.pause();
  };
  stream.addEventListener("message", onMessage);
  return {
    handled(bytes: number) {
      waiting -= bytes;
      if (waiting <= most && stream.readStatus === "paused") stream.resume();
    },
    release: () => stream.removeEventListener("message", onMessage),
  };
};

export type GossipGuard = {
  /** Whether messages reach the peer: gossipsub does not open a stream anew that broke. */
  reaches(peer: PeerId): boolean;
};

/** Puts the guard between gossipsub's reading of a peer's stream and its handling. */
export const guardGossip = (pubsub: unknown, options: GossipOptions): GossipGuard => {
  const gossip = pubsub as GossipInternals;
  const { penalise, isBanned, onMessage, clock } = options;
  for (const method of ["pipePeerReadStream", "handlePeerReadStreamError", "handleReceivedRpc", "decodeRpc"] as const)
    if (typeof gossip[method] !== "function") throw new TypeError(`gossipsub has no ${method}: another version`);
  const buckets = createBuckets(GOSSIP_RATE, clock, MAX_PEERS);
  const excess = new Map<PeerId, number>();

  /** Whether the rpc is within the peer's rate. */
  const admit = (peer: PeerId, weight: number): boolean => {
    if (buckets.of(peer).take(weight)) return true;
    onMessage("dropped");
    const over = (excess.get(peer) ?? 0) + weight;
    excess.set(peer, over % FLOOD_UNIT);
    // Once for an rpc, however long: one alone bans nobody.
    if (over >= FLOOD_UNIT) penalise(peer, "flood");
    return false;
  };

  const handle = async (peer: Libp2pPeerId, bytes: Bytes): Promise<void> => {
    const id = peer.toString();
    let rpc: Rpc;
    try {
      rpc = gossip.decodeRpc(bytes);
    } catch (error) {
      // Counted as well: garbage is not cheaper to send than messages.
      if (isTooLong(error)) {
        if (admit(id, FLOOD_UNIT)) penalise(id, "rate");
      } else if (admit(id, 1)) penalise(id, "malformed");
      return;
    }
    if (admit(id, weightOf(rpc))) await gossip.handleReceivedRpc(peer, rpc);
  };

  gossip.pipePeerReadStream = async (peer, source) => {
    const id = peer.toString();
    const stream = gossip.streamsInbound.get(id)?.rawStream;
    const backlog = stream === undefined ? undefined : createBacklog(stream, maxRpcBytes(options.topics) + 16);
    try {
      for await (const frame of source) {
        if (isBanned(id)) break;
        const bytes = frame.subarray();
        await handle(peer, bytes);
        backlog?.handled(bytes.length + prefixLength(bytes.length));
      }
    } catch (error) {
      if (error instanceof Error && error.name === "InvalidDataLengthError") penalise(id, "malformed");
      gossip.handlePeerReadStreamError(error, peer);
    } finally {
      backlog?.release();
      excess.delete(id);
    }
  };
  return { reaches: (peer) => gossip.streamsOutbound.has(peer) };
};
