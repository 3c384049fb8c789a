import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryStore, type ForkSchedule, type Hex } from "../../executor/index.ts";
import { claimsOn, startClaimant } from "../support/claimant.ts";
import {
  createDisputeStage,
  type DisputeStage,
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
const BEFORE: ForkSchedule = { prague: 0n };
/** Behind the upgrade delay of a stage, with a day between. */
const AHEAD = 31n * 86_400n;
/** Code whose creation stores CLZ(1): the opcode fails before Osaka. */
const COUNT_ZEROS: Hex = "0x60011e5f5500";

/** A stage whose L1 knows no Osaka, which begins at `fork`. */
const createStageBefore = async (t: Parameters<typeof createDisputeStage>[0]) => {
  const stage = await createDisputeStage(t, { claims: { ...LOW, forks: BEFORE } });
  const { timestamp } = await stage.anvil.client.getBlock();
  const fork = timestamp + AHEAD;
  return { ...stage, fork, after: { ...BEFORE, osaka: fork } as ForkSchedule };
};

/** Lets the fork begin, and brings a block with an opcode of it to L1; answers its status by the new rules. */
const goOver = async (stage: DisputeStage, fork: bigint, forks: ForkSchedule): Promise<number | undefined> => {
  const { timestamp } = await stage.anvil.client.getBlock();
  await stage.anvil.warp(Number(fork - timestamp) + 1);
  await stage.anvil.mine(1);
  const clock = () => fork + 2n;
  const sequencer = await stage.sequencer(createMemoryStore(), { forks, producer: { clock }, mempool: { clock } });
  await sequencer.follow();
  await sequencer.send({ nonce: 1, data: COUNT_ZEROS, gas: 200_000n });
  const block = await sequencer.producer.produce();
  assert.ok(block !== undefined && block.header.timestamp >= fork);
  await sequencer.post();
  return sequencer.chain.receipts(block.header.number)?.[0]?.status;
};

test("a chain takes a later fork by an upgrade: no claim beyond it by the rules before, and disputes by its own", async (t) => {
  const stage = await createStageBefore(t);
  const { fork, after } = stage;
  const upgrades = upgradesOf(stage);
  const [{ id: first } = assert.fail()] = await claimsOn(stage).proposed();

  // The operator writes the fork into the rollup file: what is claimed before it is judged as ever.
  const node = await stage.open(undefined, after);
  const registries = await followRegistries(t, stage, node);
  const { system, judges } = registries;
  const old = stage.deployment.contracts.claimRegistry;
  assert.deepEqual([(await judges.foreign(old))?.from, system.foreign.get(old)?.from], [fork, fork]);
  const next = await upgrades.announce(after);
  await system.look();
  assert.ok(!system.foreign.has(next));
  // Who does not is told from when on the announced one judges otherwise.
  const late = await followRegistries(t, stage, await stage.open());
  assert.deepEqual([...late.system.foreign], [[next.toLowerCase(), await late.judges.foreign(next)]]);
  assert.equal(late.system.foreign.get(next.toLowerCase() as Hex)?.from, fork);

  const claimant = startClaimant(t, stage, node, { from: 5, depth: 0n, intervalBlocks: 1n, registries });
  await upgrades.pass();
  await untilConfirmed(stage, claimant, first);
  await upgrades.execute();
  assert.deepEqual(
    (await registries.until(2)).map(({ registry }) => registry.address),
    [old, next].map((address) => address.toLowerCase()),
  );
  const successor = registryOf(stage, next);
  assert.equal(await goOver(stage, fork, after), 1);

  // Somebody lies about the blocks behind the fork, and loses by the rules of the fork.
  const inForce = registries.all[1];
  const claimsOf = {
    ...stage,
    deployment: { ...stage.deployment, contracts: { ...stage.deployment.contracts, claimRegistry: next } },
  };
  for (let looks = 0; (await claimsOn(claimsOf).proposed()).length === 0; looks++) {
    assert.ok(looks < 40, "there is a claim in the new registry");
    await stage.anvil.mine(1);
    await claimant.act();
  }
  await claimant.stop();
  await stage.anvil.mine(Number(LOW.spacing));
  await node.follow();
  const challenger = startChallenger(t, stage, node, { registries });
  const liarNode = await stage.open(undefined, after);
  const liar = await startLiar(t, stage, liarNode, {
    ...unitLies.lastLeaf,
    seed: 3,
    ...(inForce && { right: inForce }),
  });
  await playOut(stage, [challenger], { liars: [liar] });
  const [{ right } = assert.fail()] = challenger.disputes;
  assert.deepEqual(
    [await successor.status(right as Hex), await successor.status(liar.claim as Hex)],
    [CONFIRMED, OPEN],
  );
  const end = await claimsOn(claimsOf).claim(right as Hex);
  assert.equal(end.blockNumber, node.chain.head.header.number);
  assert.ok(node.chain.head.header.timestamp >= fork);
});

test("where no upgrade came before the fork, nothing behind it is claimed or disputed by the rules before", async (t) => {
  const stage = await createStageBefore(t);
  const { fork, after } = stage;
  const node = await stage.open(undefined, after);
  const registries = await followRegistries(t, stage, node);
  const claimant = startClaimant(t, stage, node, { from: 5, depth: 0n, intervalBlocks: 1n, registries });
  await stage.anvil.mine(Number(LOW.spacing));
  // A claim of nothing makes room for the records that come.
  assert.equal(await goOver(stage, fork, after), 1);
  let refused: unknown;
  for (let looks = 0; refused === undefined && looks < 40; looks++) {
    await stage.anvil.mine(Number(LOW.spacing));
    await claimant.act().catch((error: unknown) => {
      refused = error;
    });
  }
  assert.equal((refused as { code?: string }).code, "CLAIMS_OTHER_RULES");
  const claims = await claimsOn(stage).proposed();
  for (const { id } of claims) {
    const { blockNumber } = await claimsOn(stage).claim(id);
    assert.ok((node.chain.blockByNumber(blockNumber)?.header.timestamp ?? fork) < fork);
  }

  // Whoever goes by the rules before claims on, and the challenger says that it cannot judge that: it stakes nothing.
  const behind = await stage.open(undefined, BEFORE);
  assert.notEqual(behind.chain.head.hash, node.chain.head.hash);
  const believer = startClaimant(t, stage, behind, { from: 9, depth: 0n, intervalBlocks: 1n });
  for (let looks = 0; (await claimsOn(stage).proposed()).length === claims.length; looks++) {
    assert.ok(looks < 40, "there is a claim by the rules before");
    await stage.anvil.mine(Number(LOW.spacing));
    await believer.act();
  }
  const challenger = startChallenger(t, stage, node, { registries });
  await challenger.act();
  assert.equal(challenger.findings?.counts.unjudged, 1);
  assert.match(challenger.findings?.doubts[0]?.lack ?? "", /CLAIMS_OTHER_RULES/);
  assert.deepEqual(
    challenger.disputes.flatMap(({ moves }) => moves),
    [],
  );
});
