import assert from "node:assert/strict";
import { test } from "node:test";
import { createBeaconSource } from "../../bridge/index.ts";
import { startAnvil } from "../support/anvil.ts";
import {
  batchOf,
  blobBatchOf,
  layOut,
  type Node,
  SEQUENCER,
  startNode,
  startSender,
  tip,
  transfer,
} from "../support/l2-node.ts";

const originOf = (node: Node) => {
  const { head } = node.source;
  assert.ok(head);
  return { number: head.number, timestamp: head.timestamp };
};

for (const hardfork of ["prague", "osaka"])
  test(`batches in blobs and in calldata make one chain (${hardfork})`, async (t) => {
    const l1 = await startAnvil(t, "--hardfork", hardfork);
    const layout = await layOut(l1);
    const blobSources = [createBeaconSource(l1.url)];
    const sequencer = await startNode(l1, layout, { keepUnsafe: true, blobSources });
    await sequencer.sync();
    const origin = originOf(sequencer);
    const batcher = startSender(l1, SEQUENCER);
    const one = await sequencer.build([await transfer(0, 0)], origin);
    const two = await sequencer.build([await transfer(0, 1)], origin);
    const three = await sequencer.build([await transfer(0, 2)], origin);
    await batcher.land(
      await blobBatchOf(layout, sequencer, [one.block], { index: 0n, origin }),
      batchOf(layout, sequencer, [two.block], { index: 1n, origin }),
      await blobBatchOf(layout, sequencer, [three.block], { index: 2n, origin }),
    );
    const verifier = await startNode(l1, layout, { blobSources });
    await verifier.sync();
    assert.equal(verifier.chain.heads.safe, 3n);
    assert.deepEqual(tip(verifier.chain), tip(sequencer.chain));
    assert.deepEqual(
      [0n, 1n, 2n].map((index) => verifier.source.record(index)?.kind),
      ["blobs", "calldata", "blobs"],
    );
  });
