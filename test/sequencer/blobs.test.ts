import assert from "node:assert/strict";
import { test } from "node:test";
import { numberToHex } from "viem";
import { createMemoryStore, type Hex } from "../../executor/index.ts";
import { hooked } from "../support/hooked-client.ts";
import { createStage, l2Account, type SequencerActor } from "../support/stage.ts";

const bob = l2Account(7).address.toLowerCase() as Hex;

const build = async (sequencer: SequencerActor, nonce: number) => {
  await sequencer.send({ nonce, to: bob, value: 1n });
  const block = await sequencer.producer.produce();
  assert.ok(block);
  return block;
};
const kindsOf = ({ l1 }: SequencerActor) =>
  Array.from({ length: Number(l1.recordCount) }, (_, i) => l1.record(BigInt(i))?.kind);

test("a chain in blobs: rebuilt from them alone; posted, restarted in between with another choice, and rebuilt", async (t) => {
  const stage = await createStage(t);
  const store = createMemoryStore();
  const first = await stage.sequencer(store, { batches: { data: "blobs" } });
  await first.follow();
  for (const nonce of [0, 1]) {
    await build(first, nonce);
    await first.post();
  }
  assert.deepEqual(kindsOf(first), ["blobs", "blobs"]);
  const reader = await stage.executor();
  await reader.follow();
  assert.equal(reader.chain.head.hash, first.chain.head.hash);
  assert.equal(reader.chain.heads.safe, 2n);
  // Closed, not sent; then one that is still open.
  await build(first, 2);
  await first.chain.exclusive(() => first.batches.close("full"));
  await build(first, 3);
  const { head } = first.chain;
  await first.stop();

  // The next life was told otherwise: what was decided stays, what was open is decided now.
  const second = await stage.sequencer(store, { batches: { data: "calldata" } });
  assert.deepEqual(
    second.batches.pending.map(({ first: begin, last, kind }) => [begin, last, kind]),
    [
      [3n, 3n, "blobs"],
      [4n, 4n, undefined],
    ],
  );
  await second.follow();
  await build(second, 4);
  await second.post();
  await second.post();
  await second.follower.sync();
  assert.deepEqual(kindsOf(second), ["blobs", "blobs", "blobs", "calldata", "calldata"]);
  assert.equal(second.chain.blockByNumber(4n)?.hash, head.hash);
  assert.equal(second.chain.heads.safe, 5n);

  await reader.follow();
  assert.equal(reader.chain.head.hash, second.chain.head.hash);
  assert.equal(reader.chain.heads.safe, 5n);
});

test("auto takes what is cheaper at the time, batch by batch", async (t) => {
  const stage = await createStage(t);
  let demand: Hex | undefined;
  const client = hooked(stage.anvil, (method, _, ask) => (method === "eth_blobBaseFee" && demand) || ask());
  const sequencer = await stage.sequencer(createMemoryStore(), { batches: { data: "auto" }, client });
  await sequencer.follow();
  await sequencer.poster.tick();
  const { control } = stage.anvil;
  const nextBlock = async () => {
    await control.mine({ blocks: 1 });
    await sequencer.l1.sync();
    await sequencer.poster.tick();
  };
  // Blobs cost nearly nothing on a fresh L1.
  const roomy = sequencer.batches.draft();
  assert.ok(roomy);
  assert.equal(sequencer.batches.room(roomy), 6 * 126_976);
  await build(sequencer, 0);
  await sequencer.post();
  // As if blobs were much in demand.
  demand = numberToHex(10n ** 12n);
  await nextBlock();
  const narrow = sequencer.batches.draft();
  assert.ok(narrow);
  assert.equal(sequencer.batches.room(narrow), 100_000);
  await build(sequencer, 1);
  await sequencer.post();
  demand = undefined;
  await nextBlock();
  await build(sequencer, 2);
  await sequencer.post();
  assert.deepEqual(kindsOf(sequencer), ["blobs", "calldata", "blobs"]);
  const executor = await stage.executor();
  await executor.follow();
  await sequencer.follower.sync();
  assert.equal(executor.chain.head.hash, sequencer.chain.head.hash);
});
