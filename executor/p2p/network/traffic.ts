import type { Connection, Stream } from "@libp2p/interface";
import type { Counter } from "prom-client";
import type { PeerId } from "./network.ts";

export type Traffic = {
  /** Counts what goes over the stream from now on. `label` is of a small, fixed set. */
  count(stream: Stream, connection: Connection, label: string): void;
  bytesOf(peer: PeerId): { readonly in: number; readonly out: number };
  forget(peer: PeerId): void;
};

/** Bytes within streams, of each connected peer and each protocol. */
export const createTraffic = (bytes: Counter<"direction" | "protocol">): Traffic => {
  const peers = new Map<PeerId, { in: number; out: number }>();

  return {
    count(stream, connection, label) {
      const peer = connection.remotePeer.toString();
      const tally = peers.get(peer) ?? { in: 0, out: 0 };
      peers.set(peer, tally);
      const note = (direction: "in" | "out", length: number) => {
        tally[direction] += length;
        bytes.inc({ direction, protocol: label }, length);
      };
      const { send, dispatchEvent } = stream;
      stream.send = (data) => {
        note("out", data.byteLength);
        return send.call(stream, data);
      };
      // A listener of its own would make the stream flow before its handler listens.
      stream.dispatchEvent = (event) => {
        if (event.type === "message") note("in", (event as Event & { data: { byteLength: number } }).data.byteLength);
        return dispatchEvent.call(stream, event);
      };
    },
    bytesOf: (peer) => peers.get(peer) ?? { in: 0, out: 0 },
    forget: (peer) => peers.delete(peer),
  };
};
