import assert from "node:assert/strict";
import { test } from "node:test";
import { createRightClaims } from "../../bridge/index.ts";
import {
  createMemoryStore,
  fromHex,
  type Hex,
  hasCode,
  type KeyValueStore,
  outputRootOf,
  toHex,
} from "../../executor/index.ts";
import { type ClaimantActor, claimsOn, createLife, startClaimant } from "../support/claimant.ts";
import { BOND, PERIOD, SPACING } from "../support/claims.ts";
import { hooked } from "../support/hooked-client.ts";
import { createStage, l2Account, type SequencerActor, type Stage, telemetry } from "../support/stage.ts";

const [OPEN, CONFIRMED] = [1, 2];
const ZERO: Hex = `0x${"00".repeat(32)}`;

/** Some blocks on L1, in one batch or more. */
const post = async (sequencer: SequencerActor, first: number, blocks: number) => {
  await sequencer.settle();
  for (let nonce = first; nonce < first + blocks; nonce++) {
    await sequencer.send({ nonce, to: l2Account(1).address, value: 1n });
    assert.ok((await sequencer.producer.produce()) !== undefined);
  }
  await sequencer.post();
};

/** Lets L1 and the claimant go on together. */
const goOn = async ({ anvil }: Stage, actors: readonly ClaimantActor[], blocks: number, step = 1) => {
  for (let mined = 0; mined < blocks; mined += step) {
    await anvil.mine(step);
    for (const actor of actors) await actor.act();
  }
};

/** Somebody who starts from nothing computes every claim on L1 alike, and adds none. */
const assertAllRight = async (t: Parameters<typeof createStage>[0], stage: Stage) => {
  const claims = claimsOn(stage);
  const before = await claims.proposed();
  const store = createMemoryStore();
  const auditor = startClaimant(t, stage, await stage.executor(), {
    from: 9,
    store,
    intervalBlocks: 10n ** 9n,
    depth: 0n,
  });
  await auditor.act();
  assert.equal([...store.scan({ gte: Uint8Array.of(0x41), lt: Uint8Array.of(0x42) })].length, before.length);
};

test("claims follow the chain, are confirmed when their time has come, and the bonds come back", async (t) => {
  const stage = await createStage(t);
  const claims = claimsOn(stage);
  const sequencer = await stage.sequencer();
  const node = await stage.executor();
  const actor = startClaimant(t, stage, node);
  const before = await stage.anvil.client.getBalance({ address: actor.address });
  await goOn(stage, [actor], Number(SPACING) + 2);
  assert.deepEqual(await claims.proposed(), [], "nothing is there to be claimed");

  await post(sequencer, 0, 3);
  await goOn(stage, [actor], 1);
  const [empty] = await claims.proposed();
  assert.ok(empty !== undefined);
  assert.deepEqual([empty.parent, empty.limitBatch], [await claims.genesis(), 1n]);
  await post(sequencer, 3, 2);
  await goOn(stage, [actor], Number(SPACING) - 3);
  assert.equal((await claims.proposed()).length, 1, "a claim's child keeps its distance");
  await goOn(stage, [actor], 3 * Number(SPACING));
  const proposed = await claims.proposed();
  assert.ok(proposed.length >= 3);
  const last = proposed.at(-1);
  assert.ok(last !== undefined);
  for (const [i, { id, parent, staker }] of proposed.entries()) {
    if (i > 0) assert.equal(parent, proposed[i - 1]?.id);
    assert.equal(staker.toLowerCase(), actor.address);
    const claim = await claims.claim(id);
    const block = node.chain.blockByNumber(claim.blockNumber);
    assert.ok(block !== undefined);
    assert.equal(claim.outputRoot, toHex(outputRootOf(fromHex(block.header.stateRoot), fromHex(block.hash))));
    assert.equal(claim.status, OPEN);
  }
  assert.equal((await claims.claim(last.id)).blockNumber, node.chain.heads.safe);
  const count = proposed.length;
  await goOn(stage, [actor], Number(PERIOD) + 20, 20);
  assert.equal((await claims.proposed()).length, count, "without news there is no claim");
  await goOn(stage, [actor], 8 * count);
  for (const { id } of proposed) assert.equal((await claims.claim(id)).status, CONFIRMED);
  assert.deepEqual([await claims.held(), await claims.credit(actor.address)], [0n, 0n]);
  const spent = before - (await stage.anvil.client.getBalance({ address: actor.address }));
  assert.ok(spent < BOND / 100n, "all but the fees came back");
  await assertAllRight(t, stage);
});

