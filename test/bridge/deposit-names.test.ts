import assert from "node:assert/strict";
import { test } from "node:test";
import { createPublicClient, http, parseEther } from "viem";
import { getL2TransactionHashes } from "viem/op-stack";
import { depositCall } from "../../bridge/index.ts";
import { createRpcServer, type Hex } from "../../executor/index.ts";
import { startAnvil } from "../support/anvil.ts";
import { batchOf, l2Account, layOut, SEQUENCER, startNode, startSender, telemetry } from "../support/l2-node.ts";

const USER = 2;
const to = l2Account(7).address.toLowerCase() as Hex;
const DEPOSITS: readonly Parameters<typeof depositCall>[1][] = [
  { to, mint: parseEther("2"), value: parseEther("2"), gas: 100_000n, data: new Uint8Array(0) },
  { to, mint: 0n, value: 0n, gas: 1_000_000n, data: Uint8Array.of(0, 1, 2) },
  { to: undefined, mint: 127n, value: 0n, gas: 200_000n, data: Uint8Array.of(0x5f, 0x5f, 0xf3) },
];

test("a deposit is found by the hash that viem computes on L1, wherever L1 has it", async (t) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const node = await startNode(l1, layout, { keepUnsafe: true });
  const backend = { chain: node.chain, l1: node.source, identity: { clientVersion: "assay/test" } };
  const server = await createRpcServer({ backend, ...telemetry() }, { port: 0 });
  t.after(() => server.stop());
  const client = createPublicClient({ transport: http(server.url), cacheTime: 0 });
  const calls = DEPOSITS.map((deposit) => depositCall(layout.contracts.portal, deposit));
  const receipts = await startSender(l1, USER).land(...calls);
  const named = receipts.flatMap((receipt) => getL2TransactionHashes(receipt));
  assert.equal(named.length, DEPOSITS.length);
  assert.equal(new Set(receipts.map(({ blockNumber }) => blockNumber)).size, 1, "one block, three places in it");
  await node.sync();
  assert.equal(await client.getTransactionReceipt({ hash: named[0] as Hex }).catch(() => "none"), "none");

  const { head } = node.source;
  assert.ok(head);
  const origin = { number: head.number, timestamp: head.timestamp };
  const { block } = await node.build(node.delayed(0n, 3n), origin);
  for (const [i, hash] of named.entries()) {
    const own = block.transactions[i]?.hash as Hex;
    assert.notEqual(hash, own);
    for (const name of [hash, own]) {
      const receipt = await client.getTransactionReceipt({ hash: name });
      assert.equal(receipt.transactionHash, own);
      assert.equal(receipt.status, "success");
      assert.equal((await client.getTransaction({ hash: name })).hash, own);
      const status = (await client.request({
        method: "rollup_transactionStatus" as never,
        params: [name] as never,
      })) as {
        readonly transactionHash: Hex;
      };
      assert.equal(status.transactionHash, own);
    }
  }
  await startSender(l1, SEQUENCER).land(
    batchOf(layout, node, [block], { index: 0n, origin, delayedEnd: 3n, taken: 3 }),
  );
  await node.sync();
  assert.equal(node.chain.heads.safe, 1n);

  // In another block of L1 it has another name; its own hash stays, and the older name is nobody's.
  const [first] = receipts;
  const name = named[0] as Hex;
  assert.ok(first);
  const request = { method: "eth_getRawTransactionByHash" as never, params: [first.transactionHash] as never };
  const raw = (await l1.client.request(request)) as Hex;
  const depth = Number((await l1.client.getBlockNumber({ cacheTime: 0 })) - first.blockNumber) + 1;
  await l1.reorg(depth, [[raw, depth - 1]]);
  await l1.mine();
  await node.sync();
  assert.equal(node.source.messageCount, 1n);
  const moved = await l1.client.getTransactionReceipt({ hash: first.transactionHash });
  assert.notEqual(moved.blockHash, first.blockHash);
  const [other] = getL2TransactionHashes(moved);
  assert.ok(other !== undefined && other !== name);
  assert.equal(node.source.depositOf(other), block.transactions[0]?.hash);
  assert.equal(node.source.depositOf(name), undefined);
});
