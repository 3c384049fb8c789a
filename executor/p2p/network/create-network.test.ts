import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "../../foundation/errors.ts";
import { collect, connect, connected, disconnected, makeNetwork, PROTOCOL } from "./network.fixture.ts";
import type { NetworkErrorCode } from "./network.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (content: string) => new TextEncoder().encode(content);
const is = (code: NetworkErrorCode) => (error: unknown) => hasCode(error, code);
const OTHER = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";

test("two nodes meet, ask, and see each other", async (t) => {
  const [{ network: a, registry }, { network: b }] = await Promise.all([makeNetwork(t), makeNetwork(t)]);
  b.serve(PROTOCOL, function* (request, from) {
    yield bytes(`${text(request)} from ${from}`);
    yield bytes("");
  });
  await Promise.all([a.start(), b.start()]);
  await connect(a, b);
  const answers = await collect(a.request(b.id, PROTOCOL, bytes("hello")));
  assert.deepEqual(answers.map(text), [`hello from ${a.id}`, ""]);
  const [peer] = a.peers;
  assert.equal(peer?.id, b.id);
  assert.equal(peer?.address, b.addresses[0]);
  assert.equal(peer?.direction, "outbound");
  assert.equal(peer?.isStatic, true);
  assert.equal(b.peers[0]?.direction, "inbound");
  assert.equal(b.peers[0]?.isStatic, false);
  assert.ok((peer?.bytesIn ?? 0) > 0 && (peer?.bytesOut ?? 0) > 0);
  const metrics = await registry.metrics();
  assert.match(metrics, /assay_p2p_peers\{direction="outbound"\} 1/);
  assert.match(metrics, /assay_p2p_dials_total\{outcome="connected"\} 1/);
  assert.match(metrics, /assay_p2p_bytes_total\{direction="in",protocol="identify"\} [1-9]/);
});

test("a peer is shown with what it says of itself", async (t) => {
  const [{ network: a }, { network: b }] = await Promise.all([
    makeNetwork(t),
    makeNetwork(t, { agent: `assay/2\n${"x".repeat(500)}` }),
  ]);
  b.serve(PROTOCOL, () => []);
  await Promise.all([a.start(), b.start()]);
  await connect(a, b);
  while (a.peers[0]?.agent === undefined) await new Promise(setImmediate);
  assert.ok(a.peers[0].agent.startsWith("assay/2?x"));
  assert.equal(a.peers[0].agent.length, 128);
  assert.ok(a.peers[0].protocols.includes("/assay/7/test/1"));
});

test("a node knows its id before it starts, and the addresses it is bound to after", async (t) => {
  const { network } = await makeNetwork(t);
  assert.match(network.id, /^12D3KooW/);
  assert.deepEqual(network.addresses, []);
  await network.start();
  const [address] = network.addresses;
  assert.match(address ?? "", new RegExp(`^/ip4/127\\.0\\.0\\.1/tcp/[1-9]\\d*/p2p/${network.id}$`));
  await network.stop();
  assert.deepEqual([network.addresses, network.peers], [[], []]);
});

test("an address that cannot be listened on is named", async (t) => {
  const { network: first } = await makeNetwork(t);
  await first.start();
  const taken = first.addresses[0]?.split("/p2p/")[0] as string;
  for (const address of [taken, "/ip4/8.8.8.8/tcp/0", "/dns4/localhost/tcp/0", "nonsense"]) {
    const { network } = await makeNetwork(t, { listen: [address] });
    await assert.rejects(network.start(), (error: Error) => is("P2P_LISTEN")(error) && error.message.includes(address));
    await network.stop();
  }
});

test("a node that does not listen dials", async (t) => {
  const [{ network: a }, { network: b }] = await Promise.all([makeNetwork(t, { listen: [] }), makeNetwork(t)]);
  await Promise.all([a.start(), b.start()]);
  assert.deepEqual(a.addresses, []);
  await connect(a, b);
});

