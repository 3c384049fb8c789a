import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hasCode } from "../foundation/errors.ts";
import { type Access, createAssembly, denseStrides, type OperatorSpec, type Ref } from "./assembly.ts";
import { bytesOf, constantData, packTensor, unpackTensor } from "./elements.ts";
import { countOf, DTYPES, type Dtype, type Guard, type Interval, type Program } from "./program.ts";
import { element, inputBytesOf, outputBytesOf, run } from "./reference.ts";
import { codeOf } from "./scalar.ts";

type Given = { readonly dtype: Dtype; readonly output: readonly number[]; readonly interval?: Interval };
type Values = readonly number[];

/** A program of one operator over inputs, its input packed, and its output's elements. */
const compute = (inputs: readonly (Given & { values: Values })[], spec: (refs: Ref[]) => OperatorSpec | Ref) => {
  const { program, refs } = programOf(inputs, spec);
  const packed = new Uint8Array(inputBytesOf(program));
  for (const [j, { dtype, values }] of inputs.entries()) {
    const operator = program.operators[j];
    if (operator?.kind === "INPUT") packed.set(packTensor(dtype, values), operator.offset);
  }
  const { tensors, output } = run(program, packed);
  return { program, refs, output, values: [...(tensors[program.outputs[0] as number] ?? [])] };
};

const programOf = (
  inputs: readonly Given[],
  spec: (refs: Ref[], a: ReturnType<typeof createAssembly>) => OperatorSpec | Ref,
) => {
  const assembly = createAssembly();
  const refs = inputs.map(({ dtype, output, interval }) =>
    assembly.input({ dtype, output, interval: interval ?? { lo: DTYPES[dtype].lo, hi: DTYPES[dtype].hi } }),
  );
  const made = spec(refs, assembly);
  const program = assembly.finish({ outputs: ["kind" in made ? assembly.operator(made) : made] });
  return { program, refs };
};
const at = (refs: readonly Ref[], j: number): Ref => refs[j] as Ref;
const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i);

// --- convolution against its direct definition -----------------------------------------------------------------------

