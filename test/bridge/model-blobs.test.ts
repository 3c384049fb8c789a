import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeFunctionData } from "viem";
import {
  createBeaconSource,
  createL1ArtifactSource,
  createModelPublisher,
  type ModelToPublish,
  modelRegistry,
} from "../../bridge/index.ts";
import {
  BLOB_DATA_BYTES,
  type Bytes,
  contentHashOf,
  contentOf,
  createAssembly,
  createMemoryStore,
  createModelRuntime,
  encodeMeta,
  encodeProgram,
  programId,
} from "../../executor/index.ts";
import { type Anvil, startAnvil } from "../support/anvil.ts";
import { batchOf, layOut, SEQUENCER, startNode, startSender, telemetry, tip } from "../support/l2-node.ts";

/** One byte to the next element of a long constant: an artifact of more than a blob. */
const longModel = () => {
  const assembly = createAssembly();
  const interval = { lo: 0, hi: 255 };
  const input = assembly.input({ dtype: "u8", output: [1], interval });
  const data = Uint8Array.from({ length: BLOB_DATA_BYTES + 5_000 }, (_, i) => (i * 31 + (i >> 8)) & 255);
  const table = assembly.constant("u8", data);
  const output = assembly.operator({
    kind: "GATHER",
    dtype: "u8",
    output: [1],
    first: 0,
    num: 256,
    step: 500,
    operands: [
      { ref: input, stride: [1] },
      { ref: table, stride: [0] },
    ],
  });
  const schema = (name: string) => [{ name, dtype: "u8", shape: [1] }] as const;
  const meta = encodeMeta({ name: "long", licence: "MIT", inputs: schema("x"), outputs: schema("y") });
  const program = assembly.finish({ outputs: [output], meta });
  return { id: programId(program), artifact: encodeProgram(program), table: data };
};

const mining = async <T>(l1: Anvil, sender: ReturnType<typeof startSender>, work: Promise<T>): Promise<T> => {
  let done = false;
  const ended = work.finally(() => {
    done = true;
  });
  ended.catch(() => undefined);
  while (!done) {
    await sender.transactor.tick();
    await l1.mine();
    await sender.transactor.tick();
  }
  return ended;
};

test("a model in blobs: read, judged, called, and retrieved again; half published it goes on; too old it is not taken", async (t) => {
  const l1 = await startAnvil(t, "--hardfork", "osaka");
  const layout = await layOut(l1);
  const beacon = createBeaconSource(l1.url);
  const start = async (keepUnsafe: boolean) => {
    const store = createMemoryStore();
    const models = await createModelRuntime({ ...telemetry(), store });
    t.after(() => models.stop());
    return { models, ...(await startNode(l1, layout, { keepUnsafe, store, models, blobSources: [beacon] })) };
  };
  const [sequencer, verifier] = [await start(true), await start(false)];
  const sender = startSender(l1, 4);
  const batcher = startSender(l1, SEQUENCER);
  const registry = layout.contracts.modelRegistry;
  const publisher = createModelPublisher(
    { ...telemetry(), client: l1.client, transactor: sender.transactor },
    registry,
  );
  const model = longModel();
  const named: ModelToPublish = { ...model, name: "long@1.0" };

  const plan = await publisher.plan(named, "blobs");
  assert.deepEqual([plan.data, plan.chunks.length, plan.missing.length], ["blobs", 2, 2]);
  assert.equal(plan.blobGas, 2n * 131_072n);
  assert.ok(plan.cost < (await publisher.plan(named, "calldata")).cost);
  assert.equal((await publisher.plan(named, "auto")).data, "blobs");

  // The first of its blobs gets to L1, and the attempt breaks off.
  const [first] = plan.chunks;
  assert.ok(first?.blob);
  const posting = encodeFunctionData({ abi: modelRegistry.abi, functionName: "postBlobs" });
  await sender.land({ to: registry, data: posting, blobs: [first.blob] });
  const second = await publisher.plan(named, "blobs");
  assert.equal(second.missing.length, 1, "what L1 has is not sent twice");
  const seen: number[] = [];
  const published = await mining(
    l1,
    sender,
    publisher.publish(second, (done) => void seen.push(done)),
  );
  assert.deepEqual([published.chunks, published.posted, seen], [2, 1, [1, 2]]);

  // Bytes that are no program: a no-op on L2.
  const garbage = Uint8Array.from({ length: 2_000 }, (_, i) => i & 255);
  const wrong = { id: `0x${"0a".repeat(32)}`, artifact: garbage, name: "" } as const;
  await mining(l1, sender, publisher.publish(await publisher.plan(wrong, "blobs")));

  await sequencer.sync();
  const { head, messageCount, recordCount } = sequencer.source;
  assert.ok(head);
  const origin = { number: head.number, timestamp: head.timestamp };
  const built = await sequencer.build(sequencer.delayed(0n, messageCount), origin);
  assert.deepEqual(
    built.receipts.map(({ status }) => status),
    [1, 0],
  );
  assert.equal(published.l2Transaction, built.block.transactions[0]?.hash);
  const place = { index: recordCount, origin, delayedEnd: messageCount, taken: built.block.transactions.length };
  await batcher.land(batchOf(layout, sequencer, [built.block], place));
  for (const node of [verifier, sequencer]) await node.sync();
  assert.deepEqual(tip(verifier.chain), tip(sequencer.chain));
  const input = new Uint8Array(32);
  input[0] = 7;
  const answers = [await sequencer.models.run(model.id, input), await verifier.models.run(model.id, input)];
  for (const answer of answers) assert.equal(answer?.[0], model.table[7 * 500]);

  // Lost, and found again on L1.
  const listed = plan.chunks.map(({ hash, bytes }) => ({ kind: "blob", hash, length: bytes.length }) as const);
  const contentHash = contentHashOf(contentOf(listed));
  const source = createL1ArtifactSource({ client: l1.client, blobSources: [beacon] }, { deployment: layout });
  const again = await createModelRuntime({ ...telemetry(), store: createMemoryStore() }, { sources: [source] });
  t.after(() => again.stop());
  assert.deepEqual((await again.artifact(contentHash)).bytes, model.artifact);
  const answer: Bytes | undefined = await again.run(model.id, input);
  assert.equal(answer?.[0], model.table[7 * 500]);

  // A day later L1 does not let them be named any more: whoever wants that posts them again.
  await l1.warp(86_400 + 60);
  assert.equal((await publisher.plan(named, "blobs")).missing.length, 2);
  await assert.rejects(mining(l1, sender, publisher.publish({ ...plan, missing: [] })));
  await mining(l1, sender, publisher.publish(await publisher.plan(named, "blobs")));
});
