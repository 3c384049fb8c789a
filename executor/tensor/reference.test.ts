import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hasCode } from "../foundation/errors.ts";
import { denseStrides } from "./address.ts";
import { type Access, createAssembly, type OperatorSpec } from "./assembly.ts";
import { bytesOf, constantData, packTensor, unpackTensor } from "./elements.ts";
import { countOf, type Dtype, type Guard, type Interval, type Operator, type Program } from "./program.ts";
import { at, compute, programOf, range, type Values } from "./reference.fixture.ts";
import { element, inputBytesOf, outputBytesOf, run } from "./reference.ts";
import { codeOf } from "./scalar.ts";

// --- moving ----------------------------------------------------------------------------------------------------------

const moved = (values: Values, output: readonly number[], access: Omit<Access, "ref">, fill = 0): number[] =>
  compute([{ dtype: "i32", output: [values.length], values }], (refs) => ({
    kind: "MOVE",
    dtype: "i32",
    output,
    fill,
    operands: [{ ref: at(refs, 0), ...access }],
  })).values;

describe("MOVE", () => {
  it("transposes, slices, reverses, expands, pads, upsamples and interleaves zeros", () => {
    assert.deepEqual(moved(range(6), [3, 2], { stride: [1, 3] }), [0, 3, 1, 4, 2, 5]);
    assert.deepEqual(moved(range(8), [3], { base: 6, stride: [-2] }), [6, 4, 2]);
    assert.deepEqual(moved(range(2), [2, 3], { stride: [1, 0] }), [0, 0, 0, 1, 1, 1]);
    const pad: Guard = { off: -1, coef: [1], limit: 2 };
    assert.deepEqual(moved([7, 8], [5], { base: -1, stride: [1], guards: [pad] }, 9), [9, 7, 8, 9, 9]);
    assert.deepEqual(moved(range(3), [3, 2], { stride: [1, 0] }), [0, 0, 1, 1, 2, 2]);
    const even: Guard = { off: 0, coef: [0, 1], limit: 1 };
    assert.deepEqual(moved(range(3), [3, 2], { stride: [1, 0], guards: [even] }), [0, 0, 1, 0, 2, 0]);
    // depth to space: [1, 2, 4 = 2x2] to [2, 4]
    const blocks = moved(range(8), [2, 2, 2], { stride: [2, 4, 1] });
    assert.deepEqual(blocks, [0, 1, 4, 5, 2, 3, 6, 7]);
    // eight output axes of extent 2, all reversed
    const strides = denseStrides(new Array(8).fill(2));
    assert.deepEqual(
      moved(range(256), new Array(8).fill(2), { base: 255, stride: strides.map((s) => -s) }),
      range(256).reverse(),
    );
  });

  it("concatenates: the first live operand wins, then the fill", () => {
    const { values } = compute(
      [
        { dtype: "i8", output: [2], values: [1, 2] },
        { dtype: "i8", output: [3], values: [3, 4, 5] },
      ],
      (refs) => ({
        kind: "MOVE",
        dtype: "i8",
        output: [7],
        fill: -1,
        operands: [
          { ref: at(refs, 0), stride: [1], guards: [{ off: 0, coef: [1], limit: 2 }] },
          { ref: at(refs, 1), base: -2, stride: [1], guards: [{ off: -2, coef: [1], limit: 3 }] },
          { ref: at(refs, 0), stride: [0], guards: [{ off: -1, coef: [1], limit: 5 }] },
        ],
      }),
    );
    assert.deepEqual(values, [1, 2, 3, 4, 5, 1, -1]);
  });
});

