import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Hex, toHex } from "viem";
import {
  batchInbox,
  claimGames,
  claimRegistry,
  deployBridge,
  partnersOf,
  portal,
  ROLES,
  readSystem,
} from "../../bridge/index.ts";
import { createGenesis, DEVNET_PARAMETERS } from "../../executor/index.ts";
import { connectL1, readRollup } from "../../infra/index.ts";
import { account, startAnvil } from "../support/anvil.ts";
import { runAssay } from "../support/devnet.ts";
import { settlement } from "../support/settlement.ts";

const directory = mkdtempSync(join(tmpdir(), "assay-deploy-"));
after(() => rmSync(directory, { recursive: true, force: true }));
const file = join(directory, "rollup.json");

const DEPLOYER = 3;
const KEY = toHex(account(DEPLOYER).getHdKey().privateKey as Uint8Array);
const [batcher, signer, guardian, owner] = [1, 3, 2, 5].map((i) => account(i).address) as [Hex, Hex, Hex, Hex];

const code = async (work: Promise<unknown>): Promise<string | undefined> => {
  try {
    await work;
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

test("deploy makes a chain's contracts with the given settings and writes the file that nodes read", async (t) => {
  const l1 = await startAnvil(t);
  const deploy = async (...more: string[]) => {
    const args = ["deploy", "--l1-rpc", l1.url, "--rollup", file, "--chain-id", "4242"];
    const roles = ["--batcher", batcher, "--signer", signer, "--guardian", guardian, "--owner", owner];
    const run = runAssay([...args, ...roles, ...more], {
      ASSAY_PRIVATE_KEY: KEY,
    });
    return { code: await run.ended, out: run.stdout(), err: run.stderr() };
  };
  const sent = () => l1.client.getTransactionCount({ address: account(DEPLOYER).address });

  // What the contracts refuse leaves no file.
  const refused = await deploy("--challenge-period", "240");
  assert.deepEqual([refused.code, existsSync(file)], [1, false]);
  assert.match(refused.err, /^assay: DEPLOY_FAILED: .*\n$/);
  assert.ok(!refused.err.includes(KEY));
  const nonce = await sent();

  const settings = ["--bond", "0.5", "--force-delay", "600", "--pause-duration", "77", "--finality-delay", "88"];
  const made = await deploy("--json", ...settings, "--proof-maturity-delay", "99");
  assert.equal(made.code, 0, made.err);
  const rollup = readRollup(file);
  const { contracts } = rollup.l1;
  const told = JSON.parse(made.out);
  assert.equal(told.batchInbox, contracts.batchInbox);
  assert.equal(rollup.chain.chainId, 4242n);
  assert.deepEqual(rollup.genesis, { accounts: [], feeRecipient: batcher.toLowerCase() });
  await connectL1(l1.url, rollup);
  const read = (contract: { address: Hex; abi: typeof portal.abi }, functionName: "guardian" | "PAUSE_DURATION") =>
    l1.client.readContract({ ...contract, functionName });
  const onPortal = { address: contracts.portal, abi: portal.abi };
  assert.equal(await read(onPortal, "guardian"), guardian);
  assert.equal(await read(onPortal, "PAUSE_DURATION"), 77n);
  const { client } = l1;
  const seconds = await client.readContract({ ...onPortal, functionName: "proofMaturityDelaySeconds" });
  assert.equal(seconds, 99n);
  const games = { address: contracts.claimGames, abi: claimGames.abi } as const;
  assert.equal(await client.readContract({ ...games, functionName: "disputeGameFinalityDelaySeconds" }), 88n);
  const registry = { address: contracts.claimRegistry, abi: claimRegistry.abi } as const;
  const parameters = await client.readContract({ ...registry, functionName: "parameters" });
  assert.deepEqual([parameters.period, parameters.stakes[0]], [45_818n, 5n * 10n ** 17n]);
  const inbox = { address: contracts.batchInbox, abi: batchInbox.abi } as const;
  const system = await readSystem(client, contracts);
  assert.deepEqual(
    [system.owner, ...ROLES.map((role) => system.keys[role].key)],
    [owner, batcher, signer, guardian].map((address) => address.toLowerCase()),
  );
  assert.deepEqual([system.upgradeDelay, system.rotationDelay], [30n * 86_400n, 86_400n]);
  assert.equal(await client.readContract({ ...inbox, functionName: "FORCE_DELAY" }), 600n);

  // No wait is longer than 30 days.
  const most = 30n * 86_400n;
  const { withdrawals, ...rules } = settlement({ guardian, sequencer: batcher });
  const deployWith = (change: object) =>
    deployBridge(
      { wallet: l1.wallet(4), reader: client },
      {
        forceDelay: 1n,
        genesisOf: (made) => createGenesis(DEVNET_PARAMETERS, {}, partnersOf(made)),
        ...rules,
        withdrawals: { ...withdrawals, ...change },
      },
    );
  const delays = ["proofMaturityDelay", "finalityDelay", "pauseDuration"] as const;
  for (const name of delays) assert.equal(await code(deployWith({ [name]: most + 1n })), "DEPLOY_FAILED", name);
  await deployWith(Object.fromEntries(delays.map((name) => [name, most])));

  // A file that exists is left alone, and nothing is sent.
  const before = readFileSync(file, "utf8");
  const sentThen = await sent();
  assert.ok(sentThen > nonce);
  const again = await deploy();
  assert.equal(again.code, 1);
  assert.match(again.err, /^assay: ROLLUP_EXISTS: /);
  assert.deepEqual([readFileSync(file, "utf8"), await sent()], [before, sentThen]);

  // Nodes refuse a file with any address changed: to no contract, and to another one of these.
  const names = Object.keys(contracts) as (keyof typeof contracts)[];
  for (const [i, name] of names.entries())
    for (const address of [guardian.toLowerCase() as Hex, contracts[names[(i + 1) % names.length] as typeof name]]) {
      const changed = { l1: { ...rollup.l1, contracts: { ...contracts, [name]: address } } };
      assert.equal(await code(connectL1(l1.url, changed)), "NODE_L1_CONTRACTS", `${name} ${address}`);
    }
  assert.equal(await code(connectL1("http://127.0.0.1:9", rollup)), "NODE_L1_UNREACHABLE");
});
