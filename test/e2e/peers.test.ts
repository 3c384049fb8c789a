import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Hex, parseGwei } from "viem";
import { CodedError, DEVNET_PARAMETERS } from "../../executor/index.ts";
import {
  type AssayNode,
  COMMAND_SETTINGS,
  clientsOf,
  createExecutorNode,
  resolveConfig,
  writeRollup,
} from "../../infra/index.ts";
import { account } from "../support/anvil.ts";
import { ASSAY, firstLineOf, runAssay, type Spawned, spawnDevnet } from "../support/devnet.ts";
import { ask, watchHeads } from "../support/heads.ts";
import { createStage, type Stage, telemetry } from "../support/stage.ts";
import { rollupOf } from "../support/stage-rollup.ts";

const PEER = "12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq";
const MULTIADDRESS = /^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+$/;
const withCode = (code: string) => (error: unknown) => error instanceof CodedError && error.code === code;

const run = async (args: readonly string[]) => {
  const { ended, stdout, stderr } = runAssay(args);
  const code = await ended;
  return { code, out: stdout(), err: stderr() };
};

const directoryOf = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), "assay-peers-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
};

const until = async (what: string, reached: () => Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 30_000; !(await reached()); await new Promise((resolve) => setTimeout(resolve, 25)))
    assert.ok(Date.now() < end, `waited for ${what}`);
};

/** Sends a transfer of 1 wei and answers the block that has it. */
const transfer = async (rpc: string, key: Hex): Promise<{ number: bigint; hash: Hex }> => {
  const { reader, wallet } = clientsOf(DEVNET_PARAMETERS.chainId, rpc, key);
  const hash = await wallet.sendTransaction({
    to: wallet.account.address,
    value: 1n,
    gas: 21_000n,
    maxFeePerGas: parseGwei("10"),
  });
  // viem's own wait asks again only when another block comes; here none does.
  await until("the transfer to be in a block", async () => (await reader.getTransaction({ hash })).blockHash !== null);
  const { status, blockNumber, blockHash } = await reader.getTransactionReceipt({ hash });
  assert.equal(status, "success");
  return { number: blockNumber, hash: blockHash };
};

const safeOf = async (rpc: string): Promise<bigint> =>
  BigInt((await ask<{ number: Hex }>(rpc, "eth_getBlockByNumber", "safe", false)).number);

/** Sends transfers until the executor announces one's block before L1 has it; answers its number. */
const untilHeard = async (executorRpc: string, send: () => Promise<{ number: bigint; hash: Hex }>): Promise<bigint> => {
  const heads = await watchHeads(executorRpc);
  try {
    for (const end = Date.now() + 30_000; ; ) {
      const { number, hash } = await send();
      const announced = await heads.at(number);
      assert.equal(announced.hash, hash);
      if (announced.safe < number) return number;
      // Sent before the peers had told each other what they listen to.
      assert.ok(Date.now() < end, `block ${number} was announced when ${announced.safe} was derived`);
    }
  } finally {
    heads.stop();
  }
};

test("the devnet's executor announces a block before L1 has it; both nodes name each other", async () => {
  const devnet = await spawnDevnet();
  const { info } = devnet;
  try {
    assert.match(info.sequencerP2p ?? "", MULTIADDRESS);
    assert.match(info.executorP2p ?? "", MULTIADDRESS);
    assert.ok((info.heard?.blocks ?? 0) > 0, "the sample's blocks came by gossip");

    const payer = info.accounts[0]?.privateKey as Hex;
    const number = await untilHeard(info.executorRpc, () => transfer(info.sequencerRpc, payer));
    await until("L1 to hold the block", async () => (await safeOf(info.executorRpc)) >= number);
    const hashOn = async (rpc: string) =>
      (await ask<{ hash: Hex }>(rpc, "eth_getBlockByNumber", `0x${number.toString(16)}`, false)).hash;
    assert.equal(await hashOn(info.executorRpc), await hashOn(info.sequencerRpc));
    assert.equal(await ask(info.executorRpc, "eth_syncing"), false);

    const rpcs = [info.sequencerRpc, info.executorRpc] as const;
    const idOf = async (rpc: string) => (await ask<{ id: string }>(rpc, "admin_nodeInfo")).id;
    const [sequencerId, executorId] = [await idOf(rpcs[0]), await idOf(rpcs[1])];
    assert.ok(info.sequencerP2p?.endsWith(`/p2p/${sequencerId}`));
    for (const [rpc, other, isStatic] of [
      [rpcs[0], executorId, false],
      [rpcs[1], sequencerId, true],
    ] as const) {
      assert.equal(await ask(rpc, "net_peerCount"), "0x1");
      assert.equal(await ask(rpc, "net_listening"), true);
      const [peer] = await ask<{ id: string; network: { static: boolean; inbound: boolean } }[]>(rpc, "admin_peers");
      assert.equal(peer?.id, other);
      assert.deepEqual([peer?.network.static, peer?.network.inbound], [isStatic, !isStatic]);
    }

    const commands = await Promise.all(
      [
        ["peers", "list", "--rpc", rpcs[1]],
        ["peers", "list", "--rpc", rpcs[1], "--json"],
        ["evidence", "list", "--rpc", rpcs[1]],
        ["evidence", "list", "--rpc", rpcs[1], "--json"],
        ["evidence", "resume", "--rpc", rpcs[1]],
        ["peers", "add", info.sequencerP2p as string, "--rpc", rpcs[1]],
      ].map(run),
    );
    for (const { code, err } of commands) assert.equal(code, 0, err);
    const [table, json, evidence, evidenceJson] = commands.map(({ out }) => out);
    assert.ok(table?.includes(sequencerId) && table.includes("outbound"), table);
    assert.equal(JSON.parse(json as string)[0].id, sequencerId);
    assert.equal(evidence, "no evidence\n");
    assert.deepEqual(JSON.parse(evidenceJson as string), { halted: false, evidence: [] });

    const bad = await run(["peers", "add", "elsewhere", "--rpc", rpcs[1]]);
    assert.equal(bad.code, 1);
    assert.match(bad.err, /^assay: P2P_ADDRESS: .*\n$/);
    const silent = await run(["peers", "list", "--rpc", "http://127.0.0.1:9"]);
    assert.equal(silent.code, 1);
    assert.match(silent.err, /^assay: NODE_RPC_UNREACHABLE: .*\n$/);

    assert.equal((await run(["peers", "remove", sequencerId, "--rpc", rpcs[1]])).code, 0);
    const isKept = async () =>
      (await ask<{ network: { static: boolean } }[]>(rpcs[1], "admin_peers")).some(({ network }) => network.static);
    // Discovery may have found it again meanwhile; it is not kept.
    assert.equal(await isKept(), false);
    assert.equal((await run(["peers", "add", info.sequencerP2p as string, "--rpc", rpcs[1]])).code, 0);
    await until("the executor to meet it again", isKept);
  } finally {
    assert.equal(await devnet.stop(), 0, devnet.stderr());
  }
});