test("two claimants make one claim: the second finds it by its content", async (t) => {
  const stage = await createStage(t);
  const sequencer = await stage.sequencer();
  await post(sequencer, 0, 2);
  const one = startClaimant(t, stage, await stage.executor(), { from: 6 });
  const two = startClaimant(t, stage, await stage.executor(), { from: 7 });
  await goOn(stage, [one, two], 30);
  const claims = claimsOn(stage);
  const proposed = await claims.proposed();
  assert.ok(proposed.length >= 2);
  assert.equal(await claims.held(), BOND * BigInt(proposed.length));
  assert.ok(proposed.every(({ parent }, i) => i === 0 || parent === proposed[i - 1]?.id));
  await assertAllRight(t, stage);
});

const copyOf = async (store: KeyValueStore): Promise<KeyValueStore> => {
  const copy = createMemoryStore();
  const all = [...store.scan({ gte: Uint8Array.of(0), lt: Uint8Array.of(255) })];
  await copy.write(all.map(([key, value]) => ({ type: "put", key, value })));
  return copy;
};

test("killed before any step of claiming, and started again: exactly one claim", async (t) => {
  const stage = await createStage(t);
  const { anvil } = stage;
  const claims = claimsOn(stage);
  const sequencer = await stage.sequencer();
  const node = await stage.executor();
  await post(sequencer, 0, 2);
  const first = createMemoryStore();
  const starter = startClaimant(t, stage, node, { store: first });
  await goOn(stage, [starter], 3);
  await post(sequencer, 2, 2);
  await goOn(stage, [starter], 5);
  assert.equal((await claims.proposed()).length, 2);
  await starter.stop();
  const intervalBlocks = 12n;
  await anvil.mine(Number(intervalBlocks));
  const outcomes = new Set<number>();
  let kills = 0;
  for (let over = false; !over; kills++) {
    const snapshot = await anvil.snapshot();
    const store = await copyOf(first);
    const life = createLife(kills);
    // L1 is turned back each time, which is no reorg: who has read more of it waits until it is there again.
    const node = await stage.executor();
    const victim = startClaimant(t, stage, node, { store, life, intervalBlocks });
    try {
      await victim.act();
      await victim.act();
    } catch (error) {
      assert.ok(life.isOver, String(error));
    }
    over = !life.isOver;
    outcomes.add((await claims.proposed()).length);
    const heir = startClaimant(t, stage, node, { store, intervalBlocks });
    await goOn(stage, [heir], 3);
    const proposed = await claims.proposed();
    assert.equal(proposed.length, 3, `killed before step ${kills}`);
    assert.equal(await claims.held(), 3n * BOND);
    assert.equal(await claims.credit(heir.address), 0n);
    await heir.stop();
    await victim.stop();
    await node.stop();
    await anvil.revert(snapshot);
  }
  t.diagnostic(`${kills} kills`);
  assert.deepEqual([...outcomes].sort(), [2, 3], "some died before L1 had the claim, and some after");
});