describe("GATHER", () => {
  const table = range(10, 100);
  const gather = (
    dtype: "u8" | "i8" | "i32",
    index: Values,
    body: { first: number; num: number; step: number },
    base = 0,
  ) =>
    compute(
      [
        { dtype, output: [index.length], values: index },
        { dtype: "i32", output: [10], values: table },
      ],
      (refs) => ({
        kind: "GATHER",
        dtype: "i32",
        output: [index.length],
        ...body,
        operands: [
          { ref: at(refs, 0), stride: [1] },
          { ref: at(refs, 1), base, stride: [0] },
        ],
      }),
    ).values;

  it("clamps the index below its first and above its last value", () => {
    assert.deepEqual(
      gather("i32", [-5, 0, 3, 9, 10, 2 ** 31 - 1], { first: 0, num: 10, step: 1 }),
      [100, 100, 103, 109, 109, 109],
    );
    assert.deepEqual(gather("i8", [-128, -3, -2, 1, 127], { first: -2, num: 4, step: 2 }), [100, 100, 100, 106, 106]);
    assert.deepEqual(gather("u8", [0, 1, 255], { first: 0, num: 4, step: -3 }, 9), [109, 106, 100]);
    assert.deepEqual(gather("u8", [200], { first: 1000, num: 1, step: 7 }, 4), [104]);
  });

  it("reads a whole i8 table", () => {
    const { values } = compute(
      [
        { dtype: "i8", output: [256], values: range(256, -128) },
        { dtype: "i8", output: [256], values: range(256).map((i) => 127 - i) },
      ],
      (refs) => ({
        kind: "GATHER",
        dtype: "i8",
        output: [256],
        first: -128,
        num: 256,
        step: 1,
        operands: [
          { ref: at(refs, 0), stride: [1] },
          { ref: at(refs, 1), stride: [0] },
        ],
      }),
    );
    assert.deepEqual(
      values,
      range(256).map((i) => 127 - i),
    );
  });
});

