import { identify } from "@libp2p/identify";
import type { Connection, Stream } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { type Bytes, concat, DEVNET_PARAMETERS, uintBE, utf8 } from "../../executor/index.ts";
import { type Ends, LISTEN } from "./peers.ts";

/** Bytes on the wire, written down here once more from what the nodes say: whoever attacks has no code of theirs. */

const MESHSUB = "/meshsub/1.1.0";
const STATUS_OK = 0;
const END = 0xff_ff_ff_ff;

/** The id of a protocol, or of the topic, on the wire. */
export const protocolId = (name: string): string => `/assay/${DEVNET_PARAMETERS.chainId}/${name}`;

const TOPIC = protocolId("blocks/1");

/** A frame of a request: its length, then it. */
export const frame = (body: Bytes): Bytes => concat(uintBE(body.length, 4), body);
/** A whole answer: its first byte, its frames, its end. */
export const answerOf = (...bodies: readonly Bytes[]): Bytes =>
  concat(Uint8Array.of(STATUS_OK), ...bodies.map(frame), uintBE(END, 4));

const varint = (value: number): Bytes => {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
};
/** A length-delimited protobuf field. */
const field = (number: number, value: Bytes): Bytes => concat(varint(number * 8 + 2), varint(value.length), value);
const withLength = (rpc: Bytes): Bytes => concat(varint(rpc.length), rpc);

/** Gossipsub's rpc with these messages. */
export const gossipRpc = (messages: readonly Bytes[], topic = TOPIC): Bytes =>
  withLength(concat(...messages.map((data) => field(2, concat(field(2, data), field(4, utf8(topic)))))));
const subscription = withLength(field(1, concat(Uint8Array.of(0x08, 0x01), field(2, utf8(TOPIC)))));

/** Longer than any node lets a stream rest. */
const PATIENCE_MS = 15_000;

/** Everything that comes over a stream until it ends or breaks. */
export const drain = (stream: Stream): Promise<Bytes> =>
  new Promise((resolve) => {
    const parts: Bytes[] = [];
    const done = () => {
      clearTimeout(timer);
      resolve(concat(...parts));
    };
    const timer = setTimeout(done, PATIENCE_MS);
    stream.addEventListener("message", ({ data }) => parts.push(data.subarray().slice()));
    for (const event of ["remoteCloseWrite", "close"] as const) stream.addEventListener(event, done, { once: true });
    if (stream.status !== "open") done();
  });

/** Writes as the peer takes it; false when it takes no more. */
const write = async (stream: Stream, bytes: Bytes): Promise<boolean> => {
  if (stream.writeStatus !== "writable") return false;
  try {
    if (!stream.send(bytes)) await stream.onDrain({ signal: AbortSignal.timeout(PATIENCE_MS) });
    return stream.writeStatus === "writable";
  } catch {
    return false;
  }
};

/** A peer that holds to libp2p and to nothing else: it says, asks and answers what a test tells it. */
export const createStranger = async (t: Ends) => {
  const node = await createLibp2p({
    addresses: { listen: [LISTEN] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { reconnectRetries: 0 },
    connectionMonitor: { protocolPrefix: "assay" },
    services: { identify: identify({ protocolPrefix: "assay" }), ping: ping({ protocolPrefix: "assay" }) },
  });
  t.after(() => node.stop());
  // It hears all gossip, and makes nothing of it.
  await node.handle(MESHSUB, (stream) => void drain(stream));
  let connection: Connection | undefined;
  let gossip: Stream | undefined;

  return {
    id: node.peerId.toString(),
    address: node.getMultiaddrs()[0]?.toString() as string,
    get isConnected(): boolean {
      return connection?.status === "open";
    },
    /** Dials a node and subscribes to its gossip. Rejects when it is not let in. */
    async meet({ address }: { readonly address: string }): Promise<void> {
      connection = await node.dial(multiaddr(address));
      gossip = await connection.newStream(MESHSUB, { negotiateFully: true });
      await write(gossip, subscription);
    },
    /** Gossips the messages in one rpc. False when the node does not take it any more. */
    async say(...messages: readonly Bytes[]): Promise<boolean> {
      return gossip !== undefined && write(gossip, gossipRpc(messages));
    },
    /** The same with bytes that need not be an rpc, in these pieces. */
    async mutter(...pieces: readonly Bytes[]): Promise<boolean> {
      for (const piece of pieces) if (gossip === undefined || !(await write(gossip, piece))) return false;
      return true;
    },
    /** Sends pieces over a stream of a protocol, ends its own half, and answers what came back; undefined when refused. */
    async ask(name: string, ...pieces: readonly Bytes[]): Promise<Bytes | undefined> {
      let stream: Stream;
      try {
        stream = await (connection as Connection).newStream(protocolId(name), { negotiateFully: true });
      } catch {
        return undefined;
      }
      const answer = drain(stream);
      for (const piece of pieces) if (!(await write(stream, piece))) break;
      await stream.close().catch(() => undefined);
      return answer;
    },
    /** Answers every stream of a protocol with these bytes; without any it never does. */
    async serve(name: string, answer?: () => Bytes): Promise<void> {
      await node.handle(protocolId(name), async (stream) => {
        void drain(stream);
        if (answer === undefined) return;
        await write(stream, answer());
        await stream.close().catch(() => undefined);
      });
    },
    stop: () => node.stop(),
  };
};
export type Stranger = Awaited<ReturnType<typeof createStranger>>;
