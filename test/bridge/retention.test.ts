import assert from "node:assert/strict";
import { test } from "node:test";
import { claimsOn, startClaimant } from "../support/claimant.ts";
import { PERIOD } from "../support/claims.ts";
import { createDisputeStage, LOW, playOut, registryOf, startChallenger, startLiar } from "../support/disputes.ts";
import { flood } from "../support/flood.ts";
import { unitLies } from "../support/lies.ts";
import { createStage } from "../support/stage.ts";

const CONFIRMED = 2;
/** More blocks than states are kept for queries. */
const FLOOD = 400;
/** L1 blocks after which anvil calls one final. */
const FINALITY = 70;

test("a flood of empty blocks makes no claimant forget what claims begin with; what is decided goes", async (t) => {
  const stage = await createStage(t);
  const { anvil } = stage;
  const claims = claimsOn(stage);
  /** As on an L1 whose blocks have times of their own. */
  const mine = (blocks: number) => anvil.control.mine({ blocks, interval: 1 });
  const node = await stage.executor();
  const { chain } = node;
  const actor = startClaimant(t, stage, node, { depth: 0n });
  await flood(stage, FLOOD);
  await node.follow();
  await anvil.mine(FINALITY);
  await flood(stage, FLOOD);
  await node.follow();
  assert.equal(chain.heads.finalized, BigInt(FLOOD), "L1 would lead back to block 400 at most");
  chain.stateAt(0n);

  for (let rounds = 0; (await claims.proposed()).length < 2; rounds++) {
    assert.ok(rounds < 10, "there are claims");
    await anvil.mine(5);
    await actor.act();
  }
  const [, second] = await claims.proposed();
  assert.ok(second);
  assert.equal((await claims.claim(second.id)).blockNumber, BigInt(2 * FLOOD));
  chain.stateAt(0n);

  for (let rounds = 0; (await claims.claim(second.id)).status !== CONFIRMED; rounds++) {
    assert.ok(rounds < 20, "the claim is confirmed");
    await mine(Number(PERIOD) / 4);
    await actor.act();
  }
  await actor.act();
  assert.ok(chain.retained < BigInt(2 * FLOOD), "its confirmation is not final");
  await mine(FINALITY);
  await actor.act();
  assert.equal(chain.retained, BigInt(2 * FLOOD));
  await flood(stage, FLOOD);
  await node.follow();
  assert.throws(() => chain.stateAt(BigInt(FLOOD)), { code: "STATE_PRUNED" });
  chain.stateAt(BigInt(2 * FLOOD));
});

test("a wrong claim on a flood is disputed", async (t) => {
  // The first claim is about nothing: the model's call and the flood are the next one's.
  const stage = await createDisputeStage(t, { claims: { ...LOW, heights: [11, 9, 16, 26], period: 150n } });
  const registry = registryOf(stage);
  const node = await stage.open();
  const challenger = startChallenger(t, stage, node);
  await flood(stage, FLOOD);
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

test("an L1 reorg of one block over a flood rolls back, and derivation goes on", async (t) => {
  const stage = await createStage(t);
  const { anvil } = stage;
  const node = await stage.executor();
  await anvil.mine(2 * FINALITY);
  await node.follow();
  await flood(stage, FLOOD);
  await node.follow();
  assert.equal(node.chain.heads.safe, BigInt(FLOOD));
  await anvil.reorg(1);
  await anvil.mine(2);
  await node.follow();
  assert.deepEqual([node.chain.heads.unsafe, node.chain.heads.safe], [0n, 0n]);
  await flood(stage, 3);
  await node.follow();
  assert.equal(node.chain.heads.safe, 3n);
});
