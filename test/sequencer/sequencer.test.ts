import assert from "node:assert/strict";
import { test } from "node:test";
import { parseGwei } from "viem";
import { depositCall, enqueueCall, forceCall } from "../../bridge/index.ts";
import {
  type Chain,
  createMemoryStore,
  fromHex,
  type Hex,
  keccak256,
  MAX_BATCH_BYTES,
  toHex,
} from "../../executor/index.ts";
import { createStage, l2Account, type NodeActor, type SequencerActor, type Stage } from "../support/stage.ts";

const bob = l2Account(7).address.toLowerCase() as Hex;
const user = 5;

const agree = (a: NodeActor, b: NodeActor) => {
  assert.equal(a.chain.head.header.number, b.chain.head.header.number);
  assert.equal(a.chain.head.hash, b.chain.head.hash);
  assert.equal(a.chain.heads.safe, a.chain.head.header.number);
};
const envelopes = (chain: Chain, number: bigint) => chain.blockByNumber(number)?.transactions.map(({ hash }) => hash);

/** An L1 transaction of a user, mined. */
const onL1 = async ({ anvil }: Stage, call: { to: Hex; data: Hex; value?: bigint }) => {
  const hash = await anvil.wallet(user).sendTransaction({ ...call, value: call.value ?? 0n, gas: 5_000_000n });
  const { status } = await anvil.client.waitForTransactionReceipt({ hash });
  assert.equal(status, "success");
};
const deposit = (stage: Stage, mint: bigint, to = bob) =>
  onL1(
    stage,
    depositCall(stage.deployment.contracts.portal, { to, mint, value: mint, gas: 100_000n, data: new Uint8Array() }),
  );
const enqueue = async (stage: Stage, from: number, nonce: number) => {
  const envelope = await l2Account(from).signTransaction({
    chainId: 918273,
    type: "eip1559",
    nonce,
    to: bob,
    value: 3n,
    gas: 21_000n,
    maxFeePerGas: 10n ** 10n,
    maxPriorityFeePerGas: 0n,
  });
  return onL1(stage, enqueueCall(stage.deployment.contracts.batchInbox, fromHex(envelope), 21_000n));
};
const built = async (sequencer: SequencerActor) => {
  const block = await sequencer.producer.produce();
  assert.ok(block, "a block is built");
  return block;
};

test("what the sequencer builds is what L1 says", async (t) => {
  const stage = await createStage(t);
  const [sequencer, executor] = [await stage.sequencer(), await stage.executor()];
  assert.equal(await sequencer.producer.produce(), undefined, "no block before L1 was read");
  await sequencer.follow();
  assert.equal(await sequencer.producer.produce(), undefined, "no block for nothing");
  for (let nonce = 0; nonce < 3; nonce++) {
    await sequencer.send({ nonce, to: bob, value: 1n });
    await built(sequencer);
  }
  assert.equal(sequencer.chain.heads.safe, 0n);
  await sequencer.post();
  await sequencer.send({ nonce: 3, to: bob });
  await built(sequencer);
  await sequencer.post();
  await sequencer.follower.sync();
  await executor.follow();
  agree(sequencer, executor);
  assert.equal(sequencer.l1.recordCount, 2n, "blocks of one batch share a record");
  assert.deepEqual(sequencer.batches.pending, []);
});

test("delayed messages open a batch, in order; what is a no-op stays one", async (t) => {
  const stage = await createStage(t);
  const [sequencer, executor] = [await stage.sequencer(), await stage.executor()];
  await sequencer.follow();
  await sequencer.send({ nonce: 0, to: bob });
  await built(sequencer);
  await deposit(stage, 77n);
  await enqueue(stage, 1, 0);
  await enqueue(stage, 1, 5);
  await deposit(stage, 5n);
  await sequencer.follow();
  const pooled = await sequencer.send({ nonce: 1, to: bob, value: 2n });
  const block = await built(sequencer);
  assert.deepEqual(
    block.transactions.map(({ type }) => type),
    [0x7e, 2, 0x7e, 2],
  );
  assert.equal(block.transactions[3]?.hash, pooled);
  assert.equal(sequencer.batches.pending.length, 1, "messages can only open a batch, so the open one was closed");
  await sequencer.post();
  await sequencer.follower.sync();
  await executor.follow();
  agree(sequencer, executor);
  assert.equal(executor.chain.position.delayed, 4n);
});