test("what the life before sent may still be mined: one claim, and the second bond comes back", async (t) => {
  const stage = await createStage(t);
  const { anvil } = stage;
  const claims = claimsOn(stage);
  const sequencer = await stage.sequencer();
  const node = await stage.executor();
  await post(sequencer, 0, 2);
  await anvil.mine(Number(SPACING));
  const store = createMemoryStore();
  const victim = startClaimant(t, stage, node, { store });
  await anvil.manual();
  await victim.launch();
  await victim.stop();
  const [waiting] = await anvil.mempool();
  assert.ok(waiting !== undefined);
  const heir = startClaimant(t, stage, node, { store });
  await heir.launch();
  assert.equal((await claims.proposed()).length, 0);
  await anvil.automatic();
  await goOn(stage, [heir], 3);
  const [claim] = await claims.proposed();
  assert.ok(claim !== undefined);
  assert.equal(claim.staker.toLowerCase(), heir.address);
  await goOn(stage, [heir], 12);
  const proposed = await claims.proposed();
  assert.ok(proposed.length >= 2);
  assert.equal(await claims.held(), BigInt(proposed.length) * BOND);
  assert.equal(await claims.credit(heir.address), 0n);
  await assertAllRight(t, stage);
});

test("an L1 reorg that drops a claim brings back the same; what it changes is not claimed before", async (t) => {
  const stage = await createStage(t);
  const { anvil } = stage;
  const claims = claimsOn(stage);
  const sequencer = await stage.sequencer();
  const node = await stage.executor();
  await anvil.mine(Number(SPACING));
  await post(sequencer, 0, 2);
  const store = createMemoryStore();
  const depth = 8n;
  const actor = startClaimant(t, stage, node, { store, depth });
  await goOn(stage, [actor], 2);
  const [first] = await claims.proposed();
  assert.ok(first !== undefined);
  await goOn(stage, [actor], 4);
  assert.equal((await claims.proposed()).length, 1, "nothing stands on a claim that L1 may still drop");

  // The claim and the blocks above it are gone, and so is the batch that its children were about.
  await actor.stop();
  await anvil.reorg(8);
  assert.deepEqual(await claims.proposed(), []);
  const heir = startClaimant(t, stage, node, { store, depth });
  await heir.act();
  await sequencer.settle();
  await sequencer.follow();
  await post(sequencer, 2, 1);
  await goOn(stage, [heir], 3);
  const [again] = await claims.proposed();
  assert.ok(again !== undefined);
  assert.equal(again.id, first.id, "the same claim, by its content");
  await goOn(stage, [heir], 40);
  assert.equal(node.chain.heads.safe, 3n);
  const proposed = await claims.proposed();
  assert.ok(proposed.length >= 2);
  assert.equal((await claims.claim(proposed.at(-1)?.id ?? ZERO)).blockNumber, node.chain.heads.safe);
  await assertAllRight(t, stage);
});

test("a claim that an L1 reorg would make wrong is refused by L1, and the right one is made in its place", async (t) => {
  const stage = await createStage(t);
  const { anvil } = stage;
  const claims = claimsOn(stage);
  const node = await stage.executor();
  const store = createMemoryStore();
  await anvil.mine(Number(SPACING));
  const snapshot = await anvil.snapshot();
  await post(await stage.sequencer(), 0, 2);
  const actor = startClaimant(t, stage, node, { store });
  await goOn(stage, [actor], Number(SPACING) + 3);
  const before = await claims.proposed();
  const inputs = await claims.recorded();
  assert.equal(before.length, 2);
  await actor.stop();

  // Another batch takes the place of the first, and what was sent before comes again.
  await anvil.revert(snapshot);
  await post(await stage.sequencer(), 0, 1);
  const outcomes: string[] = [];
  for (const data of inputs) {
    const call = { to: stage.deployment.contracts.claimRegistry, data, value: BOND, gas: 3_000_000n };
    const hash = await anvil.wallet(8).sendTransaction(call);
    outcomes.push((await anvil.client.waitForTransactionReceipt({ hash })).status);
    await anvil.mine(Number(SPACING));
  }
  assert.deepEqual(outcomes, ["success", "reverted"]);
  const heir = startClaimant(t, stage, node, { store });
  await goOn(stage, [heir], 2);
  const [first, right] = await claims.proposed();
  assert.ok(first !== undefined && right !== undefined);
  assert.deepEqual([first.id, right.parent], [before[0]?.id, first.id]);
  assert.notEqual(right.id, before[1]?.id);
  assert.equal(right.staker.toLowerCase(), heir.address);
  const { blockNumber, outputRoot } = await claims.claim(right.id);
  const block = node.chain.blockByNumber(blockNumber);
  assert.equal(blockNumber, 1n);
  assert.equal(outputRoot, toHex(outputRootOf(fromHex(block?.header.stateRoot ?? ZERO), fromHex(block?.hash ?? ZERO))));
});