describe("REDUCE and TOPK", () => {
  const reduce = (
    fold: "SUM" | "MAX" | "MIN" | "ARGMAX",
    dtype: Dtype,
    values: Values,
    options: { width?: number; guards?: Guard[]; out?: Dtype; interval?: Interval } = {},
  ) => {
    const width = options.width ?? values.length;
    const { interval } = options;
    return compute(
      [{ dtype, output: [values.length], values, ...(interval && { interval }) }],
      (refs) =>
        ({
          kind: "REDUCE",
          dtype: options.out ?? (fold === "ARGMAX" ? "i32" : dtype),
          output: [values.length / width],
          reduction: [width],
          fold,
          operands: [{ ref: at(refs, 0), stride: [width, 1], guards: options.guards ?? [] }],
        }) as OperatorSpec,
    ).values;
  };

  it("folds rows", () => {
    const rows = [3, -1, 7, 7, -8, -2];
    assert.deepEqual(reduce("SUM", "i8", rows, { width: 3, out: "i32" }), [9, -3]);
    assert.deepEqual(reduce("MAX", "i8", rows, { width: 3 }), [7, 7]);
    assert.deepEqual(reduce("MIN", "i8", rows, { width: 3 }), [-1, -8]);
    assert.deepEqual(reduce("ARGMAX", "i8", rows, { width: 3 }), [2, 0]);
  });

  it("sums to the edge of exactness", () => {
    const half = (2 ** 53 - 2) / 2;
    const interval = { lo: -half, hi: half };
    assert.deepEqual(reduce("SUM", "i64", [half, half], { interval, out: "i64" }), [2 ** 53 - 2]);
    assert.deepEqual(reduce("SUM", "i64", [-half, -half], { interval, out: "i64" }), [-(2 ** 53 - 2)]);
    const whole = { lo: -(2 ** 53 - 1), hi: 2 ** 53 - 1 };
    assert.deepEqual(reduce("SUM", "i64", [2 ** 53 - 1], { interval: whole, out: "i64" }), [2 ** 53 - 1]);
    assert.throws(
      () => reduce("SUM", "i64", [0, 0], { interval: whole, out: "i64" }),
      (error) => hasCode(error, "INTERVAL_UNBOUNDED"),
    );
  });

  it("gives the lowest index among equals, and knows one zero", () => {
    assert.deepEqual(reduce("ARGMAX", "u8", [4, 4, 4, 4]), [0]);
    assert.deepEqual(reduce("ARGMAX", "u8", [1, 9, 9, 3]), [1]);
    for (let lane = 0; lane < 32; lane++) {
      const zeros = new Array(32).fill(-0);
      zeros[lane] = 0;
      const options = { interval: { lo: -1, hi: 1 } };
      for (const fold of ["MAX", "MIN"] as const) assert.ok(Object.is(reduce(fold, "f32", zeros, options)[0], 0));
      assert.deepEqual(reduce("ARGMAX", "f32", zeros, options), [0]);
    }
  });

  it("folds over the live reads alone, down to a single one", () => {
    const last: Guard = { off: -3, coef: [0, 1], limit: 1 };
    const values = [9, 8, 7, -5];
    assert.deepEqual(reduce("MAX", "i8", values, { guards: [last] }), [-5]);
    assert.deepEqual(reduce("MIN", "i8", values, { guards: [last] }), [-5]);
    assert.deepEqual(reduce("SUM", "i8", values, { guards: [last], out: "i64" }), [-5]);
    assert.deepEqual(reduce("ARGMAX", "i8", values, { guards: [last] }), [3]);
  });

  const topk = (dtype: Dtype, values: Values, k: number, rows = 1) =>
    compute([{ dtype, output: [values.length], values, interval: { lo: -100, hi: 100 } }], (refs) => ({
      kind: "TOPK",
      dtype: "i32",
      output: [rows, k],
      reduction: [values.length / rows],
      operands: [{ ref: at(refs, 0), stride: [values.length / rows, 0, 1] }],
    })).values;

  it("ranks rows, equals in their order", () => {
    assert.deepEqual(topk("i32", [5, 5, 5, 5], 4), [0, 1, 2, 3]);
    assert.deepEqual(topk("i32", [1, 2, 3, 4], 4), [3, 2, 1, 0]);
    assert.deepEqual(topk("f32", [-0, 0, 1, -1], 4), [2, 0, 1, 3]);
    assert.deepEqual(topk("i8", [1, 9, 3, 8, 8, 2], 2, 2), [1, 2, 0, 1]);
    const values = range(64).map((i) => (i * 37) % 11);
    const sorted = range(64).sort((a, b) => (values[b] as number) - (values[a] as number) || a - b);
    for (const k of [1, 3, 8, 40, 64]) assert.deepEqual(topk("i64", values, k), sorted.slice(0, k));
  });

  it("ranks chunks and then their winners as the whole row", () => {
    const values = range(60).map((i) => (i * 29) % 17);
    const { program } = programOf([{ dtype: "i32", output: [60], interval: { lo: 0, hi: 99 } }], (refs, a) => {
      const k = 5;
      const index = a.operator({
        kind: "TOPK",
        dtype: "i32",
        output: [3, k],
        reduction: [20],
        operands: [{ ref: at(refs, 0), stride: [20, 0, 1] }],
      });
      const winners = a.operator({
        kind: "GATHER",
        dtype: "i32",
        output: [3, k],
        first: 0,
        num: 20,
        step: 1,
        operands: [
          { ref: index, stride: [k, 1] },
          { ref: at(refs, 0), stride: [20, 0] },
        ],
      });
      const place = a.operator({
        kind: "TOPK",
        dtype: "i32",
        output: [k],
        reduction: [3 * k],
        operands: [{ ref: winners, stride: [0, 1] }],
      });
      const global = a.operator({
        kind: "MAP",
        dtype: "i32",
        output: [3 * k],
        operands: [
          { ref: index, stride: [1] },
          {
            ref: a.constant(
              "i32",
              range(3 * k).map((i) => 20 * Math.floor(i / k)),
            ),
            stride: [1],
          },
        ],
        instructions: [{ op: codeOf("ADD"), a: 0x80, b: 0x81, c: 0, imm: 0 }],
      });
      return a.operator({
        kind: "GATHER",
        dtype: "i32",
        output: [k],
        first: 0,
        num: 3 * k,
        step: 1,
        operands: [
          { ref: place, stride: [1] },
          { ref: global, stride: [0] },
        ],
      });
    });
    const { output } = run(program, packTensor("i32", [...values, ...new Array(4).fill(0)]));
    assert.deepEqual([...unpackTensor("i32", 5, output)], topk("i32", values, 5));
  });
});

// --- calls -----------------------------------------------------------------------------------------------------------

