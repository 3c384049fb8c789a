import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type ImportOptions, importOnnx } from "./import.ts";
import { type Given, modelOf, one, onOnnxruntime, onProgram, type Sketch, tensor } from "./model.fixture.ts";

/** Quantised layers as the tools write them, against onnxruntime without optimisation. */

const { fround } = Math;
const rne = (x: number): number => {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
};

const bytes = (seed: number, count: number, lo: number, hi: number): number[] => {
  let state = seed >>> 0 || 1;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return lo + ((state >>> 8) % (hi - lo + 1));
  });
};

const both = async (sketch: Sketch, feeds: Readonly<Record<string, Given>>, options: ImportOptions = {}) => {
  const model = modelOf(sketch);
  const expected = await onOnnxruntime(model, feeds);
  const imported = importOnnx(model, options);
  return { expected, actual: await onProgram(imported, feeds), imported };
};

type ConvCase = {
  readonly signed: boolean;
  readonly wide: boolean;
  readonly perChannel: boolean;
  readonly groups: number;
  readonly perGroup: number;
  readonly outPerGroup: number;
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly pads: readonly number[];
  readonly seed: number;
};

const convSketch = (c: ConvCase): { sketch: Sketch; feeds: Record<string, Given> } => {
  const channels = c.groups * c.perGroup;
  const filters = c.groups * c.outPerGroup;
  const element = c.signed ? "int8" : "uint8";
  const [lo, hi] = c.signed ? [-128, 127] : [0, 255];
  const zero = bytes(c.seed + 1, 1, lo, hi)[0] as number;
  const reach = c.wide ? 127 : 63;
  const scales = c.perChannel ? bytes(c.seed + 2, filters, 1, 90).map((v) => fround(v / 8192)) : [fround(0.0071)];
  const per = c.perChannel ? [filters] : [];
  return {
    sketch: {
      inputs: [{ name: "x", element, shape: [1, channels, c.size, c.size] }],
      outputs: [{ name: "y", element, shape: ["n", "c", "h", "w"] }],
      constants: {
        xs: one("float32", fround(0.043)),
        xz: one(element, zero),
        w: tensor(
          "int8",
          [filters, c.perGroup, c.kernel, c.kernel],
          bytes(c.seed + 3, filters * c.perGroup * c.kernel ** 2, -reach, reach),
        ),
        ws: tensor("float32", per, scales),
        wz: tensor(
          "int8",
          per,
          scales.map(() => 0),
        ),
        ys: one("float32", fround(0.061)),
        yz: one(element, bytes(c.seed + 4, 1, lo, hi)[0] as number),
        b: tensor("int32", [filters], bytes(c.seed + 5, filters, -5000, 5000)),
      },
      nodes: [
        {
          operator: "QLinearConv",
          inputs: ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"],
          outputs: ["y"],
          attributes: {
            group: c.groups,
            strides: [c.stride, c.stride],
            dilations: [c.dilation, c.dilation],
            pads: [...c.pads],
            kernel_shape: [c.kernel, c.kernel],
          },
        },
      ],
    },
    feeds: { x: tensor(element, [1, channels, c.size, c.size], bytes(c.seed, channels * c.size ** 2, lo, hi)) },
  };
};

test("QLinearConv equals onnxruntime bit for bit: signed and unsigned, groups, dilation, uneven pads", async () => {
  const shape = fc.record({
    signed: fc.boolean(),
    wide: fc.boolean(),
    perChannel: fc.boolean(),
    groups: fc.integer({ min: 1, max: 3 }),
    perGroup: fc.integer({ min: 1, max: 3 }),
    outPerGroup: fc.integer({ min: 1, max: 3 }),
    size: fc.integer({ min: 5, max: 9 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 2 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    pads: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }),
    seed: fc.integer({ min: 1, max: 1 << 30 }),
  });
  await fc.assert(
    fc.asyncProperty(shape, async (given) => {
      // onnxruntime's own u8 x s8 is wrong beyond 64 on some processors: there the weights stay narrow.
      const c = given.signed ? given : { ...given, wide: false };
      const { sketch, feeds } = convSketch(c);
      const { expected, actual } = await both(sketch, feeds);
      assert.deepEqual(actual, expected);
    }),
    { numRuns: 40, seed: 11 },
  );
});

