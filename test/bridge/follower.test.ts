import assert from "node:assert/strict";
import { test } from "node:test";
import { createPublicClient, custom, type PublicClient, parseEther } from "viem";
import { depositCall, enqueueCall, forceCall } from "../../bridge/index.ts";
import { type Block, createMemoryStore, fromHex, type Hex, hasCode, toHex } from "../../executor/index.ts";
import { type Anvil, account, startAnvil } from "../support/anvil.ts";
import {
  batchOf,
  l2Account,
  layOut,
  type Node,
  SEQUENCER,
  startNode,
  startSender,
  tip,
  transfer,
} from "../support/l2-node.ts";

const USER = 2;
const originOf = (node: Node) => {
  const { head } = node.source;
  assert.ok(head);
  return { number: head.number, timestamp: head.timestamp };
};
const balanceOf = async (node: Node, address: Hex) =>
  (await node.chain.stateAt(node.chain.head.header.number).getAccount(await addressOf(address)))?.balance ?? 0n;
const addressOf = async (hex: Hex) => (await import("@ethereumjs/util")).createAddressFromString(hex);

test("a view of L1 is current when L1 was read up to its head, not before", async (t) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  await l1.mine(5);
  const { source } = await startNode(l1, layout, { window: 2n });
  const seen: boolean[] = [];
  source.onAdvance(() => seen.push(source.isCurrent));
  assert.equal(source.isCurrent, false);
  await source.sync();
  assert.ok(seen.length >= 3);
  assert.ok(seen.every((isCurrent) => !isCurrent));
  assert.equal(source.isCurrent, true);
});

test("a node that knows L1 alone rebuilds the same roots, at once, in windows, and after a restart", async (t) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const sequencer = await startNode(l1, layout, { keepUnsafe: true });
  const batcher = startSender(l1, SEQUENCER);
  const user = startSender(l1, USER);
  const to = l2Account(7).address.toLowerCase() as Hex;
  const deposit = { to, mint: parseEther("2"), value: parseEther("2"), gas: 100_000n, data: new Uint8Array(0) };
  await user.land(depositCall(layout.contracts.portal, deposit));
  await sequencer.sync();
  const origin = originOf(sequencer);
  const first = await sequencer.build([...sequencer.delayed(0n, 1n), await transfer(0, 0)], origin);
  assert.deepEqual(
    first.results.map(({ included }) => included),
    [true, true],
  );
  const second = await sequencer.build([await transfer(0, 1), await transfer(1, 0)], origin, origin.timestamp + 2n);
  const third = await sequencer.build([await transfer(1, 1)], origin, origin.timestamp + 3n);
  const fourth = await sequencer.build([], origin, origin.timestamp + 3n);
  await batcher.land(
    batchOf(layout, sequencer, [first.block, second.block], { index: 0n, origin, delayedEnd: 1n, taken: 1 }),
    batchOf(layout, sequencer, [third.block], { index: 1n, origin, delayedEnd: 1n }),
  );
  await batcher.land(batchOf(layout, sequencer, [fourth.block], { index: 2n, origin, delayedEnd: 1n }));
  assert.deepEqual(sequencer.chain.heads, { unsafe: 4n, safe: 0n, finalized: 0n });
  await sequencer.sync();
  assert.deepEqual(sequencer.chain.heads, { unsafe: 4n, safe: 4n, finalized: 0n });
  assert.equal(sequencer.chain.head.hash, fourth.block.hash);
  const how = await sequencer.registry.getSingleMetric("assay_follower_blocks_total")?.get();
  assert.deepEqual(
    how?.values.map(({ labels, value }) => [labels["how"], value]),
    [["compared", 4]],
  );

  const verifier = await startNode(l1, layout);
  await verifier.sync();
  assert.deepEqual(tip(verifier.chain), tip(sequencer.chain));
  assert.deepEqual(verifier.chain.heads, { unsafe: 4n, safe: 4n, finalized: 0n });
  assert.deepEqual(verifier.chain.position, sequencer.chain.position);
  assert.equal(await balanceOf(verifier, to), parseEther("2"));

  // One L1 block at a time, stopped after every one and opened again on the same store.
  const store = createMemoryStore();
  const latest = await l1.client.getBlockNumber();
  for (let confirmations = latest; confirmations >= 0n; confirmations--) {
    const node = await startNode(l1, layout, { store, window: 1n, confirmations });
    await node.sync();
    const target = latest - confirmations;
    assert.equal(node.source.head?.number, target < layout.startBlock - 1n ? layout.startBlock - 1n : target);
    await node.stop();
  }
  const slow = await startNode(l1, layout, { store });
  assert.deepEqual(tip(slow.chain), tip(sequencer.chain));
  assert.equal(slow.source.recordCount, 3n);
});

