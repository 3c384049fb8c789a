import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Common, Hardfork, Mainnet } from "@ethereumjs/common";
import { createEVM, type EVM } from "@ethereumjs/evm";
import { createAddressFromString } from "@ethereumjs/util";
import fc from "fast-check";
import {
  type Abi,
  decodeErrorResult,
  decodeEventLog,
  decodeFunctionResult,
  encodeAbiParameters,
  encodeDeployData,
  encodeFunctionData,
} from "viem";
import { ADDRESS } from "../chain/parameters.ts";
import { type Bytes, concat, fromHex, type Hex, toHex, uintBE, utf8, word } from "../foundation/bytes.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { digitClassifier, inferencePredeploy, l1BlockPredeploy, modelRegistryPredeploy } from "./predeploys.gen.ts";

const L1_REGISTRY: Hex = "0x1111000000000000000000000000000000002222";
const CLASSIFIER: Hex = "0x00000000000000000000000000000000000c1a55";
const USER: Hex = "0x00000000000000000000000000000000000000aa";
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

type Number_ = { readonly value: bigint; readonly decimals: bigint };
const num = (value: bigint | number, decimals: bigint | number = 0): Number_ => ({
  value: BigInt(value),
  decimals: BigInt(decimals),
});

let evm: EVM;

const call = async (to: Hex, abi: Abi, functionName: string, args: readonly unknown[], from: Hex = USER) => {
  const { execResult } = await evm.runCall({
    to: createAddressFromString(to),
    caller: createAddressFromString(from),
    origin: createAddressFromString(from),
    data: fromHex(encodeFunctionData({ abi, functionName, args })),
    gasLimit: 100_000_000n,
  });
  const data = toHex(execResult.returnValue);
  if (execResult.exceptionError !== undefined) {
    if (data === "0x") throw new Error(`halt: ${execResult.exceptionError.error}`);
    const { errorName, args: details } = decodeErrorResult({ abi, data });
    return { error: errorName, details: details ?? [], logs: [], gas: execResult.executionGasUsed } as const;
  }
  return {
    result: decodeFunctionResult({ abi, functionName, data }),
    logs: execResult.logs ?? [],
    gas: execResult.executionGasUsed,
  } as const;
};
const resultOf = async <T>(...args: Parameters<typeof call>): Promise<T> => {
  const answer = await call(...args);
  assert.ok("result" in answer, `reverted: ${JSON.stringify(answer.error)}`);
  return answer.result as T;
};
const errorOf = async (...args: Parameters<typeof call>): Promise<{ error: string; details: readonly unknown[] }> => {
  const answer = await call(...args);
  assert.ok("error" in answer && answer.error !== undefined, "did not revert");
  return { error: answer.error, details: answer.details };
};

const inference = inferencePredeploy.abi;
const registry = modelRegistryPredeploy.abi;
const register = (id: Hex, name: string, from: Hex = L1_REGISTRY) =>
  call(ADDRESS.modelRegistry, registry, "register", [id, `0x${"cc".repeat(32)}`, name], from);
const putCode = (address: Hex, code: Bytes) => evm.stateManager.putCode(createAddressFromString(address), code);

