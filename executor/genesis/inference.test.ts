import assert from "node:assert/strict";
import { before, test } from "node:test";
import { createAddressFromString } from "@ethereumjs/util";
import { decodeEventLog, encodeAbiParameters, encodeDeployData, encodeFunctionData } from "viem";
import { type Bytes, concat, fromHex, type Hex, toHex, uintBE, utf8, word } from "../foundation/bytes.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { ADDRESS } from "../protocol/parameters.ts";
import { createBench, type Decimal, num, USER } from "./predeploys.fixture.ts";
import { digitClassifier, inferencePredeploy, l1BlockPredeploy, modelRegistryPredeploy } from "./predeploys.gen.ts";

const L1_REGISTRY: Hex = "0x1111000000000000000000000000000000002222";
const CLASSIFIER: Hex = "0x00000000000000000000000000000000000c1a55";
const MODEL: Hex = `0x${"ab".repeat(32)}`;
const NAME = "mixed@1.0";

/** Code that returns its input from byte `skip` on. As the native call it is a model whose outputs are its inputs. */
const echo = (skip: number): Bytes => Uint8Array.of(0x60, skip, 0x36, 0x03, 0x80, 0x60, skip, 0x5f, 0x37, 0x5f, 0xf3);

/** Code that returns fixed bytes. */
const answering = (answer: Bytes): Bytes =>
  concat(Uint8Array.of(0x61, answer.length >> 8, answer.length & 255, 0x80, 0x60, 10, 0x5f, 0x39, 0x5f, 0xf3), answer);

const tensor = {
  type: "tuple[]",
  components: [
    { name: "name", type: "string" },
    { name: "dtype", type: "uint8" },
    { name: "shape", type: "uint32[]" },
  ],
} as const;
const META = [
  {
    type: "tuple",
    components: [
      { name: "name", type: "string" },
      { name: "licence", type: "string" },
      { name: "inputs", ...tensor },
      { name: "outputs", ...tensor },
    ],
  },
] as const;

const TENSORS = [
  { name: "image", dtype: 5, shape: [2, 2] },
  { name: "bytes", dtype: 1, shape: [3] },
  { name: "signed", dtype: 2, shape: [1, 2] },
  { name: "words", dtype: 3, shape: [2] },
  { name: "longs", dtype: 4, shape: [3] },
];

const admission = (meta: Bytes): Bytes =>
  fromHex(
    encodeAbiParameters(
      [{ type: "uint64" }, { type: "uint32" }, { type: "uint32" }, { type: "uint32" }, { type: "bytes" }],
      [7_000n, 160, 160, 9, toHex(meta)],
    ),
  );

const { evm, putCode, call, resultOf, errorOf } = await createBench();

const inference = inferencePredeploy.abi;
const registry = modelRegistryPredeploy.abi;
const register = (id: Hex, name: string, from: Hex = L1_REGISTRY) =>
  call(ADDRESS.modelRegistry, registry, "register", [id, `0x${"cc".repeat(32)}`, 1_000, 1, name], from);

before(async () => {
  await evm.stateManager.putStorage(
    createAddressFromString(ADDRESS.modelRegistry),
    word(Uint8Array.of(3)),
    fromHex(L1_REGISTRY),
  );
  await putCode(ADDRESS.infer, echo(32));
  const meta = encodeAbiParameters(META, [{ name: "mixed", licence: "MIT", inputs: TENSORS, outputs: TENSORS }]);
  await putCode(ADDRESS.admit, answering(admission(fromHex(meta))));
  await register(MODEL, NAME);
});

