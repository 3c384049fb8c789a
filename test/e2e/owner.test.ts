import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { toHex } from "viem";
import { createClaimView, createJudges, describeSystem, openSystemWatch } from "../../bridge/index.ts";
import { createRpcServer, DEVNET_PARAMETERS, type ForkSchedule, type Hex } from "../../executor/index.ts";
import {
  cancelKeyCommand,
  cancelUpgradeCommand,
  deployUpgradeCommand,
  executeUpgradeCommand,
  rotateKeyCommand,
  scheduleUpgradeCommand,
} from "../../infra/commands/owner.ts";
import { statusCommand } from "../../infra/commands/status.ts";
import { writeRollup } from "../../infra/config/rollup.ts";
import { account } from "../support/anvil.ts";
import { createStage, STAGE_OWNER, type Stage, telemetry } from "../support/stage.ts";

const STRANGER = 3;
const DAY = 86_400n;
const FORKS: ForkSchedule = { prague: 0n };
const keyOf = (index: number): Hex => toHex(account(index).getHdKey().privateKey as Uint8Array);

/** Runs a command in this process; what it prints is answered. */
const printed = async (t: TestContext, run: () => Promise<number>): Promise<string> => {
  const write = process.stdout.write.bind(process.stdout);
  let text = "";
  // Bytes on standard output are the test runner's own.
  const written = t.mock.method(process.stdout, "write", (chunk: string | Uint8Array) => {
    if (typeof chunk !== "string") return write(chunk);
    text += chunk;
    return true;
  });
  try {
    assert.equal(await run(), 0);
  } finally {
    written.mock.restore();
  }
  return text;
};
const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "none",
    (error: { code?: string; data?: { why?: string } }) => [error.code, error.data?.why].filter(Boolean).join(" "),
  );

/** A node's configuration of L1 as its RPC and its metrics tell it. */
const startTelling = async (t: TestContext, { anvil, deployment, executor }: Stage) => {
  const node = await executor();
  const { client } = anvil;
  const told = telemetry();
  const judges = createJudges(client, { ...deployment.contracts, parameters: { ...DEVNET_PARAMETERS, forks: FORKS } });
  const system = await openSystemWatch({ ...told, client, l1: node.l1, judges }, deployment.contracts);
  const { chain, l1, follower } = node;
  const backend = {
    chain,
    l1,
    derivation: follower,
    claims: createClaimView({ ...told, client, l1 }, deployment.contracts),
    system: () => describeSystem(system.state, system.foreign),
    identity: { clientVersion: "assay/owner" },
  };
  const server = await createRpcServer({ ...telemetry(), backend }, { port: 0 });
  t.after(async () => {
    await server.stop();
    await system.stop();
  });
  const status = async () => {
    await node.follow();
    await system.look();
    return printed(t, () => statusCommand({ nodeRpc: server.url, json: false }));
  };
  const metric = async (name: string) => (await told.registry.getSingleMetric(`assay_system_${name}`)?.get())?.values;
  return { status, metric };
};

test("an owner's commands announce, take back and carry out; status and a metric tell what comes, and when", async (t) => {
  const stage = await createStage(t, 3_600n, undefined, { forks: FORKS });
  const { anvil, deployment } = stage;
  const { contracts } = deployment;
  const directory = mkdtempSync(join(tmpdir(), "assay-owner-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const fileWith = (name: string, forks: ForkSchedule): string => {
    const rollup = join(directory, name);
    writeRollup(rollup, {
      version: 1,
      l1: { chainId: 31_337, ...deployment },
      chain: { ...DEVNET_PARAMETERS, forks },
      genesis: { accounts: [], feeRecipient: account(0).address.toLowerCase() as Hex },
    });
    return rollup;
  };
  const rollup = fileWith("rollup.json", FORKS);
  const by = (index: number) => ({ json: false, l1Rpc: anvil.url, rollup, printCall: false, ownerKey: keyOf(index) });
  const owner = by(STAGE_OWNER);
  const node = await startTelling(t, stage);
  assert.doesNotMatch(await node.status(), /ANNOUNCED|NOT JUDGED/);

  const deploy = { json: true, l1Rpc: anvil.url, rollup, privateKey: keyOf(9) };
  const made = JSON.parse(await printed(t, () => deployUpgradeCommand(deploy))) as { claimRegistry: Hex };
  const next = made.claimRegistry;
  assert.equal(await codeOf(scheduleUpgradeCommand(by(STRANGER), next)), "OWNER_REFUSED NotOwner");
  const print = { ...owner, ownerKey: undefined, json: true, printCall: true };
  const { to, data } = JSON.parse(await printed(t, () => scheduleUpgradeCommand(print, next))) as {
    to: Hex;
    data: Hex;
  };
  assert.equal(to, contracts.systemConfig);
  assert.doesNotMatch(await node.status(), /ANNOUNCED/);
  const hash = await anvil.wallet(STAGE_OWNER).sendTransaction({ to, data });
  await anvil.client.waitForTransactionReceipt({ hash });

  const told = await node.status();
  const [, time] = told.match(new RegExp(`${next} +ANNOUNCED: can take over from (\\S+) on`)) ?? assert.fail(told);
  const seconds = BigInt(Date.parse(time as string) / 1_000);
  assert.equal(BigInt((await node.metric("upgrade_timestamp_seconds"))?.[0]?.value ?? 0), seconds);
  const { timestamp } = await anvil.client.getBlock();
  assert.ok(seconds >= timestamp + 30n * DAY - 60n && seconds <= timestamp + 30n * DAY);
  assert.equal(await codeOf(executeUpgradeCommand(by(STRANGER))), "OWNER_REFUSED UpgradeTooEarly");
  await printed(t, () => cancelUpgradeCommand(owner));
  assert.doesNotMatch(await node.status(), /ANNOUNCED/);
  assert.equal((await node.metric("upgrade_timestamp_seconds"))?.[0]?.value, 0);

  // Keys: one stays, one changes.
  const key = account(4).address;
  assert.equal(await codeOf(rotateKeyCommand({ ...by(STRANGER), role: "signer" }, key)), "OWNER_REFUSED NotOwner");
  await printed(t, () => rotateKeyCommand({ ...owner, role: "signer" }, key));
  const rotating = new RegExp(`${key.toLowerCase()} +ANNOUNCED: in effect from`);
  assert.match(await node.status(), rotating);
  await printed(t, () => cancelKeyCommand({ ...owner, role: "signer" }));
  assert.doesNotMatch(await node.status(), rotating);

  // A fork that the registry in force does not know has to leave it the time that it has.
  const soon = { ...deploy, rollup: fileWith("soon.json", { ...FORKS, osaka: timestamp + 30n * DAY }) };
  assert.equal(await codeOf(deployUpgradeCommand(soon)), "OWNER_FORK_TOO_SOON");
  const later = { ...deploy, rollup: fileWith("later.json", { ...FORKS, osaka: timestamp + 31n * DAY }) };
  await printed(t, () => deployUpgradeCommand(later));

  await printed(t, () => scheduleUpgradeCommand(owner, next));
  await anvil.warp(Number(30n * DAY));
  await printed(t, () => executeUpgradeCommand(by(STRANGER)));
  const after = await node.status();
  assert.match(after, new RegExp(`claim registry +${next} +in force`));
  assert.match(after, new RegExp(`${contracts.claimRegistry} +decides what was claimed there before`));
  assert.doesNotMatch(after, /ANNOUNCED|NOT JUDGED|JUDGES OTHERWISE/);
});
