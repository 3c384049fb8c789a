import assert from "node:assert/strict";
import test from "node:test";
import { importOnnx } from "./import.ts";
import {
  type Given,
  modelOf,
  type NodeSketch,
  one,
  onOnnxruntime,
  onProgram,
  type Sketch,
  tensor,
} from "./model.fixture.ts";

/** The com.microsoft operators of the QOperator format: within one code of onnxruntime, whose own formulas differ by processor. */

const { fround } = Math;
const codes = (seed: number, count: number, lo: number): number[] =>
  Array.from({ length: count }, (_, i) => lo + ((Math.imul(seed * 977 + i, 2654435761) >>> 7) % 256));

const SHAPE = [1, 4, 6, 6];
const COUNT = 144;

const CASES: Record<string, Pick<NodeSketch, "inputs" | "attributes">> = {
  QLinearAdd: { inputs: ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"] },
  QLinearMul: { inputs: ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"] },
  QLinearConcat: { inputs: ["ys", "yz", "x", "xs", "xz", "w", "ws", "wz"], attributes: { axis: 1 } },
  QLinearSigmoid: { inputs: ["x", "xs", "xz", "ps", "pz"] },
  QLinearLeakyRelu: { inputs: ["x", "xs", "xz", "ys", "yz"], attributes: { alpha: { float: 0.2 } } },
  QLinearGlobalAveragePool: { inputs: ["x", "xs", "xz", "ys", "yz"], attributes: { channels_last: 0 } },
  QLinearAveragePool: {
    inputs: ["x", "xs", "xz", "ys", "yz"],
    attributes: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  },
  QLinearSoftmax: { inputs: ["x", "xs", "xz", "ps", "pz"], attributes: { axis: 3, opset: 13 } },
};

for (const [operator, { inputs, attributes }] of Object.entries(CASES))
  for (const element of ["uint8", "int8"] as const)
    test(`${operator} of ${element}`, async () => {
      const lo = element === "uint8" ? 0 : -128;
      const constants: Record<string, Given> = {
        xs: one("float32", fround(0.037)),
        xz: one(element, lo + 120),
        ws: one("float32", fround(0.021)),
        wz: one(element, lo + 131),
        ys: one("float32", fround(0.052)),
        yz: one(element, lo + 99),
        ps: one("float32", fround(1 / 256)),
        pz: one(element, lo),
      };
      const port = (name: string) => ({ name, element, shape: SHAPE });
      const sketch: Sketch = {
        inputs: inputs.includes("w") ? [port("x"), port("w")] : [port("x")],
        outputs: [{ name: "y", element, shape: ["a", "b", "c", "d"] }],
        constants,
        nodes: [
          {
            operator: `com.microsoft.${operator}`,
            inputs,
            outputs: ["y"],
            ...(attributes === undefined ? {} : { attributes }),
          },
        ],
      };
      const x = tensor(element, SHAPE, codes(1, COUNT, lo));
      const w = tensor(element, SHAPE, codes(2, COUNT, lo));
      const feeds: Record<string, Given> = inputs.includes("w") ? { x, w } : { x };
      const model = modelOf(sketch);
      const [expected = []] = await onOnnxruntime(model, feeds);
      const [actual = []] = await onProgram(importOnnx(model), feeds);
      assert.equal(actual.length, expected.length);
      const off = actual.filter((v, i) => v !== expected[i]).length;
      assert.ok(actual.every((v, i) => Math.abs(v - (expected[i] as number)) <= 1));
      assert.ok(off <= actual.length / 20, `${off} of ${actual.length} differ`);
    });

test("QLinearMatMul of two run-time tensors, batched and broadcast, equals onnxruntime", async () => {
  for (const element of ["uint8", "int8"] as const) {
    const lo = element === "uint8" ? 0 : -128;
    const sketch: Sketch = {
      inputs: [
        { name: "a", element, shape: [2, 3, 5, 8] },
        { name: "b", element, shape: [3, 8, 4] },
      ],
      outputs: [{ name: "y", element, shape: [2, 3, 5, 4] }],
      constants: {
        as: one("float32", fround(0.03)),
        az: one(element, lo + 7),
        bs: one("float32", fround(0.011)),
        bz: one(element, lo + 128),
        ys: one("float32", fround(0.2)),
        yz: one(element, lo + 60),
      },
      nodes: [{ operator: "QLinearMatMul", inputs: ["a", "as", "az", "b", "bs", "bz", "ys", "yz"], outputs: ["y"] }],
    };
    const feeds = {
      a: tensor(element, [2, 3, 5, 8], codes(3, 240, lo)),
      b: tensor(element, [3, 8, 4], codes(4, 96, lo)),
    };
    const model = modelOf(sketch);
    const [expected] = await onOnnxruntime(model, feeds);
    const [actual] = await onProgram(importOnnx(model), feeds);
    assert.deepEqual(actual, expected);
  }
});

test("QGemm per column, with and without a quantised output, equals onnxruntime", async () => {
  for (const transB of [0, 1]) {
    const w = codes(5, 5 * 12, -128).map((v) => Math.max(-127, v));
    const sketch = (outputs: readonly string[]): Sketch => ({
      inputs: [{ name: "a", element: "int8", shape: [2, 12] }],
      outputs: [{ name: "y", element: outputs.length > 0 ? "int8" : "float32", shape: [2, 5] }],
      constants: {
        as: one("float32", fround(0.03)),
        az: one("int8", -11),
        w: tensor("int8", transB === 1 ? [5, 12] : [12, 5], w),
        ws: tensor("float32", [5], [0.01, 0.02, 0.003, 0.04, 0.005].map(fround)),
        wz: tensor("int8", [5], [0, 0, 0, 0, 0]),
        c: tensor("int32", [5], [100, -200, 3000, 4, -5]),
        ys: one("float32", fround(0.7)),
        yz: one("int8", 9),
      },
      nodes: [
        {
          operator: "com.microsoft.QGemm",
          inputs: ["a", "as", "az", "w", "ws", "wz", "c", ...outputs],
          outputs: ["y"],
          attributes: { transB },
        },
      ],
    });
    const feeds = { a: tensor("int8", [2, 12], codes(6, 24, -128)) };
    for (const outputs of [["ys", "yz"], []]) {
      const model = modelOf(sketch(outputs));
      const [expected] = await onOnnxruntime(model, feeds);
      const [actual] = await onProgram(importOnnx(model), feeds);
      assert.deepEqual(actual, expected);
    }
  }
});