test("a delayed message that is a no-op costs no block: those above the safe head stay as they are", async (t) => {
  const stage = await createStage(t);
  const [sequencer, executor] = [await stage.sequencer(), await stage.executor()];
  await sequencer.follow();
  await onL1(stage, enqueueCall(stage.deployment.contracts.batchInbox, Uint8Array.of(0xc0), 21_000n));
  await enqueue(stage, 1, 5);
  await enqueue(stage, 1, 0);
  await sequencer.follow();
  await sequencer.send({ nonce: 0, to: bob });
  assert.equal((await built(sequencer)).transactions.length, 2);
  await sequencer.post();
  for (let nonce = 1; nonce <= 5; nonce++) {
    await sequencer.send({ nonce, to: bob });
    await built(sequencer);
  }
  const { head } = sequencer.chain;
  let rollbacks = 0;
  sequencer.chain.on("rollback", () => rollbacks++);
  await sequencer.follower.sync();
  assert.deepEqual([rollbacks, sequencer.chain.heads.safe, sequencer.chain.head.hash], [0, 1n, head.hash]);
  await sequencer.post();
  await sequencer.follower.sync();
  await executor.follow();
  agree(sequencer, executor);
  assert.equal(rollbacks, 0);
});

test("one empty block follows the last of a quiet chain, and no other", async (t) => {
  const stage = await createStage(t);
  let now = 0;
  const producer = { trailingMs: 2_000, now: () => now };
  const sequencer = await stage.sequencer(undefined, { producer });
  await sequencer.follow();
  now = 10_000;
  assert.equal(await sequencer.producer.produce(), undefined, "nothing has happened");
  await sequencer.send({ nonce: 0, to: bob });
  await built(sequencer);
  now += 1_999;
  assert.equal(await sequencer.producer.produce(), undefined);
  now += 1;
  assert.deepEqual((await built(sequencer)).transactions, []);
  now += 100_000;
  assert.equal(await sequencer.producer.produce(), undefined);
});

test("a batch whose blocks are being built again is not given up", async (t) => {
  const stage = await createStage(t);
  const sequencer = await stage.sequencer();
  await sequencer.follow();
  await sequencer.send({ nonce: 0, to: bob });
  const { header, hash, origin, transactions } = await built(sequencer);
  const { chain } = sequencer;
  let tick = Promise.resolve();
  await chain.exclusive(async () => {
    await sequencer.batches.close("full");
    await chain.rollback(0n);
    tick = sequencer.poster.tick();
    const builder = await chain.begin({ timestamp: header.timestamp, origin });
    for (const { envelope } of transactions) await builder.add({ bytes: envelope });
    await builder.seal();
  });
  await tick;
  assert.equal(chain.head.hash, hash);
  await sequencer.post();
  await sequencer.follower.sync();
  assert.equal(chain.heads.safe, 1n);
  assert.equal(chain.head.hash, hash);
});

test("several batches are under way at once, each at its place", async (t) => {
  const stage = await createStage(t);
  const [sequencer, executor] = [await stage.sequencer(), await stage.executor()];
  await sequencer.follow();
  await stage.anvil.manual();
  for (let nonce = 0; nonce < 4; nonce++) {
    await sequencer.send({ nonce, to: bob });
    await built(sequencer);
    await sequencer.launch();
  }
  assert.equal(sequencer.batches.pending.length, 4);
  assert.equal(sequencer.l1.recordCount, 0n);
  await stage.anvil.mine();
  await sequencer.settle();
  assert.equal(sequencer.l1.recordCount, 4n, "one L1 block took them all");
  await sequencer.follower.sync();
  await executor.follow();
  agree(sequencer, executor);
});

test("no block is built that could not be taken back: what L1 lacks is bounded", async (t) => {
  const stage = await createStage(t);
  const sequencer = await stage.sequencer(createMemoryStore(), { batches: { maxUnsafe: 2 } });
  await sequencer.follow();
  for (let nonce = 0; nonce < 3; nonce++) {
    await sequencer.send({ nonce, to: bob });
    if (nonce < 2) await built(sequencer);
  }
  assert.equal(await sequencer.producer.produce(), undefined);
  await sequencer.post();
  await sequencer.follower.sync();
  assert.equal((await built(sequencer)).header.number, 3n);
});

