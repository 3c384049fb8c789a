import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createBeaconSource, createPeerBlobSource } from "../../bridge/index.ts";
import { BLOB_BYTES, type Bytes, createMemoryStore, hasCode, toHex } from "../../executor/index.ts";
import { type Anvil, startAnvil } from "../support/anvil.ts";
import { type Beacon, startBeacon } from "../support/beacon.ts";
import {
  batchOf,
  blobBatchOf,
  type Layout,
  layOut,
  type Node,
  SEQUENCER,
  startNode,
  startSender,
  tip,
  transfer,
} from "../support/l2-node.ts";
import { awaitPeer, joinPeers } from "../support/peers.ts";

const originOf = (node: Node) => {
  const { head } = node.source;
  assert.ok(head);
  return { number: head.number, timestamp: head.timestamp };
};

/** The blobs of all batches that the node has read, put where a consensus node would have them. */
const consensus = async (l1: Anvil, node: Node, beacon: Beacon): Promise<void> => {
  for (let index = 0n; index < node.source.recordCount; index++) {
    const record = node.source.record(index);
    assert.ok(record);
    const { timestamp } = await l1.client.getBlock({ blockNumber: record.l1Block });
    beacon.put(
      timestamp,
      record.blobHashes.map((hash) => node.source.blob(hash) as Bytes),
    );
  }
};

/** An L1 with one block of one transfer in blobs, and the node that made it. */
const posted = async (l1: Anvil) => {
  await l1.automatic();
  const layout = await layOut(l1);
  const sequencer = await startNode(l1, layout, { keepUnsafe: true, blobSources: [createBeaconSource(l1.url)] });
  await sequencer.sync();
  const origin = originOf(sequencer);
  const batcher = startSender(l1, SEQUENCER);
  const { block } = await sequencer.build([await transfer(0, 0)], origin);
  await batcher.land(await blobBatchOf(layout, sequencer, [block], { index: 0n, origin }));
  await sequencer.sync();
  return { l1, layout, sequencer, origin, batcher, block };
};

/** A transfer with so much data that two make two blobs, and seven make six. */
const bulky = (nonce: number): Promise<Bytes> =>
  transfer(1, nonce, {
    data: toHex(Uint8Array.from({ length: 95_000 }, (_, i) => (i * 13 + (i >> 7) + nonce) & 255)),
    gas: 3_900_000n,
  });

/** All on one L1: its first blob costs it seconds. */
const SCENES: Record<string, (t: TestContext, l1: Anvil) => Promise<void>> = {};

for (const { transfers, blobs } of [
  { transfers: 2, blobs: 2 },
  { transfers: 7, blobs: 6 },
])
  test(`batches of one and of ${blobs} blobs and in calldata make one chain`, async (t) => {
    const l1 = await startAnvil(t);
    const layout = await layOut(l1);
    const blobSources = [createBeaconSource(l1.url)];
    const sequencer = await startNode(l1, layout, { keepUnsafe: true, blobSources });
    await sequencer.sync();
    const origin = originOf(sequencer);
    const batcher = startSender(l1, SEQUENCER);
    const large = await Promise.all(Array.from({ length: transfers }, (_, nonce) => bulky(nonce)));
    const blocks = [
      await sequencer.build([await transfer(0, 0)], origin),
      await sequencer.build([await transfer(0, 1)], origin),
      await sequencer.build(large, origin),
    ].map(({ block }) => block);
    assert.equal(blocks[2]?.transactions.length, transfers);
    const [one, two, three] = blocks.map((block) => [block]) as [typeof blocks, typeof blocks, typeof blocks];
    // Top bytes below the order's are as good as zero.
    const marked = (blobs: Bytes[]) =>
      blobs.map((blob, i) => {
        for (let at = 0; at < BLOB_BYTES; at += 32) blob[at] = (at / 32 + i) % 0x73;
        return blob;
      });
    const [first, , third] = await batcher.land(
      await blobBatchOf(layout, sequencer, one, { index: 0n, origin }),
      batchOf(layout, sequencer, two, { index: 1n, origin }),
      await blobBatchOf(layout, sequencer, three, { index: 2n, origin, change: marked }),
    );
    assert.equal(first?.blobGasUsed, 131_072n);
    assert.equal(third?.blobGasUsed, BigInt(blobs) * 131_072n);
    t.diagnostic(`append of 1 blob: ${first?.gasUsed} gas; of ${blobs}: ${third?.gasUsed} gas`);
    const verifier = await startNode(l1, layout, { blobSources });
    await verifier.sync();
    assert.equal(verifier.chain.heads.safe, 3n);
    assert.deepEqual(tip(verifier.chain), tip(sequencer.chain));
    const records = [0n, 1n, 2n].map((index) => verifier.source.record(index));
    assert.deepEqual(
      records.map((record) => [record?.kind, record?.blobHashes.length]),
      [
        ["blobs", 1],
        ["calldata", 0],
        ["blobs", blobs],
      ],
    );
    assert.equal(verifier.source.batchData(records[0]?.dataHash ?? "0x"), undefined, "the hash is not of the bytes");
  });