type Tensor = { name: string; values: readonly Decimal[]; shape: readonly number[] };
const INPUTS: readonly Tensor[] = [
  { name: "longs", values: [num(2n ** 53n - 1n), num(-(2n ** 53n) + 1n), num(1200, 2)], shape: [3] },
  { name: "image", values: [num(1, 1), num(-15, 1), num(3, -2), num(8, 46)], shape: [2, 2] },
  { name: "words", values: [num(2 ** 31 - 1), num(-(2 ** 31))], shape: [2] },
  { name: "bytes", values: [num(0), num(255), num(20, 1)], shape: [3] },
  { name: "signed", values: [num(-128), num(127)], shape: [1, 2] },
];
const run = (
  request: { mode?: number; modelCID?: string; numbers?: readonly Tensor[]; strings?: readonly unknown[] } = {},
) => {
  const { mode = 0, modelCID = NAME, numbers = INPUTS, strings = [] } = request;
  return [
    ADDRESS.inference,
    inference,
    "runModelInference",
    [{ mode, modelCID, input: { numbers, strings } }],
  ] as const;
};
const withTensor = (name: string, change: Partial<Tensor>) =>
  run({ numbers: INPUTS.map((input) => (input.name === name ? { ...input, ...change } : input)) });

test("named tensors of all element types go in, in any order, and come out in the order of the schema", async () => {
  for (const modelCID of [NAME, MODEL, `0x${MODEL.slice(2).toUpperCase()}`]) {
    const output = await resultOf<{
      numbers: Tensor[];
      strings: unknown[];
      jsons: unknown[];
      is_simulation_result: boolean;
    }>(...run({ modelCID }));
    assert.deepEqual(output.numbers, [
      { name: "image", values: [num(100000001, 9), num(-15, 1), num(300), num(140129846, 53)], shape: [2, 2] },
      { name: "bytes", values: [num(0), num(255), num(2)], shape: [3] },
      { name: "signed", values: [num(-128), num(127)], shape: [1, 2] },
      { name: "words", values: [num(2 ** 31 - 1), num(-(2 ** 31))], shape: [2] },
      { name: "longs", values: [num(2n ** 53n - 1n), num(-(2n ** 53n) + 1n), num(12)], shape: [3] },
    ]);
    assert.deepEqual(output.strings, []);
    assert.deepEqual(output.jsons, []);
    assert.equal(output.is_simulation_result, false);
  }
});

test("every other request is refused by name", async () => {
  const refusal = async (...args: Parameters<typeof call>) => (await errorOf(...args)).error;
  assert.deepEqual(await errorOf(...run({ mode: 1 })), { error: "UnsupportedMode", details: [1, "ZK"] });
  assert.deepEqual(await errorOf(...run({ mode: 2 })), { error: "UnsupportedMode", details: [2, "TEE"] });
  assert.deepEqual(await errorOf(...run({ mode: 9 })), { error: "UnsupportedMode", details: [9, "unknown"] });
  for (const modelCID of [
    "",
    "mixed@1.1",
    `0x${"00".repeat(32)}`,
    MODEL.slice(0, 64),
    `${MODEL}0`,
    `0x${"gg".repeat(32)}`,
  ])
    assert.equal(await refusal(...run({ modelCID })), "UnknownModel", modelCID);
  assert.equal(await refusal(...run({ strings: [{ name: "s", values: ["x"] }] })), "StringsUnsupported");
  assert.equal(await refusal(...run({ numbers: INPUTS.slice(1) })), "WrongInputCount");
  assert.equal(await refusal(...run({ numbers: [...INPUTS, INPUTS[0] as Tensor] })), "WrongInputCount");
  assert.deepEqual(await errorOf(...withTensor("image", { name: "other" })), {
    error: "MissingInput",
    details: ["image"],
  });
  assert.deepEqual(await errorOf(...withTensor("image", { name: "bytes" })), {
    error: "MissingInput",
    details: ["image"],
  });
  assert.equal(await refusal(...withTensor("image", { shape: [4] })), "WrongShape");
  assert.equal(await refusal(...withTensor("image", { shape: [2, 2, 1] })), "WrongShape");
  assert.equal(await refusal(...withTensor("image", { values: [num(1)] })), "WrongValueCount");
  assert.equal(
    await refusal(...withTensor("image", { values: [num(4, -38), num(0), num(0), num(0)] })),
    "NumberOutOfRange",
  );
  const bytes = (value: Decimal) => withTensor("bytes", { values: [num(0), num(0), value] });
  for (const value of [num(256), num(-1), num(1, -39), num(1, -38)])
    assert.equal(await refusal(...bytes(value)), "NumberOutOfRange");
  for (const value of [num(5, 1), num(-5, 1), num(1, 39), num(2n ** 127n - 1n, 38)])
    assert.equal(await refusal(...bytes(value)), "NotAnInteger");
  const limits: [string, number, Decimal[]][] = [
    ["signed", 2, [num(128), num(-129)]],
    ["words", 2, [num(2 ** 31), num(-(2 ** 31) - 1)]],
    ["longs", 3, [num(2n ** 53n), num(-(2n ** 53n))]],
  ];
  for (const [name, count, values] of limits)
    for (const value of values)
      assert.equal(
        await refusal(
          ...withTensor(name, { values: Array.from({ length: count }, (_, i) => (i === 0 ? value : num(0))) }),
        ),
        "NumberOutOfRange",
      );
});

