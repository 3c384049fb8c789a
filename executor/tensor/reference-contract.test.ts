import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Access, Ref } from "./assembly.ts";
import type { Guard } from "./program.ts";
import { at, compute, programOf, range } from "./reference.fixture.ts";
import { inputBytesOf, run } from "./reference.ts";

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
      assert.equal(program.operators[1]?.interval.hi, 255 * K * (wdtype === "u8" ? 255 : 128));
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