describe("a call", () => {
  const two = () =>
    programOf(
      [
        { dtype: "u8", output: [3], interval: { lo: 1, hi: 10 } },
        { dtype: "f32", output: [2], interval: { lo: -2, hi: 2 } },
      ],
      (refs) => ({ kind: "MOVE", dtype: "f32", output: [2], fill: 0, operands: [{ ref: at(refs, 1), stride: [1] }] }),
    ).program;
  const packed = (bytes: Values, floats: Values): Uint8Array => {
    const input = new Uint8Array(64);
    input.set(bytes);
    const view = new DataView(input.buffer);
    for (const [i, v] of floats.entries()) view.setFloat32(32 + 4 * i, v, true);
    return input;
  };
  const refused = (program: Program, input: Uint8Array, code: string) =>
    assert.throws(
      () => run(program, input),
      (error) => hasCode(error, code),
    );

  it("takes each input at its own words and gives each output's words", () => {
    const program = two();
    assert.equal(inputBytesOf(program), 64);
    assert.equal(outputBytesOf(program), 32);
    const { output, tensors } = run(program, packed([1, 5, 10], [-0, 1.5]));
    assert.deepEqual([...output.subarray(0, 8)], [0, 0, 0, 0, 0, 0, 0xc0, 0x3f]);
    assert.ok(Object.is(tensors[1]?.[0], 0), "zero has no sign");
  });

  it("reads what lies outside the declared interval as its nearest value, NaN as the least; refuses other lengths", () => {
    const program = two();
    const [x, y] = (program.operators as readonly Operator[]).map(({ interval }) => interval);
    const read = (bytes: readonly number[], floats: readonly number[]) =>
      run(program, packed(bytes, floats))
        .tensors.slice(0, 2)
        .map((tensor) => [...tensor]);
    assert.deepEqual(read([0, 5, 11], [Number.NaN, Number.POSITIVE_INFINITY]), [
      [x?.lo, 5, x?.hi],
      [y?.lo, y?.hi],
    ]);
    assert.deepEqual(read([1, 1, 255], [Number.NEGATIVE_INFINITY, 2.0000002]), [
      [1, 1, x?.hi],
      [y?.lo, y?.hi],
    ]);
    refused(program, packed([1, 1, 1], [0, 0]).subarray(0, 63), "INPUT_LENGTH");
    refused(program, new Uint8Array(65), "INPUT_LENGTH");
  });

  it("reads an i64 of 2^53 or more as the largest that there is", () => {
    const { program } = programOf([{ dtype: "i64", output: [1] }], (refs) => ({
      kind: "MOVE",
      dtype: "i64",
      output: [1],
      fill: 0,
      operands: [{ ref: at(refs, 0), stride: [1] }],
    }));
    const call = (value: bigint) => {
      const input = new Uint8Array(32);
      new DataView(input.buffer).setBigInt64(0, value, true);
      return run(program, input).tensors[1]?.[0];
    };
    const most = 2 ** 53 - 1;
    for (const value of [2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n]) assert.equal(call(value), most);
    for (const value of [1n - 2n ** 53n, -(2n ** 53n), -(2n ** 63n)]) assert.equal(call(value), -most);
  });

  it("has the zero element at and beyond the count, reading nothing", () => {
    const program = two();
    for (const operator of program.operators) {
      const none = () => assert.fail("a read");
      assert.equal(element(operator, countOf(operator), none), 0);
      assert.equal(element(operator, 2 ** 26, none), 0);
    }
  });

  it("keeps a constant's elements as they were given", () => {
    const a = createAssembly();
    const ref = a.constant("i64", [-(2 ** 40), 2 ** 53 - 1]);
    assert.deepEqual([...(a.dataOf(ref) ?? [])], [-(2 ** 40), 2 ** 53 - 1]);
    const raw = { dtype: "i8", count: 2, interval: { lo: -1, hi: 1 }, data: Uint8Array.of(255, 1) } as const;
    assert.deepEqual([...constantData(raw)], [-1, 1]);
    assert.equal(bytesOf("i64", 3), 24);
  });
});