test("a transaction that fails the node, and is no no-op, keeps nobody else out", async (t) => {
  const stage = await createStage(t);
  const sequencer = await stage.sequencer();
  await sequencer.follow();
  const poison = await sequencer.send({ from: 1, nonce: 0, to: bob });
  const other = await sequencer.send({ from: 2, nonce: 0, to: bob });
  const { chain } = sequencer;
  const begin = chain.begin.bind(chain);
  Object.assign(chain, {
    begin: async (attributes: Parameters<Chain["begin"]>[0]) => {
      const builder = await begin(attributes);
      const offer: typeof builder.offer = async (envelope, accept) => {
        if (toHex(keccak256(envelope)) === poison) throw new Error("a fault of this node");
        return builder.offer(envelope, accept);
      };
      return Object.assign(Object.create(builder), { offer }) as typeof builder;
    },
  });
  for (let tries = 0; tries < 3 && chain.head.header.number === 0n; tries++)
    await sequencer.producer.produce().catch(() => undefined);
  assert.deepEqual(envelopes(chain, 1n), [other]);
});

test("a restart posts the very batches that the life before cut", async (t) => {
  const stage = await createStage(t);
  const store = createMemoryStore();
  const first = await stage.sequencer(store);
  await first.follow();
  await deposit(stage, 9n);
  await first.l1.sync();
  for (let nonce = 0; nonce < 3; nonce++) {
    await first.send({ nonce, to: bob });
    await built(first);
    if (nonce === 1) await first.batches.close("full");
  }
  const { head } = first.chain;
  await first.stop();
  const second = await stage.sequencer(store);
  assert.equal(second.chain.head.hash, head.hash);
  assert.deepEqual(
    second.batches.pending.map(({ first: begin, last, taken }) => [begin, last, taken]),
    [
      [1n, 2n, 1],
      [3n, 3n, 0],
    ],
  );
  await second.follow();
  await second.send({ nonce: 3, to: bob });
  await built(second);
  await second.post();
  await second.post();
  await second.follower.sync();
  const executor = await stage.executor();
  await executor.follow();
  agree(second, executor);
  assert.equal(second.chain.blockByNumber(3n)?.hash, head.hash);
});

test("a sequencer that lost its database goes on from what L1 holds", async (t) => {
  const stage = await createStage(t);
  const first = await stage.sequencer();
  await first.follow();
  await first.send({ nonce: 0, to: bob });
  await built(first);
  await first.post();
  await first.stop();
  const second = await stage.sequencer();
  assert.equal(await second.producer.produce(), undefined);
  await second.l1.sync();
  await second.send({ nonce: 0, to: bob });
  assert.equal(await second.producer.produce(), undefined, "nothing is built before L1's batches are derived");
  await second.follower.sync();
  assert.equal(await second.producer.produce(), undefined, "the transaction is in the chain already");
  await second.send({ nonce: 1, to: bob });
  await built(second);
  await second.post();
  await second.follower.sync();
  const executor = await stage.executor();
  await executor.follow();
  agree(second, executor);
});

test("an L1 reorg that drops a batch changes nothing on L2: it is posted again", async (t) => {
  const stage = await createStage(t);
  const [sequencer, executor] = [await stage.sequencer(), await stage.executor()];
  await sequencer.follow();
  await stage.anvil.mine(3);
  await sequencer.follow();
  await sequencer.send({ nonce: 0, to: bob });
  await built(sequencer);
  await sequencer.post();
  await sequencer.follower.sync();
  assert.equal(sequencer.chain.heads.safe, 1n);
  const { hash } = sequencer.chain.head;
  await stage.anvil.reorg(1);
  await sequencer.follow();
  assert.equal(sequencer.l1.recordCount, 0n);
  assert.equal(sequencer.chain.heads.safe, 0n);
  assert.equal(sequencer.chain.head.hash, hash, "the block stays, unsafe");
  for (let i = 0; i < 12 && sequencer.l1.recordCount === 0n; i++) {
    await stage.anvil.mine();
    await sequencer.follow();
    await sequencer.launch();
    await sequencer.settle();
  }
  await sequencer.follower.sync();
  await executor.follow();
  agree(sequencer, executor);
  assert.equal(sequencer.chain.head.hash, hash);
});

test("an L1 reorg that drops a deposit: its block is built again, its transactions are kept", async (t) => {
  const stage = await createStage(t);
  const [sequencer, executor] = [await stage.sequencer(), await stage.executor()];
  await sequencer.follow();
  await deposit(stage, 77n);
  await sequencer.follow();
  const kept = await sequencer.send({ nonce: 0, to: bob });
  const block = await built(sequencer);
  assert.equal(block.transactions.length, 2);
  await stage.anvil.reorg(1);
  await sequencer.follow();
  assert.equal(sequencer.chain.head.header.number, 0n, "the block that took the deposit is gone");
  const again = await built(sequencer);
  assert.deepEqual(
    again.transactions.map(({ hash }) => hash),
    [kept],
  );
  await sequencer.post();
  await sequencer.follower.sync();
  await executor.follow();
  agree(sequencer, executor);
});

