import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { parseEther } from "viem";
import { depositCall } from "../../bridge/index.ts";
import type { Hex } from "../../executor/index.ts";
import type { Anvil } from "../support/anvil.ts";
import { startAnvil } from "../support/anvil.ts";
import { hooked } from "../support/hooked-client.ts";
import { l2Account, layOut, startNode, startSender, transfer } from "../support/l2-node.ts";

/** Blocks by which each of an endpoint's answers is behind: of those about heads, blocks and logs. */
type Lags = { head: number; blocks: number; logs: number };

const text = (number: number): Hex => `0x${number.toString(16)}`;
const UNKNOWN = { error: { code: -32000, message: "unknown block" } };

/** L1 behind a balancer: its newest blocks are not there yet for the node that answers. */
const behindBalancer = (l1: Anvil, lags: Lags) => {
  const headOf = async (lag: number) => Number(await l1.client.request({ method: "eth_blockNumber" })) - lag;
  const blockAt = (tag: string) =>
    l1.client.request({ method: "eth_getBlockByNumber", params: [tag, false] } as never) as Promise<unknown>;
  return hooked(l1, async (method, params, ask) => {
    const [first] = params as [string | { fromBlock?: Hex; toBlock?: Hex; blockHash?: Hex }];
    if (method === "eth_blockNumber") return text(await headOf(lags.head));
    if (method === "eth_getBlockByNumber") {
      if (first === "latest") return blockAt(text(await headOf(lags.head)));
      return Number(first) > (await headOf(lags.blocks)) ? null : ask();
    }
    if (method !== "eth_getLogs" || typeof first !== "object") return ask();
    const head = await headOf(lags.logs);
    const { blockHash } = first;
    if (blockHash !== undefined) {
      const { number } = await l1.client.getBlock({ blockHash });
      return Number(number) > head ? UNKNOWN : ask();
    }
    // Of a range it tells what it has.
    const logs = (await ask()) as { blockNumber: Hex }[];
    return logs.filter(({ blockNumber }) => Number(blockNumber) <= head);
  });
};

const stage = async (t: TestContext) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const lags: Lags = { head: 0, blocks: 0, logs: 0 };
  const node = await startNode(l1, layout, { keepUnsafe: true, client: behindBalancer(l1, lags) });
  await l1.mine(10);
  await node.sync();
  const sender = startSender(l1, 2);
  const deposit = () => {
    const mint = parseEther("2");
    const to = l2Account(7).address.toLowerCase() as Hex;
    const { portal } = layout.contracts;
    return sender.land(depositCall(portal, { to, mint, value: mint, gas: 100_000n, data: new Uint8Array(0) }));
  };
  const metric = async (name: string): Promise<number> =>
    Number(new RegExp(`${name} (\\d+)`).exec(await node.registry.metrics())?.[1]);
  return { l1, lags, node, deposit, metric };
};

/** A deposit and a transfer, and another transfer: two unsafe blocks as a sequencer seals them. */
const withUnsafe = async (t: TestContext) => {
  const all = await stage(t);
  const { node, deposit } = all;
  await deposit();
  await node.sync();
  const { head } = node.source;
  assert.ok(head);
  const origin = { number: head.number, timestamp: head.timestamp };
  await node.build([...node.delayed(0n, 1n), await transfer(0, 0)], origin);
  await node.build([await transfer(0, 1)], origin, origin.timestamp + 1n);
  return { ...all, head, hash: node.chain.head.hash };
};

test("an L1 whose answers are two blocks behind takes nothing back", async (t) => {
  const { l1, lags, node, head, hash, metric } = await withUnsafe(t);
  for (const lag of [{ head: 2, blocks: 2 }, { head: 2 }, { blocks: 2 }]) {
    Object.assign(lags, { head: 0, blocks: 0, ...lag });
    await node.sync();
    assert.equal(node.chain.head.hash, hash);
    assert.equal(node.source.head?.hash, head.hash);
    assert.equal(node.source.messageCount, 1n);
    assert.equal(await metric("assay_l1_source_reorgs_total"), 0);
    assert.equal(await metric("assay_l1_source_failures_total"), 0);
    assert.equal(await metric("assay_l1_source_behind_blocks"), lags.head);
  }
  // The nodes behind the endpoint have caught up.
  Object.assign(lags, { head: 0, blocks: 0 });
  await l1.mine();
  await node.sync();
  assert.equal(node.source.head?.number, head.number + 1n);
  assert.equal(node.chain.head.hash, hash);
});

test("a deposit is not passed over when the logs come from a node that lacks its block", async (t) => {
  const { lags, node, deposit } = await stage(t);
  await deposit();
  Object.assign(lags, { logs: 2 });
  await assert.rejects(node.source.sync());
  assert.equal(node.source.messageCount, 0n);
  Object.assign(lags, { logs: 0 });
  await node.sync();
  assert.equal(node.source.messageCount, 1n);
});

test("another block at a known height is a change, also of an L1 that got shorter", async (t) => {
  const { l1, lags, node, metric } = await withUnsafe(t);
  await l1.reorg(3);
  Object.assign(lags, { head: 1, blocks: 1 });
  await node.sync();
  assert.equal(await metric("assay_l1_source_reorgs_total"), 1);
  assert.equal(node.source.messageCount, 0n, "the deposit is gone");
  assert.equal(node.chain.head.header.number, 0n);
});
