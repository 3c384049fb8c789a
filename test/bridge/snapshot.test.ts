import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import {
  CodedError,
  createMemoryStore,
  createPeering,
  createRpcServer,
  createWorldState,
  DEVNET_PARAMETERS,
  type Hex,
  hasChain,
  type KeyValueStore,
  openChainBlocks,
  openRocksStore,
  toHex,
} from "../../executor/index.ts";
import {
  askNode,
  beginWith,
  COMMAND_SETTINGS,
  createSequencerNode,
  createSnapshotKeeper,
  exportSnapshot,
  type Rollup,
  resolveConfig,
  restoreFromPlace,
  type SnapshotParts,
  snapshotProvider,
  writeRollup,
} from "../../infra/index.ts";
import { claimsOn, startClaimant } from "../support/claimant.ts";
import { L1_SEQUENCER_KEY } from "../support/deriving-peers.ts";
import { createDisputeStage, playOut, registryOf, startChallenger, startLiar } from "../support/disputes.ts";
import { flood } from "../support/flood.ts";
import { unitLies } from "../support/lies.ts";
import { L2_ACCOUNTS, l2Account, type NodeActor, telemetry } from "../support/stage.ts";

const CONFIRMED = 2;
/** L1 blocks after which anvil calls one final. */
const FINALITY = 70;
const withCode = (code: string) => (error: unknown) => error instanceof CodedError && error.code === code;