test("a range of more units than a tree has leaves is claimed in parts, also in the midst of a block", async (t) => {
  const stage = await createStage(t, undefined, undefined, { heights: [3, 2, 18, 29] });
  const claims = claimsOn(stage);
  const sequencer = await stage.sequencer();
  await post(sequencer, 0, 5);
  const node = await stage.executor();
  const actor = startClaimant(t, stage, node);
  await goOn(stage, [actor], 40);
  const proposed = await claims.proposed();
  const made = await Promise.all(proposed.map(({ id }) => claims.claim(id)));
  assert.ok(made.some(({ outputRoot }) => outputRoot === ZERO));
  assert.deepEqual(made.at(-1)?.blockNumber, node.chain.heads.safe);
  assert.notEqual(made.at(-1)?.outputRoot, ZERO);
  // Five blocks of three units and the end of the batch, after the claim of nothing.
  assert.ok(made.length >= 3);
  await assertAllRight(t, stage);
});

test("claims on an inbox that overruns a tree take the records that surely fit, and end between them", async (t) => {
  const stage = await createStage(t, undefined, undefined, { heights: [6, 2, 18, 29] });
  const claims = claimsOn(stage);
  const sequencer = await stage.sequencer();
  for (let nonce = 0; nonce < 5; nonce++) await post(sequencer, nonce, 1);
  const node = await stage.executor();
  const actor = startClaimant(t, stage, node);
  await goOn(stage, [actor], 40);
  const proposed = await claims.proposed();
  const limits = proposed.map(({ limitBatch }) => limitBatch);
  assert.deepEqual(limits.slice(0, 3), [2n, 4n, 5n]);
  const made = await Promise.all(proposed.map(({ id }) => claims.claim(id)));
  assert.ok(made.every(({ outputRoot }) => outputRoot !== ZERO));
  assert.deepEqual(made.at(-1)?.blockNumber, node.chain.heads.safe);
  await assertAllRight(t, stage);
});

test("a claim that a node of L1 does not show yet is not one that L1 dropped", async (t) => {
  const stage = await createStage(t);
  const sequencer = await stage.sequencer();
  const node = await stage.executor();
  let lag = 0n;
  const { client } = stage.anvil;
  const behind = hooked(stage.anvil, async (method, params, ask) => {
    if (lag === 0n || method !== "eth_getBlockByNumber" || (params as [string])[0] !== "latest") return ask();
    const shown = (await client.getBlockNumber({ cacheTime: 0 })) - lag;
    return client.request({ method, params: [`0x${shown.toString(16)}`, false] });
  });
  const store = createMemoryStore();
  const right = createRightClaims(
    { logger: telemetry().logger, client: behind, chain: node.chain, l1: node.l1, store },
    { registry: stage.deployment.contracts.claimRegistry, depth: 0n },
  );
  t.after(() => right.stop());
  const look = async () => right.walk((await behind.getBlock({ blockTag: "latest" })).number);
  await post(sequencer, 0, 3);
  await goOn(stage, [startClaimant(t, stage, node)], Number(SPACING) + 2);
  await node.follow();
  await look();
  const { length } = right.steps;
  assert.ok(length > 0);
  const made = (await right.tip()).claim.madeAt;
  lag = (await client.getBlockNumber({ cacheTime: 0 })) - made + 1n;
  await assert.rejects(look(), (error) => hasCode(error, "CLAIMS_L1_CHANGED"));
  assert.equal(right.steps.length, length);
  lag = 0n;
  await look();
  assert.equal(right.steps.length, length);
});
