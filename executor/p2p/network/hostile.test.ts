import assert from "node:assert/strict";
import { connect as connectSocket } from "node:net";
import { test } from "node:test";
import type { Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { uintBE } from "../../foundation/bytes.ts";
import { rawPeer } from "./hostile.fixture.ts";
import { type Context, collect, connect, connected, disconnected, makeNetwork, PROTOCOL } from "./network.fixture.ts";

const PROTOCOL_ID = "/assay/7/test/1";
const FAST = { ...PROTOCOL, stallMs: 300 };

/** A node that serves, an honest peer of it, and whatever got past everything that should have caught it. */
const victim = async (t: Context) => {
  const faults: unknown[] = [];
  const note = (fault: unknown) => faults.push(fault);
  process.on("unhandledRejection", note);
  process.on("uncaughtException", note);
  t.after(async () => {
    process.off("unhandledRejection", note);
    process.off("uncaughtException", note);
  });
  const [{ network }, { network: friend }] = await Promise.all([makeNetwork(t), makeNetwork(t)]);
  network.serve(FAST, (request) => [request]);
  network.join({ name: "/assay/7/blocks/1", maxBytes: 2 ** 20, validate: () => ({ accept: true }) });
  await Promise.all([network.start(), friend.start()]);
  await connect(friend, network);
  const isWell = async () => {
    const request = Uint8Array.of(1, 2, 3);
    assert.deepEqual(await collect(friend.request(network.id, PROTOCOL, request)), [request]);
    assert.deepEqual(faults, []);
  };
  return { network, address: network.addresses[0] as string, isWell };
};
const closed = (stream: Stream) =>
  new Promise<void>((resolve) => {
    stream.addEventListener("close", () => resolve(), { once: true });
    if (stream.status !== "open") resolve();
  });

test("garbage, half frames, huge lengths and resets on a protocol's streams end those streams alone", async (t) => {
  const { network, address, isWell } = await victim(t);
  const peer = await rawPeer(t);
  const connection = await peer.dial(multiaddr(address));
  const met = connected(network, peer.peerId.toString());
  await met;
  const attacks: ((stream: Stream) => void)[] = [
    (stream) => stream.send(Uint8Array.of(0, 0)),
    (stream) => stream.send(uintBE(100, 4)),
    (stream) => void stream.close(),
    (stream) => stream.abort(new Error("reset")),
  ];
  for (const attack of attacks) {
    const stream = await connection.newStream(PROTOCOL_ID);
    attack(stream);
    await closed(stream);
  }
  assert.equal(network.peers.find(({ id }) => id === peer.peerId.toString())?.score, 0);
  const huge = await connection.newStream(PROTOCOL_ID);
  huge.send(uintBE(0xff_ff_ff_fe, 4));
  await closed(huge);
  assert.ok((network.peers.find(({ id }) => id === peer.peerId.toString())?.score ?? 0) < 0);
  await isWell();
});

test("garbage on every protocol of the node has its sender banned or ignored", async (t) => {
  const { network, address, isWell } = await victim(t);
  const peer = await rawPeer(t);
  const connection = await peer.dial(multiaddr(address));
  const noise = crypto.getRandomValues(new Uint8Array(20_000));
  for (const protocol of [
    "/meshsub/1.2.0",
    "/meshsub/1.1.0",
    "/assay/7/kad/1",
    "/assay/id/1.0.0",
    "/assay/ping/1.0.0",
    PROTOCOL_ID,
  ])
    for (let i = 0; i < 5; i++) {
      const stream = await connection.newStream(protocol).catch(() => undefined);
      try {
        stream?.send(noise.subarray(i * 7));
      } catch {
        // It was reset already.
      }
    }
  await isWell();
  const banned = disconnected(network, peer.peerId.toString());
  let over = false;
  void banned.then(() => {
    over = true;
  });
  // A stream may be refused while the node has not yet done with those before.
  while (!over) {
    const gossip = await connection.newStream("/meshsub/1.2.0").catch(() => undefined);
    // Length 3, and no rpc in it.
    try {
      for (let i = 0; i < 20; i++) gossip?.send(Uint8Array.of(3, 0xff, 0xff, 0xff));
    } catch {
      // It was reset already.
    }
    await Promise.race([banned, new Promise((resolve) => setTimeout(resolve, 50))]);
  }
  await isWell();
});

test("a thousand streams at once, then gone", async (t) => {
  const { network, address, isWell } = await victim(t);
  const peer = await rawPeer(t);
  const connection = await peer.dial(multiaddr(address));
  const before = process.memoryUsage().rss;
  const streams = await Promise.allSettled(
    Array.from({ length: 1_000 }, async () => {
      const stream = await connection.newStream(PROTOCOL_ID, {
        maxOutboundStreams: 10_000,
        signal: AbortSignal.timeout(2_000),
      });
      stream.send(new Uint8Array(3));
    }),
  );
  assert.equal(streams.length, 1_000);
  await isWell();
  const gone = disconnected(network, peer.peerId.toString());
  connection.abort(new Error("gone"));
  await gone;
  await isWell();
  const grown = (process.memoryUsage().rss - before) / 2 ** 20;
  assert.ok(grown < 150, `${grown} MiB`);
});

test("sockets that are no peers do no harm", async (t) => {
  const { address, isWell } = await victim(t);
  const port = Number(address.split("/")[4]);
  const noise = crypto.getRandomValues(new Uint8Array(4_096));
  const sockets = Array.from({ length: 40 }, (_, i) => {
    const socket = connectSocket(port, "127.0.0.1");
    socket.on("error", () => undefined);
    if (i % 2 === 0) socket.write(noise);
    return socket;
  });
  await Promise.all(
    sockets.filter((_, i) => i % 2 === 0).map((socket) => new Promise((resolve) => socket.once("close", resolve))),
  );
  await isWell();
  for (const socket of sockets) socket.destroy();
  await isWell();
});
