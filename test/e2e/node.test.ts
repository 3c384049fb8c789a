import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { createPublicClient, encodeDeployData, encodeFunctionData, type Hex, http } from "viem";
import {
  COLUMN,
  CodedError,
  createModelRuntime,
  digitClassifier,
  encodeProgram,
  importOnnx,
  openRocksStore,
  programId,
  toHex,
} from "../../executor/index.ts";
import {
  type AssayNode,
  COMMAND_SETTINGS,
  createExecutorNode,
  createSequencerNode,
  type Rollup,
  resolveConfig,
  sampleModelFile,
  sampleScans,
} from "../../infra/index.ts";
import { L1_SEQUENCER_KEY } from "../support/deriving-peers.ts";
import { publishOn } from "../support/publish.ts";
import { createStage, type Stage, telemetry } from "../support/stage.ts";
import { rollupOf } from "../support/stage-rollup.ts";

const { abi, bytecode } = digitClassifier;
const { program } = importOnnx(readFileSync(sampleModelFile()));
const model = { id: programId(program), artifact: encodeProgram(program), name: "" };
const withCode = (code: string) => (error: unknown) => error instanceof CodedError && error.code === code;

const directoryOf = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), "assay-node-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
};

const flagsOf = ({ anvil }: Stage, dataDir: string) => ({
  l1Rpc: anvil.url,
  rollup: "given",
  dataDir,
  rpcPort: "0",
  metricsPort: "0",
  l1PollMs: "20",
  p2pOff: "true",
});

const startExecutor = (
  t: TestContext,
  stage: Stage,
  dataDir: string,
  { rollup = rollupOf(stage), flags = {} }: { rollup?: Rollup; flags?: Readonly<Record<string, string>> } = {},
): Promise<AssayNode> => {
  const config = resolveConfig(COMMAND_SETTINGS.executor, { ...flagsOf(stage, dataDir), ...flags }, {});
  const node = createExecutorNode(telemetry(), config, rollup);
  t.after(async () => (await node.catch(() => undefined))?.stop());
  return node;
};

