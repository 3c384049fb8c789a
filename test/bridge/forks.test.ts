import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createMemoryStore, createRpcServer, type ForkSchedule, type Hex } from "../../executor/index.ts";
import { statusCommand } from "../../infra/commands/status.ts";
import { claimsOn, startClaimant } from "../support/claimant.ts";
import { LOW, startChallenger } from "../support/disputes.ts";
import { createStage, l2Account, type NodeActor, telemetry, withoutModels } from "../support/stage.ts";

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
    url: server.url,
    stop: () => server.stop(),
  };
};

/** What `assay status` prints of the node there. */
const printedStatus = async (t: TestContext, nodeRpc: string): Promise<string> => {
  const write = process.stdout.write.bind(process.stdout);
  let text = "";
  // Bytes on standard output are the test runner's own.
  const written = t.mock.method(process.stdout, "write", (chunk: string | Uint8Array) => {
    if (typeof chunk !== "string") return write(chunk);
    text += chunk;
    return true;
  });
  await statusCommand({ nodeRpc, json: false });
  written.mock.restore();
  return text;
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
  const { call, url, stop } = await startRpc(old);
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

  const printed = await printedStatus(t, url);
  assert.match(printed, /^derivation stands still: FORK_UNKNOWN: .*unheard/m);
  assert.match(printed, /^now +prague +from /m);
  assert.match(printed, /^next +unheard +from .*NOT IN THIS VERSION/m);

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

test("an older version claims and judges what lies before the fork, and signs nothing about what lies behind", {
  timeout: 120_000,
}, async (t) => {
  const stage = await createStage(t, 3_600n, undefined, LOW);
  const { anvil } = stage;
  const from = (await anvil.client.getBlock()).timestamp + AHEAD;
  let time = from - 1n;
  const forks = { prague: 0n, osaka: from };
  const clock = () => time;
  const sequencer = await stage.sequencer(undefined, { forks, producer: { clock }, mempool: { clock } });
  const young = await stage.executor(undefined, { forks });
  const old = await stage.executor(undefined, { forks: { prague: 0n, unheard: from } });
  const claims = claimsOn(stage);
  const claimant = startClaimant(t, stage, young, { depth: 0n, intervalBlocks: 1n });
  const late = startClaimant(t, stage, old, { from: 4, depth: 0n, intervalBlocks: 1n });
  const nothing = () => Promise.reject(new Error("no model is here"));
  const models = { ...withoutModels, program: nothing, artifact: nothing };
  const challenger = startChallenger(t, stage, { ...old, models }, { from: 5 });
  const claimUntil = async (block: bigint, actor: typeof claimant) => {
    for (let rounds = 0; (await claims.proposed()).length === 0 || (await newest()) < block; rounds++) {
      assert.ok(rounds < 20, "there are claims");
      await anvil.mine(1);
      await actor.act();
    }
  };
  const newest = async () => {
    const last = (await claims.proposed()).at(-1);
    return last === undefined ? -1n : (await claims.claim(last.id)).blockNumber;
  };
  const post = async (nonce: number) => {
    await sequencer.follow();
    await sequencer.send({ nonce, to: l2Account(5).address, value: 1n });
    const block = await sequencer.producer.produce();
    assert.ok(block);
    await sequencer.post();
    return block.header.number;
  };

  const sentBy = (address: Hex) => anvil.client.getTransactionCount({ address });

  await claimUntil(await post(0), late);
  await challenger.act();
  const [before, sent] = [(await claims.proposed()).length, await sentBy(late.address)];
  assert.equal(sent, before);
  assert.deepEqual(challenger.findings?.counts, { right: before, wrong: 0, unjudged: 0 });

  time = from;
  await claimUntil(await post(1), claimant);
  await anvil.mine(5);
  for (let looks = 0; looks < 3; looks++) {
    await late.act();
    await challenger.act();
  }
  const all = await claims.proposed();
  assert.ok(all.length > before);
  const { findings } = challenger;
  assert.equal(findings?.counts.wrong, 0);
  assert.ok((findings?.counts.unjudged ?? 0) >= 1);
  assert.ok(findings?.doubts.every(({ lack }) => lack?.includes("FORK_UNKNOWN: ")));
  assert.deepEqual(findings?.failures, []);
  assert.deepEqual([await sentBy(late.address), await sentBy(challenger.address)], [sent, 0]);
});

test("a sequencer of an older version builds up to the fork, and takes nothing for what is behind", {
  timeout: 60_000,
}, async (t) => {
  const stage = await createStage(t);
  const from = (await stage.anvil.client.getBlock()).timestamp + AHEAD;
  let time = from - 1n;
  const clock = () => time;
  const forks = { prague: 0n, unheard: from };
  const sequencer = await stage.sequencer(undefined, { forks, producer: { clock }, mempool: { clock } });
  await sequencer.follow();
  const send = (nonce: number) => sequencer.send({ nonce, to: l2Account(5).address, value: 1n });
  await send(0);
  const last = await sequencer.producer.produce();
  assert.equal(last?.header.timestamp, time);
  await send(1);
  time = from;
  await assert.rejects(send(2), { code: "FORK_UNKNOWN" });
  assert.equal(await sequencer.producer.produce(), undefined);
  await sequencer.post();
  await sequencer.follow();
  assert.deepEqual(sequencer.chain.heads.safe, last?.header.number);
  assert.equal(sequencer.follower.failure, undefined);
});