test("a convolution between DequantizeLinear and QuantizeLinear is one contraction and one rounding", async () => {
  const x = bytes(5, 3 * 36, -128, 127);
  const w = bytes(6, 4 * 27, -127, 127);
  const ws = [0.011, 0.002, 0.03, 0.0007].map(fround);
  const sx = fround(0.031);
  const sy = fround(0.5);
  const bias = [1200, -800, 40, 30000];
  const imported = importOnnx(
    modelOf({
      inputs: [{ name: "x", element: "int8", shape: [1, 3, 6, 6] }],
      outputs: [{ name: "y", element: "int8", shape: [1, 4, 4, 4] }],
      constants: {
        sx: one("float32", sx),
        zx: one("int8", -7),
        w: tensor("int8", [4, 3, 3, 3], w),
        ws: tensor("float32", [4], ws),
        wz: tensor("int8", [4], [0, 0, 0, 0]),
        b: tensor("int32", [4], bias),
        bs: tensor(
          "float32",
          [4],
          ws.map((s) => fround(s * sx)),
        ),
        bz: tensor("int32", [4], [0, 0, 0, 0]),
        sy: one("float32", sy),
        zy: one("int8", 3),
      },
      nodes: [
        { operator: "DequantizeLinear", inputs: ["x", "sx", "zx"], outputs: ["xf"] },
        { operator: "DequantizeLinear", inputs: ["w", "ws", "wz"], outputs: ["wf"], attributes: { axis: 0 } },
        { operator: "DequantizeLinear", inputs: ["b", "bs", "bz"], outputs: ["bf"], attributes: { axis: 0 } },
        { operator: "Conv", inputs: ["xf", "wf", "bf"], outputs: ["c"] },
        { operator: "Relu", inputs: ["c"], outputs: ["r"] },
        { operator: "QuantizeLinear", inputs: ["r", "sy", "zy"], outputs: ["y"] },
      ],
    }),
  );
  const kinds = imported.program.operators.map(({ kind }) => kind);
  assert.deepEqual(
    kinds.filter((kind) => kind === "CONTRACT"),
    ["CONTRACT"],
  );
  const expected: number[] = [];
  for (let o = 0; o < 4; o++)
    for (let i = 0; i < 4; i++)
      for (let j = 0; j < 4; j++) {
        let sum = bias[o] as number;
        for (let c = 0; c < 3; c++)
          for (let k = 0; k < 9; k++) {
            const at = c * 36 + (i + Math.floor(k / 3)) * 6 + j + (k % 3);
            sum += ((x[at] as number) + 7) * (w[o * 27 + c * 9 + k] as number);
          }
        const step = fround(fround(sx * (ws[o] as number)) / sy);
        const code = rne(fround(fround(Math.max(sum, 0)) * step)) + 3;
        expected.push(Math.min(127, Math.max(-128, code)));
      }
  const [actual] = await onProgram(imported, { x: tensor("int8", [1, 3, 6, 6], x) });
  assert.deepEqual(actual, expected);
});

test("products longer than an element's proof are chained and stay exact", async () => {
  const K = 9001;
  const sketch: Sketch = {
    inputs: [{ name: "a", element: "uint8", shape: [2, K] }],
    outputs: [{ name: "y", element: "int32", shape: [2, 3] }],
    constants: { b: tensor("uint8", [K, 3], bytes(9, 3 * K, 0, 255)), za: one("uint8", 17), zb: one("uint8", 201) },
    nodes: [{ operator: "MatMulInteger", inputs: ["a", "b", "za", "zb"], outputs: ["y"] }],
  };
  const { expected, actual, imported } = await both(sketch, { a: tensor("uint8", [2, K], bytes(8, 2 * K, 0, 255)) });
  assert.deepEqual(actual, expected);
  assert.equal(imported.program.operators.filter(({ kind }) => kind === "CONTRACT").length, 3);
});