test("an L1 reorg that drops a batch takes its blocks back; the sequencer keeps them and posts them again", async (t) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const sequencer = await startNode(l1, layout, { keepUnsafe: true });
  const verifier = await startNode(l1, layout);
  const batcher = startSender(l1, SEQUENCER);
  await sequencer.sync();
  const origin = originOf(sequencer);
  const one = await sequencer.build([await transfer(0, 0)], origin);
  const two = await sequencer.build([await transfer(0, 1)], origin);
  await batcher.land(batchOf(layout, sequencer, [one.block], { index: 0n, origin }));
  const appendTwo = batchOf(layout, sequencer, [two.block], { index: 1n, origin });
  await batcher.land(appendTwo);
  await sequencer.sync();
  await verifier.sync();
  assert.equal(verifier.chain.heads.safe, 2n);

  await l1.reorg(1);
  await verifier.sync();
  assert.deepEqual(verifier.chain.heads, { unsafe: 1n, safe: 1n, finalized: 0n });
  assert.equal(verifier.chain.head.hash, one.block.hash);
  assert.equal(verifier.source.recordCount, 1n);
  await sequencer.sync();
  assert.deepEqual(sequencer.chain.heads, { unsafe: 2n, safe: 1n, finalized: 0n });
  assert.equal(sequencer.chain.head.hash, two.block.hash);

  // The transactor remembers what L1 confirmed once: it sends the lost transaction again by itself.
  await batcher.transactor.tick();
  assert.equal(batcher.transactor.pending, 1);
  await l1.mine();
  await batcher.transactor.tick();
  assert.equal(batcher.transactor.pending, 0);
  for (const node of [sequencer, verifier]) {
    await node.sync();
    assert.deepEqual(node.chain.heads, { unsafe: 2n, safe: 2n, finalized: 0n });
    assert.equal(node.chain.head.hash, two.block.hash);
  }
  // The same batch a second time has no place.
  await assert.rejects(batcher.land(appendTwo), (error) => hasCode(error, "L1_REVERTED"));
});

test("an L1 reorg that replaces a batch by another replaces its blocks", async (t) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const sequencer = await startNode(l1, layout, { keepUnsafe: true });
  const rival = await startNode(l1, layout);
  const verifier = await startNode(l1, layout);
  const batcher = startSender(l1, SEQUENCER);
  for (const node of [sequencer, rival]) await node.sync();
  const origin = originOf(sequencer);
  const ours = await sequencer.build([await transfer(0, 0)], origin);
  const above = await sequencer.build([await transfer(0, 1)], origin);
  const theirs = await rival.build([await transfer(1, 0)], origin);
  const before = await l1.snapshot();
  await batcher.land(batchOf(layout, sequencer, [ours.block, above.block], { index: 0n, origin }));
  await verifier.sync();
  assert.equal(verifier.chain.head.hash, above.block.hash);
  await l1.revert(before);
  await l1.manual();
  await startSender(l1, SEQUENCER).land(batchOf(layout, rival, [theirs.block], { index: 0n, origin }));
  await l1.mine(3);
  for (const node of [verifier, sequencer, rival]) {
    await node.sync();
    assert.equal(node.chain.head.hash, theirs.block.hash);
    assert.deepEqual(node.chain.heads, { unsafe: 1n, safe: 1n, finalized: 0n });
  }
});

