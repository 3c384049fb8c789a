import assert from "node:assert/strict";
import { test } from "node:test";
import { gossipsub, StrictNoSign } from "@libp2p/gossipsub";
import type { Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { toHex, uintBE } from "../../foundation/bytes.ts";
import { keccak256 } from "../../foundation/keccak.ts";
import { GOSSIP_RATE, MAX_GOSSIP_BYTES, MAX_IDS } from "./gossip.ts";
import { rawPeer } from "./hostile.fixture.ts";
import { type Context, connect, disconnected, makeNetwork } from "./network.fixture.ts";
import type { Topic, Verdict } from "./network.ts";
import { PENALTY } from "./reputation.ts";

const NAME = "/assay/7/blocks/1";
/** First byte of messages that find out whether anyone listens yet. */
const PROBE = 255;

/** A node that hears one topic. */
const listener = async (t: Context, judge: (data: Uint8Array, from: string) => Verdict, options = {}) => {
  const heard: { readonly data: Uint8Array; readonly from: string }[] = [];
  const waiting = new Set<() => void>();
  const topic: Topic = {
    name: NAME,
    maxBytes: 4 * 2 ** 20,
    validate(data, from) {
      if (data[0] === PROBE) return { accept: false };
      heard.push({ data, from });
      for (const wake of waiting) wake();
      return judge(data, from);
    },
  };
  const { network, registry } = await makeNetwork(t, options);
  const channel = network.join(topic);
  await network.start();
  const until = (done: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!done()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return { network, registry, channel, heard, until };
};
const accept = (): Verdict => ({ accept: true });

type Channel = { publish(data: Uint8Array): Promise<number> };

/** Publishes when somebody listens: subscriptions travel after the connection. */
const publish = async ({ publish: send }: Channel, data: Uint8Array) => {
  while ((await send(Uint8Array.of(PROBE, ...crypto.getRandomValues(new Uint8Array(8))))) === 0)
    await new Promise(setImmediate);
  assert.equal(await send(data), 1);
};

test("a message travels over a node in between, large as it may be, once", async (t) => {
  const [a, b, c] = await Promise.all([listener(t, accept), listener(t, accept), listener(t, accept)]);
  await Promise.all([connect(a.network, b.network), connect(b.network, c.network)]);
  // They would find each other.
  a.network.ban(c.network.id, 60_000);
  const data = new Uint8Array(MAX_GOSSIP_BYTES).fill(7);
  await publish(a.channel, data);
  await c.until(() => c.heard.length === 1);
  assert.equal(toHex(keccak256(c.heard[0]?.data as Uint8Array)), toHex(keccak256(data)));
  assert.equal(c.heard[0]?.from, b.network.id);
  assert.equal(b.heard.length, 1);
  assert.equal(await a.channel.publish(data), 0);
  assert.equal(await a.channel.publish(new Uint8Array(MAX_GOSSIP_BYTES + 1)), 0);
  await assert.rejects(a.channel.publish(new Uint8Array(4 * 2 ** 20 + 1)), RangeError);
});

test("what is not accepted goes no further, and what is rejected is blamed on its sender", async (t) => {
  const judge = (data: Uint8Array): Verdict =>
    data[0] === 0 ? { accept: false, misbehaviour: "signature" } : { accept: data[0] === 2 };
  const [a, b, c] = await Promise.all([listener(t, accept), listener(t, judge), listener(t, accept)]);
  await Promise.all([connect(a.network, b.network), connect(b.network, c.network)]);
  a.network.ban(c.network.id, 60_000);
  for (const kind of [0, 1, 2]) await publish(a.channel, Uint8Array.of(kind, 9));
  await c.until(() => c.heard.length > 0);
  assert.deepEqual([...(c.heard[0]?.data ?? [])], [2, 9]);
  assert.equal(b.heard.length, 3);
  const score = b.network.peers.find(({ id }) => id === a.network.id)?.score ?? 0;
  assert.ok(Math.abs(score + PENALTY.signature) < 0.1);
  const metrics = await b.registry.metrics();
  for (const outcome of ["accepted", "ignored", "rejected"])
    assert.match(metrics, new RegExp(`assay_p2p_gossip_messages_total\\{outcome="${outcome}"\\} [1-9]`));
});

test("a judge that fails lets nothing through and blames nobody", async (t) => {
  const fail = () => {
    throw new Error("a defect");
  };
  const [a, b] = await Promise.all([listener(t, accept), listener(t, fail)]);
  await connect(a.network, b.network);
  await publish(a.channel, Uint8Array.of(1));
  await b.until(() => b.heard.length === 1);
  assert.equal(b.network.peers[0]?.score, 0);
});

/** gossipsub of a stranger, with a way around its own limits. */
const flooder = async (t: Context, target: string) => {
  const node = await rawPeer(t, {
    pubsub: gossipsub({
      globalSignaturePolicy: StrictNoSign,
      allowPublishToZeroTopicPeers: true,
      msgIdFn: ({ data }) => keccak256(data),
      fallbackToFloodsub: false,
    }),
  });
  await node.dial(multiaddr(target));
  const pubsub = node.services["pubsub"] as ReturnType<ReturnType<typeof gossipsub>>;
  pubsub.subscribe(NAME);
  return { node, pubsub, id: node.peerId.toString() };
};

/** Sends any rpc, whatever the router thinks of it. */
const rpcOf = (pubsub: unknown) => {
  const router = pubsub as { sendRpc(id: string, rpc: object): boolean };
  return { send: (id: string, rpc: object) => router.sendRpc(id, rpc) };
};

for (const [what, content] of [
  ["different messages", (i: number) => uintBE(i, 64)],
  ["one message", () => uintBE(1, 64)],
] as const)
  test(`a flood of ${what} has its sender banned while others are heard`, async (t) => {
    // Judged as if all were seen before: the flood alone is to be what is blamed.
    const ignore = (): Verdict => ({ accept: false });
    const [a, b] = await Promise.all([listener(t, accept), listener(t, ignore)]);
    await connect(a.network, b.network);
    await publish(a.channel, Uint8Array.of(0));
    const { node, pubsub, id } = await flooder(t, b.network.addresses[0] as string);
    while (pubsub.getSubscribers(NAME).length === 0) await new Promise(setImmediate);
    const banned = disconnected(b.network, id);
    const start = performance.now();
    const { send } = rpcOf(pubsub);
    let sent = 0;
    const flood = (async () => {
      while (node.getConnections().length > 0 && performance.now() - start < 10_000) {
        for (let i = 0; i < 200; i++)
          send(b.network.id, { subscriptions: [], messages: [{ topic: NAME, data: content(sent++) }] });
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();
    const honest = uintBE(9, 9);
    await a.channel.publish(honest);
    await b.until(() => b.heard.some(({ data }) => toHex(data) === toHex(honest)));
    const heardAfter = performance.now() - start;
    await banned;
    const bannedAfter = performance.now() - start;
    await flood;
    assert.ok(heardAfter < 1_000, `an honest message took ${heardAfter} ms`);
    assert.ok(bannedAfter < 5_000, `the ban took ${bannedAfter} ms`);
    assert.ok(sent > GOSSIP_RATE.burst, `${sent} messages were sent`);
    const allowed = GOSSIP_RATE.burst + Math.ceil((bannedAfter / 1_000) * GOSSIP_RATE.perSecond);
    const heard = b.heard.filter(({ from }) => from === id).length;
    assert.ok(heard <= allowed, `${heard} messages were heard in ${bannedAfter} ms`);
    assert.match(await b.registry.metrics(), /assay_p2p_bans_total 1/);
    assert.deepEqual(
      b.network.peers.map((peer) => peer.id),
      [a.network.id],
    );
  });

test("two thousand messages at once, relayed by those who hear them, are held against nobody", async (t) => {
  const nodes = await Promise.all([listener(t, accept), listener(t, accept), listener(t, accept)]);
  const [a, b, c] = nodes;
  await Promise.all([connect(a.network, b.network), connect(a.network, c.network), connect(b.network, c.network)]);
  while ((await a.channel.publish(Uint8Array.of(PROBE, ...crypto.getRandomValues(new Uint8Array(8))))) < 2)
    await new Promise(setImmediate);
  for (let i = 0; i < 2_000; i++) await a.channel.publish(uintBE(i, 64));
  await Promise.all([b, c].map(({ heard, until }) => until(() => heard.length === 2_000)));
  for (const { network, registry } of nodes) {
    assert.deepEqual(
      network.peers.map(({ score }) => score),
      [0, 0],
    );
    assert.doesNotMatch(await registry.metrics(), /assay_p2p_(penalties|bans)_total(\{.*\})? [1-9]/);
  }
});

test("the most that gossipsub names, asks for and answers with is taken; more than that is no malformed message", async (t) => {
  const { network, heard, until } = await listener(t, () => ({ accept: false }));
  const { pubsub, id } = await flooder(t, network.addresses[0] as string);
  while (pubsub.getSubscribers(NAME).length === 0) await new Promise(setImmediate);
  const { send } = rpcOf(pubsub);
  const ids = (count: number, from: number) => Array.from({ length: count }, (_, i) => uintBE(from + i, 32));
  const control = (entries: object) => ({
    subscriptions: [],
    messages: [],
    control: { ihave: [], iwant: [], graft: [], prune: [], idontwant: [], ...entries },
  });
  // Of three heartbeats that a busy node reads at once.
  for (let beat = 0; beat < 3; beat++) {
    const messageIDs = ids(MAX_IDS, beat * MAX_IDS);
    send(network.id, control({ ihave: [{ topicID: NAME, messageIDs }] }));
    send(network.id, control({ iwant: [{ messageIDs }] }));
    send(network.id, control({ idontwant: [{ messageIDs: messageIDs.slice(0, 512) }] }));
  }
  const messages = Array.from({ length: MAX_IDS }, (_, i) => ({ topic: NAME, data: uintBE(i, 64) }));
  send(network.id, { subscriptions: [], messages });
  await until(() => heard.length === MAX_IDS);
  const score = () => network.peers.find((peer) => peer.id === id)?.score ?? Number.NEGATIVE_INFINITY;
  assert.equal(score(), 0);
  const tooMany = control({ ihave: [{ topicID: NAME, messageIDs: ids(MAX_IDS + 1, 0) }] });
  for (let i = 0; i < 3; i++) send(network.id, tooMany);
  send(network.id, { subscriptions: [], messages: [{ topic: NAME, data: uintBE(MAX_IDS, 64) }] });
  await until(() => heard.length === MAX_IDS + 1);
  assert.ok(Math.abs(score() + 3 * PENALTY.rate) < 0.1, `${score()}`);
});

test("a peer that sends faster than is judged waits, and nothing of it is lost", async (t) => {
  const go = Promise.withResolvers<void>();
  let judged = 0;
  const all = Promise.withResolvers<void>();
  const { network } = await makeNetwork(t);
  network.join({
    name: NAME,
    maxBytes: 2 ** 20,
    async validate() {
      await go.promise;
      if (++judged === 40) all.resolve();
      return { accept: false };
    },
  });
  await network.start();
  const { pubsub, id } = await flooder(t, network.addresses[0] as string);
  while (pubsub.getSubscribers(NAME).length === 0) await new Promise(setImmediate);
  const { send } = rpcOf(pubsub);
  for (let i = 0; i < 40; i++)
    send(network.id, { subscriptions: [], messages: [{ topic: NAME, data: new Uint8Array(2 ** 20).fill(i) }] });
  const came = () => network.peers.find((peer) => peer.id === id)?.bytesIn ?? 0;
  // It has come to rest when it has not grown over many turns of the loop.
  for (let before = -1, still = 0; still < 20; ) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    still = came() === before ? still + 1 : 0;
    before = came();
  }
  assert.ok(came() > 2 ** 20 && came() < 6 * 2 ** 20, `${came()} bytes came`);
  go.resolve();
  await all.promise;
});

test("a peer that messages cannot reach any more is dropped, to be met anew", async (t) => {
  const { network } = await listener(t, accept);
  const { pubsub, id } = await flooder(t, network.addresses[0] as string);
  while (pubsub.getSubscribers(NAME).length === 0) await new Promise(setImmediate);
  const dropped = disconnected(network, id);
  const { streamsInbound } = pubsub as unknown as { streamsInbound: Map<string, { rawStream: Stream }> };
  streamsInbound.get(network.id)?.rawStream.abort(new Error("gone"));
  await dropped;
});

test("what somebody gossips to a node does not make that node flood its peers", async (t) => {
  const judge = ({ [0]: kind }: Uint8Array): Verdict => ({ accept: kind === 1 });
  const [b, c] = await Promise.all([listener(t, judge), listener(t, judge)]);
  await connect(b.network, c.network);
  const { pubsub, id } = await flooder(t, b.network.addresses[0] as string);
  c.network.ban(id, 60_000);
  const { send } = rpcOf(pubsub);
  const gossip = (kind: number, i: number) =>
    send(b.network.id, {
      subscriptions: [],
      messages: [
        {
          topic: NAME,
          data: new Uint8Array(1_024)
            .fill(kind, 0, 1)
            .fill(i % 256, 1, 2)
            .fill(i >> 8, 2, 3),
        },
      ],
    });
  const reaches = async (from: number) => {
    for (let i = from; !c.heard.some(({ data }) => data[0] === 1 && (data[1] as number) >= from); i++) {
      assert.equal(c.network.peers.length, 1);
      gossip(1, i);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  // Until they are each other's mesh.
  await reaches(0);
  // Within the rate of one peer.
  for (let i = 0; i < 800; i++) gossip(2, i);
  await b.until(() => b.heard.filter(({ data }) => data[0] === 2).length === 800);
  await reaches(200);
  const [seen] = c.network.peers;
  assert.equal(seen?.id, b.network.id);
  assert.equal(seen?.score, 0);
});