test("a devnet without peers agrees through L1 alone", async () => {
  const devnet = await spawnDevnet(["--p2p-off"]);
  const { info } = devnet;
  try {
    assert.deepEqual([info.sequencerP2p, info.executorP2p, info.heard], [null, null, null]);
    assert.equal(info.agreement.executor.hash, info.agreement.sequencer.hash);
    assert.ok((await safeOf(info.executorRpc)) >= BigInt(info.agreement.block));
    for (const rpc of [info.sequencerRpc, info.executorRpc]) assert.equal(await ask(rpc, "net_peerCount"), "0x0");
    const { code, err } = await run(["peers", "list", "--rpc", info.executorRpc]);
    assert.equal(code, 1);
    assert.match(err, /^assay: P2P_OFF: .*\n$/);
  } finally {
    assert.equal(await devnet.stop(), 0, devnet.stderr());
  }
});

const startExecutor = (t: TestContext, stage: Stage, flags: Readonly<Record<string, string>>): Promise<AssayNode> => {
  const free = { rpcPort: "0", metricsPort: "0", l1PollMs: "20", p2pScope: "private" };
  const given = { l1Rpc: stage.anvil.url, rollup: "given", dataDir: directoryOf(t), ...free, ...flags };
  const node = createExecutorNode(telemetry(), resolveConfig(COMMAND_SETTINGS.executor, given, {}), rollupOf(stage));
  t.after(async () => (await node.catch(() => undefined))?.stop());
  return node;
};

test("what cannot be met is refused before the node answers: a taken port, a bootnode that is none or out of scope", async (t) => {
  const stage = await createStage(t);
  const first = await startExecutor(t, stage, { p2pListen: "/ip4/127.0.0.1/tcp/0" });
  const [address = ""] = first.p2p;
  assert.match(address, MULTIADDRESS);
  const listen = address.slice(0, address.indexOf("/p2p/"));
  await assert.rejects(startExecutor(t, stage, { p2pListen: listen }), (error) => {
    assert.ok(withCode("P2P_LISTEN")(error), String(error));
    assert.match((error as Error).message, /--p2p-listen/);
    return true;
  });
  for (const bootnode of [`/ip4/127.0.0.1/tcp/1/p2p/${"1".repeat(52)}`, `/ip4/192.0.2.1/tcp/9222/p2p/${PEER}`]) {
    const flags = { p2pListen: "/ip4/127.0.0.1/tcp/0", p2pBootnodes: bootnode };
    await assert.rejects(startExecutor(t, stage, flags), withCode("P2P_ADDRESS"), bootnode);
  }
  const needed = ["--l1-rpc", stage.anvil.url, "--rollup", "rollup.json", "--data-dir", directoryOf(t)];
  const { code, err } = await run(["executor", ...needed, "--p2p-bootnodes", "/ip4/127.0.0.1/tcp/1"]);
  assert.equal(code, 2);
  assert.match(err, /^assay: CONFIG_INVALID: --p2p-bootnodes /);

  const quiet = await startExecutor(t, stage, { p2pListen: "/ip4/127.0.0.1/tcp/0", rpcNoAdmin: "true" });
  assert.equal(await ask(quiet.rpc, "net_peerCount"), "0x0");
  await assert.rejects(ask(quiet.rpc, "admin_peers"), /-32601/);
});

