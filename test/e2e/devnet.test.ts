import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createPublicClient, http } from "viem";
import { SAMPLE_NAME, sampleScans } from "../../infra/index.ts";
import { FREE_PORTS, familyOf, firstLineOf, isAlive, runAssay, spawnDevnet } from "../support/devnet.ts";

const directory = mkdtempSync(join(tmpdir(), "assay-devnet-test-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const gone = async (pids: readonly number[]): Promise<void> => {
  for (const end = Date.now() + 10_000; pids.some(isAlive); await new Promise((resolve) => setTimeout(resolve, 50)))
    assert.ok(Date.now() < end, `processes ${pids.filter(isAlive)} are still there`);
};

/** The family once it has so many members: by default npm, devnet, L1 with its guard, sequencer and executor. */
const grown = async (pid: number, members = 6): Promise<number[]> => {
  for (const end = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const family = familyOf(pid);
    if (family.length >= members) return family;
    assert.ok(Date.now() < end, `only ${family} are running`);
  }
};

test("one JSON line, right answers, equal roots; Ctrl-C leaves nothing behind", async () => {
  const devnet = await spawnDevnet();
  const { info } = devnet;
  const family = familyOf(devnet.child.pid as number);
  try {
    assert.ok(family.length >= 4, `devnet, L1, sequencer and executor are processes: ${family}`);
    const [l1, sequencer, executor] = [info.l1Rpc, info.sequencerRpc, info.executorRpc].map((rpc) =>
      createPublicClient({ transport: http(rpc) }),
    );
    assert.equal(await l1?.getChainId(), info.l1ChainId);
    assert.equal(await sequencer?.getChainId(), info.chainId);
    assert.equal(await executor?.getChainId(), info.chainId);

    const scans = sampleScans();
    assert.equal(info.sample.answers.length, scans.length);
    for (const [i, answer] of info.sample.answers.entries()) {
      assert.equal(answer.label, scans[i]?.label);
      assert.equal(answer.digit, answer.label);
      assert.ok(answer.confidence > 0.5 && answer.confidence <= 1, `confidence ${answer.confidence}`);
    }
    assert.equal(info.sample.modelName, SAMPLE_NAME);

    const { block } = info.agreement;
    assert.ok(info.sample.answers.every((answer) => answer.block <= block));
    const [here, there] = await Promise.all(
      [sequencer, executor].map((node) => node?.getBlock({ blockNumber: BigInt(block) })),
    );
    assert.equal(here?.stateRoot, there?.stateRoot);
    assert.equal(here?.hash, there?.hash);
    assert.equal(here?.stateRoot, info.agreement.executor.stateRoot);

    for (const { address } of info.accounts) {
      assert.equal(await sequencer?.getBalance({ address }), 10_000n * 10n ** 18n);
      assert.equal(await l1?.getTransactionCount({ address }), 0);
      assert.equal(await sequencer?.getTransactionCount({ address }), 0);
    }
    for (const url of [info.sequencerMetrics, info.executorMetrics]) {
      assert.equal((await fetch(`${url}/healthz`)).status, 200);
      const ready = await fetch(`${url}/readyz`);
      assert.equal(ready.status, 200, await ready.text());
      assert.match(await (await fetch(`${url}/metrics`)).text(), /^assay_process_cpu_seconds_total /m);
    }
    // The executor claims the chain's state, soon after the first batch.
    const claimed = /^assay_claims_transactions_total\{action="propose",outcome="mined"\} [1-9]/m;
    const metrics = async () => (await fetch(`${info.executorMetrics}/metrics`)).text();
    for (
      const end = Date.now() + 60_000;
      !claimed.test(await metrics());
      await new Promise((resolve) => setTimeout(resolve, 100))
    )
      assert.ok(Date.now() < end, "nothing is claimed on L1");
    // The executor is told of L1 and of a peer: the sequencer's RPC is nowhere in its command or environment.
    const port = new URL(info.sequencerRpc).port;
    const node = family.find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("\0executor\0"));
    for (const file of ["cmdline", "environ"])
      assert.ok(!readFileSync(`/proc/${node}/${file}`, "utf8").includes(port), file);
    assert.ok(!readFileSync(info.rollup, "utf8").includes(port));
    for (const log of Object.values(info.logs)) assert.ok(log !== null && existsSync(log), `${log}`);
  } finally {
    assert.equal(await devnet.stop(), 0, devnet.stderr());
  }
  assert.equal(devnet.stdout().split("\n").length, 2, "one line and its end");
  await gone(family);
  assert.ok(!existsSync(info.directory), "the temporary directory is removed");
});

test("SIGKILL of the devnet ends everything it started; a dead child stops the rest, is named, leaves its log", async () => {
  const devnet = await spawnDevnet(["--data-dir", join(directory, "killed")]);
  const family = familyOf(devnet.child.pid as number);
  devnet.child.kill("SIGKILL");
  await devnet.ended;
  await gone(family);
  assert.ok(existsSync(join(directory, "killed", "executor.log")));

  const other = await spawnDevnet();
  after(() => rmSync(other.info.directory, { recursive: true, force: true }));
  const members = familyOf(other.child.pid as number);
  const executor = members.find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("\0executor\0"));
  process.kill(executor as number, "SIGKILL");
  assert.equal(await other.ended, 1);
  assert.match(other.stderr(), /DEVNET_CHILD_DIED/);
  assert.match(other.stderr(), /executor/);
  assert.ok(existsSync(other.info.logs.executor));
  await gone(members);
});

for (const signal of ["SIGTERM", "SIGKILL"] as const)
  test(`npm start ends with npm: ${signal}`, async () => {
    const npm = firstLineOf(
      spawn("npm", ["start", "--silent", "--", "--json", ...FREE_PORTS], {
        cwd: fileURLToPath(new URL("../..", import.meta.url)),
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
    const family = await grown(npm.child.pid as number);
    npm.child.kill(signal);
    await gone(family);
  });

test("a taken port and a directory that is not empty are refused before anything starts", async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)),
  );
  try {
    const flags = ["--l1-port", "--rpc-port", "--executor-rpc-port", "--metrics-port", "--executor-metrics-port"];
    const refusedFor = async (flag: string) => {
      const args = [...FREE_PORTS];
      args[args.indexOf(flag) + 1] = String(port);
      const taken = runAssay(["devnet", "--json", ...args]);
      assert.equal(await taken.ended, 1);
      assert.match(taken.stderr(), /DEVNET_PORT_TAKEN/);
      assert.ok(taken.stderr().includes(flag));
      assert.equal(taken.stdout(), "");
    };
    await Promise.all(flags.map(refusedFor));
  } finally {
    server.close();
  }
  writeFileSync(join(directory, "something"), "");
  const full = runAssay(["devnet", "--json", ...FREE_PORTS, "--data-dir", directory]);
  assert.equal(await full.ended, 1);
  assert.match(full.stderr(), /DEVNET_DATA_DIR/);
});

test("Ctrl-C while starting stops what has been started", async () => {
  const starting = runAssay(["devnet", ...FREE_PORTS]);
  assert.match(await starting.firstLine, /L1/);
  const family = await grown(starting.child.pid as number, 2);
  starting.child.kill("SIGINT");
  assert.equal(await starting.ended, 0, starting.stderr());
  await gone(family);
});
