import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  createDisputeStage,
  type DisputeStage,
  type LiarActor,
  MODEL,
  playOut,
  registryOf,
  startChallenger,
  startLiar,
} from "../support/disputes.ts";
import { modelLies, only, type Told, unitLies } from "../support/lies.ts";

const [OPEN, CONFIRMED] = [1, 2];
const FIRST_LIAR = 20;
/** Accounts that the wrong claims are spread over. */
const LIARS = 5;
const MOST_RESIDENT_BYTES = 2 ** 31;

const { element, everything, finish, padding } = modelLies(MODEL.program);

/** Lies that a contract decides today; random ones of each kind are `npm run fuzz disputes`. */
const LIES: readonly Told[] = [
  { ...unitLies.lastLeaf, seed: 3 },
  only("the first unit", () => 0, 4),
  only("the first padding leaf", (units) => units, 5),
  { ...unitLies.allLeaves, seed: 6 },
  element(0, 39),
  element(3, 2),
  element(6, 1),
  everything,
  finish,
  padding,
];

const liarsOn = async (t: TestContext, stage: DisputeStage, told: readonly Told[]): Promise<LiarActor[]> => {
  const node = await stage.open();
  const liars: LiarActor[] = [];
  for (const [i, { story, seed = 10 + i }] of told.entries())
    liars.push(await startLiar(t, stage, node, { story, seed, from: FIRST_LIAR + (i % LIARS) }));
  return liars;
};

test("ten lies of five accounts at every level, all at once: each is found and beaten, and no honest stake is lost", async (t) => {
  const stage = await createDisputeStage(t);
  const registry = registryOf(stage);
  const liars = await liarsOn(t, stage, LIES);
  const challenger = startChallenger(t, stage, await stage.open());
  const rounds = await playOut(stage, [challenger], { liars });
  t.diagnostic(`${LIES.length} liars, ${rounds} rounds`);
  const [dispute] = challenger.disputes;
  assert.ok(dispute?.right);
  assert.equal(await registry.status(dispute.right), CONFIRMED);
  for (const [i, { claim }] of liars.entries()) assert.equal(await registry.status(claim), OPEN, LIES[i]?.name);
  assert.deepEqual(dispute.refusals, []);
  assert.equal(await registry.read("held"), 0n, "every stake was decided");
  const resident = process.memoryUsage().rss;
  t.diagnostic(`${Math.round(resident / 2 ** 20)} MiB resident, the liars' trees among them`);
  assert.ok(resident < MOST_RESIDENT_BYTES);
});
