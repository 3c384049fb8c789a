import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { RLP } from "@ethereumjs/rlp";
import { encodeSealedBlock, fromHex, utf8 } from "../../executor/index.ts";
import {
  awaitHead,
  awaitHeads,
  connect,
  hearing,
  type PeerActor,
  peerStage,
  sealTransfer,
  signBlock,
  until,
} from "../support/peers.ts";
import { answerOf, createStranger } from "../support/stranger.ts";

const LIMIT = { timeout: 120_000 };

/** A peer that claims many blocks. */
const boaster = async (t: TestContext, node: PeerActor, answer?: () => Uint8Array) => {
  const stranger = await createStranger(t);
  const status = answerOf(RLP.encode([fromHex(node.chain.genesisHash), 10_000n, 0n]));
  await stranger.serve("status/1", () => status);
  await stranger.serve("blocks/1", answer);
  return stranger;
};

test("of those who claim most, one gives garbage and one nothing: the blocks come from another", LIMIT, async (t) => {
  const stage = peerStage(t);
  const sequencer = await stage.sequencer();
  const head = await sequencer.build(30);
  const node = await stage.executor();
  const garbage = await boaster(t, node, () => answerOf(utf8("these are no blocks")));
  const stalling = await boaster(t, node);
  for (const liar of [garbage, stalling]) {
    await liar.meet(node);
    await node.peering.network.addPeer(liar.address);
  }
  await until(async () => (await node.metric("assay_p2p_ranges_total", { outcome: "failed" })) > 0);
  await connect(node, sequencer);
  await awaitHead(node, head);
  await until(async () => (await node.metric("assay_p2p_penalties_total", { reason: "malformed" })) > 0);
  await until(async () => (await node.metric("assay_p2p_penalties_total", { reason: "stall" })) > 0);
});

test(
  "a sequencer that signs two blocks of one height: all have the proof, follow its gossip no more until told to",
  LIMIT,
  async (t) => {
    const stage = peerStage(t);
    const sequencer = await stage.sequencer();
    const left = await Promise.all([stage.executor(), stage.executor()]);
    const right = await Promise.all([stage.executor(), stage.executor()]);
    const all = [...left, ...right];
    for (const node of left) await connect(node, sequencer);
    await connect(right[0] as PeerActor, right[1] as PeerActor);
    await connect(left[0] as PeerActor, right[0] as PeerActor);
    await hearing(sequencer, all);
    const common = await sequencer.build();
    await awaitHeads(all, common);

    // A second chain with the same key and another block after the common one, shown to the right half.
    const twin = await stage.executor({ follow: true });
    await connect(twin, sequencer);
    await awaitHead(twin, common);
    await twin.stop();
    const other = signBlock(twin.chain, await sealTransfer(twin.chain, 2n));
    const liar = await createStranger(t);
    for (const node of right) await liar.meet(node);
    assert.ok(await liar.say(encodeSealedBlock(other)));
    await sequencer.build();
    await until(() => all.every(({ peering }) => peering.halted));
    for (const { peering } of all) {
      assert.deepEqual(
        peering.evidence.map(({ kind, number }) => [kind, number]),
        [["equivocation", common.header.number + 1n]],
      );
      assert.notEqual(peering.evidence[0]?.first.hash, peering.evidence[0]?.second.hash);
    }
    assert.equal(await left[0]?.metric("assay_p2p_penalties_total"), 0);
  },
);