/** Has Node write a line for each module of libp2p that it loads. */
const TELL_LIBP2P = `data:text/javascript,${encodeURIComponent(`
import { registerHooks } from "node:module";
registerHooks({
  load(url, context, next) {
    if (/node_modules\\/(@libp2p|libp2p|@chainsafe)\\//.test(url)) process._rawDebug("LIBP2P", url);
    return next(url, context);
  },
});`)}`;

type Ready = { readonly rpc: string; readonly p2p: readonly string[] };
type Running = Spawned & { readonly ready: Ready };

/** A node as a process of this test. Rejects when it ends before it is ready. */
const startNode = async (
  t: TestContext,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
) => {
  const env = { ...process.env, ...environment };
  const spawned = firstLineOf(spawn(ASSAY, args, { stdio: ["ignore", "pipe", "pipe", "ipc"], env }));
  t.after(async () => {
    spawned.child.kill("SIGKILL");
    await spawned.ended;
  });
  const ready = await new Promise<Ready>((resolve, reject) => {
    spawned.child.on("message", (message) => resolve((message as { ready: Ready }).ready));
    void spawned.ended.then((code) => reject(new Error(`ended with ${code}: ${spawned.stderr()}`)));
  });
  return { ...spawned, ready } satisfies Running;
};

const nodeFlags = (t: TestContext, stage: Stage): readonly string[] => {
  const directory = directoryOf(t);
  const rollup = join(directory, "rollup.json");
  writeRollup(rollup, rollupOf(stage));
  return [
    ...["--l1-rpc", stage.anvil.url, "--rollup", rollup, "--data-dir", join(directory, "data")],
    ...["--metrics-port", "0", "--l1-poll-ms", "50", "--log-level", "warn", "--log-format", "json"],
  ];
};

test("a node without peers loads nothing of libp2p", async (t) => {
  const stage = await createStage(t);
  const environment = { NODE_OPTIONS: `--import=${TELL_LIBP2P}` };
  const start = (...flags: string[]) =>
    startNode(t, ["executor", ...nodeFlags(t, stage), "--rpc-port", "0", ...flags], environment);
  const alone = await start("--p2p-off");
  assert.deepEqual(alone.ready.p2p, []);
  assert.ok(!alone.stderr().includes("LIBP2P"), alone.stderr());
  const met = await start("--p2p-listen", "/ip4/127.0.0.1/tcp/0", "--p2p-scope", "private");
  assert.equal(met.ready.p2p.length, 1);
  assert.ok(met.stderr().includes("LIBP2P"));
});

test("a sequencer that was killed and comes back is met again and followed", async (t) => {
  const stage = await createStage(t);
  const key = `0x${Buffer.from(account(1).getHdKey().privateKey as Uint8Array).toString("hex")}`;
  const flags = nodeFlags(t, stage);
  // Batches rest long enough that what the executor announces it can only have heard.
  const startSequencer = (rpcPort: string, listen: string) =>
    startNode(
      t,
      [
        ...["sequencer", ...flags, "--rpc-port", rpcPort, "--p2p-listen", listen, "--p2p-scope", "private"],
        ...["--block-time-ms", "50", "--batch-interval-ms", "2000"],
        // A new L1 takes long over its first blob, which nothing here is about.
        ...["--batch-data", "calldata"],
      ],
      { ASSAY_BATCHER_KEY: key, ASSAY_SIGNER_KEY: key },
    );
  const first = await startSequencer("0", "/ip4/127.0.0.1/tcp/0");
  const [address = ""] = first.ready.p2p;
  const executor = await startNode(t, [
    ...["executor", ...nodeFlags(t, stage), "--rpc-port", "0", "--p2p-listen", "/ip4/127.0.0.1/tcp/0"],
    ...["--p2p-scope", "private", "--p2p-bootnodes", address],
  ]);
  const { rpc } = executor.ready;
  const peers = async () => Number(await ask<Hex>(rpc, "net_peerCount"));
  const payer = `0x${"00".repeat(31)}01` as const;
  const follow = async (sequencerRpc: string) => {
    await until("the executor to meet the sequencer", async () => (await peers()) === 1);
    return untilHeard(rpc, () => transfer(sequencerRpc, payer));
  };
  const before = await follow(first.ready.rpc);

  first.child.kill("SIGKILL");
  await first.ended;
  await until("the executor to miss the sequencer", async () => (await peers()) === 0);
  const again = await startSequencer(new URL(first.ready.rpc).port, address.slice(0, address.indexOf("/p2p/")));
  assert.deepEqual(again.ready.p2p, [address], "its identity is on disk");
  const after = await follow(again.ready.rpc);
  assert.ok(after > before);
  await until("L1 to hold both blocks", async () => (await safeOf(rpc)) >= after);
});