test("anyone forces a starved message: the sequencer's own batch gives way", async (t) => {
  const stage = await createStage(t, 60n);
  const [sequencer, executor] = [await stage.sequencer(), await stage.executor()];
  await sequencer.follow();
  const kept = await sequencer.send({ nonce: 0, to: bob });
  await built(sequencer);
  await enqueue(stage, 2, 0);
  await stage.anvil.warp(120);
  await onL1(stage, forceCall(stage.deployment.contracts.batchInbox, 0n, 1n));
  await sequencer.follow();
  assert.equal(sequencer.chain.heads.safe, 1n);
  assert.equal(envelopes(sequencer.chain, 1n)?.length, 1);
  assert.notEqual(envelopes(sequencer.chain, 1n)?.[0], kept);
  const block = await built(sequencer);
  assert.deepEqual(
    block.transactions.map(({ hash }) => hash),
    [kept],
  );
  await sequencer.post();
  await sequencer.follower.sync();
  await executor.follow();
  agree(sequencer, executor);
  assert.equal(sequencer.l1.recordCount, 2n);
});

for (const [what, wait] of [
  ["a message that starved meanwhile", (stage: Stage) => stage.anvil.warp(120)],
  ["an origin that is too old by now", (stage: Stage) => stage.anvil.mine(301)],
] as const)
  test(`a batch that L1 refuses for ${what} is built again`, async (t) => {
    const stage = await createStage(t, 60n);
    const [sequencer, executor] = [await stage.sequencer(), await stage.executor()];
    await sequencer.follow();
    const kept = await sequencer.send({ nonce: 0, to: bob });
    const old = await built(sequencer);
    await enqueue(stage, 2, 0);
    await wait(stage);
    await sequencer.follow();
    await sequencer.launch();
    assert.equal(sequencer.chain.head.header.number, 0n);
    const block = await built(sequencer);
    assert.notEqual(block.hash, old.hash);
    assert.equal(block.transactions.length, 2);
    assert.equal(block.transactions[1]?.hash, kept);
    await sequencer.post();
    await sequencer.follower.sync();
    await executor.follow();
    agree(sequencer, executor);
  });

test("no batch is larger than L1 takes; the largest transaction fits one", async (t) => {
  const stage = await createStage(t);
  const [sequencer, executor] = [await stage.sequencer(), await stage.executor()];
  await sequencer.follow();
  // It pays for its data.
  const tip = parseGwei("9");
  const big = (length: number): Hex => `0x${"00".repeat(length)}`;
  for (let from = 0; from < 3; from++)
    await sequencer.send({ from, nonce: 0, to: bob, data: big(60_000), gas: 700_000n, tip });
  await sequencer.send({ from: 3, nonce: 0, to: bob, data: big(98_304 - 120), gas: 1_100_000n, tip });
  await sequencer.send({ from: 4, nonce: 0, to: bob });
  while ((await sequencer.producer.produce()) !== undefined);
  assert.deepEqual(sequencer.pool.status(), { ready: 0, queued: 0 });
  for (let i = 0; i < 3; i++) await sequencer.post();
  await sequencer.follower.sync();
  await executor.follow();
  agree(sequencer, executor);
  assert.equal(sequencer.l1.recordCount, 4n);
  for (let index = 0n; index < 4n; index++)
    assert.ok((sequencer.l1.record(index)?.data.length ?? Number.POSITIVE_INFINITY) <= MAX_BATCH_BYTES);
});

test("a block holds what its gas limit lets; the rest waits for the next", async (t) => {
  const stage = await createStage(t);
  const sequencer = await stage.sequencer();
  await sequencer.follow();
  // Init code that runs forever: each takes its whole gas limit.
  for (let from = 0; from < 3; from++)
    await sequencer.send({ from, nonce: 0, data: "0x5b5f56", gas: 14_000_000n, tip: parseGwei(String(8 - from)) });
  const block = await built(sequencer);
  assert.equal(block.header.gasUsed, 28_000_000n);
  assert.deepEqual(
    block.transactions.map(({ from }) => from),
    [0, 1].map((i) => l2Account(i).address.toLowerCase()),
  );
  assert.equal((await built(sequencer)).transactions.length, 1);
});
