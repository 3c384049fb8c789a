import assert from "node:assert/strict";
import { test } from "node:test";
import { batchInbox, type Place, statesOf } from "../../bridge/index.ts";
import { claimsOn, startClaimant } from "../support/claimant.ts";
import { createDisputeStage, LOW, playOut, registryOf, startChallenger, startLiar } from "../support/disputes.ts";
import { FLOODS, type Flood, flood } from "../support/flood.ts";
import { unitLies } from "../support/lies.ts";
import { createStage } from "../support/stage.ts";

const CONFIRMED = 2;
/** Seconds of L1's time after which the budget is full again. */
const REST = 5;
/** L1 blocks after which anvil calls one final. */
const FINALITY = 70;

test("through floods of every kind derivation goes on, L1 rolls each back, and claims stay within an interval", async (t) => {
  const stage = await createStage(t);
  const { anvil, deployment } = stage;
  const claims = claimsOn(stage);
  const node = await stage.executor();
  const { chain, l1 } = node;
  const claimant = startClaimant(t, stage, node, { depth: 0n, intervalBlocks: 1n });
  await anvil.mine(2 * FINALITY);
  await node.follow();
  const unitsOf = async (from: Place): Promise<number> => {
    let units = -1;
    for await (const _ of statesOf({ chain, inbox: l1 }, from, l1.recordCount)) units++;
    return units;
  };
  const inbox = { address: deployment.contracts.batchInbox, abi: batchInbox.abi } as const;

  let loops = 0;
  for (const [name, kind] of Object.entries<Flood>(FLOODS)) {
    await anvil.warp(REST);
    await node.follow();
    const before = { position: chain.position, head: chain.head, records: l1.recordCount, messages: l1.messageCount };
    const from = { number: before.head.header.number, position: before.position, ahead: 0 };
    await kind.post(stage, loops);
    await node.follow();
    const flooded = chain.head;
    assert.deepEqual([l1.recordCount, chain.position.batch], [before.records + 1n, before.records + 1n], name);
    if (name === "an exhausted budget") {
      assert.equal(flooded.header.number, before.head.header.number + 1n, "no block behind it is paid for");
      assert.ok(flooded.header.budget < chain.parameters.budget.refusal);
    }

    // L1 replaces the block that holds the flood.
    await anvil.reorg(1);
    await anvil.mine(2);
    await node.follow();
    assert.equal(l1.recordCount, before.records, name);
    assert.equal(chain.head.hash, before.head.hash, `${name} is rolled back`);
    assert.deepEqual(chain.position, before.position, name);

    await kind.post(stage, loops);
    await node.follow();
    assert.equal(chain.position.batch, before.records + 1n, `${name}, posted again, is derived`);
    assert.equal(chain.head.header.number, flooded.header.number, name);
    const units = await unitsOf(from);
    assert.ok(units <= kind.units, `${name}: ${units} units`);
    if (name === "loops") loops += chain.head.transactions.length;
    assert.equal(await anvil.client.readContract({ ...inbox, functionName: "recordCount" }), l1.recordCount);

    // One claim is about what the inbox held when the one before was made.
    for (let looks = 0; looks < 2; looks++) {
      await anvil.mine(5);
      await claimant.act();
    }
    const newest = (await claims.proposed()).at(-1);
    assert.ok(newest);
    assert.equal((await claims.claim(newest.id)).blockNumber, chain.heads.safe, `${name}: claims have caught up`);
  }
  assert.equal(loops, 3, "the loops were executed once and not behind an exhausted budget");
});

test("a wrong claim on floods of every kind is disputed", async (t) => {
  const stage = await createDisputeStage(t, { claims: { ...LOW, heights: [13, 9, 18, 29], period: 170n } });
  const registry = registryOf(stage);
  const node = await stage.open();
  const challenger = startChallenger(t, stage, node);
  for (const kind of Object.values<Flood>(FLOODS)) {
    await stage.anvil.warp(REST);
    await kind.post(stage, 0);
  }
  await node.follow();
  await stage.anvil.mine(FINALITY);
  await flood(stage, 1);
  await node.follow();
  const claimant = startClaimant(t, stage, node, { from: 5, depth: 0n, intervalBlocks: 1n });
  for (let rounds = 0; (await claimsOn(stage).proposed()).length < 2; rounds++) {
    assert.ok(rounds < 10, "there is a claim on the first");
    await stage.anvil.mine(1);
    await claimant.act();
  }
  await stage.anvil.mine(2);
  const liar = await startLiar(t, stage, node, { ...unitLies.lastLeaf, from: 20 });
  await playOut(stage, [challenger], { liars: [liar] });
  const [dispute] = challenger.disputes;
  assert.ok(dispute?.right);
  assert.equal(await registry.status(dispute.right), CONFIRMED);
  assert.notEqual(await registry.status(liar.claim), CONFIRMED);
});

test("on a chain longer than states are kept, a fresh challenger finds every claim right and disputes on the newest", async (t) => {
  const stage = await createDisputeStage(t);
  const { anvil } = stage;
  const claims = claimsOn(stage);
  const node = await stage.open();
  const claimant = startClaimant(t, stage, node, { from: 5, depth: 0n, intervalBlocks: 1n });
  for (let batches = 0; batches < 14; batches++) {
    await flood(stage, 20);
    const { length } = await claims.proposed();
    for (let looks = 0; (await claims.proposed()).length === length; looks++) {
      assert.ok(looks < 5, "each batch is claimed");
      await anvil.mine(1);
      await claimant.act();
    }
  }
  await claimant.stop();
  assert.ok(node.chain.heads.safe > 256n);
  await anvil.mine(FINALITY);
  const { length } = await claims.proposed();
  const fresh = await stage.prepare();
  const challenger = startChallenger(t, stage, fresh);
  await challenger.act();
  assert.equal(challenger.findings?.counts.right, length);
  const liar = await startLiar(t, stage, node, { ...unitLies.lastLeaf, from: 20 });
  await challenger.act();
  const [dispute] = challenger.disputes;
  assert.equal(dispute?.state, "playing");
  assert.deepEqual(
    dispute?.rivals.map(({ id }) => id),
    [liar.claim],
  );
  assert.equal(challenger.findings?.counts.unjudged, 0);
});
