import assert from "node:assert/strict";
import { test } from "node:test";
import { recoverAddress, toHex as viemHex } from "viem";
import { batchInbox, createKeyring, createTransactor, isSigner, openSystemWatch, ROLES } from "../../bridge/index.ts";
import { type Hex, sealDigest, toHex } from "../../executor/index.ts";
import { createSequencerKeys } from "../../infra/node/sequencer-keys.ts";
import { account } from "../support/anvil.ts";
import { createStage, l2Account, telemetry } from "../support/stage.ts";
import { upgradesOf } from "../support/upgrade.ts";

const [FIRST, NEXT_BATCHER, NEXT_SIGNER] = [1, 6, 4];
const ROUNDS = 16;
const [ANNOUNCED, CHANGED] = [3, 9];
const bob = l2Account(7).address.toLowerCase() as Hex;

const keyOf = (index: number): Hex => viemHex(account(index).getHdKey().privateKey as Uint8Array);
const addressOf = (index: number): Hex => account(index).address.toLowerCase() as Hex;

test("keys that rotate under load lose no transaction: each is posted by the key of its time, and signed by one that peers take", async (t) => {
  const stage = await createStage(t);
  const { client } = stage.anvil;
  const { contracts } = stage.deployment;
  const upgrades = upgradesOf(stage);
  const executor = await stage.executor();
  const told = telemetry();
  const system = await openSystemWatch({ ...told, client, l1: executor.l1 }, contracts);
  const keys = createSequencerKeys(
    { batcherKeys: [keyOf(FIRST), keyOf(NEXT_BATCHER)], signerKeys: [keyOf(FIRST), keyOf(NEXT_SIGNER)] },
    () => system.state,
  );
  const accounts = keys.batchers.map((one) => createTransactor({ ...telemetry(), client, account: one }));
  t.after(async () => {
    for (const one of accounts) await one.stop();
    await system.stop();
  });
  const sequencer = await stage.sequencer(undefined, { transactor: createKeyring(accounts, keys.batcher) });
  await sequencer.follow();

  const sent: Hex[] = [];
  const signers: Hex[] = [];
  const load = async () => {
    for (let i = 0; i < 2; i++) sent.push(await sequencer.send({ nonce: sent.length, to: bob, value: 1n }));
    const block = await sequencer.producer.produce();
    assert.ok(block, "a block is built");
    const { hash, origin } = block;
    const digest = sealDigest(sequencer.chain.genesisHash, { hash, origin, seal: { revision: 0n, sealedAt: 0n } });
    const signature = keys.sign(digest, origin);
    const [r, s] = [signature.subarray(0, 32), signature.subarray(32, 64)].map(toHex) as [Hex, Hex];
    const yParity = signature[64] as number;
    const recovered = await recoverAddress({ hash: toHex(digest), signature: { r, s, yParity } });
    const signer = recovered.toLowerCase() as Hex;
    assert.ok(isSigner(system.state, signer, origin), "a peer takes the block");
    signers.push(signer);
  };
  for (let round = 0; round < ROUNDS; round++) {
    await load();
    if (round === ANNOUNCED)
      for (const [role, index] of [NEXT_BATCHER, NEXT_SIGNER].entries()) await upgrades.rotate(role, addressOf(index));
    if (round === CHANGED) {
      // Batches are on their way when the time comes: L1 refuses them of the former key.
      await stage.anvil.manual();
      await sequencer.launch();
      await load();
      await sequencer.launch();
      await stage.anvil.warp(60);
      await stage.anvil.automatic();
    }
    await executor.l1.sync();
    await system.look();
    if (round % 2 === 1) await sequencer.post();
    await sequencer.follow();
  }
  for (let looks = 0; sequencer.chain.heads.safe < sequencer.chain.head.header.number; looks++) {
    assert.ok(looks < 50, "all of it comes to L1");
    await system.look();
    await sequencer.post();
    await sequencer.follow();
  }

  await executor.follow();
  assert.equal(executor.chain.head.hash, sequencer.chain.head.hash);
  const found: Hex[] = [];
  for (let number = 1n; number <= executor.chain.head.header.number; number++)
    for (const { hash } of executor.chain.blockByNumber(number)?.transactions ?? []) found.push(hash);
  assert.deepEqual(
    found.filter((hash) => sent.includes(hash)),
    sent,
    "each of them once, in their order",
  );
  const logs = await client.getContractEvents({
    address: contracts.batchInbox,
    abi: batchInbox.abi,
    eventName: "BatchAppended",
    fromBlock: 0n,
  });
  const posters = await Promise.all(
    logs.map(async ({ transactionHash }) =>
      (await client.getTransaction({ hash: transactionHash })).from.toLowerCase(),
    ),
  );
  const posted = await sequencer.metrics.getSingleMetric("assay_poster_batches_total")?.get();
  const reverted = posted?.values.find(({ labels }) => labels["outcome"] === "reverted")?.value ?? 0;
  assert.ok(reverted >= 2, "L1 refused what was on its way");
  assert.deepEqual([...new Set(posters)], [FIRST, NEXT_BATCHER].map(addressOf));
  assert.deepEqual([...new Set(signers)], [FIRST, NEXT_SIGNER].map(addressOf));
  assert.deepEqual(
    ROLES.map((role) => system.state.keys[role].former === system.state.keys[role].key),
    [false, false, true],
  );
  const gauge = await told.registry.getSingleMetric("assay_system_rotation_timestamp_seconds")?.get();
  assert.deepEqual(
    gauge?.values.map(({ labels, value }) => [labels["role"], BigInt(value)]),
    ROLES.map((role) => [role, system.state.keys[role].since]),
  );
});
