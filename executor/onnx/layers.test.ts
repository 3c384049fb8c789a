import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { importOnnx } from "./import.ts";
import {
  type Given,
  modelOf,
  type NodeSketch,
  onOnnxruntime,
  onProgram,
  type Sketch,
  tensor,
} from "./model.fixture.ts";

/** Movement, integers, reductions and resizing against onnxruntime, on random shapes. */

const range = (given: Given): { lo: number; hi: number } => ({
  lo: Math.min(...Array.from(given.data)),
  hi: Math.max(...Array.from(given.data)),
});

const check = async (sketch: Sketch, feeds: Readonly<Record<string, Given>>, tolerance = 0): Promise<void> => {
  const model = modelOf(sketch);
  const ranges = Object.fromEntries(Object.entries(feeds).map(([name, given]) => [name, range(given)]));
  const actual = await onProgram(importOnnx(model, { ranges }), feeds);
  const expected = await onOnnxruntime(model, feeds);
  for (const [j, list] of expected.entries()) {
    assert.equal(actual[j]?.length, list.length);
    for (const [i, wanted] of list.entries()) {
      const error = Math.abs((actual[j]?.[i] as number) - wanted);
      assert.ok(
        error <= tolerance * Math.max(1, Math.abs(wanted)),
        `output ${j}[${i}]: ${actual[j]?.[i]}, not ${wanted}`,
      );
    }
  }
};

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const free = (rank: number): string[] => Array.from({ length: rank }, (_, x) => `d${x}`);

/** A random movement of a tensor of this shape: the node, its constants, the shape after it. */
type Step = { node: Omit<NodeSketch, "inputs" | "outputs">; constants: Given[]; shape: number[] };

const ints = (values: readonly number[]): Given => tensor("int64", [values.length], values);

const moves: readonly ((shape: readonly number[], next: (below: number) => number) => Step)[] = [
  (shape, next) => {
    const perm = shape.map((_, x) => x);
    for (let x = perm.length - 1; x > 0; x--) {
      const y = next(x + 1);
      [perm[x], perm[y]] = [perm[y] as number, perm[x] as number];
    }
    return {
      node: { operator: "Transpose", attributes: { perm } },
      constants: [],
      shape: perm.map((p) => shape[p] as number),
    };
  },
  (shape, next) => {
    const axis = next(shape.length);
    const extent = shape[axis] as number;
    const backwards = next(2) === 1;
    const step = 1 + next(2);
    const out = shape.map((e, x) => (x === axis ? Math.ceil(extent / step) : e));
    const bounds = backwards ? [[-1], [-(2 ** 40)], [axis], [-step]] : [[0], [2 ** 40], [axis], [step]];
    return { node: { operator: "Slice" }, constants: bounds.map(ints), shape: out };
  },
  (shape) => {
    const flat = [sizeOf(shape.slice(0, 1)), sizeOf(shape.slice(1))];
    return { node: { operator: "Reshape" }, constants: [ints(flat)], shape: flat };
  },
  (shape, next) => {
    const repeats = shape.map(() => 1 + next(2));
    return {
      node: { operator: "Tile" },
      constants: [ints(repeats)],
      shape: shape.map((e, x) => e * (repeats[x] as number)),
    };
  },
  (shape, next) => {
    const before = shape.map(() => next(2));
    const after = shape.map(() => next(3) - 1);
    const out = shape.map((e, x) => e + (before[x] as number) + (after[x] as number));
    if (out.some((e) => e < 1)) return { node: { operator: "Identity" }, constants: [], shape: [...shape] };
    return { node: { operator: "Pad" }, constants: [ints([...before, ...after])], shape: out };
  },
  (shape, next) => {
    const axis = next(shape.length);
    const picks = Array.from(
      { length: 1 + next(4) },
      () => next(2 * (shape[axis] as number)) - (shape[axis] as number),
    );
    return {
      node: { operator: "Gather", attributes: { axis } },
      constants: [ints(picks)],
      shape: shape.map((e, x) => (x === axis ? picks.length : e)),
    };
  },
];

test("chains of movements", async () => {
  const chain = fc.record({
    shape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 4 }),
    steps: fc.array(fc.nat(moves.length - 1), { minLength: 1, maxLength: 5 }),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(chain, async ({ shape, steps, seed }) => {
      let state = seed >>> 0;
      const next = (below: number): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return (state >>> 10) % below;
      };
      const nodes: NodeSketch[] = [];
      const constants: Record<string, Given> = {};
      let at: readonly number[] = shape;
      for (const [i, which] of steps.entries()) {
        const step = (moves[which] as (typeof moves)[number])(at, next);
        if (sizeOf(step.shape) > 2000) break;
        for (const [k, given] of step.constants.entries()) constants[`c${i}_${k}`] = given;
        const names = step.constants.map((_, k) => `c${i}_${k}`);
        nodes.push({ ...step.node, inputs: [i === 0 ? "x" : `t${i}`, ...names], outputs: [`t${i + 1}`] });
        at = step.shape;
      }
      const last = `t${nodes.length}`;
      const sketch: Sketch = {
        inputs: [{ name: "x", element: "int32", shape }],
        outputs: [{ name: last, element: "int32", shape: free(at.length) }],
        nodes,
        constants,
      };
      const data = Array.from({ length: sizeOf(shape) }, (_, i) => (i * 7919) % 1009);
      await check(sketch, { x: tensor("int32", shape, data) });
    }),
    { numRuns: 80, seed: 5 },
  );
});

