import assert from "node:assert/strict";
import { test } from "node:test";
import {
  awaitHead,
  awaitHeads,
  awaitPeer,
  connect,
  cut,
  heal,
  heard,
  hearing,
  type PeerActor,
  peerStage,
  until,
} from "../support/peers.ts";

const LIMIT = { timeout: 120_000 };

test("six nodes in a line, each knowing one other, reach one head and find the others", LIMIT, async (t) => {
  const stage = peerStage(t);
  const sequencer = await stage.sequencer();
  const followers: PeerActor[] = [];
  const line: PeerActor[] = [sequencer];
  for (let i = 0; i < 5; i++) {
    const before = line.at(-1) as PeerActor;
    const node = await stage.executor({ bootnodes: [before.address] });
    await awaitPeer(node, before.id);
    followers.push(node);
    line.push(node);
  }
  const links = () => line.reduce((sum, { peering }) => sum + peering.network.peers.length, 0) / 2;

  await awaitHeads(followers, await sequencer.build(10));
  // The last of the line hears of the first through four others.
  await hearing(sequencer, followers);
  await awaitHeads(followers, await sequencer.build(10));
  for (const node of followers) {
    assert.equal(node.chain.head.header.stateRoot, sequencer.chain.head.header.stateRoot);
    assert.equal(node.chain.heads.safe, 0n);
    assert.ok((await heard(node)) > 0);
    assert.deepEqual(node.peering.evidence, []);
    assert.equal(await node.metric("assay_p2p_penalties_total"), 0);
  }
  await until(() => links() > 5);
  t.diagnostic(`${links()} connections of 5 that were configured`);
});

test("nodes that know one bootnode alone meet one another", LIMIT, async (t) => {
  const stage = peerStage(t);
  const bootnode = await stage.executor();
  const bootnodes = [bootnode.address];
  const [sequencer, ...followers] = await Promise.all([
    stage.sequencer({ bootnodes }),
    stage.executor({ bootnodes }),
    stage.executor({ bootnodes }),
  ]);
  await Promise.all([sequencer, ...followers].map((node) => awaitPeer(node, bootnode.id)));
  await awaitPeer(followers[0] as (typeof followers)[number], sequencer.id);
  await awaitHeads([bootnode, ...followers], await sequencer.build(3));
});

test("a network cut in two for 50 blocks is one again when it heals", LIMIT, async (t) => {
  const stage = peerStage(t);
  const sequencer = await stage.sequencer();
  const near = await Promise.all([stage.executor(), stage.executor()]);
  const far = await Promise.all([stage.executor(), stage.executor(), stage.executor()]);
  const all = [sequencer, ...near, ...far];
  for (const [i, node] of all.entries()) for (const other of all.slice(i + 1)) await connect(node, other);
  await hearing(sequencer, [...near, ...far]);
  const common = await sequencer.build();
  await awaitHeads([...near, ...far], common);

  for (const here of [sequencer, ...near]) for (const there of far) await cut(here, there);
  await awaitHeads(near, await sequencer.build(50));
  for (const node of far) assert.equal(node.chain.head.hash, common.hash);

  for (const here of [sequencer, ...near]) for (const there of far) await heal(here, there);
  await awaitHeads(far, sequencer.chain.head);
  await hearing(sequencer, far);
  await awaitHeads([...near, ...far], await sequencer.build());
  for (const node of [...near, ...far]) {
    assert.deepEqual(node.peering.evidence, []);
    assert.equal(await node.metric("assay_p2p_penalties_total"), 0);
  }
});

test("who joins after 500 blocks has them from a peer, and a second newcomer from the first", LIMIT, async (t) => {
  const stage = peerStage(t);
  const sequencer = await stage.sequencer();
  const head = await sequencer.build(500);
  const first = await stage.executor();
  await connect(first, sequencer);
  await awaitHead(first, head);
  assert.equal(first.chain.heads.safe, 0n);
  const gossiped = await heard(first);
  const executed = await first.metric("assay_p2p_blocks_imported_total", { outcome: "executed" });
  assert.deepEqual([gossiped, executed], [0, 500]);
  await sequencer.stop();

  const second = await stage.executor();
  await connect(second, first);
  await awaitHead(second, head);
  assert.equal(second.chain.heads.safe, 0n);
  assert.equal(second.chain.head.header.stateRoot, sequencer.chain.head.header.stateRoot);
  for (const node of [first, second]) assert.equal(await node.metric("assay_p2p_penalties_total"), 0);
});

test("a node of another chain with the same id is refused and gives and takes nothing", LIMIT, async (t) => {
  const stage = peerStage(t);
  const sequencer = await stage.sequencer();
  await sequencer.build(3);
  const stranger = await stage.executor({ salt: 1n });
  assert.notEqual(stranger.chain.genesisHash, sequencer.chain.genesisHash);
  await stranger.peering.network.addPeer(sequencer.address);
  await until(
    async () => (await sequencer.metric("assay_p2p_bans_total")) + (await stranger.metric("assay_p2p_bans_total")) > 0,
  );
  await until(() => sequencer.peering.network.peers.length === 0);
  await stranger.peering.network.removePeer(sequencer.id);
  // Whoever names it again has it dialled again, and is no better off.
  const dials = await stranger.metric("assay_p2p_dials_total");
  await stranger.peering.network.addPeer(sequencer.address);
  await until(async () => (await stranger.metric("assay_p2p_dials_total")) > dials);
  await until(() => sequencer.peering.network.peers.length === 0);
  assert.equal(stranger.chain.head.header.number, 0n);
  assert.equal(stranger.peering.highest, 0n);
});
