import assert from "node:assert/strict";
import { test } from "node:test";
import { claimGames } from "../../bridge/index.ts";
import type { Hex } from "../../executor/index.ts";
import { judgesCheck } from "../../infra/node/readiness.ts";
import { claimsOn, startClaimant } from "../support/claimant.ts";
import {
  createDisputeStage,
  LOW,
  playOut,
  registryOf,
  startChallenger,
  startLiar,
  untilConfirmed,
} from "../support/disputes.ts";
import { unitLies } from "../support/lies.ts";
import { followRegistries, upgradesOf } from "../support/upgrade.ts";

const [OPEN, CONFIRMED] = [1, 2];
const LIE = { ...unitLies.lastLeaf, seed: 3 };

test("a dispute that is open when another registry takes over ends by its own rules; the next one is watched beside it", async (t) => {
  const stage = await createDisputeStage(t);
  const { client } = stage.anvil;
  const upgrades = upgradesOf(stage);
  const former = registryOf(stage);
  const [{ id: first } = assert.fail()] = await claimsOn(stage).proposed();
  const node = await stage.open();
  const registries = await followRegistries(t, stage, node);
  const challenger = startChallenger(t, stage, node, { registries });

  // The first claim is confirmed; the time of what was announced comes; a liar claims, and the dispute begins.
  const next = await upgrades.announce();
  await upgrades.pass();
  await challenger.act();
  await untilConfirmed(stage, startClaimant(t, stage, node, { from: 5, depth: 0n, intervalBlocks: 1n }), first);
  const liar = await startLiar(t, stage, await stage.open(), { ...LIE });
  for (let round = 0; round < 3; round++) {
    await challenger.act();
    await liar.act();
    await stage.anvil.mine(1);
  }
  assert.deepEqual([challenger.disputes.length, challenger.disputes[0]?.state], [1, "playing"]);
  const listed = { address: stage.deployment.contracts.claimGames, abi: claimGames.abi } as const;
  const games = () => client.readContract({ ...listed, functionName: "gameCount" });

  await upgrades.execute();
  await registries.until(2);
  const [, inForce] = registries.all;
  assert.equal(inForce?.registry.address, next.toLowerCase());
  const before = await games();
  await stage.anvil.mine(Number(LOW.spacing));

  // In the new registry somebody lies, too, on the very claim that both have.
  const other = await startLiar(t, stage, await stage.open(), { ...LIE, from: 21, ...(inForce && { right: inForce }) });
  await playOut(stage, [challenger], { liars: [liar, other] });
  const successor = registryOf(stage, next);
  for (let rounds = 0; (await successor.read("held")) > 0n; rounds++) {
    assert.ok(rounds < 150, "every stake of the new registry is decided");
    await other.act();
    await challenger.act();
    await stage.anvil.mine(challenger.disputes.every(({ moves }) => moves.length === 0) ? 40 : 1);
  }
  const rights = challenger.disputes.map(({ right }) => right as Hex);
  assert.equal(rights.length, 2);
  const [oldRight, newRight] = rights as [Hex, Hex];
  assert.deepEqual([await former.status(oldRight), await former.status(liar.claim)], [CONFIRMED, OPEN]);
  assert.deepEqual([await successor.status(newRight), await successor.status(other.claim)], [CONFIRMED, OPEN]);
  for (const registry of [former, successor])
    assert.ok(!(await registry.losers()).includes(challenger.address), "no honest stake is lost");
  assert.ok((await games()) >= before + 2n, "claims of the new registry are games");
  assert.equal(challenger.findings?.counts.unjudged, 0);
});

test("claimants claim in the registry in force, on what it began with, and bring their bonds home from the former one", async (t) => {
  const stage = await createDisputeStage(t);
  const upgrades = upgradesOf(stage);
  const node = await stage.open();
  const registries = await followRegistries(t, stage, node);
  const next = await upgrades.announce();
  await upgrades.pass();
  const claimant = startClaimant(t, stage, node, { from: 5, depth: 0n, intervalBlocks: 1n, registries });
  const former = registryOf(stage);
  const [{ id: first } = assert.fail()] = await claimsOn(stage).proposed();
  await untilConfirmed(stage, claimant, first);
  await upgrades.execute();
  await registries.until(2);
  const inForce = {
    ...stage,
    deployment: { ...stage.deployment, contracts: { ...stage.deployment.contracts, claimRegistry: next } },
  };
  const count = async (of: typeof stage) => (await claimsOn(of).proposed()).length;
  const made = await count(stage);
  for (let looks = 0; (await count(inForce)) < 1; looks++) {
    assert.ok(looks < 40, "there is a claim in the new registry");
    await claimant.act();
    await stage.anvil.mine(3);
  }
  assert.equal(await count(stage), made, "nothing is claimed in the former one");
  const [claim] = await claimsOn(inForce).proposed();
  assert.equal(claim?.parent, await claimsOn(inForce).genesis());
  // What was open there is confirmed there, and all bonds come home.
  for (
    let looks = 0;
    (await former.read("held")) > 0n || (await claimsOn(stage).credit(claimant.address)) > 0n;
    looks++
  ) {
    assert.ok(looks < 80, "the bonds come home");
    await claimant.act();
    await stage.anvil.mine(10);
  }
});

test("a registry of other contracts that takes over is told of, and nothing is claimed or disputed there", async (t) => {
  const stage = await createDisputeStage(t);
  const { contracts } = stage.deployment;
  const upgrades = upgradesOf(stage);
  const node = await stage.open();
  const registries = await followRegistries(t, stage, node);
  const { system } = registries;
  const check = judgesCheck(system);
  const claimant = startClaimant(t, stage, node, { from: 5, depth: 0n, intervalBlocks: 1n, registries });
  const challenger = startChallenger(t, stage, node, { registries });
  const [{ id: first } = assert.fail()] = await claimsOn(stage).proposed();
  const next = await upgrades.announce(undefined, contracts.portal);
  await system.look();
  assert.deepEqual([check.check(), system.foreign.get(next)?.from], [undefined, 0n]);
  await upgrades.pass();
  await untilConfirmed(stage, claimant, first);
  await upgrades.execute();
  const judged = await registries.until(2);
  assert.deepEqual(
    judged.map(({ registry }) => registry.address),
    [contracts.claimRegistry],
  );
  assert.match(check.check() ?? "", /does not judge/);
  const inForce = { ...stage, deployment: { ...stage.deployment, contracts: { ...contracts, claimRegistry: next } } };
  for (let looks = 0; looks < 4; looks++) {
    await stage.anvil.mine(Number(LOW.spacing));
    await claimant.act();
    await challenger.act();
  }
  assert.deepEqual(await claimsOn(inForce).proposed(), []);
  assert.deepEqual(challenger.disputes, []);
});