SCENES[
  "a wrong blob is refused by its hash and the next source asked; what nobody has stops derivation, until somebody has it"
] = async (t, l1) => {
  const { layout, sequencer, block } = await posted(l1);
  const beacons = [await startBeacon(t), await startBeacon(t, { serves: "sidecars" })] as const;
  const [liar, other] = beacons;
  for (const beacon of beacons) await consensus(l1, sequencer, beacon);
  liar.mood = "wrong";
  other.mood = "empty";
  const dead = createBeaconSource("http://127.0.0.1:9/");
  const store = createMemoryStore();
  const blobSources = [dead, ...beacons.map(({ url }) => createBeaconSource(url))];
  const verifier = await startNode(l1, layout, { store, blobSources });
  const stands = async () => {
    await assert.rejects(verifier.sync(), (error) => hasCode(error, "L1_BLOB_MISSING"));
    assert.equal(verifier.source.recordCount, 0n);
    assert.equal(verifier.chain.heads.unsafe, 0n);
  };
  await stands();
  other.mood = "failing";
  await stands();
  other.mood = "wrong";
  await stands();
  other.mood = "honest";
  await verifier.sync();
  assert.equal(verifier.chain.head.hash, block.hash);
  const values = (await verifier.registry.getSingleMetric("assay_l1_blobs_total")?.get())?.values ?? [];
  const count = (url: string, outcome: string) =>
    values.find(({ labels }) => labels["source"] === new URL(url).host && labels["outcome"] === outcome)?.value ?? 0;
  assert.deepEqual([count(liar.url, "strange"), count(liar.url, "kept")], [4, 0]);
  assert.deepEqual([count(other.url, "strange"), count(other.url, "failed"), count(other.url, "kept")], [1, 1, 1]);

  // Once it was read it is on this disk: nobody is asked again, not even after L1 put the batch elsewhere.
  const asked = other.asked.length;
  const again = await startNode(l1, layout, { store });
  await again.sync();
  assert.deepEqual(tip(again.chain), tip(sequencer.chain));
  assert.equal(other.asked.length, asked);
};

SCENES["a blob that no endpoint has any more comes from a peer, and never a wrong one"] = async (t, l1) => {
  const { layout, sequencer, block } = await posted(l1);
  const beacon = await startBeacon(t);
  const verifier = await startNode(l1, layout);
  const provide = (kind: string, hash: `0x${string}`) => (kind === "blob" ? sequencer.source.blob(hash) : undefined);
  const spoiled = (kind: string, hash: `0x${string}`) =>
    provide(kind, hash)?.map((byte, i) => (i === 50 ? byte ^ 1 : byte));
  const { chain, store } = sequencer;
  const parties = { honest: provide, lying: spoiled };
  const [honest, liar] = await Promise.all(
    [parties.honest, parties.lying].map((given) => joinPeers(t, { chain, store, provide: given }, { follow: false })),
  );
  assert.ok(honest && liar);
  const asking = async (bootnode: typeof honest) => {
    const peer = await joinPeers(
      t,
      { chain: verifier.chain, store: verifier.store },
      { follow: false, bootnodes: [bootnode.address] },
    );
    await awaitPeer(peer, bootnode.id);
    return { peer, sources: [createBeaconSource(beacon.url), createPeerBlobSource(peer.peering.content)] };
  };
  const deceived = await asking(liar);
  const stranded = await startNode(l1, layout, { blobSources: deceived.sources });
  await assert.rejects(stranded.sync(), (error) => hasCode(error, "L1_BLOB_MISSING"));
  assert.equal(await deceived.peer.metric("assay_p2p_content_pieces_total", { kind: "blob", outcome: "wrong" }), 1);

  const helped = await asking(honest);
  const rebuilt = await startNode(l1, layout, { blobSources: helped.sources });
  await rebuilt.sync();
  assert.equal(rebuilt.chain.head.hash, block.hash);
  assert.equal(await helped.peer.metric("assay_p2p_content_pieces_total", { kind: "blob", outcome: "kept" }), 1);
};

const reorganised = async (l1: Anvil, layout: Layout, nodes: readonly Node[]) => {
  for (const node of nodes) await node.sync();
  const fresh = await startNode(l1, layout, { blobSources: [createBeaconSource(l1.url)] });
  await fresh.sync();
  for (const node of nodes) assert.deepEqual(tip(node.chain), tip(fresh.chain));
  return fresh;
};

SCENES["L1 drops batches in blobs and takes others, or the same again"] = async (_, l1) => {
  const { layout, sequencer, origin, batcher, block } = await posted(l1);
  const verifier = await startNode(l1, layout, { blobSources: [createBeaconSource(l1.url)] });
  await verifier.sync();
  const { block: next } = await sequencer.build([await transfer(0, 1)], origin);
  await batcher.land(await blobBatchOf(layout, sequencer, [next], { index: 1n, origin }));
  await reorganised(l1, layout, [sequencer, verifier]);
  assert.equal(verifier.chain.head.hash, next.hash);

  // The last of two is dropped: what stays is derived alike, and the transactor brings the other back with its blobs.
  const depth = Number((await l1.client.getBlockNumber()) - (verifier.source.record(0n)?.l1Block as bigint));
  await l1.reorg(depth);
  await verifier.sync();
  assert.equal(verifier.chain.head.hash, block.hash);
  await batcher.transactor.tick();
  await l1.mine();
  await reorganised(l1, layout, [sequencer, verifier]);
  assert.equal(verifier.chain.head.hash, next.hash);

  // Both are dropped, and another batch takes the place.
  const all = Number((await l1.client.getBlockNumber()) - (verifier.source.record(0n)?.l1Block as bigint)) + 1;
  await l1.reorg(all);
  const rival = await startNode(l1, layout, { keepUnsafe: true });
  await rival.sync();
  const { block: another } = await rival.build([await transfer(2, 0)], origin);
  const other = startSender(l1, SEQUENCER);
  await other.land(await blobBatchOf(layout, rival, [another], { index: 0n, origin }));
  await verifier.sync();
  assert.equal(verifier.chain.head.hash, another.hash);
  assert.equal(verifier.source.recordCount, 1n);
};

test("blobs and those who keep them", async (t) => {
  const l1 = await startAnvil(t);
  for (const [name, play] of Object.entries(SCENES)) await t.test(name, (scene) => play(scene, l1));
});
