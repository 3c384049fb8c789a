import { EventEmitter } from "node:events";
import pino from "pino";
import { Registry } from "prom-client";
import { type Bytes, concat, type Hex, toHex, uintBE } from "../../foundation/bytes.ts";
import { CodedError } from "../../foundation/errors.ts";
import { keccak256 } from "../../foundation/keccak.ts";
import { sleep } from "../../foundation/service.ts";
import { calldataChunk, contentHashOf, contentOf, encodeManifest } from "../../protocol/model-content.ts";
import type { Handler, Network, NetworkErrorCode, PeerId } from "../network/network.ts";
import type { Misbehaviour } from "../network/reputation.ts";
import type { ContentProvider } from "./content.ts";

export const telemetry = () => ({ logger: pino({ level: "silent" }), registry: new Registry() });

/** Pseudo-random bytes that follow from the seed. */
export const noise = (seed: number, length: number): Bytes => {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = (seed + 1) * 0x9e3779b9;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
};

/** Content of one kind by hash. */
export const libraryOf = (pieces: readonly Bytes[]) => {
  const byHash = new Map<Hex, Bytes>(pieces.map((piece) => [toHex(keccak256(piece)), piece]));
  return { byHash, hashes: [...byHash.keys()] };
};

/** A model that is no program: as many chunks of so many bytes. */
export const modelOf = (chunks: number, size: number) => {
  const { byHash, hashes } = libraryOf(Array.from({ length: chunks }, (_, i) => noise(i, size)));
  const listed = hashes.map((hash) => calldataChunk(byHash.get(hash) as Bytes));
  const manifest = encodeManifest(listed);
  const contentHash = contentHashOf(contentOf(listed));
  const provide: ContentProvider = (kind, hash) => {
    if (kind === "chunk") return byHash.get(hash);
    return kind === "manifest" && hash === contentHash ? manifest : undefined;
  };
  return { contentHash, manifest, chunks: byHash, listed, hashes, provide };
};

/** The same length, other bytes. */
export const spoil = (bytes: Bytes): Bytes => concat(uintBE(0, 4), bytes.subarray(4));

type Asked = { readonly peer: PeerId; readonly request: Bytes };

/** The network's face without sockets: each peer is a handler, and a test says who connects and who leaves. */
export const createLoopNetwork = () => {
  const handlers = new Map<PeerId, Handler>();
  const events = new EventEmitter();
  const penalties: { readonly peer: PeerId; readonly why: Misbehaviour }[] = [];
  const asked: Asked[] = [];
  const drop = (peer: PeerId): void => {
    if (handlers.delete(peer)) events.emit("disconnected", peer);
  };
  const on = (name: string, listener: (peer: PeerId) => void) => {
    events.on(name, listener);
    return () => {
      events.off(name, listener);
    };
  };
  const gone = (peer: PeerId) => new CodedError<NetworkErrorCode>("P2P_PEER", "the peer is not connected", { peer });

  const network: Pick<Network, "peers" | "request" | "penalise" | "onConnected" | "onDisconnected"> = {
    get peers() {
      return [...handlers.keys()].map((id) => ({
        id,
        address: "",
        direction: "outbound" as const,
        agent: undefined,
        protocols: [],
        connectedAt: 0,
        score: 0,
        bytesIn: 0,
        bytesOut: 0,
        isStatic: false,
      }));
    },
    async *request(peer, protocol, request, signal = new AbortController().signal) {
      asked.push({ peer, request });
      const handler = handlers.get(peer);
      if (handler === undefined) throw gone(peer);
      const answers = await handler(request, "asker", signal);
      const iterator = Symbol.asyncIterator in answers ? answers[Symbol.asyncIterator]() : answers[Symbol.iterator]();
      for (;;) {
        const waited = new AbortController();
        const late = sleep(protocol.stallMs, AbortSignal.any([waited.signal, signal])).then(() => undefined);
        const next = await Promise.race([iterator.next(), late]);
        waited.abort();
        signal.throwIfAborted();
        if (!handlers.has(peer)) throw gone(peer);
        if (next === undefined) throw new CodedError<NetworkErrorCode>("P2P_TIMEOUT", "no progress", { peer });
        if (next.done) return;
        yield next.value;
      }
    },
    penalise(peer, why) {
      penalties.push({ peer, why });
    },
    onConnected: (listener) => on("connected", listener),
    onDisconnected: (listener) => on("disconnected", listener),
  };
  return {
    network,
    penalties,
    asked,
    listeners: () => events.listenerCount("connected") + events.listenerCount("disconnected"),
    connect(peer: PeerId, handler: Handler): void {
      handlers.set(peer, handler);
      events.emit("connected", peer);
    },
    drop,
  };
};