test("a block that lacks the end of what L1 holds is replaced", async (t) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const sequencer = await startNode(l1, layout, { keepUnsafe: true });
  const hasty = await startNode(l1, layout, { keepUnsafe: true });
  for (const node of [sequencer, hasty]) await node.sync();
  const origin = originOf(sequencer);
  const whole = await sequencer.build([await transfer(0, 0), await transfer(0, 1)], origin);
  await hasty.build([await transfer(0, 0)], origin);
  await startSender(l1, SEQUENCER).land(batchOf(layout, sequencer, [whole.block], { index: 0n, origin }));
  await hasty.sync();
  assert.equal(hasty.chain.head.hash, whole.block.hash);
});

test("a block on another origin of the same time is another block", async (t) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const node = await startNode(l1, layout, { keepUnsafe: true });
  await l1.mine(2);
  await node.sync();
  const origin = originOf(node);
  const { block } = await node.build([await transfer(0, 0)], { ...origin, number: origin.number - 1n });
  await startSender(l1, SEQUENCER).land(batchOf(layout, node, [block], { index: 0n, origin }));
  await node.sync();
  assert.equal(node.chain.head.origin.number, origin.number);
  assert.notEqual(node.chain.head.hash, block.hash);
});

test("started, a node follows by itself, and goes on after L1 did not answer", async (t) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const sequencer = await startNode(l1, layout, { keepUnsafe: true });
  await sequencer.sync();
  const origin = originOf(sequencer);
  const { block } = await sequencer.build([await transfer(0, 0)], origin);
  await startSender(l1, SEQUENCER).land(batchOf(layout, sequencer, [block], { index: 0n, origin }));
  let failures = 3;
  const client = through(l1, (_method, answer) => {
    if (failures > 0) {
      failures--;
      throw new Error("connection refused");
    }
    return answer;
  });
  const verifier = await startNode(l1, layout, { client, pollMs: 5 });
  const derived = new Promise<void>((resolve) => {
    verifier.chain.on("heads", ({ safe }) => {
      if (safe === 1n) resolve();
    });
  });
  verifier.source.start();
  verifier.follower.start();
  await derived;
  assert.equal(verifier.chain.head.hash, block.hash);
  assert.equal(failures, 0);
  await verifier.stop();
});

test("a forced transaction executes without the sequencer; an invalid one is a no-op that costs no block above it", async (t) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const sequencer = await startNode(l1, layout, { keepUnsafe: true });
  const verifier = await startNode(l1, layout);
  const user = startSender(l1, USER);
  const batcher = startSender(l1, SEQUENCER);
  const { batchInbox } = layout.contracts;
  const censored = await transfer(3, 0, { value: 5n });
  await user.land(enqueueCall(batchInbox, censored, 21_000n));
  await l1.warp(3700);
  await user.land(forceCall(batchInbox, 0n, 1n));
  for (const node of [verifier, sequencer]) {
    await node.sync();
    assert.equal(node.chain.heads.safe, 1n);
    assert.deepEqual(
      node.chain.head.transactions.map(({ envelope }) => toHex(envelope)),
      [toHex(censored)],
    );
    assert.equal(node.chain.receipts(1n)?.[0]?.status, 1);
  }
  // Four that do nothing: garbage, a gas limit above the declared one, a deposit from nowhere, a nonce of the past.
  const deposit = fromHex(`0x7e${"00".repeat(10)}`);
  for (const bytes of [Uint8Array.of(1, 2, 3), await transfer(3, 1, { gas: 30_000n }), deposit, censored])
    await user.land(enqueueCall(batchInbox, bytes, 21_000n));
  await sequencer.sync();
  const origin = originOf(sequencer);
  const second = await sequencer.build([...sequencer.delayed(1n, 5n), await transfer(0, 0)], origin);
  assert.deepEqual(
    second.results.map((result) => (result.included ? "included" : result.code)),
    ["TX_MALFORMED", "TX_DECLARED_GAS", "TX_TYPE", "TX_NONCE_LOW", "included"],
  );
  const third = await sequencer.build([await transfer(0, 1)], origin);
  await batcher.land(batchOf(layout, sequencer, [second.block], { index: 1n, origin, delayedEnd: 5n }));
  for (const node of [verifier, sequencer]) await node.sync();
  assert.equal(verifier.chain.head.hash, second.block.hash);
  assert.deepEqual(sequencer.chain.heads, { unsafe: 3n, safe: 2n, finalized: 0n });
  assert.equal(sequencer.chain.head.hash, third.block.hash);
});