type Convolution = {
  readonly size: readonly [H: number, W: number];
  readonly groups: number;
  readonly channels: readonly [perGroupIn: number, perGroupOut: number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly pads: readonly [top: number, left: number, bottom: number, right: number];
  readonly za: number;
  readonly zw: number;
};

const convolve = (c: Convolution, random: () => number) => {
  const {
    size: [H, W],
    groups: G,
    channels: [I, O],
    kernel: [kh, kw],
    stride: [sy, sx],
    dilation: [dy, dx],
    pads: [pt, pl, pb, pr],
  } = c;
  const C = G * I;
  const OH = Math.floor((H + pt + pb - dy * (kh - 1) - 1) / sy) + 1;
  const OW = Math.floor((W + pl + pr - dx * (kw - 1) - 1) / sx) + 1;
  const a = Array.from({ length: H * W * C }, () => Math.floor(random() * 256));
  const w = Array.from({ length: G * O * kh * kw * I }, () => Math.floor(random() * 256) - 128);
  const bias = Array.from({ length: G * O }, () => Math.floor(random() * 2000) - 1000);
  const { values } = compute(
    [
      { dtype: "u8", output: [H, W, C], values: a },
      { dtype: "i8", output: [G * O, kh, kw, I], values: w },
      { dtype: "i32", output: [G * O], interval: { lo: -1000, hi: 1000 }, values: bias },
    ],
    (refs) => ({
      kind: "CONTRACT",
      dtype: "i32",
      output: [1, OH, OW, G, O],
      reduction: [kh, kw, I],
      za: c.za,
      zw: c.zw,
      operands: [
        {
          ref: at(refs, 0),
          base: -(pt * W + pl) * C,
          stride: [H * W * C, sy * W * C, sx * C, I, 0, dy * W * C, dx * C, 1],
          guards: [
            { off: -pt, coef: [0, sy, 0, 0, 0, dy, 0, 0], limit: H },
            { off: -pl, coef: [0, 0, sx, 0, 0, 0, dx, 0], limit: W },
          ],
        },
        { ref: at(refs, 1), stride: [0, 0, 0, O * kh * kw * I, kh * kw * I, kw * I, I, 1] },
        { ref: at(refs, 2), stride: [0, 0, 0, O, 1, 0, 0, 0] },
      ],
    }),
  );
  const expected: number[] = [];
  for (let y = 0; y < OH; y++)
    for (let x = 0; x < OW; x++)
      for (let o = 0; o < G * O; o++) {
        const group = Math.floor(o / O);
        let sum = bias[o] as number;
        for (let p = 0; p < kh; p++)
          for (let q = 0; q < kw; q++)
            for (let i = 0; i < I; i++) {
              const iy = y * sy - pt + p * dy;
              const ix = x * sx - pl + q * dx;
              if (iy < 0 || iy >= H || ix < 0 || ix >= W) continue; // padding counts as za
              const av = a[(iy * W + ix) * C + group * I + i] as number;
              const wv = w[((o * kh + p) * kw + q) * I + i] as number;
              sum += (av - c.za) * (wv - c.zw);
            }
        expected.push(sum);
      }
  return { values, expected };
};

const generator = (seed: number) => {
  let state = seed;
  return (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
};

describe("CONTRACT", () => {
  it("is convolution with groups, dilation, strides and asymmetric pads", () => {
    const base: Convolution = {
      size: [6, 5],
      groups: 1,
      channels: [3, 4],
      kernel: [3, 3],
      stride: [1, 1],
      dilation: [1, 1],
      pads: [1, 1, 1, 1],
      za: 0,
      zw: 0,
    };
    const variants: Partial<Convolution>[] = [
      {},
      { za: 255, zw: -128 },
      { za: 128, zw: 127, pads: [0, 2, 1, 0] },
      { groups: 2, channels: [2, 3] },
      { groups: 5, channels: [1, 1] }, // depthwise
      { dilation: [2, 1], stride: [2, 1], pads: [2, 0, 1, 3] },
      { kernel: [1, 1], pads: [0, 0, 0, 0] },
      { kernel: [6, 5], pads: [0, 0, 0, 0] },
      { size: [1, 9], kernel: [1, 4], stride: [1, 3], pads: [0, 3, 0, 3] },
    ];
    for (const [seed, variant] of variants.entries()) {
      const { values, expected } = convolve({ ...base, ...variant }, generator(seed));
      assert.deepEqual(values, expected, JSON.stringify(variant));
    }
  });

  it("holds the largest accumulators of every length, and just reaches 2^31 - 1 by its bias", () => {
    for (const [K, extreme] of [
      [1, 64],
      [31, 64],
      [32, 255],
      [33, 255],
      [4096, 64],
    ] as const) {
      const wdtype = extreme === 255 ? "u8" : "i8";
      const weights = Array.from({ length: 2 * K }, (_, i) =>
        i < K || i % 2 === 0 ? extreme : extreme === 255 ? 0 : -extreme,
      );
      const { program } = programOf([{ dtype: "u8", output: [K] }], (refs, a) => {
        const w = a.constant(wdtype, weights);
        return {
          kind: "CONTRACT",
          dtype: "i32",
          output: [2],
          reduction: [K],
          za: 0,
          zw: 0,
          operands: [
            { ref: at(refs, 0), stride: [0, 1] },
            { ref: w, stride: [K, 1] },
          ],
        };
      });
      const input = new Uint8Array(inputBytesOf(program)).fill(255, 0, K);
      const sums = [...(run(program, input).tensors[1] ?? [])];
      const alternating = weights.slice(K).reduce((sum, w) => sum + 255 * w, 0);
      assert.deepEqual(sums, [255 * extreme * K, alternating]);
      assert.equal(
        program.operators[1]?.interval.hi,
        255 *
          Math.max(...[0, 1].map((row) => weights.slice(row * K, row * K + K).reduce((s, w) => s + Math.abs(w), 0))),
      );
    }
    const brim = 2 ** 31 - 1 - 255 * 255;
    const { values } = compute(
      [
        { dtype: "u8", output: [1], values: [255] },
        { dtype: "u8", output: [1], values: [255] },
        { dtype: "i32", output: [1], interval: { lo: -brim, hi: brim }, values: [brim] },
      ],
      (refs) => ({
        kind: "CONTRACT",
        dtype: "i32",
        output: [1],
        reduction: [1],
        za: 0,
        zw: 0,
        operands: [0, 1, 2].map((j) => ({ ref: at(refs, j), stride: [0, 0] })),
      }),
    );
    assert.deepEqual(values, [2 ** 31 - 1]);
  });

  it("chains a reduction of 8,193 through its bias", () => {
    const K = 8193;
    const { program } = programOf([{ dtype: "u8", output: [K] }], (refs, a) => {
      const w = a.constant(
        "i8",
        range(K).map((i) => (i % 3) - 1),
      );
      let partial: Ref | undefined;
      for (let from = 0; from < K; from += 4096) {
        const length = Math.min(4096, K - from);
        const operands: Access[] = [
          { ref: at(refs, 0), base: from, stride: [0, 1] },
          { ref: w, base: from, stride: [0, 1] },
        ];
        if (partial !== undefined) operands.push({ ref: partial, stride: [0, 0] });
        partial = a.operator({
          kind: "CONTRACT",
          dtype: "i32",
          output: [1],
          reduction: [length],
          za: 0,
          zw: 0,
          operands,
        });
      }
      return partial as Ref;
    });
    assert.equal(program.operators.length, 4);
    const input = new Uint8Array(inputBytesOf(program));
    for (let i = 0; i < K; i++) input[i] = (i * 31) % 256;
    const expected = range(K).reduce((sum, i) => sum + ((i * 31) % 256) * ((i % 3) - 1), 0);
    assert.deepEqual([...(run(program, input).tensors[3] ?? [])], [expected]);
  });

  it("counts dead reads as nothing, whatever the zero points", () => {
    const never: Guard = { off: 0, coef: [0, 0], limit: 0 };
    const { values } = compute(
      [
        { dtype: "i8", output: [4], values: [1, 2, 3, 4] },
        { dtype: "i8", output: [4], values: [5, 6, 7, 8] },
      ],
      (refs) => ({
        kind: "CONTRACT",
        dtype: "i32",
        output: [1],
        reduction: [4],
        za: -128,
        zw: 127,
        operands: [
          { ref: at(refs, 0), stride: [0, 1], guards: [never] },
          { ref: at(refs, 1), stride: [0, 1] },
        ],
      }),
    );
    assert.deepEqual(values, [0]);
  });
});

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

  it("refuses elements outside the declared interval, NaN, infinity and other lengths", () => {
    const program = two();
    refused(program, packed([0, 5, 5], [0, 0]), "INPUT_REFUSED");
    refused(program, packed([1, 5, 11], [0, 0]), "INPUT_REFUSED");
    for (const v of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2.0000002])
      refused(program, packed([1, 1, 1], [0, v]), "INPUT_REFUSED");
    refused(program, packed([1, 1, 1], [0, 0]).subarray(0, 63), "INPUT_LENGTH");
    refused(program, new Uint8Array(65), "INPUT_LENGTH");
  });

  it("refuses an i64 of 2^53 or more, rounding nothing into range", () => {
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
    assert.equal(call(2n ** 53n - 1n), 2 ** 53 - 1);
    assert.equal(call(-(2n ** 53n) + 1n), -(2 ** 53) + 1);
    for (const value of [2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)])
      assert.throws(
        () => call(value),
        (error) => hasCode(error, "INPUT_REFUSED"),
      );
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