const assay = async (...args: readonly string[]) => {
  const cli = join(import.meta.dirname, "../../infra/cli.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args, "--json", "--log-level", "silent"]);
  return JSON.parse(stdout) as { readonly block: number; readonly claim: Hex };
};

/** The commands on the directory of a node that is stopped. */
const tryCommands = async (given: {
  readonly store: KeyValueStore;
  readonly rollup: Rollup;
  readonly l1Rpc: string;
  readonly directory: string;
  readonly block: number;
}) => {
  const { store, rollup, l1Rpc, directory, block } = given;
  const dataDir = join(directory, "node");
  mkdirSync(dataDir);
  const copy = await openRocksStore(join(dataDir, "store"));
  const all = [...store.scan({ gte: Uint8Array.of(0), lt: Uint8Array.of(255) })];
  await copy.write(all.map(([key, value]) => ({ type: "put", key, value })));
  await copy.close();
  const rollupFile = join(directory, "rollup.json");
  writeRollup(rollupFile, rollup);
  const flags = ["--l1-rpc", l1Rpc, "--rollup", rollupFile];
  const out = join(directory, "by-command.assay");
  const made = await assay("snapshot", "export", ...flags, "--data-dir", dataDir, "--out", out);
  const checked = await assay("snapshot", "verify", out, ...flags);
  assert.deepEqual([made.block, checked.block, checked.claim], [block, block, made.claim]);
};

/** Files by path over HTTP; of "/cut" the connection ends half way, of "/held" the other half comes when it is let go. */
const serveFiles = async (
  t: TestContext,
  files: Readonly<Record<string, string>>,
  held: Promise<void>,
): Promise<string> => {
  const server = createServer(({ url = "" }, answer) => {
    const file = files[url.replace(/^.(cut|held)$/, "/state")];
    if (file === undefined) return void answer.writeHead(404).end();
    const bytes = readFileSync(file);
    answer.writeHead(200, { "content-length": bytes.length });
    const middle = bytes.length >> 1;
    if (url === "/cut") answer.write(bytes.subarray(0, middle), () => answer.destroy());
    else if (url === "/held") {
      answer.write(bytes.subarray(0, middle));
      held.then(() => answer.end(bytes.subarray(middle)));
    } else answer.end(bytes);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
};

/** Asks again until the answer is as wanted. */
const until = async <T>(ask: () => Promise<T>, isWanted: (answer: T) => boolean): Promise<T> => {
  for (const end = Date.now() + 20_000; ; await setTimeout(20)) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    assert.ok(Date.now() < end, String(answer));
  }
};

/** The sequencer's own process begins with a snapshot, and tells how far it is while it has no chain. */
const beginSequencer = async (
  t: TestContext,
  given: {
    readonly rollup: Rollup;
    readonly l1Rpc: string;
    readonly directory: string;
    readonly snapshot: string;
    readonly letGo: () => void;
  },
): Promise<number> => {
  const { rollup, l1Rpc, directory, snapshot, letGo } = given;
  const [rpcPort, metricsPort] = [await freePort(), await freePort()];
  const ports = { rpcPort: String(rpcPort), metricsPort: String(metricsPort) };
  const flags = { l1Rpc, rollup: "given", dataDir: join(directory, "sequencer"), p2pOff: "true", ...ports, snapshot };
  const config = resolveConfig(
    COMMAND_SETTINGS.sequencer,
    { ...flags, batcherKey: toHex(L1_SEQUENCER_KEY), signerKey: toHex(L1_SEQUENCER_KEY) },
    {},
  );
  const starting = createSequencerNode(telemetry(), config, rollup);
  t.after(async () => (await starting).stop());
  const rpc = `http://127.0.0.1:${rpcPort}`;
  const ask = (): Promise<unknown> =>
    askNode<{ readonly safe_l2: { readonly number: number } }>(rpc, "rollup_syncStatus").then(
      ({ safe_l2 }) => safe_l2.number,
      (error: unknown) => (error instanceof CodedError ? `${error.code} ${error.message}` : error),
    );
  await until(ask, (answer) => /^NODE_RESTORING .*downloaded: 0\.[0-9] MB/.test(String(answer)));
  const ready = await fetch(`http://127.0.0.1:${metricsPort}/readyz`);
  assert.deepEqual([ready.status, /MB are here/.test(await ready.text())], [503, true]);
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  assert.match(metrics, /^assay_snapshot_downloaded_bytes [1-9]/m);
  letGo();
  const node = await starting;
  assert.equal(node.rpc, rpc);
  return Number(await until(ask, (answer) => typeof answer === "number" && answer > 0));
};

/** A store whose process ends at the write after so many. */
const mortal = (store: KeyValueStore, writes: number): KeyValueStore => {
  let left = writes;
  const write: KeyValueStore["write"] = (batch) =>
    left-- > 0 ? store.write(batch) : Promise.reject(new Error("killed"));
  return Object.create(store, { write: { value: write } }) as KeyValueStore;
};

/** A peer that gives a snapshot of what a node has; answers where it is dialled. */
const serve = async (
  t: TestContext,
  given: {
    readonly node: NodeActor;
    readonly store: KeyValueStore;
    readonly parts: SnapshotParts;
    readonly directory: string;
  },
): Promise<string> => {
  const { node, store, parts, directory } = given;
  const { chain, l1 } = node;
  const keeper = createSnapshotKeeper({ ...telemetry(), ...parts }, { hold: () => chain.hold(chain.retained) });
  await keeper.take();
  const provide = snapshotProvider(store);
  const peering = await createPeering(
    {
      ...telemetry(),
      chain,
      store: createMemoryStore(),
      provide: (kind, hash) =>
        kind === "base" || kind === "state" || kind === "code" ? provide(kind, hash) : undefined,
      isDeposit: (envelope, origin) => l1.isDeposit(envelope, origin),
      l1Advances: () => 0,
    },
    {
      isSigner: () => false,
      identityFile: join(directory, "serving.key"),
      listen: ["/ip4/127.0.0.1/tcp/0"],
      bootnodes: [],
      scope: "private",
      agent: "assay/test",
      follow: false,
      maxUnsafe: 10,
    },
  );
  t.after(() => peering.stop());
  await peering.start();
  return peering.network.addresses[0] as string;
};

test("a fresh challenger begins an old chain with a snapshot, goes on from there, and disputes", async (t) => {
  const stage = await createDisputeStage(t, { transfers: 1 });
  const { anvil, deployment } = stage;
  const { client } = anvil;
  const claims = claimsOn(stage);
  const directory = mkdtempSync(join(tmpdir(), "assay-snapshot-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const rollup: Rollup = {
    version: 1,
    l1: { chainId: 31337, ...deployment },
    chain: DEVNET_PARAMETERS,
    genesis: {
      accounts: Array.from({ length: L2_ACCOUNTS }, (_, i) => ({
        address: l2Account(i).address.toLowerCase() as Hex,
        balance: 10n ** 21n,
      })),
    },
  };
  const { contracts } = deployment;
  const store = createMemoryStore();
  const node = await stage.open(store);
  const claimant = startClaimant(t, stage, node, { from: 5, depth: 0n, intervalBlocks: 1n });
  const claimUpTo = async (count: number) => {
    for (let rounds = 0; (await claims.proposed()).length < count; rounds++) {
      assert.ok(rounds < 10, "there are claims");
      await anvil.mine(1);
      await claimant.act();
    }
  };
  await claimUpTo(2);
  const [, second] = await claims.proposed();
  assert.ok(second);
  const parts = () => ({
    client,
    contracts,
    store,
    world: createWorldState(store),
    blocks: openChainBlocks(store, DEVNET_PARAMETERS.chainId),
  });
  const { signal } = new AbortController();
  const file = join(directory, "state.assay");
  await assert.rejects(exportSnapshot(parts(), file, signal), withCode("SNAPSHOT_STATE"), "no claim is confirmed");
  for (let rounds = 0; (await claims.claim(second.id)).status !== CONFIRMED; rounds++) {
    assert.ok(rounds < 30, "the claim is confirmed");
    await anvil.mine(40);
    await claimant.act();
  }
  await anvil.mine(FINALITY);
  await claimant.act();
  const { anchor } = await exportSnapshot(parts(), file, signal);
  assert.equal(anchor.id, second.id);
  assert.equal(anchor.blockNumber, node.chain.head.header.number);
  await flood(stage, 5);
  await node.follow();
  await tryCommands({ store, rollup, l1Rpc: anvil.url, directory, block: Number(anchor.blockNumber) });

  // No state that the node's version could not go on from.
  const early = { ...rollup, chain: { ...rollup.chain, forks: { osaka: 0n, later: 1n } } };
  const byFile = { l1Rpc: anvil.url, rollup: "given", dataDir: join(directory, "early"), snapshot: file };
  const untouched = createMemoryStore();
  await assert.rejects(
    beginWith(
      { ...telemetry(), client, store: untouched, rollup: early },
      resolveConfig(COMMAND_SETTINGS.executor, byFile, {}),
      { agent: "assay/test" },
    ),
    withCode("FORK_UNKNOWN"),
  );
  assert.deepEqual([...untouched.scan({ gte: new Uint8Array(0), lt: Uint8Array.of(255) })], []);

  const served = await serve(t, { node, store, parts: parts(), directory });
  const byPeers = createMemoryStore();
  const flags = { l1Rpc: anvil.url, rollup: "given", dataDir: join(directory, "joined"), snapshot: "peers" };
  const peers = { p2pListen: "/ip4/127.0.0.1/tcp/0", p2pScope: "private", p2pBootnodes: served };
  const config = resolveConfig(COMMAND_SETTINGS.executor, { ...flags, ...peers }, {});
  const empty = { ...telemetry(), client, store: byPeers, rollup };
  await beginWith(empty, config, { agent: "assay/test" });
  assert.equal(openChainBlocks(byPeers, DEVNET_PARAMETERS.chainId).base?.block.header.number, anchor.blockNumber);
  // A second time there is nothing to do.
  await beginWith(empty, config, { agent: "assay/test" });

  // A byte of any piece that is changed is never taken.
  const spoilt = join(directory, "spoilt.assay");
  const bytes = readFileSync(file);
  bytes[bytes.length - 40] = (bytes[bytes.length - 40] as number) ^ 1;
  writeFileSync(spoilt, bytes);
  const fresh = createMemoryStore();
  const into = { ...telemetry(), client, store: fresh, rollup };
  await assert.rejects(restoreFromPlace(into, spoilt, { directory, signal }), withCode("STATE_PIECE"));

  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const files = { "/state": file, "/spoilt": spoilt, "/text": join(directory, "serving.key") };
  const web = await serveFiles(t, files, held);
  const restore = (place: string, change: Partial<typeof into> = {}) =>
    restoreFromPlace({ ...into, ...change }, place, { directory, signal });
  for (const [path, code] of [
    ["/none", "SNAPSHOT_DOWNLOAD"],
    ["/cut", "SNAPSHOT_DOWNLOAD"],
    ["/text", "SNAPSHOT_FILE"],
    ["/spoilt", "STATE_PIECE"],
  ] as const)
    await assert.rejects(restore(web + path), withCode(code), path);
  const otherChain = { ...rollup, chain: { ...rollup.chain, minimumBaseFee: 1n } };
  await assert.rejects(restore(`${web}/state`, { rollup: otherChain }), withCode("SNAPSHOT_STATE"));
  assert.ok(!existsSync(join(directory, "snapshot.download")), "nothing of a download is left");
  // A process that is killed at any write begins anew.
  let killed = 0;
  const begin = async (): Promise<bigint> => {
    for (;;) {
      try {
        return await restore(`${web}/state`, { store: mortal(fresh, killed) });
      } catch (error) {
        assert.match(String(error), /killed/);
        assert.ok(!hasChain(fresh));
        killed++;
      }
    }
  };
  const begun = await begin();
  assert.ok(killed > 1);
  assert.equal(begun, anchor.blockNumber);

  const sequencer = { rollup, l1Rpc: anvil.url, directory, snapshot: `${web}/held`, letGo };
  assert.ok((await beginSequencer(t, sequencer)) >= Number(begun));

  const joined = await stage.open(fresh);
  assert.equal(joined.chain.base?.block.header.number, begun);
  assert.equal(joined.chain.head.hash, node.chain.head.hash);
  assert.equal(joined.chain.genesisHash, node.chain.genesisHash);
  assert.equal(joined.chain.heads.safe, begun + 5n);
  const based = joined.chain.blockByNumber(begun);
  assert.deepEqual(based?.origin, node.chain.blockByNumber(begun)?.origin);
  assert.equal(joined.l1.record(0n), undefined, "what lies before is not read");

  const backend = { chain: joined.chain, identity: { clientVersion: "assay/test" } };
  const server = await createRpcServer({ backend, ...telemetry() }, { port: 0 });
  t.after(() => server.stop());
  const ask = async (method: string, ...params: readonly unknown[]) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const answer = await fetch(server.url, { method: "POST", headers: { "content-type": "application/json" }, body });
    return (await answer.json()) as { result?: { number: string }; error?: { code: number; data?: { code: string } } };
  };
  for (const number of [1n, begun]) {
    const { error } = await ask("eth_getBlockByNumber", `0x${number.toString(16)}`, false);
    assert.deepEqual([error?.code, error?.data?.code], [4444, "CHAIN_BEFORE_SNAPSHOT"]);
  }
  assert.equal((await ask("eth_getLogs", { fromBlock: "earliest", toBlock: "latest" })).error?.code, 4444);
  assert.equal((await ask("eth_getBlockByNumber", "latest", true)).result?.number, `0x${(begun + 5n).toString(16)}`);
  assert.equal((await ask("eth_getBlockByNumber", "earliest", false)).result?.number, "0x0");

  await anvil.mine(2);
  const liar = await startLiar(t, stage, node, { ...unitLies.lastLeaf, from: 20 });
  const challenger = startChallenger(t, stage, joined, { store: fresh });
  await playOut(stage, [challenger], { liars: [liar] });
  const [dispute] = challenger.disputes;
  assert.ok(dispute?.right);
  const registry = registryOf(stage);
  assert.equal(await registry.status(dispute.right), CONFIRMED);
  assert.notEqual(await registry.status(liar.claim), CONFIRMED);
});