test("products whose partial sums i32 does not hold are added in i64", async () => {
  const K = 70_001;
  const sketch: Sketch = {
    inputs: [{ name: "a", element: "uint8", shape: [1, K] }],
    outputs: [{ name: "y", element: "float32", shape: [1, 2] }],
    constants: { b: tensor("uint8", [K, 2], bytes(9, 2 * K, 0, 255)), zb: one("uint8", 128), s: one("float32", 0.25) },
    nodes: [
      { operator: "MatMulInteger", inputs: ["a", "b", "", "zb"], outputs: ["m"] },
      { operator: "Cast", inputs: ["m"], outputs: ["f"], attributes: { to: 1 } },
      { operator: "Mul", inputs: ["f", "s"], outputs: ["y"] },
    ],
  };
  const { expected, actual, imported } = await both(sketch, { a: tensor("uint8", [1, K], bytes(8, K, 0, 255)) });
  assert.deepEqual(actual, expected);
  const contractions = imported.program.operators.filter(({ kind }) => kind === "CONTRACT");
  assert.equal(
    contractions.filter(({ operands }) => operands.length === 2).length,
    2,
    "two chains begin without a sum",
  );
});

test("dynamic quantisation: DynamicQuantizeLinear, MatMulInteger with its zero point, rescaling", async () => {
  const sketch: Sketch = {
    inputs: [{ name: "x", element: "float32", shape: [3, 40] }],
    outputs: [{ name: "y", element: "float32", shape: [3, 7] }],
    constants: { w: tensor("int8", [40, 7], bytes(3, 280, -60, 60)), ws: one("float32", fround(0.013)) },
    nodes: [
      { operator: "DynamicQuantizeLinear", inputs: ["x"], outputs: ["q", "s", "z"] },
      { operator: "MatMulInteger", inputs: ["q", "w", "z"], outputs: ["m"] },
      { operator: "Cast", inputs: ["m"], outputs: ["f"], attributes: { to: 1 } },
      { operator: "Mul", inputs: ["s", "ws"], outputs: ["step"] },
      { operator: "Mul", inputs: ["f", "step"], outputs: ["y"] },
    ],
  };
  for (const seed of [1, 2, 3]) {
    const data = bytes(seed, 120, -3000, 7000).map((v) => fround(v / 1000));
    const { expected, actual } = await both(sketch, { x: tensor("float32", [3, 40], data) });
    assert.deepEqual(actual, expected);
  }
});

test("dynamic quantisation of more elements than one proof reads", async () => {
  const sketch: Sketch = {
    inputs: [{ name: "x", element: "float32", shape: [1, 9001] }],
    outputs: [
      { name: "q", element: "uint8", shape: [1, 9001] },
      { name: "s", element: "float32", shape: [] },
      { name: "z", element: "uint8", shape: [] },
    ],
    nodes: [{ operator: "DynamicQuantizeLinear", inputs: ["x"], outputs: ["q", "s", "z"] }],
  };
  const data = bytes(12, 9001, -4000, 9000).map((v) => fround(v / 900));
  const { expected, actual } = await both(sketch, { x: tensor("float32", [1, 9001], data) });
  assert.deepEqual(actual, expected);
});

test("a concatenation stays in the order of memory that convolutions leave", async () => {
  const { sketch, feeds } = convSketch({
    ...{ signed: true, wide: true, perChannel: true, groups: 1, perGroup: 3, outPerGroup: 4, size: 6, kernel: 3 },
    ...{ stride: 1, dilation: 1, pads: [1, 1, 1, 1], seed: 3 },
  });
  const nodes: Sketch["nodes"] = [
    ...sketch.nodes,
    { operator: "Concat", inputs: ["y", "y"], outputs: ["c"], attributes: { axis: 1 } },
    {
      operator: "MaxPool",
      inputs: ["c"],
      outputs: ["p"],
      attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    },
  ];
  const outputs = [{ name: "p", element: "int8" as const, shape: [1, 8, 3, 3] }];
  const { expected, actual, imported } = await both({ ...sketch, nodes, outputs }, feeds);
  assert.deepEqual(actual, expected);
  const moves = imported.program.operators.filter(({ kind }) => kind === "MOVE");
  assert.deepEqual(
    moves.map(({ output }) => output),
    [[1, 6, 6, 8]],
  );
});

