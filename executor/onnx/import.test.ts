import assert from "node:assert/strict";
import test from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "../onnx-proto/onnx_pb.ts";
import { encodeProgram } from "../tensor/codec.ts";
import { violations } from "../tensor/constraints.ts";
import { decodeProgram } from "../tensor/decode.ts";
import { run as runReference } from "../tensor/reference.ts";
import { describeProgram } from "./describe.ts";
import { decodeMeta } from "./emit/meta.ts";
import { IMPORT_CONSTRAINTS, type Refusal, refusalsOf } from "./emit/refusal.ts";
import { type ImportOptions, importOnnx, UNUSED_INPUT } from "./import.ts";
import { modelOf, one, onProgram, packCall, type Sketch, tensor, unpackAnswer } from "./model.fixture.ts";

const refused = (sketch: Sketch | Uint8Array, options: ImportOptions = {}): readonly Refusal[] => {
  try {
    importOnnx(sketch instanceof Uint8Array ? sketch : modelOf(sketch), options);
  } catch (error) {
    assert.ok(refusalsOf(error).length > 0, String(error));
    return refusalsOf(error);
  }
  assert.fail("imported");
};

const x4 = { name: "x", element: "float32", shape: [4] } as const;
const y4 = { name: "y", element: "float32", shape: [4] } as const;
const unary = (operator: string, extra: Partial<Sketch> = {}): Sketch => ({
  inputs: [x4],
  outputs: [y4],
  nodes: [{ operator, inputs: ["x"], outputs: ["y"], name: "n" }],
  ...extra,
});