before(async () => {
  evm = await createEVM({ common: new Common({ chain: Mainnet, hardfork: Hardfork.Cancun }) });
  await putCode(ADDRESS.l1Block, fromHex(l1BlockPredeploy.code));
  await putCode(ADDRESS.modelRegistry, fromHex(modelRegistryPredeploy.code));
  await putCode(ADDRESS.inference, fromHex(inferencePredeploy.code));
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

const bitsOf = (x: number): number => new Uint32Array(Float32Array.of(x).buffer)[0] as number;

/** The float32 nearest to value / 10^decimals by exact comparison with its neighbours; undefined: too large. */
const nearest = ({ value, decimals }: Number_): number | undefined => {
  const up = decimals < 0n ? 10n ** -decimals : 1n;
  const down = decimals > 0n ? 10n ** decimals : 1n;
  const magnitude = value < 0n ? -value : value;
  // Positive patterns are ordered; 0x7f800000 stands for 2^128 here.
  const exact = (bits: number): bigint => {
    const exponent = bits >> 23;
    const mantissa = exponent === 0 ? bits : (bits & 0x7fffff) | 0x800000;
    return BigInt(mantissa) << BigInt(Math.max(exponent, 1) - 1);
  };
  // Both sides in units of 2^-150 / down.
  const target = (magnitude * up) << 150n;
  const scaled = (bits: number) => (exact(bits) << 1n) * down;
  let low = 0;
  let high = 0x7f800000;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (scaled(middle) <= target) low = middle;
    else high = middle;
  }
  const toLow = target - scaled(low);
  const toHigh = scaled(high) - target;
  const bits = toLow < toHigh || (toLow === toHigh && low % 2 === 0) ? low : high;
  if (bits >= 0x7f800000 || target > scaled(0x7f800000)) return undefined;
  return bits === 0 ? 0 : value < 0n ? bits + 0x80000000 : bits;
};

const checkToFloat = async (number: Number_) => {
  const expected = nearest(number);
  const answer = await call(ADDRESS.inference, inference, "toFloat32", [number]);
  if (expected === undefined) assert.equal(answer.error, "NumberOutOfRange", JSON.stringify(String(number.value)));
  else assert.equal(answer.result, expected, `${number.value} / 10^${number.decimals}`);
};

test("decimal to float32: ties, subnormals, extremes", async () => {
  const max = (1n << 127n) - 1n;
  const cases: Number_[] = [
    num(0),
    num(0, 500),
    num(0, -500),
    num(1),
    num(-1),
    num(1, 1),
    num(15, 1),
    num(-25, 2),
    // Halfway between two floats above 2^24: to the even one.
    num(2 ** 24 + 1),
    num(2 ** 24 + 3),
    num(2 ** 25 + 2),
    num(2 ** 25 + 6),
    num(-(2 ** 24 + 1)),
    // A hair off the tie.
    num(16777217000000000000000000000001n, 24),
    num(16777216999999999999999999999999n, 24),
    // 1 + 2^-24 is a tie, in decimal exactly; and beside it.
    num(1000000059604644775390625n, 24),
    num(1000000059604644775390624n, 24),
    num(1000000059604644775390626n, 24),
    num(1000000178813934326171875n, 24),
    // Greatest float, the tie above it, and just below that.
    num(340282346638528859811704183484516925440n / 4n, 0),
    num(3402823466385288598117041834845169254n, -2),
    num(34028235677973366163753939545814242n, -4),
    num(34028235677973366163753939545814241n, -4),
    num(34028236n, -31),
    num(34028235n, -31),
    num(1, -38),
    num(3, -38),
    num(4, -38),
    num(1, -39),
    num(1, -1000),
    // Smallest subnormal, half of it (tie to zero), a bit above, and the border of normal numbers.
    num(14012984643248170709237295832899161n, 79),
    num(7006492321624085354618647916449580n, 79),
    num(7006492321624085354618647916449581n, 79),
    num(70064923216240853546186479164495806561n, 83),
    num(70064923216240853546186479164495807n, 80),
    num(21019476964872256063855943749348742n, 79),
    num(11754943508222875079687365372222456n, 72),
    num(11754942106924410159919424692687n, 69),
    num(1, 45),
    num(1, 46),
    num(8, 46),
    num(7, 46),
    num(1, 38),
    num(1, 44),
    num(max, 83),
    num(max, 84),
    num(max, 85),
    num(max),
    num(-max - 1n),
    num(max, 38),
    num(-max - 1n, 77),
    num(max, -1),
    num(max, -38),
    num(1, max),
    num(-1, -max - 1n),
  ];
  for (const number of cases)
    if (number.decimals > 400n || number.decimals < -400n) {
      const answer = await call(ADDRESS.inference, inference, "toFloat32", [number]);
      if (number.value === 0n || number.decimals > 0n) assert.equal(answer.result, 0);
      else assert.equal(answer.error, "NumberOutOfRange");
    } else await checkToFloat(number);
  assert.equal(nearest(num(1, 1)), bitsOf(0.1));
  assert.equal(nearest(num(2 ** 24 + 1)), bitsOf(2 ** 24));
});

test("decimal to float32: random numbers against exact comparison", async () => {
  const any = fc.record({
    value: fc.oneof(
      fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n }),
      fc.bigInt({ min: -1_000_000_000n, max: 1_000_000_000n }),
    ),
    decimals: fc.bigInt({ min: -40n, max: 90n }),
  });
  // The exact middle of two neighbouring floats, where it fits an int128.
  const ties = fc
    .tuple(fc.integer({ min: 2 ** 23, max: 2 ** 24 - 1 }), fc.integer({ min: -20, max: 60 }))
    .map(([m, e]) => {
      const middle = BigInt(2 * m + 1);
      return e >= 0 ? num(middle << BigInt(e)) : num(middle * 5n ** BigInt(-e), -e);
    });
  await fc.assert(fc.asyncProperty(fc.oneof(any, ties), checkToFloat), { seed: 7, numRuns: 1500 });
});

