import assert from "node:assert/strict";
import { test } from "node:test";
import { enqueueCall, forceCall, type L1Call } from "../../bridge/index.ts";
import { DEVNET_PARAMETERS, encodeSealedBlock, fromHex } from "../../executor/index.ts";
import { derivingStage, L1_SEQUENCER_KEY } from "../support/deriving-peers.ts";
import { awaitHead, connect, cut, heal, hearing, sealNext, signBlock, until } from "../support/peers.ts";
import { l2Account, type Stage } from "../support/stage.ts";
import { createStranger } from "../support/stranger.ts";

const LIMIT = { timeout: 120_000 };

const onL1 = async ({ anvil }: Stage, { to, data, value = 0n }: L1Call) => {
  const hash = await anvil.wallet(5).sendTransaction({ to, data, value, gas: 5_000_000n });
  assert.equal((await anvil.client.waitForTransactionReceipt({ hash })).status, "success");
};

test("a node that is cut off follows L1 meanwhile, and the sequencer again afterwards", LIMIT, async (t) => {
  const { stage: _, ...actors } = await derivingStage(t);
  const [sequencer, node] = [await actors.sequencer(), await actors.executor()];
  await connect(node, sequencer);
  await sequencer.follow();
  await hearing(sequencer, [node]);
  const common = await sequencer.build();
  await awaitHead(node, common);
  assert.equal(node.chain.heads.safe, 0n);

  await cut(node, sequencer);
  const posted = await sequencer.build(10);
  await sequencer.post();
  await sequencer.build(5);
  await node.follow();
  assert.equal(node.chain.head.hash, posted.hash);
  assert.equal(node.chain.heads.safe, posted.header.number);

  await heal(node, sequencer);
  await awaitHead(node, sequencer.chain.head);
  assert.equal(node.chain.heads.safe, posted.header.number);
  assert.equal(await node.derived("assay_follower_rollbacks_total"), 0);
  assert.deepEqual(node.peering.evidence, []);
});

test(
  "L1 supersedes what was heard; what the sequencer builds again is followed, and is no equivocation",
  LIMIT,
  async (t) => {
    const { stage, ...actors } = await derivingStage(t, 2n);
    const inbox = stage.deployment.contracts.batchInbox;
    const [sequencer, early, late] = [await actors.sequencer(), await actors.executor(), await actors.executor()];
    for (const node of [early, late]) await connect(node, sequencer);
    await sequencer.follow();
    await hearing(sequencer, [early, late]);
    const lost = await sequencer.build(12);
    for (const node of [early, late]) await awaitHead(node, lost);

    // A message that the sequencer has left out is forced in before its first block is posted.
    const message = await l2Account(2).signTransaction({
      ...{ type: "eip1559", chainId: Number(DEVNET_PARAMETERS.chainId), nonce: 0, gas: 21_000n, value: 3n },
      ...{ to: l2Account(7).address, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 0n },
    });
    await onL1(stage, enqueueCall(inbox, fromHex(message), 21_000n));
    await stage.anvil.warp(5);
    await onL1(stage, forceCall(inbox, 0n, 1n));

    await early.follow();
    assert.equal(early.chain.head.header.number, 1n);
    await sequencer.follow();
    assert.equal(sequencer.chain.head.header.number, 1n);
    // The transfers of the blocks that are gone come first; one a block, so that every height is built again.
    for (let i = 0; i < 15; i++) await sequencer.build();
    const rebuilt = sequencer.chain.head;
    await awaitHead(early, rebuilt);
    assert.equal(await early.derived("assay_follower_rollbacks_total"), 1);
    // This one takes the blocks that were built again before it learns from L1 why.
    await awaitHead(late, rebuilt);
    assert.equal(late.chain.heads.safe, 0n);
    assert.ok((await late.metric("assay_p2p_blocks_imported_total", { outcome: "replaced" })) > 0);
    await late.follow();
    assert.equal(await late.derived("assay_follower_rollbacks_total"), 0);
    for (const node of [early, late]) {
      assert.equal(node.chain.head.hash, rebuilt.hash);
      assert.equal(node.chain.heads.safe, 1n);
      assert.equal(node.peering.revision, 1n);
      assert.equal(node.peering.halted, false);
      assert.ok(node.peering.evidence.length > 4);
      for (const { kind, first, second } of node.peering.evidence) {
        assert.equal(kind, "rebuilt");
        assert.deepEqual([first.seal.revision, second.seal.revision], [0n, 1n]);
      }
      assert.equal(await node.metric("assay_p2p_penalties_total"), 0);
    }
    await sequencer.post();
    for (const node of [sequencer, early, late]) {
      await node.follow();
      assert.equal(node.chain.head.hash, rebuilt.hash);
      assert.equal(node.chain.heads.safe, rebuilt.header.number);
    }
  },
);

test(
  "with evidence against the sequencer nodes derive on from L1, and hear it again when an operator says so",
  LIMIT,
  async (t) => {
    const { stage: _, ...actors } = await derivingStage(t);
    const [sequencer, left, right] = [await actors.sequencer(), await actors.executor(), await actors.executor()];
    for (const node of [left, right]) await connect(node, sequencer);
    await connect(left, right);
    await sequencer.follow();
    await hearing(sequencer, [left, right]);
    await sequencer.build();
    const common = sequencer.chain.head;
    for (const node of [left, right]) await awaitHead(node, common);

    // The same key signs another block of the next height, beside the sequencer's chain; each half hears one of them first.
    const beside = await actors.executor();
    await connect(beside, left);
    await awaitHead(beside, common);
    await beside.peering.stop();
    const second = await sealNext(beside.chain, []);
    const liar = await createStranger(t);
    await liar.meet(right);
    assert.ok(await liar.say(encodeSealedBlock(signBlock(beside.chain, second, L1_SEQUENCER_KEY))));
    await sequencer.build();
    await until(() => [left, right].every(({ peering }) => peering.halted));
    for (const { peering } of [left, right])
      assert.deepEqual(
        peering.evidence.map(({ kind, number }) => [kind, number]),
        [["equivocation", common.header.number + 1n]],
      );

    const unheard = await sequencer.build(3);
    await sequencer.post();
    for (const node of [left, right]) {
      assert.notEqual(node.chain.head.hash, unheard.hash);
      await node.follow();
      assert.equal(node.chain.head.hash, unheard.hash);
      assert.equal(node.chain.heads.safe, unheard.header.number);
      assert.equal(node.peering.halted, true);
      await node.peering.resume();
      assert.equal(node.peering.halted, false);
    }
    const next = await sequencer.build();
    for (const node of [left, right]) await awaitHead(node, next);
    assert.equal(left.peering.evidence.length, 1);
  },
);
