import assert from "node:assert/strict";
import { test } from "node:test";
import { depositCall, systemConfig } from "../../bridge/index.ts";
import { createMemoryStore, type Hex } from "../../executor/index.ts";
import { hooked } from "../support/hooked-client.ts";
import { createStage, l2Account, type SequencerActor } from "../support/stage.ts";

const bob = l2Account(7).address.toLowerCase() as Hex;

const outcomes = async ({ metrics }: SequencerActor): Promise<Readonly<Record<string, number>>> =>
  Object.fromEntries(
    [...(await metrics.metrics()).matchAll(/^assay_poster_batches_total\{outcome="(\w+)"\} (\d+)/gm)].map(
      ([, outcome, count]) => [outcome, Number(count)],
    ),
  );

const closed = async (sequencer: SequencerActor, nonce: number) => {
  await sequencer.send({ nonce, to: bob, value: 1n });
  assert.ok(await sequencer.producer.produce());
  await sequencer.launch();
};

test("a batch is posted when L1's record says so: a receipt that a reorg takes back says nothing", async (t) => {
  const stage = await createStage(t);
  const sequencer = await stage.sequencer();
  await sequencer.follow();
  await stage.anvil.manual();
  await closed(sequencer, 0);
  const { hash } = sequencer.chain.head;
  await stage.anvil.mine();
  // The receipt is there, and the inbox has not been read.
  await sequencer.forward();
  assert.deepEqual(await outcomes(sequencer), {});
  await stage.anvil.reorg(1);
  await sequencer.follow();
  await sequencer.forward();
  assert.deepEqual(await outcomes(sequencer), {});
  assert.equal(sequencer.batches.pending.length, 1);
  for (let i = 0; i < 12 && sequencer.l1.recordCount === 0n; i++) {
    await stage.anvil.mine();
    await sequencer.follow();
    await sequencer.forward();
  }
  await sequencer.forward();
  assert.deepEqual(await outcomes(sequencer), { posted: 1 });
  await sequencer.follower.sync();
  assert.equal(sequencer.chain.heads.safe, 1n);
  assert.equal(sequencer.chain.head.hash, hash);
});

test("a batch whose receipt L1 does not give is posted by its record, and not sent a second time", async (t) => {
  const stage = await createStage(t);
  const client = hooked(stage.anvil, (method, _params, ask) => (method === "eth_getTransactionReceipt" ? null : ask()));
  const sequencer = await stage.sequencer(createMemoryStore(), { client });
  await sequencer.follow();
  await stage.anvil.manual();
  for (let nonce = 0; nonce < 3; nonce++) {
    await closed(sequencer, nonce);
    for (let i = 0; i < 5; i++) {
      await stage.anvil.mine();
      await sequencer.follow();
      await sequencer.forward();
    }
  }
  assert.deepEqual(await outcomes(sequencer), { posted: 3 });
  assert.equal(sequencer.chain.heads.safe, 3n);
  const address = await stage.anvil.client.readContract({
    address: stage.deployment.contracts.systemConfig,
    abi: systemConfig.abi,
    functionName: "batcher",
  });
  assert.equal(await stage.anvil.client.getTransactionCount({ address }), 3, "one transaction each");
});

test("a refusal of a node of L1 that has not seen the queue yet takes no block back", async (t) => {
  const stage = await createStage(t);
  let lag = 0;
  // A node that is behind does not know the newest blocks by their hashes, and calls on what it has.
  const client = hooked(stage.anvil, async (method, params, ask) => {
    if (method !== "eth_call" || lag === 0) return ask();
    const [call, at] = params as [object, Hex | { blockHash: Hex }];
    const shown = (await stage.anvil.client.getBlockNumber({ cacheTime: 0 })) - BigInt(lag);
    if (typeof at === "object") {
      const { number } = await stage.anvil.client.getBlock({ blockHash: at.blockHash });
      if (number > shown) return { error: { code: -32000, message: "header not found" } };
    }
    return stage.anvil.client.request({
      method: "eth_call",
      params: [call, typeof at === "object" ? at : `0x${shown.toString(16)}`],
    } as never);
  });
  const sequencer = await stage.sequencer(createMemoryStore(), { client });
  await sequencer.follow();
  const { portal } = stage.deployment.contracts;
  const deposit = depositCall(portal, { to: bob, mint: 5n, value: 5n, gas: 100_000n, data: new Uint8Array() });
  const sent = await stage.anvil.wallet(5).sendTransaction({ ...deposit, value: 5n, gas: 5_000_000n });
  await stage.anvil.client.waitForTransactionReceipt({ hash: sent });
  await sequencer.follow();
  await sequencer.send({ nonce: 0, to: bob });
  assert.equal((await sequencer.producer.produce())?.transactions.length, 2);
  const { hash } = sequencer.chain.head;
  lag = 1;
  await assert.rejects(sequencer.launch());
  assert.equal(sequencer.chain.head.hash, hash);
  lag = 0;
  await sequencer.post();
  await sequencer.follower.sync();
  assert.equal(sequencer.chain.heads.safe, 1n);
  assert.equal(sequencer.chain.head.hash, hash);
});