test("bootnodes and added peers must be addresses of peers within the scope", async (t) => {
  for (const address of ["nonsense", `/ip4/8.8.8.8/tcp/1/p2p/${OTHER}`]) {
    await assert.rejects(makeNetwork(t, { bootnodes: [address] }), is("P2P_ADDRESS"));
    const { network } = await makeNetwork(t);
    await assert.rejects(network.addPeer(address), is("P2P_ADDRESS"));
  }
});

test("a node does not dial itself, and keeps a bounded number of peers", async (t) => {
  const { network } = await makeNetwork(t);
  await network.start();
  await assert.rejects(network.addPeer(network.addresses[0] as string), is("P2P_ADDRESS"));
  assert.deepEqual(network.peers, []);
  const { generateKeyPair } = await import("@libp2p/crypto/keys");
  const address = async () => `/ip4/127.0.0.1/tcp/1/p2p/${(await generateKeyPair("Ed25519")).publicKey}`;
  await assert.rejects(async () => {
    for (let i = 0; i <= 64; i++) await network.addPeer(await address());
  }, is("P2P_ADDRESS"));
});

test("a kept peer is dialled again when it comes back, one that was removed is not", async (t) => {
  const [{ network: a }, { network: b }] = await Promise.all([makeNetwork(t), makeNetwork(t)]);
  await Promise.all([a.start(), b.start()]);
  await connect(a, b);
  const lost = disconnected(a, b.id);
  const back = lost.then(() => connected(a, b.id));
  // The other side drops it; it has no reason to dial itself.
  await b.removePeer(a.id);
  await back;
  const gone = disconnected(b, a.id);
  assert.equal(await a.removePeer(b.addresses[0] as string), true);
  await gone;
  assert.deepEqual(a.peers, []);
  assert.equal(await a.removePeer(b.id), false);
  for (const text of ["nonsense", "/ip4/127.0.0.1/tcp/1", `${b.addresses[0]}/tcp/1`])
    await assert.rejects(a.removePeer(text), is("P2P_ADDRESS"));
});

test("a peer that misbehaves is banned, dropped, and let in again when the ban is over", async (t) => {
  let now = Date.now();
  const [{ network: a, registry }, { network: b }] = await Promise.all([
    makeNetwork(t, { clock: () => now, banMs: 60_000 }),
    makeNetwork(t),
  ]);
  await Promise.all([a.start(), b.start()]);
  await connect(b, a);
  a.penalise(b.id, "content");
  assert.equal(a.peers[0]?.score, -50);
  const dropped = disconnected(b, a.id);
  a.penalise(b.id, "content");
  await dropped;
  assert.deepEqual(a.peers, []);
  const metrics = await registry.metrics();
  assert.match(metrics, /assay_p2p_penalties_total\{reason="content"\} 2/);
  assert.match(metrics, /assay_p2p_bans_total 1/);
  now += 60_000;
  // The one that was dropped keeps the other, and comes back by itself.
  await connected(a, b.id);
  const again = disconnected(b, a.id);
  a.ban(b.id, 3_600_000);
  await again;
  await b.removePeer(a.id);
  await a.addPeer(b.addresses[0] as string);
  await connected(a, b.id);
});

test("six nodes that dial one another at once are all connected", async (t) => {
  const nodes = await Promise.all(Array.from({ length: 6 }, () => makeNetwork(t)));
  const networks = nodes.map(({ network }) => network);
  await Promise.all(networks.map((network) => network.start()));
  const all = networks.flatMap((a) => networks.filter((b) => b !== a).map((b) => connected(a, b.id)));
  for (const a of networks) for (const b of networks) if (b !== a) await a.addPeer(b.addresses[0] as string);
  await Promise.all(all);
});

test("stopping is idempotent, before a start as after it", async (t) => {
  const { network } = await makeNetwork(t);
  await Promise.all([network.stop(), network.stop()]);
  const { network: other } = await makeNetwork(t);
  const starting = other.start();
  await Promise.all([other.stop(), starting.catch(() => undefined)]);
  assert.deepEqual(other.addresses, []);
});