/** For each constraint a model that breaks it and nothing else. */
const BREAKING: Record<keyof typeof IMPORT_CONSTRAINTS, readonly (Sketch | Uint8Array)[]> = {
  O1: [unary("Relu", { opset: 27 })],
  O2: [unary("Loop"), unary("com.microsoft.FusedConv"), unary("elsewhere.Relu")],
  O3: [
    unary("Relu", { inputs: [{ ...x4, element: "float16" }] }),
    unary("Relu", { inputs: [{ ...x4, element: "float64" }] }),
    { ...unary("Cast"), nodes: [{ operator: "Cast", inputs: ["x"], outputs: ["y"], attributes: { to: 10 } }] },
  ],
  O4: [
    unary("Relu", { inputs: [{ ...x4, shape: ["n"] }] }),
    unary("Relu", { inputs: [{ ...x4, shape: [0] }] }),
    unary("Relu", { inputs: [{ ...x4, shape: [1, 1, 1, 1, 1, 1, 1, 1, 4] }] }),
  ],
  O5: [{ ...unary("MaxPool"), inputs: [{ ...x4, shape: [1, 1, 4] }] }],
  O6: [
    {
      inputs: [x4, { name: "s", element: "int64", shape: [2] }],
      outputs: [y4],
      nodes: [{ operator: "Reshape", inputs: ["x", "s"], outputs: ["y"] }],
    },
  ],
  O7: [
    {
      inputs: [{ ...x4, shape: [1, 4] }],
      outputs: [y4],
      constants: { w: tensor("float32", [4, 2], [1, 2, 3, 4, 5, 6, 7, 8]) },
      nodes: [{ operator: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
    },
  ],
  O8: [
    { ...unary("Relu"), nodes: [{ operator: "Relu", inputs: ["nowhere"], outputs: ["y"] }] },
    { ...unary("Relu"), outputs: [{ ...y4, name: "nowhere" }] },
    {
      ...unary("Relu"),
      nodes: [
        { operator: "Relu", inputs: ["x"], outputs: ["y"] },
        { operator: "Abs", inputs: ["x"], outputs: ["y"] },
      ],
    },
    {
      ...unary("Add"),
      constants: { w: tensor("float32", [3], [1, 2, 3]) },
      nodes: [{ operator: "Add", inputs: ["x", "w"], outputs: ["y"] }],
    },
  ],
  O9: [
    {
      ...unary("Add"),
      constants: { w: tensor("float32", [4], [1, 2, 3, Number.POSITIVE_INFINITY]) },
      nodes: [{ operator: "Concat", inputs: ["x", "w"], outputs: ["y"], attributes: { axis: 0 } }],
    },
  ],
  O10: [unary("Relu", { inputs: [{ ...x4, shape: [2 ** 27] }] })],
};

for (const [constraint, models] of Object.entries(BREAKING))
  test(`${constraint}: ${IMPORT_CONSTRAINTS[constraint as keyof typeof IMPORT_CONSTRAINTS]}`, () => {
    for (const model of models) {
      const refusals = refused(model);
      assert.deepEqual([...new Set(refusals.map((refusal) => refusal.constraint))], [constraint]);
    }
  });

test("all reasons at once, each with node, operator and constraint", () => {
  const refusals = refused({
    inputs: [x4, { name: "h", element: "float16", shape: [4] }],
    outputs: [y4],
    nodes: [
      { operator: "Einsum", inputs: ["x"], outputs: ["a"], name: "first" },
      { operator: "Nonsense", inputs: ["a"], outputs: ["b"], name: "second" },
      { operator: "Log", inputs: ["x"], outputs: ["c"], name: "third" },
      { operator: "Add", inputs: ["b", "c"], outputs: ["y"], name: "fourth" },
    ],
  });
  assert.deepEqual(
    refusals.map(({ node, operator, constraint }) => [node, operator, constraint]),
    [
      ["h", "input", "O3"],
      ["first", "Einsum", "O2"],
      ["second", "Nonsense", "O2"],
      ["third", "Log", "C9"],
    ],
  );
});

test("what the importer makes is well formed and survives its encoding", () => {
  const { program, report } = importOnnx(modelOf(unary("Softmax")), { ranges: { x: { lo: -9, hi: 9 } } });
  assert.deepEqual(violations(program), []);
  assert.deepEqual(decodeProgram(encodeProgram(program)), program);
  assert.deepEqual(decodeMeta(program.meta).inputs, [{ name: "x", dtype: "f32", shape: [4] }]);
  assert.deepEqual(report.operators, { Softmax: 1 });
  assert.deepEqual(describeProgram(program).inputs[0]?.range, { lo: -9, hi: 9 });
});

test("ranges: declared, of the quantiser behind the input, or the default", () => {
  const rangeOf = (sketch: Sketch, options: ImportOptions = {}) =>
    importOnnx(modelOf(sketch), options).report.inputs[0]?.range;
  assert.deepEqual(rangeOf(unary("Relu")), { lo: -1e6, hi: 1e6 });
  assert.deepEqual(rangeOf(unary("Relu"), { ranges: { x: { lo: 0, hi: 2 } } }), { lo: 0, hi: 2 });
  const quantised: Sketch = {
    inputs: [x4],
    outputs: [{ name: "y", element: "int8", shape: [4] }],
    constants: { s: one("float32", 0.25), z: one("int8", -28) },
    nodes: [{ operator: "QuantizeLinear", inputs: ["x", "s", "z"], outputs: ["y"] }],
  };
  assert.deepEqual(rangeOf(quantised), { lo: -25.125, hi: 38.875 });
  assert.deepEqual(
    refused(unary("Relu"), { ranges: { x: { lo: 2, hi: 1 } } }).map(({ constraint }) => constraint),
    ["C9"],
  );
});

test("free dimensions are bound and inputs frozen by name", async () => {
  const sketch: Sketch = {
    inputs: [
      { name: "x", element: "float32", shape: ["batch", 4] },
      { name: "shape", element: "int64", shape: [2] },
    ],
    outputs: [{ name: "y", element: "float32", shape: ["a", "b"] }],
    nodes: [{ operator: "Reshape", inputs: ["x", "shape"], outputs: ["y"] }],
  };
  const [refusal] = refused(sketch, { dimensions: { batch: 3 } });
  assert.deepEqual(refusal?.inputs, ["shape"]);
  const shape = { element: "int64", shape: [2], data: Float64Array.of(-1, 6) } as const;
  const imported = importOnnx(modelOf(sketch), { dimensions: { batch: 3 }, freeze: { shape } });
  assert.deepEqual(imported.report.outputs[0]?.shape, [2, 6]);
  const data = Array.from({ length: 12 }, (_, i) => i);
  assert.deepEqual(await onProgram(imported, { x: tensor("float32", [3, 4], data) }), [data]);
});

test("a model without inputs takes one byte that it ignores", async () => {
  const sketch: Sketch = {
    inputs: [],
    outputs: [{ name: "y", element: "int32", shape: [3] }],
    constants: { a: tensor("int32", [3], [1, 2, 3]) },
    nodes: [{ operator: "Add", inputs: ["a", "a"], outputs: ["y"] }],
  };
  const imported = importOnnx(modelOf(sketch));
  assert.deepEqual(
    imported.report.inputs.map(({ name }) => name),
    [UNUSED_INPUT],
  );
  assert.deepEqual(await onProgram(imported, {}), [[2, 4, 6]]);
});

test("outputs: repeated, an input itself, a constant, in any order", async () => {
  const sketch: Sketch = {
    inputs: [x4],
    outputs: ["c", "b", "x", "d"].map((name) => ({ name, element: "float32" as const, shape: [4] })),
    constants: { d: tensor("float32", [4], [5, 6, 7, 8]) },
    nodes: [
      { operator: "Abs", inputs: ["x"], outputs: ["b"] },
      { operator: "Neg", inputs: ["b"], outputs: ["c"] },
    ],
  };
  const answers = await onProgram(importOnnx(modelOf(sketch)), { x: tensor("float32", [4], [1, -2, 3, -4]) });
  assert.deepEqual(answers, [
    [-1, -2, -3, -4],
    [1, 2, 3, 4],
    [1, -2, 3, -4],
    [5, 6, 7, 8],
  ]);
});

test("nodes in any order; a cycle is refused", () => {
  const nodes: Sketch["nodes"] = [
    { operator: "Neg", inputs: ["b"], outputs: ["y"], name: "last" },
    { operator: "Abs", inputs: ["x"], outputs: ["b"], name: "first" },
  ];
  const imported = importOnnx(modelOf({ ...unary("Abs"), nodes }));
  const input = packCall(imported, { x: tensor("float32", [4], [1, -2, 3, -4]) });
  assert.deepEqual(unpackAnswer(imported, runReference(imported.program, input).output), [[-1, -2, -3, -4]]);
  const cycle: Sketch["nodes"] = [
    { operator: "Add", inputs: ["x", "y"], outputs: ["b"], name: "one" },
    { operator: "Abs", inputs: ["b"], outputs: ["y"], name: "two" },
  ];
  assert.deepEqual(
    refused({ ...unary("Abs"), nodes: cycle }).map(({ node, constraint }) => [node, constraint]),
    [
      ["one", "O8"],
      ["two", "O8"],
      ["y", "O8"],
    ],
  );
});

test("what is defined here and not in ONNX is in the report", () => {
  const sketch: Sketch = {
    ...unary("Div"),
    inputs: [x4, { ...x4, name: "d" }],
    nodes: [{ operator: "Div", inputs: ["x", "d"], outputs: ["y"], name: "quotient" }],
  };
  const { report } = importOnnx(modelOf(sketch));
  assert.deepEqual(
    report.notes.map(({ node }) => node),
    ["quotient"],
  );
});

test("tensors of wrong length, unknown type, and a graph without outputs are refused, not thrown on", () => {
  const broken = (initializer: object): Uint8Array =>
    toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        irVersion: 8n,
        opsetImport: [{ domain: "", version: 17n }],
        graph: {
          name: "g",
          initializer: [{ name: "w", ...initializer }],
          node: [{ opType: "Relu", input: ["w"], output: ["y"] }],
          output: [{ name: "y" }],
        },
      }),
    );
  const constraints = (bytes: Uint8Array) => refused(bytes).map(({ constraint }) => constraint);
  assert.ok(constraints(broken({ dims: [3n], dataType: 1, rawData: new Uint8Array(11) })).includes("O8"));
  assert.ok(constraints(broken({ dims: [-3n], dataType: 1 })).includes("O8"));
  assert.ok(constraints(broken({ dims: [1n << 62n], dataType: 1 })).includes("O10"));
  assert.ok(constraints(broken({ dims: [3n], dataType: 17, rawData: new Uint8Array(3) })).includes("O3"));
  const empty = create(ModelProtoSchema, { opsetImport: [{ domain: "", version: 17n }], graph: { name: "g" } });
  assert.deepEqual(constraints(toBinary(ModelProtoSchema, empty)), ["O8"]);
});
