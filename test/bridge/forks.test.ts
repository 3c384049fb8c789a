import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryStore, createRpcServer, type ForkSchedule, type Hex } from "../../executor/index.ts";
import { createStage, l2Account, type NodeActor, telemetry } from "../support/stage.ts";

/** Seconds from the deployment to the forks: L1's clock runs meanwhile, and a block is never before its origin. */
const AHEAD = 500n;
const SECOND = 10n;
/** Stores CLZ(1), 255 from Osaka on; before, the opcode fails. */
const COUNT_ZEROS: Hex = "0x60011e5f5500";
const initCode = (code: Hex): Hex => `0x600680600a5f395ff3${"00"}${code.slice(2)}`;

const rulesEnded = async ({ registry }: NodeActor): Promise<number | undefined> =>
  (await registry.getSingleMetric("assay_follower_rules_ended")?.get())?.values[0]?.value;

/** JSON-RPC as an actor answers it; rejects with an error's message. */
const startRpc = async ({ chain, l1, follower }: NodeActor) => {
  const backend = { chain, l1, derivation: follower, identity: { clientVersion: "assay/forks" } };
  const server = await createRpcServer({ backend, ...telemetry() }, { port: 0 });
  return {
    async call(method: string, params: readonly unknown[] = []): Promise<unknown> {
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
      const headers = { "content-type": "application/json" };
      const response = await fetch(server.url, { method: "POST", headers, body });
      const { result, error } = (await response.json()) as { result?: unknown; error?: { message: string } };
      if (error !== undefined) throw new Error(error.message);
      return result;
    },
    stop: () => server.stop(),
  };
};

/** Hashes of an actor's blocks, oldest first. */
const hashesOf = ({ chain }: NodeActor): readonly Hex[] =>
  Array.from({ length: Number(chain.head.header.number) + 1 }, (_, i) => chain.blockByNumber(BigInt(i))?.hash as Hex);

test("new nodes go over two forks, and one of an older version ends before the one that it does not have", {
  timeout: 120_000,
}, async (t) => {
  const stage = await createStage(t);
  const { timestamp } = await stage.anvil.client.getBlock();
  const [first, second] = [timestamp + AHEAD, timestamp + AHEAD + SECOND];
  const scheduled: ForkSchedule = { prague: first, osaka: second };
  // To a version before Osaka it is a name.
  const before: ForkSchedule = { prague: first, unheard: second };
  let time = first - 1n;
  const sequencer = await stage.sequencer(undefined, {
    forks: scheduled,
    producer: { clock: () => time },
    mempool: { clock: () => time },
  });
  const [youngStore, oldStore] = [createMemoryStore(), createMemoryStore()];
  const young = await stage.executor(youngStore, { forks: scheduled });
  const old = await stage.executor(oldStore, { forks: before });
  const all = [sequencer, young, old];
  const follow = async () => {
    for (const node of all) await node.follow();
  };
  await sequencer.follow();

  const nonces = [0, 0];
  const send = (request: { readonly to?: Hex; readonly data?: Hex; readonly value?: bigint }, from = 0) =>
    sequencer.send({ from, nonce: (nonces[from] as number)++, gas: 200_000n, ...request });
  const build = async () => {
    const block = await sequencer.producer.produce();
    assert.ok(block);
    return block;
  };

  await send({ data: initCode(COUNT_ZEROS) });
  const created = await build();
  const counter = sequencer.chain.receipts(created.header.number)?.[0]?.contractAddress as Hex;
  const statusOf = (number: bigint) => sequencer.chain.receipts(number)?.map(({ status }) => status);
  await send({ to: counter });
  await send({ to: l2Account(5).address, value: 3n }, 1);
  const early = await build();
  assert.deepEqual(statusOf(early.header.number)?.toSorted(), [0, 1]);
  // One batch crosses the first fork, another the second.
  time = first;
  await send({ to: l2Account(5).address, value: 4n }, 1);
  const prague = await build();
  assert.equal(prague.header.timestamp, first);
  await sequencer.post();
  await follow();
  assert.deepEqual(hashesOf(young), hashesOf(sequencer));
  assert.deepEqual(hashesOf(old), hashesOf(sequencer));
  assert.deepEqual([old.follower.failure, await rulesEnded(old)], [undefined, 0]);

  time = second - 1n;
  await send({ to: counter });
  const last = await build();
  assert.deepEqual(statusOf(last.header.number), [0]);
  time = second;
  await send({ to: counter });
  const osaka = await build();
  assert.deepEqual(statusOf(osaka.header.number), [1]);
  await sequencer.post();
  await follow();
  await follow();
  assert.deepEqual(hashesOf(young), hashesOf(sequencer));
  assert.deepEqual(hashesOf(old), hashesOf(sequencer).slice(0, -1));
  assert.deepEqual(old.chain.position, { batch: 1n, cursor: old.chain.position.cursor, delayed: 0n });
  assert.match(old.follower.failure ?? "", /^FORK_UNKNOWN: /);
  assert.equal(await rulesEnded(old), 1);
  const failures = await old.registry.getSingleMetric("assay_follower_failures_total")?.get();
  assert.equal(failures?.values[0]?.value, 0);

  // It answers what is asked of the blocks that it has, tells why it goes no further, and takes nothing for the next one.
  const { call, stop } = await startRpc(old);
  t.after(stop);
  assert.equal(await call("eth_blockNumber"), `0x${last.header.number.toString(16)}`);
  assert.equal(await call("eth_getStorageAt", [counter, "0x0", "latest"]), `0x${"00".repeat(32)}`);
  await assert.rejects(call("eth_call", [{ to: counter }, "latest"]), /invalid opcode/);
  const status = (await call("rollup_syncStatus")) as { readonly derivation_failure: string };
  assert.equal(status.derivation_failure, old.follower.failure);
  assert.deepEqual(await call("rollup_forks"), {
    current: { name: "prague", from: Number(first), isKnown: true },
    next: { name: "unheard", from: Number(second), isKnown: false },
    last: { name: "unheard", from: Number(second), isKnown: false },
  });

  // What is before the fork becomes final without it.
  await stage.anvil.mine(100);
  await follow();
  assert.ok(old.chain.heads.finalized > 0n);
  assert.deepEqual(hashesOf(old), hashesOf(sequencer).slice(0, -1));

  // The next version goes on from there; none begins behind blocks that other rules made.
  await old.stop();
  await assert.rejects(stage.executor(youngStore, { forks: { prague: first } }), { code: "FORK_CHANGED" });
  const renewed = await stage.executor(oldStore, { forks: scheduled });
  await renewed.follow();
  assert.deepEqual(hashesOf(renewed), hashesOf(sequencer));
  assert.deepEqual([renewed.follower.failure, await rulesEnded(renewed)], [undefined, 0]);
});
