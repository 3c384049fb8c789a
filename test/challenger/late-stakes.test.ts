import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryStore } from "../../executor/index.ts";
import { claimsOn, startClaimant } from "../support/claimant.ts";
import { createDisputeStage, LOW, registryOf, startChallenger, startLiar } from "../support/disputes.ts";
import { flood } from "../support/flood.ts";
import { unitLies } from "../support/lies.ts";

const CONFIRMED = 2;
/** L1 blocks after which anvil calls one final. */
const FINALITY = 70;
/** More blocks than states are kept for queries. */
const FLOOD = 300;

test("what stakes of a lower level need stays when their claim is confirmed for good: a challenger that begins anew frees them", async (t) => {
  const stage = await createDisputeStage(t, { claims: { ...LOW, heights: [10, 9, 18, 29], period: 150n } });
  const { anvil } = stage;
  const registry = registryOf(stage);
  const claims = claimsOn(stage);
  const elsewhere = await stage.open();
  const claimant = startClaimant(t, stage, elsewhere, { from: 5, depth: 0n, intervalBlocks: 1n });
  await claimant.act();
  await claimant.stop();
  const [, right] = await claims.proposed();
  assert.ok(right);
  const store = createMemoryStore();
  const node = await stage.open(store);
  const options = { store, isJanitor: true, from: 6 };
  const challenger = startChallenger(t, stage, node, options);
  await challenger.act();

  // A liar comes when the claim's time is nearly over: the level below has all of its own before it.
  await anvil.mine(Number(LOW.period) - 20);
  const liar = await startLiar(t, stage, elsewhere, { ...unitLies.allLeaves, from: 20, back: 1 });
  for (let rounds = 0; (await registry.status(right.id)) !== CONFIRMED; rounds++) {
    assert.ok(rounds < 100, "the right claim is confirmed");
    await liar.act();
    await challenger.act();
    await anvil.mine(1);
  }
  const [dispute] = challenger.disputes;
  assert.ok(dispute !== undefined && dispute.staked > 0n, "a stake of the level below is not decided with the claim");

  // Its confirmation is final, and so is a flood after which nobody asks about the states before.
  await flood(stage, FLOOD);
  await anvil.mine(FINALITY);
  await challenger.act();
  await flood(stage, FLOOD);
  await challenger.act();
  await challenger.stop();
  await node.stop();

  const again = await stage.open(store);
  const heir = startChallenger(t, stage, again, options);
  for (let rounds = 0; (await registry.read("held")) > 0n; rounds++) {
    assert.ok(rounds < 30, `every stake is decided: ${await registry.read("held")} wei are held`);
    await heir.act();
    await anvil.mine(10);
  }
});