test("a reorg that changes delayed messages takes back the unsafe blocks that may have been built on them", async (t) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const sequencer = await startNode(l1, layout, { keepUnsafe: true });
  await sequencer.sync();
  const origin = originOf(sequencer);
  await l1.mine();
  const deposit = { to: l2Account(7).address as Hex, mint: 9n, value: 9n, gas: 100_000n, data: new Uint8Array(0) };
  await startSender(l1, USER).land(depositCall(layout.contracts.portal, deposit));
  await sequencer.sync();
  await sequencer.build(sequencer.delayed(0n, 1n), origin);
  // A reorg that leaves the message where it is does no harm.
  await l1.mine(2);
  await sequencer.sync();
  await l1.reorg(1);
  await sequencer.sync();
  assert.equal(sequencer.chain.heads.unsafe, 1n);
  await l1.reorg(3);
  await sequencer.sync();
  assert.equal(sequencer.source.messageCount, 0n);
  assert.equal(sequencer.chain.heads.unsafe, 0n);
});

test("garbage in a batch is passed over, alike on every node", async (t) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const nodes = [await startNode(l1, layout), await startNode(l1, layout, { keepUnsafe: true, window: 2n })] as const;
  for (const node of nodes) await node.sync();
  const origin = originOf(nodes[0]);
  const block = (envelopes: Uint8Array[], timestamp: bigint) =>
    ({ header: { timestamp }, transactions: envelopes.map((envelope) => ({ envelope })) }) as unknown as Block;
  const cut = await transfer(0, 0);
  const batcher = startSender(l1, SEQUENCER);
  const batch = (index: bigint, ...blocks: Block[]) => batchOf(layout, nodes[0], blocks, { index, origin });
  await batcher.land(
    batch(0n, block([cut.subarray(0, 50), Uint8Array.of(0x7e, 0xc0), await transfer(0, 7), await transfer(0, 0)], 0n)),
    batch(1n, block([await transfer(0, 0), await transfer(0, 1)], 2n ** 64n - 1n), block([], 1n)),
    { ...batch(2n), data: batch(2n).data },
  );
  for (const node of nodes) {
    await node.sync();
    assert.equal(node.chain.heads.safe, 3n);
    assert.deepEqual(
      [1n, 2n, 3n].map((n) => node.chain.blockByNumber(n)?.transactions.length),
      [1, 1, 0],
    );
    assert.equal(node.chain.blockByNumber(1n)?.header.timestamp, origin.timestamp);
    assert.equal(node.chain.blockByNumber(2n)?.header.timestamp, origin.timestamp + 600n);
    assert.equal(node.chain.blockByNumber(3n)?.header.timestamp, origin.timestamp + 600n);
    assert.deepEqual(node.chain.position, { batch: 3n, cursor: 0, delayed: 0n });
  }
  assert.deepEqual(tip(nodes[0].chain), tip(nodes[1].chain));
});

/** L1 through somebody who may alter answers. */
const through = (l1: Anvil, alter: (method: string, answer: unknown) => unknown): PublicClient =>
  createPublicClient({
    transport: custom({
      request: async ({ method, params }) => alter(method, await l1.client.request({ method, params } as never)),
    }),
    cacheTime: 0,
  }) as PublicClient;