test("integers wrap in their own type, as onnxruntime's do", async () => {
  const pair = fc.record({
    operator: fc.constantFrom("Add", "Sub", "Mul"),
    element: fc.constantFrom("uint8" as const, "int8" as const, "int32" as const),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(pair, async ({ operator, element, seed }) => {
      const span = element === "int32" ? 2 ** 20 : 256;
      const lo = element === "uint8" ? 0 : -span / 2;
      const list = (k: number): number[] =>
        Array.from({ length: 64 }, (_, i) => lo + ((Math.imul(seed + i + k, 2654435761) >>> 5) % span));
      const port = (name: string) => ({ name, element, shape: [64] });
      const sketch: Sketch = {
        inputs: [port("a"), port("b")],
        outputs: [port("y")],
        nodes: [{ operator, inputs: ["a", "b"], outputs: ["y"] }],
      };
      await check(sketch, { a: tensor(element, [64], list(1)), b: tensor(element, [64], list(77)) });
    }),
    { numRuns: 30, seed: 3 },
  );
});

const reduce = (
  operator: string,
  element: Given["element"],
  shape: readonly number[],
  axes: readonly number[],
): Sketch => ({
  inputs: [{ name: "x", element, shape }],
  outputs: [{ name: "y", element: operator.startsWith("Arg") ? "int64" : element, shape: free(shape.length) }],
  constants: operator.startsWith("Arg") ? {} : { axes: ints(axes) },
  nodes: [
    operator.startsWith("Arg")
      ? { operator, inputs: ["x"], outputs: ["y"], attributes: { axis: axes[0] as number } }
      : { operator, inputs: ["x", "axes"], outputs: ["y"] },
  ],
});

test("reductions longer than an element's proof, with ties across their parts", async () => {
  const shape = [2, 9001];
  const int = tensor(
    "int32",
    shape,
    Array.from({ length: 18_002 }, (_, i) => (i * 31) % 997),
  );
  const real = tensor(
    "float32",
    shape,
    Array.from(int.data).map((v) => Math.fround((v - 500) / 64)),
  );
  for (const operator of ["ReduceSum", "ReduceMax", "ReduceMin", "ArgMax", "ArgMin"])
    await check(reduce(operator, "int32", shape, [1]), { x: int });
  for (const operator of ["ReduceMax", "ReduceMin", "ArgMax"])
    await check(reduce(operator, "float32", shape, [1]), { x: real });
  for (const operator of ["ReduceSum", "ReduceMean"])
    await check(reduce(operator, "float32", shape, [1]), { x: real }, 2e-6);
  const planes = tensor(
    "int32",
    [2, 3, 70, 70],
    Array.from({ length: 29_400 }, (_, i) => (i * 131) % 1013),
  );
  await check(reduce("ReduceSum", "int32", [2, 3, 70, 70], [2, 3]), { x: planes });
  await check(reduce("ReduceSum", "int32", [2, 3, 70, 70], [0, 2]), { x: planes });
});

test("softmax rows longer than an element's proof", async () => {
  const shape = [2, 5000];
  const sketch: Sketch = {
    inputs: [{ name: "x", element: "float32", shape }],
    outputs: [{ name: "y", element: "float32", shape }],
    nodes: [{ operator: "Softmax", inputs: ["x"], outputs: ["y"], attributes: { axis: 1 } }],
  };
  const data = Array.from({ length: 10_000 }, (_, i) => Math.fround(Math.sin(i * 1.7) * 6));
  await check(sketch, { x: tensor("float32", shape, data) }, 1e-7);
});

test("TopK keeps the lower index on ties; an index outside is clamped", async () => {
  const shape = [3, 40];
  const sketch: Sketch = {
    inputs: [{ name: "x", element: "float32", shape }],
    outputs: [
      { name: "v", element: "float32", shape: [3, 9] },
      { name: "i", element: "int64", shape: [3, 9] },
    ],
    constants: { k: ints([9]) },
    nodes: [{ operator: "TopK", inputs: ["x", "k"], outputs: ["v", "i"] }],
  };
  await check(sketch, {
    x: tensor(
      "float32",
      shape,
      Array.from({ length: 120 }, (_, i) => (i * 13) % 7),
    ),
  });
  const gather: Sketch = {
    inputs: [
      { name: "x", element: "int32", shape: [4] },
      { name: "i", element: "int64", shape: [5] },
    ],
    outputs: [{ name: "y", element: "int32", shape: [5] }],
    nodes: [{ operator: "Gather", inputs: ["x", "i"], outputs: ["y"] }],
  };
  const feeds = { x: tensor("int32", [4], [10, 20, 30, 40]), i: tensor("int64", [5], [-4, 3, 99, -99, -1]) };
  assert.deepEqual(await onProgram(importOnnx(modelOf(gather)), feeds), [[10, 40, 40, 10, 40]]);
});

test("nearest resizing moves elements, linear resizing is within 1e-6", async () => {
  const x = tensor(
    "float32",
    [1, 2, 3, 5],
    Array.from({ length: 30 }, (_, i) => Math.fround(Math.cos(i * 2.1))),
  );
  const sketch = (mode: string, sizes: readonly number[], coordinates: string): Sketch => ({
    inputs: [{ name: "x", element: "float32", shape: [1, 2, 3, 5] }],
    outputs: [{ name: "y", element: "float32", shape: free(4) }],
    constants: { sizes: ints(sizes) },
    nodes: [
      {
        operator: "Resize",
        inputs: ["x", "", "", "sizes"],
        outputs: ["y"],
        attributes: { mode, coordinate_transformation_mode: coordinates },
      },
    ],
  });
  for (const coordinates of ["asymmetric", "half_pixel", "align_corners"])
    for (const sizes of [
      [1, 2, 6, 10],
      [1, 2, 7, 4],
    ]) {
      await check(sketch("nearest", sizes, coordinates), { x });
      await check(sketch("linear", sizes, coordinates), { x }, 1e-6);
    }
});