test("the face's selector is OpenGradient's", () => {
  const type = "(uint8,string,((string,(int128,int128)[],uint32[])[],(string,string[])[]))";
  const selector = keccakOf(utf8(`runModelInference(${type})`)).subarray(0, 4);
  const args = [{ mode: 0, modelCID: "", input: { numbers: [], strings: [] } }] as const;
  const data = encodeFunctionData({ abi: inference, functionName: "runModelInference", args });
  assert.equal(data.slice(0, 10), toHex(selector));
});

test("the registry: only the alias registers, ids and names keep their meaning, its slots are the protocol's", async () => {
  const other: Hex = `0x${"0d".repeat(32)}`;
  const denied = await register(other, "", USER);
  assert.equal(denied.error, "OnlyL1Registry");
  assert.deepEqual(await resultOf(ADDRESS.modelRegistry, registry, "record", [MODEL]), {
    gas: 7_000n,
    inputBytes: 160,
    outputBytes: 160,
    operators: 9,
    callable: true,
  });
  assert.equal(await resultOf(ADDRESS.modelRegistry, registry, "gasOf", [MODEL]), 7_000n);
  const schema = await resultOf<{ name: string; inputs: unknown[] }>(ADDRESS.modelRegistry, registry, "schemaOf", [
    MODEL,
  ]);
  assert.equal(schema.name, "mixed");
  assert.deepEqual(schema.inputs, TENSORS);
  const slot = await evm.stateManager.getStorage(
    createAddressFromString(ADDRESS.modelRegistry),
    keccakOf(fromHex(MODEL), uintBE(0, 32)),
  );
  assert.equal(
    toHex(word(slot)),
    toHex(concat(uintBE(7_000, 8), uintBE(160, 4), uintBE(160, 4), uintBE(9, 4), uintBE(1, 12))),
  );

  assert.equal((await register(other, NAME)).error, undefined);
  assert.equal(await resultOf(ADDRESS.modelRegistry, registry, "idOf", [NAME]), MODEL);
  assert.equal((await register(other, "other@0.1")).error, undefined);
  assert.equal(await resultOf(ADDRESS.modelRegistry, registry, "idOf", ["other@0.1"]), other);
  // A second registration of an id changes nothing, whatever would be admitted now.
  await putCode(ADDRESS.admit, new Uint8Array(0));
  assert.equal((await register(MODEL, "again@1.0")).error, undefined);
  assert.equal(await resultOf(ADDRESS.modelRegistry, registry, "idOf", ["again@1.0"]), MODEL);
  const unfit: Hex = `0x${"0e".repeat(32)}`;
  const refused = await register(unfit, "unfit@1.0");
  assert.deepEqual([refused.error, refused.details], ["NotAdmissible", [unfit]]);
  assert.equal(await resultOf(ADDRESS.modelRegistry, registry, "idOf", ["unfit@1.0"]), `0x${"00".repeat(32)}`);
  assert.equal((await errorOf(ADDRESS.modelRegistry, registry, "schemaOf", [unfit])).error, "UnknownModel");
  assert.equal((await errorOf(ADDRESS.modelRegistry, registry, "gasOf", [unfit])).error, "UnknownModel");
});