/** Nine digits of a float by exact arithmetic, ties to even, in the canonical form. */
const nineDigits = (bits: number): Number_ => {
  const exponent = (bits >> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  const mantissa = BigInt(exponent === 0 ? fraction : fraction | 0x800000);
  if (mantissa === 0n) return num(0);
  const e = Math.max(exponent, 1) - 150;
  const top = mantissa << BigInt(Math.max(e, 0));
  const bottom = 1n << BigInt(Math.max(-e, 0));
  let decimals = 60n;
  const scaled = () => ({
    n: decimals >= 0n ? top * 10n ** decimals : top,
    d: decimals >= 0n ? bottom : bottom * 10n ** -decimals,
  });
  while (scaled().n / scaled().d >= 1_000_000_000n) decimals--;
  const { n, d } = scaled();
  let value = n / d;
  const rest = 2n * (n % d);
  if (rest > d || (rest === d && value % 2n === 1n)) value++;
  while (value % 10n === 0n && decimals > 0n) {
    value /= 10n;
    decimals--;
  }
  if (decimals < 0n && decimals >= -29n) {
    value *= 10n ** -decimals;
    decimals = 0n;
  }
  return num(bits >= 0x80000000 ? -value : value, decimals);
};

const checkToNumber = async (bits: number) => {
  const shown = await resultOf<Number_>(ADDRESS.inference, inference, "toNumber", [bits]);
  assert.deepEqual(shown, nineDigits(bits), `0x${bits.toString(16)}`);
  // Nine digits tell all floats apart.
  const back = await resultOf<number>(ADDRESS.inference, inference, "toFloat32", [shown]);
  assert.equal(back, bits === 0x80000000 ? 0 : bits);
};

test("float32 to decimal: every power of two, extremes, ties, and random patterns; and back", async () => {
  for (let exponent = 0; exponent < 255; exponent++) await checkToNumber(exponent << 23);
  for (const bits of [1, 2, 3, 0x7fffff, 0x800000, 0x800001, 0x7f7fffff, 0x80000000, 0x80000001])
    await checkToNumber(bits);
  for (const x of [0.5, 0.1, 1e9, 999999936, 1e10, 123456.789, 16777215, 1e38, 1.7e38, -1e-45, 0.3333333432674408])
    await checkToNumber(bitsOf(x));
  // Tenth digit exactly 5: 2^-n with few digits does not reach it, odd multiples of 2^-10 above 10^5 do.
  for (const x of [65536.0078125, 100000.0078125, 100000.0234375, 262144.03125, 131071.9921875])
    await checkToNumber(bitsOf(x));
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 0xffffffff }).filter((bits) => ((bits >> 23) & 0xff) !== 0xff),
      checkToNumber,
    ),
    { seed: 8, numRuns: 1000 },
  );
  for (const bits of [0x7f800000, 0xff800000, 0x7fc00000])
    assert.equal((await errorOf(ADDRESS.inference, inference, "toNumber", [bits])).error, "NotFinite");
});

type Tensor = { name: string; values: readonly Number_[]; shape: readonly number[] };
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
  const bytes = (value: Number_) => withTensor("bytes", { values: [num(0), num(0), value] });
  for (const value of [num(256), num(-1), num(1, -39), num(1, -38)])
    assert.equal(await refusal(...bytes(value)), "NumberOutOfRange");
  for (const value of [num(5, 1), num(-5, 1), num(1, 39), num(2n ** 127n - 1n, 38)])
    assert.equal(await refusal(...bytes(value)), "NotAnInteger");
  const limits: [string, number, Number_[]][] = [
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
