import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { encodeDeployData, encodeFunctionData, parseEventLogs } from "viem";
import { enqueueCall } from "../../bridge/index.ts";
import {
  type Block,
  createModelRuntime,
  DEVNET_PARAMETERS,
  digitClassifier,
  encodeProgram,
  fromHex,
  type Hex,
  importOnnx,
  programId,
  type Receipt,
} from "../../executor/index.ts";
import { SAMPLE_NAME, sampleModelFile, sampleScans } from "../../infra/index.ts";
import { publishOn } from "../support/publish.ts";
import {
  createStage,
  l2Account,
  type NodeActor,
  type SequencerActor,
  type Stage,
  telemetry,
} from "../support/stage.ts";

const { abi, bytecode } = digitClassifier;
const scans = sampleScans();
const { program } = importOnnx(readFileSync(sampleModelFile()));
const model = { id: programId(program), artifact: encodeProgram(program), name: SAMPLE_NAME };
const GAS = 3_000_000n;

/** A stage whose nodes run models, and the sample model on its L1. */
const createModelStage = async (t: TestContext): Promise<Stage> => {
  const stage = await createStage(t, 3600n, (store) => createModelRuntime({ ...telemetry(), store }));
  await publishOn(stage, model);
  return stage;
};

const built = async (sequencer: SequencerActor): Promise<Block> => {
  const block = await sequencer.producer.produce();
  assert.ok(block, "there was something for a block");
  return block;
};

const classification = (scan: number): Hex =>
  encodeFunctionData({ abi, functionName: "classify", args: [scans[scan]?.pixels as Hex] });

/** The sample contract, deployed by account 0 in a block of its own. */
const deploy = async (sequencer: SequencerActor): Promise<Hex> => {
  await sequencer.send({ nonce: 0, data: encodeDeployData({ abi, bytecode, args: [model.id] }), gas: GAS });
  const { header } = await built(sequencer);
  const [receipt] = sequencer.chain.receipts(header.number) ?? [];
  assert.equal(receipt?.status, 1);
  return receipt.contractAddress as Hex;
};

/** What the sample contract said in a block. */
const answersOf = ({ chain }: NodeActor, number = chain.head.header.number): number[] => {
  const receipts: readonly Receipt[] = chain.receipts(number) ?? [];
  const logs = receipts.flatMap((receipt) => receipt.logs);
  return parseEventLogs({ abi, logs: logs as never, eventName: "Classified" }).map(({ args }) => args.digit);
};

const hashesOf = ({ chain }: NodeActor): (Hex | undefined)[] =>
  Array.from({ length: Number(chain.head.header.number) + 1 }, (_, i) => chain.blockByNumber(BigInt(i))?.hash);

test("a model published on L1 answers a contract; nodes that know L1 alone have the same blocks", async (t) => {
  const stage = await createModelStage(t);
  const sequencer = await stage.sequencer();
  const executor = await stage.executor();
  await sequencer.follow();
  await built(sequencer);
  const contract = await deploy(sequencer);
  for (const [i] of scans.entries())
    await sequencer.send({ nonce: i + 1, to: contract, data: classification(i), gas: GAS });
  const block = await built(sequencer);
  assert.deepEqual(
    answersOf(sequencer),
    scans.map(({ label }) => label),
  );
  assert.equal(executor.chain.head.header.number, 0n);
  await sequencer.post();
  await executor.follow();
  assert.deepEqual(hashesOf(executor), hashesOf(sequencer));
  assert.equal(executor.chain.head.header.stateRoot, block.header.stateRoot);

  const late = await stage.executor();
  await late.follow();
  assert.ok(late.chain.head.header.number >= 3n);
  assert.deepEqual(hashesOf(late), hashesOf(sequencer));
});

test("an L1 reorg that drops a batch with inferences rolls the executor back; posted again, the chain is the same", async (t) => {
  const stage = await createModelStage(t);
  const sequencer = await stage.sequencer();
  const executor = await stage.executor();
  await sequencer.follow();
  await built(sequencer);
  const contract = await deploy(sequencer);
  await sequencer.post();
  await executor.follow();
  const before = executor.chain.head;

  await sequencer.send({ nonce: 1, to: contract, data: classification(3), gas: GAS });
  const block = await built(sequencer);
  await sequencer.post();
  await executor.follow();
  assert.equal(executor.chain.head.hash, block.hash);

  await stage.anvil.reorg(1);
  await executor.follow();
  assert.equal(executor.chain.head.hash, before.hash);
  assert.equal(executor.chain.head.header.stateRoot, before.header.stateRoot);
  await sequencer.follow();
  assert.equal(sequencer.chain.head.hash, block.hash, "the sequencer keeps what it built");

  await stage.anvil.mine();
  await sequencer.follow();
  await sequencer.post();
  await executor.follow();
  assert.equal(executor.chain.head.hash, block.hash);
  assert.deepEqual(answersOf(executor), [3]);
});

test("an inference sent past the sequencer is executed with the model it names", async (t) => {
  const stage = await createModelStage(t);
  const sequencer = await stage.sequencer();
  const executor = await stage.executor();
  await sequencer.follow();
  await built(sequencer);
  const contract = await deploy(sequencer);
  const envelope = await l2Account(1).signTransaction({
    type: "eip1559",
    chainId: Number(DEVNET_PARAMETERS.chainId),
    nonce: 0,
    to: contract,
    data: classification(8),
    gas: GAS,
    maxFeePerGas: 10n ** 10n,
    maxPriorityFeePerGas: 0n,
  });
  const call = enqueueCall(stage.deployment.contracts.batchInbox, fromHex(envelope), GAS);
  const hash = await stage.anvil.wallet(5).sendTransaction({ ...call, gas: 5_000_000n });
  assert.equal((await stage.anvil.client.waitForTransactionReceipt({ hash })).status, "success");
  // What is in the open batch goes first; messages open a batch of their own.
  await sequencer.post();
  await sequencer.follow();
  await built(sequencer);
  assert.deepEqual(answersOf(sequencer), [8]);
  await sequencer.post();
  await executor.follow();
  assert.deepEqual(hashesOf(executor), hashesOf(sequencer));
});