test("L1Block shows the slot that the state transition writes", async () => {
  await evm.stateManager.putStorage(
    createAddressFromString(ADDRESS.l1Block),
    word(new Uint8Array(0)),
    concat(uintBE(1_700_000_000, 8), uintBE(123, 8)),
  );
  assert.equal(await resultOf(ADDRESS.l1Block, l1BlockPredeploy.abi, "number", []), 123n);
  assert.equal(await resultOf(ADDRESS.l1Block, l1BlockPredeploy.abi, "timestamp", []), 1_700_000_000n);
});

test("the digit classifier packs pixels as floats, takes the greatest probability, remembers and tells", async () => {
  const { abi, bytecode } = digitClassifier;
  const created = await evm.runCall({
    caller: createAddressFromString(USER),
    data: fromHex(encodeDeployData({ abi, bytecode, args: [MODEL] })),
    gasLimit: 10_000_000n,
  });
  await putCode(CLASSIFIER, created.execResult.returnValue);
  const pixels = Uint8Array.from({ length: 64 }, (_, i) => (i * 7) % 17);
  // A model that answers when its input is exactly these floats, and fails otherwise.
  const probabilities = new Uint8Array(64);
  probabilities.set(new Uint8Array(Float32Array.from([0, 0.1, 0.25, 0.05, 0, 0, 0.6000000238418579, 0, -1, 0]).buffer));
  const expected = keccakOf(fromHex(MODEL), new Uint8Array(Float32Array.from(pixels).buffer));
  const head = concat(
    Uint8Array.of(0x36, 0x5f, 0x5f, 0x37, 0x36, 0x5f, 0x20, 0x7f),
    expected,
    // EQ, jump to the answer or revert.
    Uint8Array.of(
      0x14,
      0x60,
      48,
      0x57,
      0x5f,
      0x5f,
      0xfd,
      0x00,
      0x5b,
      0x60,
      64,
      0x60,
      60,
      0x5f,
      0x39,
      0x60,
      64,
      0x5f,
      0xf3,
      0,
    ),
  );
  await putCode(ADDRESS.infer, concat(head, probabilities));
  const answer = await call(CLASSIFIER, abi, "classify", [toHex(pixels)]);
  assert.deepEqual(answer.result, [6, 600_000n]);
  const [log] = answer.logs;
  assert.ok(log);
  const event = decodeEventLog({ abi, topics: log[1].map(toHex) as [Hex], data: toHex(log[2]) });
  assert.deepEqual(
    { ...event.args, from: event.args?.from.toLowerCase() },
    { from: USER, digit: 6, confidence: 600_000n },
  );
  assert.deepEqual(await resultOf(CLASSIFIER, abi, "lastResult", [USER]), [6, 600_000n]);
  assert.deepEqual(await resultOf(CLASSIFIER, abi, "predict", [toHex(pixels)]), [6, 600_000n]);
  assert.equal((await errorOf(CLASSIFIER, abi, "predict", [toHex(pixels.subarray(1))])).error, "WrongLength");
  assert.deepEqual(await errorOf(CLASSIFIER, abi, "predict", [toHex(pixels.with(13, 17))]), {
    error: "PixelOutOfRange",
    details: [13n, 17n],
  });
  assert.equal(
    (await errorOf(CLASSIFIER, abi, "predict", [toHex(pixels.with(13, pixels[13] === 1 ? 2 : 1))])).error,
    "InferenceFailed",
  );
});
