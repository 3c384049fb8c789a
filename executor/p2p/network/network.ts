import type { Bytes } from "../../foundation/bytes.ts";
import type { Service } from "../../foundation/service.ts";
import type { Misbehaviour } from "./reputation.ts";

export type NetworkErrorCode =
  /** No multiaddress of a peer over TCP, or one outside --p2p-scope. Write it as /ip4/…/tcp/…/p2p/<peer id>. */
  | "P2P_ADDRESS"
  /** The key file is there and is none. Move it away to be given a new identity. */
  | "P2P_IDENTITY"
  /** The listening address is taken or not this machine's. Give another --p2p-listen. */
  | "P2P_LISTEN"
  /** The peer is not connected, or does not speak the protocol. Ask another. */
  | "P2P_PEER"
  /** The peer was too slow, or went away before its answer was complete. Ask another. */
  | "P2P_TIMEOUT"
  /** The peer sent more than was asked for, or what cannot be read. It is penalised; ask another. */
  | "P2P_INVALID"
  /** The peer has no room for the request now. Ask it later, or another. */
  | "P2P_BUSY";

/** A peer's id: libp2p's base58 text. */
export type PeerId = string;

/** Which addresses a node meets: loopback and private ones alone, or public ones and those it was given by name. */
export type NetworkScope = "private" | "public";

/** A connected peer as `admin_peers` shows it. */
export type PeerInfo = {
  readonly id: PeerId;
  readonly address: string;
  readonly direction: "inbound" | "outbound";
  /** What the peer says it is: name, version. */
  readonly agent: string | undefined;
  readonly protocols: readonly string[];
  /** Milliseconds since the epoch. */
  readonly connectedAt: number;
  readonly score: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly isStatic: boolean;
};

/** What a gossiped message is worth. Only an accepted one is passed on; only a rejected one is held against its sender. */
export type Verdict = { readonly accept: true } | { readonly accept: false; readonly misbehaviour?: Misbehaviour };

export type Topic = {
  readonly name: string;
  readonly maxBytes: number;
  /** Judges before anything is passed on. Never throws. Quick: it runs between a peer's messages. */
  validate(data: Bytes, from: PeerId): Verdict | Promise<Verdict>;
};

export type Channel = {
  /** To how many peers it went; zero when none listens, when it went before, and over 4 MiB less 1 KiB. */
  publish(data: Bytes): Promise<number>;
};

/** One request, then any number of answers, each with its length before it. */
export type Protocol = {
  /** Without the chain: "blocks/1". */
  readonly name: string;
  readonly maxRequestBytes: number;
  /** Of one answer. */
  readonly maxAnswerBytes: number;
  /** Of all answers to one request. */
  readonly maxAnswers: number;
  /** Milliseconds without progress, on either side. */
  readonly stallMs: number;
  /** Whether no progress is held against the peer that was asked; it is when left out. */
  readonly stalls?: "blamed" | "forgiven";
  /** What one peer may ask for: requests a second with a burst, and bytes of answers a second with a burst. */
  readonly rate: {
    readonly requests: number;
    readonly requestBurst: number;
    readonly bytes: number;
    readonly byteBurst: number;
  };
};

/** Answers are drawn as fast as the peer reads them. Throwing CodedError P2P_INVALID blames the peer. */
export type Handler = (
  request: Bytes,
  from: PeerId,
  signal: AbortSignal,
) => Iterable<Bytes> | AsyncIterable<Bytes> | Promise<Iterable<Bytes>>;

/** What every node does among its peers: listens, dials, speaks, scores. Nothing that a peer sends makes it reject or throw. */
export type Network = Service & {
  readonly id: PeerId;
  /** Where it can be dialled, each ending in /p2p/<id>. */
  readonly addresses: readonly string[];
  /** Those connected, without nodes of other chains: they are told so, and dropped. */
  readonly peers: readonly PeerInfo[];
  /**
   * Keeps a connection to the peer of this address, dialling again when it breaks; a ban of it is lifted. P2P_ADDRESS:
   * as for the node's own address.
   */
  addPeer(address: string): Promise<void>;
  /**
   * Drops the peer of this id, or of an address that ends in /p2p/<id>, and, if it was kept, no longer keeps it. False
   * when it was neither connected nor kept. P2P_ADDRESS.
   */
  removePeer(text: string): Promise<boolean>;
  /** Takes points off a peer; at the threshold it is banned and dropped. */
  penalise(id: PeerId, why: Misbehaviour): void;
  /** Drops the peer and meets it no more for so long. */
  ban(id: PeerId, ms: number): void;
  unban(id: PeerId): void;
  onConnected(listener: (peer: PeerId) => void): () => void;
  onDisconnected(listener: (peer: PeerId) => void): () => void;
  /** Before `start`. Gossip of one topic. */
  join(topic: Topic): Channel;
  /** Before `start`. */
  serve(protocol: Protocol, handler: Handler): void;
  /**
   * Asks a connected peer. Answers come as they arrive; reading slowly slows the peer. P2P_PEER, P2P_TIMEOUT,
   * P2P_INVALID, P2P_BUSY; a stall and an oversized answer are held against the peer here, their meaning is judged by
   * the caller.
   */
  request(peer: PeerId, protocol: Protocol, request: Bytes, signal?: AbortSignal): AsyncIterable<Bytes>;
  /** Listens and dials. P2P_LISTEN. */
  start(): Promise<void>;
};
