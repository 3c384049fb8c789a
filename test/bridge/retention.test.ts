import assert from "node:assert/strict";
import { test } from "node:test";
import { claimsOn, startClaimant } from "../support/claimant.ts";
import { PERIOD } from "../support/claims.ts";
import { flood } from "../support/flood.ts";
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
