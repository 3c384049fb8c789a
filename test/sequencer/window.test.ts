import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryStore, type Hex } from "../../executor/index.ts";
import { createStage, l2Account, type SequencerActor } from "../support/stage.ts";

const bob = l2Account(7).address.toLowerCase() as Hex;
/** Half of what the inbox takes. */
const HALF = 150;

const metricOf = async (sequencer: SequencerActor, name: string): Promise<number> =>
  Number(new RegExp(`^${name} (\\S+)`, "m").exec(await sequencer.metrics.metrics())?.[1]);
const codeOf = ({ batches }: SequencerActor) => batches.halt?.code;
const halted = (sequencer: SequencerActor) =>
  metricOf(sequencer, 'assay_batches_halted{code="BATCH_WINDOW_HALF_GONE"}'.replace(/[{}]/g, "\\$&"));

test("no block is built on a batch that L1 may not take any more; what was built is not taken back", async (t) => {
  const stage = await createStage(t);
  const sequencer = await stage.sequencer();
  const executor = await stage.executor();
  await sequencer.follow();
  let rollbacks = 0;
  sequencer.chain.on("rollback", () => rollbacks++);
  let nonce = 0;
  const produce = async () => {
    await sequencer.send({ nonce: nonce++, to: bob, value: 1n });
    return sequencer.producer.produce();
  };
  // L1 goes on, and nothing is brought to it.
  for (let round = 0; round < 10; round++) {
    assert.ok(await produce());
    await stage.anvil.mine(HALF / 10);
    await sequencer.follow();
  }
  assert.equal(await produce(), undefined);
  assert.equal(codeOf(sequencer), "BATCH_WINDOW_HALF_GONE");
  assert.equal(await halted(sequencer), 1);
  assert.equal(await metricOf(sequencer, "assay_batches_oldest_age_blocks"), HALF);
  assert.equal(sequencer.batches.open, undefined, "what does not grow is not held back");
  const { head } = sequencer.chain;
  assert.equal(head.header.number, 10n);
  // Nearly all of the other half goes by as well.
  await stage.anvil.mine(HALF - 10);
  await sequencer.follow();
  assert.equal(await sequencer.producer.produce(), undefined);
  await sequencer.post();
  await sequencer.follower.sync();
  assert.equal(sequencer.chain.heads.safe, 10n);
  assert.equal(codeOf(sequencer), undefined);
  assert.equal(await halted(sequencer), 0);
  const next = await sequencer.producer.produce();
  assert.equal(next?.header.parentHash, head.hash);
  await sequencer.post();
  await executor.follow();
  assert.equal(executor.chain.head.hash, next?.hash);
  assert.equal(rollbacks, 0);
});

test("an endpoint that shows no new L1 block does not stop the clock of the window", async (t) => {
  const stage = await createStage(t);
  let ms = 0;
  const sequencer = await stage.sequencer(createMemoryStore(), { batches: { now: () => ms } });
  await sequencer.follow();
  await sequencer.send({ nonce: 0, to: bob });
  assert.ok(await sequencer.producer.produce());
  const before = sequencer.l1.head?.timestamp ?? 0n;
  for (let i = 0; i < 4; i++) await stage.anvil.warp(2);
  await sequencer.follow();
  await sequencer.send({ nonce: 1, to: bob });
  assert.ok(await sequencer.producer.produce());
  const blockMs = (Number((sequencer.l1.head?.timestamp ?? 0n) - before) * 1_000) / 4;
  ms += blockMs * (HALF - 5);
  assert.equal(codeOf(sequencer), undefined);
  ms += 2 * blockMs;
  assert.equal(codeOf(sequencer), "BATCH_WINDOW_HALF_GONE");
  await sequencer.send({ nonce: 2, to: bob });
  assert.equal(await sequencer.producer.produce(), undefined);
});

test("the window is also over when a message that a batch leaves out is about to starve", async (t) => {
  const stage = await createStage(t, 600n);
  const sequencer = await stage.sequencer();
  await sequencer.follow();
  await sequencer.send({ nonce: 0, to: bob });
  assert.ok(await sequencer.producer.produce());
  await stage.anvil.warp(200);
  await sequencer.follow();
  assert.equal(codeOf(sequencer), undefined);
  await stage.anvil.warp(200);
  await sequencer.follow();
  assert.equal(codeOf(sequencer), "BATCH_WINDOW_HALF_GONE");
});