test("an L1 that withholds or falsifies is asked again; nothing is passed over", async (t) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const sequencer = await startNode(l1, layout, { keepUnsafe: true });
  await sequencer.sync();
  const origin = originOf(sequencer);
  const { block } = await sequencer.build([await transfer(0, 0)], origin);
  await startSender(l1, SEQUENCER).land(batchOf(layout, sequencer, [block], { index: 0n, origin }));

  let alter = (_method: string, answer: unknown): unknown => answer;
  const client = through(l1, (method, answer) => alter(method, answer));
  const verifier = await startNode(l1, layout, { client });
  const fails = async (code: string) => {
    await assert.rejects(verifier.source.sync(), (error) => hasCode(error, code));
    await verifier.follower.sync();
    assert.equal(verifier.chain.heads.safe, 0n);
  };
  const input = (change: (input: string) => string) => (method: string, answer: unknown) =>
    method === "eth_getTransactionByHash" && answer !== null
      ? { ...answer, input: change((answer as { input: string }).input) }
      : answer;
  alter = input((data) => data.replace(/.{64}$/, "00".repeat(32)));
  await fails("L1_DATA_MISMATCH");
  alter = (method, answer) =>
    method === "eth_getTransactionByHash" ? { ...(answer as object), blockHash: `0x${"11".repeat(32)}` } : answer;
  await fails("L1_DATA_MISSING");
  alter = (method, answer) => (method === "eth_getTransactionByHash" ? null : answer);
  await assert.rejects(verifier.source.sync());
  // A log is lost: a gap in the sequence shows.
  alter = (_method, answer) => answer;
  await verifier.sync();
  assert.equal(verifier.chain.head.hash, block.hash);
  const next = await sequencer.build([await transfer(0, 1)], origin);
  const batcher = startSender(l1, SEQUENCER);
  await batcher.land(batchOf(layout, sequencer, [next.block], { index: 1n, origin }));
  const third = await sequencer.build([await transfer(0, 2)], origin);
  await batcher.land(batchOf(layout, sequencer, [third.block], { index: 2n, origin }));
  let lost = 0;
  alter = (method, answer) =>
    method === "eth_getLogs" && (answer as unknown[]).length > 0 && lost++ === 0 ? [] : answer;
  await assert.rejects(verifier.source.sync(), (error) => hasCode(error, "L1_GAP"));
  // L1 changes while it is read.
  let calls = 0;
  alter = (method, answer) =>
    method === "eth_getBlockByNumber" && ++calls > 3 ? { ...(answer as object), hash: `0x${"22".repeat(32)}` } : answer;
  await assert.rejects(verifier.source.sync(), (error) => hasCode(error, "L1_CHANGED"));
  alter = (_method, answer) => answer;
  await verifier.sync();
  assert.equal(verifier.chain.head.hash, third.block.hash);
});

test("what L1 calls final is final here; a data directory of other contracts is refused", async (t) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const node = await startNode(l1, layout, { keepUnsafe: true });
  await node.sync();
  const batcher = startSender(l1, SEQUENCER);
  for (let index = 0n; index < 3n; index++) {
    const origin = originOf(node);
    const { block } = await node.build([await transfer(0, Number(index))], origin);
    await batcher.land(batchOf(layout, node, [block], { index, origin }));
    await node.sync();
  }
  assert.deepEqual(node.chain.heads, { unsafe: 3n, safe: 3n, finalized: 0n });
  await l1.mine(70);
  await node.sync();
  assert.ok(node.source.finalized > 0n);
  assert.deepEqual(node.chain.heads, { unsafe: 3n, safe: 3n, finalized: 3n });
  const other = { ...layout, contracts: { ...layout.contracts, batchInbox: account(5).address } };
  const stranger = startNode(l1, other, { store: node.store });
  await assert.rejects(stranger, (error) => hasCode(error, "L1_DEPLOYMENT_MISMATCH"));
});