/** L1 as a node sees it that has pruned every transaction to one contract. */
const prunedL1 = async (t: TestContext, { anvil }: Stage, contract: Hex): Promise<string> => {
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const answer = await fetch(anvil.url, { method: "POST", headers: { "content-type": "application/json" }, body });
    const json = (await answer.json()) as { result?: { to?: string } | null };
    if (body.includes("eth_getTransactionByHash") && json.result?.to === contract) json.result = null;
    response.end(JSON.stringify(json));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** Resolves when the node serves a block of this hash. */
const untilServes = async (node: AssayNode, hash: Hex): Promise<void> => {
  const client = createPublicClient({ transport: http(node.rpc, { retryCount: 0 }), cacheTime: 0 });
  for (const end = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const block = await client.getBlock();
    if (block.hash === hash) return;
    assert.ok(Date.now() < end, `the node is at block ${block.number}`);
  }
};

test("a node that lost a model has it again from a peer, or from L1; where neither has it, it stops with its id", async (t) => {
  const stage = await createStage(t, 3600n, (store) => createModelRuntime({ ...telemetry(), store }));
  await publishOn(stage, model);
  const sequencer = await stage.sequencer();
  await sequencer.follow();
  await sequencer.producer.produce();
  await sequencer.send({
    nonce: 0,
    data: encodeDeployData({ abi, bytecode, args: [model.id] }),
    gas: 3_000_000n,
  });
  const deployed = await sequencer.producer.produce();
  assert.ok(deployed);
  const contract = sequencer.chain.receipts(deployed.header.number)?.[0]?.contractAddress as Hex;
  await sequencer.post();

  const directory = directoryOf(t);
  const first = await startExecutor(t, stage, directory);
  await untilServes(first, deployed.hash);
  assert.equal((await fetch(`${first.metrics}/readyz`)).status, 200);
  assert.match(await (await fetch(`${first.metrics}/metrics`)).text(), /^assay_chain_head_block 2$/m);
  await assert.rejects(startExecutor(t, stage, directory), withCode("STORE_LOCKED"));
  await first.stop();

  const store = await openRocksStore(join(directory, "store"));
  const rows = [COLUMN.artifact, COLUMN.modelChunk].flatMap((column) => [
    ...store.scan({ gte: Uint8Array.of(column), lt: Uint8Array.of(column + 1) }),
  ]);
  assert.ok(rows.length > 0);
  await store.write(rows.map(([key]) => ({ type: "del", key })));
  await store.close();

  const pixels = sampleScans()[4]?.pixels as Hex;
  const data = encodeFunctionData({ abi, functionName: "classify", args: [pixels] });
  await sequencer.send({ nonce: 1, to: contract, data, gas: 3_000_000n });
  const block = await sequencer.producer.produce();
  assert.ok(block);
  await sequencer.post();

  const pruned = await prunedL1(t, stage, stage.deployment.contracts.modelRegistry);
  const broken = await startExecutor(t, stage, directory, { flags: { l1Rpc: pruned } });
  await assert.rejects(broken.failed, (error) => {
    assert.ok(error instanceof CodedError);
    assert.equal(error.code, "MODEL_MISSING");
    assert.ok(error.message.includes(model.id));
    return true;
  });
  await broken.stop();

  const copyOf = (): string => {
    const copy = directoryOf(t);
    cpSync(directory, copy, { recursive: true });
    return copy;
  };
  const peers = { p2pOff: "false", p2pListen: "/ip4/127.0.0.1/tcp/0", p2pScope: "private" };
  const sourceOf = async ({ metrics }: AssayNode) =>
    /^assay_models_retrievals_total\{source="(\w+)"\} 1$/m.exec(await (await fetch(`${metrics}/metrics`)).text())?.[1];
  const [copy, other, third] = [copyOf(), copyOf(), copyOf()];
  // It waits for a peer to ask, meanwhile the test goes on.
  const alone = await startExecutor(t, stage, copy, { flags: peers });

  const again = await openRocksStore(join(directory, "store"));
  await again.write(rows.map(([key, value]) => ({ type: "put", key, value })));
  await again.close();
  const whole = await startExecutor(t, stage, directory, { flags: peers });
  await untilServes(whole, block.hash);
  const met = await startExecutor(t, stage, other, { flags: { ...peers, p2pBootnodes: whole.p2p[0] ?? "" } });
  await untilServes(met, block.hash);
  assert.equal(await sourceOf(met), "peers");
  await untilServes(alone, block.hash);
  assert.equal(await sourceOf(alone), "l1");
  const peerless = await startExecutor(t, stage, third);
  await untilServes(peerless, block.hash);
  assert.equal(await sourceOf(peerless), "l1");
});

test("a node refuses another L1, other contracts, another genesis, and a sequencer key that is not the inbox's", async (t) => {
  const stage = await createStage(t);
  const rollup = rollupOf(stage);
  const directory = directoryOf(t);
  const elsewhere = { ...rollup, l1: { ...rollup.l1, chainId: 1 } };
  await assert.rejects(startExecutor(t, stage, directory, { rollup: elsewhere }), withCode("NODE_L1_CHAIN"));
  const right = rollup.l1.contracts;
  const nobody: Hex = `0x${"ab".repeat(20)}`;
  for (const contracts of [
    { ...right, batchInbox: nobody },
    { ...right, batchInbox: right.portal },
    { ...right, portal: nobody },
    { ...right, modelRegistry: right.portal },
  ]) {
    const mistaken = { ...rollup, l1: { ...rollup.l1, contracts } };
    await assert.rejects(startExecutor(t, stage, directory, { rollup: mistaken }), withCode("NODE_L1_CONTRACTS"));
  }
  const { chain } = rollup;
  const { budget } = chain;
  for (const other of [
    { ...rollup, genesis: { accounts: rollup.genesis.accounts.slice(1) } },
    { ...rollup, chain: { ...chain, initialBaseFee: chain.initialBaseFee + 1n } },
    { ...rollup, chain: { ...chain, minimumBaseFee: chain.minimumBaseFee + 1n } },
    { ...rollup, chain: { ...chain, maxDrift: chain.maxDrift - 1n, maxLag: chain.maxLag + 1n } },
    { ...rollup, chain: { ...chain, budget: { ...budget, block: budget.block + 1n } } },
  ])
    await assert.rejects(startExecutor(t, stage, directory, { rollup: other }), withCode("NODE_L1_GENESIS"));
  for (const other of [
    { ...chain, blockGasLimit: chain.blockGasLimit - 1n },
    { ...chain, maxDrift: chain.maxDrift + 1n },
    { ...chain, budget: { ...budget, rate: budget.rate + 1n } },
    { ...chain, budget: { ...budget, cap: budget.cap + 1n } },
    { ...chain, budget: { ...budget, refusal: budget.refusal - 1n } },
  ])
    await assert.rejects(
      startExecutor(t, stage, directory, { rollup: { ...rollup, chain: other } }),
      withCode("NODE_L1_PARAMETERS"),
    );
  // Nothing of them is on disk.
  await (await startExecutor(t, stage, directory)).stop();
  const key = toHex(L1_SEQUENCER_KEY);
  const keys = { batcherKey: key, signerKey: key };
  for (const [name, refusal] of [
    ["batcherKey", "NODE_BATCHER_KEY"],
    ["signerKey", "NODE_SIGNER_KEY"],
  ] as const) {
    const flags = { ...flagsOf(stage, directory), ...keys, [name]: `0x${"11".repeat(32)}` };
    const config = resolveConfig(COMMAND_SETTINGS.sequencer, flags, {});
    await assert.rejects(createSequencerNode(telemetry(), config, rollup), withCode(refusal));
  }
  // Whatever refused, the database was let go.
  await (await startExecutor(t, stage, directory)).stop();
});
