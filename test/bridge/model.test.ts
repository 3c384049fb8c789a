import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Abi, decodeErrorResult, decodeFunctionResult, encodeFunctionData, parseEventLogs } from "viem";
import { createModelPublisher } from "../../bridge/index.ts";
import {
  ADDRESS,
  type Bytes,
  COLUMN,
  createAssembly,
  createMemoryStore,
  createModelRuntime,
  encodeMeta,
  encodeProgram,
  fromHex,
  type Hex,
  hasCode,
  inferencePredeploy,
  modelRegistryPredeploy,
  programId,
} from "../../executor/index.ts";
import { startAnvil } from "../support/anvil.ts";
import { batchOf, layOut, type Node, SEQUENCER, startNode, startSender, telemetry, tip } from "../support/l2-node.ts";

const registry = modelRegistryPredeploy.abi;
const inference = inferencePredeploy.abi;

/** Inputs of every element type; outputs: the f32 input again, and the integer inputs in reverse order. */
const mirror = () => {
  const assembly = createAssembly();
  const shapes = [
    { name: "x", dtype: "f32", shape: [2, 2], interval: { lo: -1000, hi: 1000 } },
    { name: "small", dtype: "u8", shape: [3], interval: { lo: 0, hi: 255 } },
    { name: "words", dtype: "i32", shape: [1, 2], interval: { lo: -(2 ** 31), hi: 2 ** 31 - 1 } },
    { name: "longs", dtype: "i64", shape: [2], interval: { lo: -(2 ** 53 - 1), hi: 2 ** 53 - 1 } },
  ] as const;
  const inputs = shapes.map(({ dtype, shape, interval }) => assembly.input({ dtype, output: shape, interval }));
  const outputs = inputs.map((ref, i) =>
    assembly.operator({
      kind: "MOVE",
      dtype: ref.dtype,
      output: [ref.count],
      fill: 0,
      operands: [i === 0 ? { ref, stride: [1] } : { ref, base: ref.count - 1, stride: [-1] }],
    }),
  );
  const schema = shapes.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
  const meta = encodeMeta({ name: "mirror", licence: "MIT", inputs: schema, outputs: schema });
  const program = assembly.finish({ outputs, meta });
  return { id: programId(program), artifact: encodeProgram(program), meta };
};

const num = (value: bigint | number, decimals = 0) => ({ value: BigInt(value), decimals: BigInt(decimals) });
const TENSORS = [
  { name: "longs", values: [num(2n ** 53n - 1n), num(-5)], shape: [2] },
  { name: "x", values: [num(1, 1), num(-25, 2), num(1000), num(0)], shape: [2, 2] },
  { name: "words", values: [num(7), num(-(2 ** 31))], shape: [1, 2] },
  { name: "small", values: [num(0), num(9), num(255)], shape: [3] },
];

const call = async ({ chain }: Node, to: Hex, abi: Abi, functionName: string, args: readonly unknown[]) => {
  const data = fromHex(encodeFunctionData({ abi, functionName, args }));
  const answer = await chain.call({ to, data, gas: 10_000_000n }, chain.head.header.number);
  const hex: Hex = `0x${Buffer.from(answer.data).toString("hex")}`;
  if (!answer.ok) return { error: hex === "0x" ? answer.error : decodeErrorResult({ abi, data: hex }).errorName };
  return { result: decodeFunctionResult({ abi, functionName, data: hex }), gas: answer.gasUsed };
};

const setUp = async (t: TestContext) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const start = async (keepUnsafe: boolean) => {
    const store = createMemoryStore();
    const models = await createModelRuntime({ ...telemetry(), store });
    t.after(() => models.stop());
    return startNode(l1, layout, { keepUnsafe, store, models });
  };
  const sequencer = await start(true);
  const publisherAccount = startSender(l1, 4);
  const batcher = startSender(l1, SEQUENCER);
  let taken = 0n;
  return {
    sequencer,
    verifier: await start(false),
    async publish(model: { readonly id: Hex; readonly artifact: Bytes; readonly name: string }) {
      const { logger } = telemetry();
      const { transactor } = publisherAccount;
      const publisher = createModelPublisher({ logger, client: l1.client, transactor }, layout.contracts.modelRegistry);
      let done = false;
      const published = publisher
        .plan(model, "calldata")
        .then((plan) => publisher.publish(plan))
        .finally(() => {
          done = true;
        });
      published.catch(() => undefined);
      while (!done) {
        await transactor.tick();
        await l1.mine();
        await transactor.tick();
      }
      await published;
    },
    /** The sequencer takes all messages into a block and posts it. */
    async includeAll() {
      await sequencer.sync();
      const { head, messageCount, recordCount } = sequencer.source;
      assert.ok(head);
      const origin = { number: head.number, timestamp: head.timestamp };
      const built = await sequencer.build(sequencer.delayed(taken, messageCount), origin);
      const place = { index: recordCount, origin, delayedEnd: messageCount, taken: built.block.transactions.length };
      taken = messageCount;
      await batcher.land(batchOf(layout, sequencer, [built.block], place));
      return built;
    },
  };
};