test("ConvInteger with a computed zero point does not count padding", async () => {
  const sketch: Sketch = {
    inputs: [{ name: "x", element: "float32", shape: [1, 2, 5, 5] }],
    outputs: [{ name: "y", element: "int32", shape: [1, 3, 5, 5] }],
    constants: { w: tensor("uint8", [3, 2, 3, 3], bytes(3, 54, 0, 255)), wz: one("uint8", 128) },
    nodes: [
      { operator: "DynamicQuantizeLinear", inputs: ["x"], outputs: ["q", "s", "z"] },
      {
        operator: "ConvInteger",
        inputs: ["q", "w", "z", "wz"],
        outputs: ["y"],
        attributes: { pads: [1, 1, 1, 1], kernel_shape: [3, 3] },
      },
    ],
  };
  const data = bytes(4, 50, -900, 400).map((v) => fround(v / 100));
  const { expected, actual } = await both(sketch, { x: tensor("float32", [1, 2, 5, 5], data) });
  assert.deepEqual(actual, expected);
});

test("pools and moves of 8-bit tensors keep their codes", async () => {
  const sketch: Sketch = {
    inputs: [{ name: "x", element: "int8", shape: [1, 3, 6, 6] }],
    outputs: [{ name: "y", element: "int8", shape: [1, 6, 3, 3] }],
    constants: { s: one("float32", fround(0.02)), z: one("int8", -3) },
    nodes: [
      { operator: "DequantizeLinear", inputs: ["x", "s", "z"], outputs: ["f"] },
      {
        operator: "MaxPool",
        inputs: ["f"],
        outputs: ["p"],
        attributes: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 0, 0] },
      },
      { operator: "Concat", inputs: ["p", "p"], outputs: ["c"], attributes: { axis: 1 } },
      { operator: "QuantizeLinear", inputs: ["c", "s", "z"], outputs: ["y"] },
    ],
  };
  const { expected, actual, imported } = await both(sketch, {
    x: tensor("int8", [1, 3, 6, 6], bytes(2, 108, -128, 127)),
  });
  assert.deepEqual(actual, expected);
  assert.ok(imported.program.operators.every(({ dtype }) => dtype !== "f32"));
});

test("averages, sums and activations of 8-bit tensors are within one code of onnxruntime", async () => {
  const x = tensor("uint8", [1, 4, 8, 8], bytes(7, 256, 0, 255));
  const q = (name: string): string[] => [name, "s", "z"];
  const chain = (nodes: Sketch["nodes"]): Sketch => ({
    inputs: [{ name: "x", element: "uint8", shape: [1, 4, 8, 8] }],
    outputs: [{ name: "y", element: "uint8", shape: ["a", "b", "c", "d"] }],
    constants: {
      s: one("float32", fround(0.04)),
      z: one("uint8", 100),
      t: one("float32", fround(0.01)),
      u: one("uint8", 3),
    },
    nodes: [
      { operator: "DequantizeLinear", inputs: q("x"), outputs: ["f"] },
      ...nodes,
      { operator: "QuantizeLinear", inputs: ["g", "t", "u"], outputs: ["y"] },
    ],
  });
  const window = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
  const cases: Record<string, Sketch["nodes"]> = {
    average: [{ operator: "AveragePool", inputs: ["f"], outputs: ["g"], attributes: window }],
    padded: [
      { operator: "AveragePool", inputs: ["f"], outputs: ["g"], attributes: { ...window, count_include_pad: 1 } },
    ],
    global: [{ operator: "GlobalAveragePool", inputs: ["f"], outputs: ["g"] }],
    add: [{ operator: "Add", inputs: ["f", "f"], outputs: ["g"] }],
    sigmoid: [{ operator: "Sigmoid", inputs: ["f"], outputs: ["g"] }],
    softmax: [{ operator: "Softmax", inputs: ["f"], outputs: ["g"], attributes: { axis: 1 } }],
  };
  for (const [name, nodes] of Object.entries(cases)) {
    const { expected, actual } = await both(chain(nodes), { x });
    const [e = [], a = []] = [expected[0], actual[0]];
    assert.equal(a.length, e.length, name);
    assert.ok(
      a.every((v, i) => Math.abs(v - (e[i] as number)) <= 1),
      name,
    );
  }
});