test("a model published on L1 is called on L2 with named tensors, on a node that knows L1 alone", async (t) => {
  const { sequencer, verifier, publish, includeAll } = await setUp(t);
  const model = mirror();
  await publish({ ...model, name: "mirror@1.0" });
  const { receipts } = await includeAll();
  assert.equal(receipts[0]?.status, 1);
  const logs = parseEventLogs({ abi: registry, logs: (receipts[0]?.logs ?? []) as never });
  assert.deepEqual(
    logs.map(({ eventName }) => eventName),
    ["ModelRegistered", "NameAssigned"],
  );
  t.diagnostic(`registration of ${model.artifact.length} bytes: ${receipts[0]?.gasUsed} gas`);
  for (const node of [verifier, sequencer]) await node.sync();
  assert.deepEqual(tip(verifier.chain), tip(sequencer.chain));

  for (const node of [sequencer, verifier]) {
    assert.equal((await call(node, ADDRESS.modelRegistry, registry, "idOf", ["mirror@1.0"])).result, model.id);
    for (const modelCID of ["mirror@1.0", model.id]) {
      const request = { mode: 0, modelCID, input: { numbers: TENSORS, strings: [] } };
      const { result, gas } = await call(node, ADDRESS.inference, inference, "runModelInference", [request]);
      assert.deepEqual(result, {
        numbers: [
          { name: "x", values: [num(100000001, 9), num(-25, 2), num(1000), num(0)], shape: [2, 2] },
          { name: "small", values: [num(255), num(9), num(0)], shape: [3] },
          { name: "words", values: [num(-(2 ** 31)), num(7)], shape: [1, 2] },
          { name: "longs", values: [num(-5), num(2n ** 53n - 1n)], shape: [2] },
        ],
        strings: [],
        jsons: [],
        is_simulation_result: false,
      });
      t.diagnostic(`runModelInference with 11 numbers each way: ${gas} gas`);
    }
    // Inside the dtype, outside the interval that the model declares: read as the nearest that is inside.
    const numbers = TENSORS.map((tensor) =>
      tensor.name === "x" ? { ...tensor, values: tensor.values.map(() => num(1001)) } : tensor,
    );
    const outside = { mode: 0, modelCID: model.id, input: { numbers, strings: [] } };
    const { result } = await call(node, ADDRESS.inference, inference, "runModelInference", [outside]);
    const [x] = (result as { readonly numbers: readonly { readonly values: unknown }[] }).numbers;
    assert.deepEqual(x?.values, Array(4).fill(num(1000)));
  }
});

test("whatever is published, the chain goes on: garbage, a false id, a taken name, the same model again", async (t) => {
  const { sequencer, verifier, publish, includeAll } = await setUp(t);
  const model = mirror();
  const garbage = Uint8Array.from({ length: 5000 }, (_, i) => i & 255);
  await publish({ id: `0x${"0a".repeat(32)}`, artifact: garbage, name: "mirror@1.0" });
  await publish({ id: `0x${"0b".repeat(32)}`, artifact: model.artifact, name: "mirror@1.0" });
  await publish({ ...model, name: "mirror@1.0" });
  await publish({ ...model, name: "mirror@1.0" });
  await publish({ ...model, name: "" });
  const { receipts, results } = await includeAll();
  assert.ok(results.every(({ included }) => included));
  assert.deepEqual(
    receipts.map(({ status }) => status),
    [0, 0, 1, 1, 1],
  );
  for (const node of [verifier, sequencer]) await node.sync();
  assert.deepEqual(tip(verifier.chain), tip(sequencer.chain));
  const other = `0x${"0b".repeat(32)}`;
  assert.equal((await call(verifier, ADDRESS.modelRegistry, registry, "idOf", ["mirror@1.0"])).result, model.id);
  assert.equal((await call(verifier, ADDRESS.modelRegistry, registry, "gasOf", [other])).error, "UnknownModel");
});

test("a node without the bytes of a model stops with a clear error and passes nothing over", async (t) => {
  const { sequencer, verifier, publish, includeAll } = await setUp(t);
  const model = mirror();
  await publish({ ...model, name: "mirror@1.0" });
  await includeAll();
  await verifier.source.sync();
  // The bytes vanish between the reading of L1 and the execution.
  const held = [
    ...verifier.store.scan({ gte: Uint8Array.of(COLUMN.artifact), lt: Uint8Array.of(COLUMN.artifact + 1) }),
  ];
  assert.ok(held.length > 0);
  await verifier.store.write(held.map(([key]) => ({ type: "del", key })));
  await assert.rejects(verifier.follower.sync(), (error) => hasCode(error, "MODEL_DATA_MISSING"));
  assert.equal(verifier.chain.heads.unsafe, 0n);
  await verifier.store.write(held.map(([key, value]) => ({ type: "put", key, value })));
  await verifier.follower.sync();
  assert.deepEqual(tip(verifier.chain), tip(sequencer.chain));
});
