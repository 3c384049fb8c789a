import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  addressOf,
  digitsAt,
  digitsOf,
  elementHeight,
  indexOf,
  isLive,
  openingBytes,
  product,
  runsOf,
  walkedRuns,
  wordHeight,
  wordsOf,
} from "./address.ts";
import type { Operand } from "./program.ts";

const operand = (partial: Partial<Operand>): Operand => ({
  source: { constant: false, index: 0 },
  dtype: "u8",
  count: 1,
  base: 0,
  stride: [],
  guards: [],
  ...partial,
});

describe("addresses", () => {
  it("counts digits with the last axis fastest, over up to 12 axes", () => {
    assert.deepEqual(digitsOf([2, 3, 4], 23), [1, 2, 3]);
    assert.deepEqual(digitsOf([2, 3, 4], 5), [0, 1, 1]);
    assert.deepEqual(digitsAt({ output: [2, 3], reduction: [5] }, 4, 2), [1, 1, 2]);
    const extents = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(extents, fc.nat(), (e, n) => {
        const index = n % product(e);
        const digits = digitsOf(e, index);
        assert.ok(digits.every((d, x) => d >= 0 && d < (e[x] as number)));
        assert.equal(indexOf(e, digits), index);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("adds strides of either sign", () => {
    const reversed = operand({ base: 11, stride: [-4, -1] });
    const read = Array.from({ length: 12 }, (_, i) => addressOf(reversed, digitsOf([3, 4], i)));
    assert.deepEqual(
      read,
      Array.from({ length: 12 }, (_, i) => 11 - i),
    );
    assert.equal(addressOf(operand({ base: 5, stride: [0, 0] }), [2, 3]), 5);
    assert.equal(addressOf(operand({ stride: new Array(12).fill(1) }), new Array(12).fill(1)), 12);
  });

  it("holds a guard from 0 up to its limit, and an access when all guards hold", () => {
    const live = (guards: Operand["guards"], digits: number[]) => isLive({ guards }, digits);
    const pad = { off: -1, coef: [1, 0], limit: 3 };
    assert.deepEqual(
      [0, 1, 3, 4].map((d) => live([pad], [d, 9])),
      [false, true, true, false],
    );
    assert.ok(live([], [7]));
    assert.ok(!live([{ off: 0, coef: [0], limit: 0 }], [0]));
    const causal = { off: 0, coef: [1, -1], limit: 100 };
    assert.ok(live([causal], [3, 3]) && !live([causal], [3, 4]));
    assert.ok(!live([pad, causal], [0, 0]) && live([pad, causal], [1, 1]));
  });
});

describe("openings", () => {
  it("measures a tensor's trees", () => {
    assert.deepEqual(
      [1, 32, 33, 64, 65].map((n) => wordsOf("u8", n)),
      [1, 1, 2, 2, 3],
    );
    assert.deepEqual(
      [8, 9].map((n) => wordHeight("f32", n)),
      [0, 1],
    );
    assert.equal(elementHeight("i64", 1), 2);
    assert.equal(elementHeight("u8", 2 ** 26), 26);
    assert.equal(elementHeight("i32", 2 ** 26), 26);
    assert.equal(elementHeight("i64", 2 ** 26), 26);
  });

  it("merges adjacent reduction axes into runs", () => {
    const runs = (stride: number[], reduction: number[]) =>
      runsOf({ stride: [0, ...stride] }, { output: [1], reduction });
    assert.deepEqual(runs([1], [64]), { runs: 1, length: 64 });
    assert.deepEqual(runs([12, 4, 1], [2, 3, 4]), { runs: 1, length: 24 });
    assert.deepEqual(runs([100, 4, 1], [2, 3, 4]), { runs: 2, length: 12 });
    assert.deepEqual(runs([2], [64]), { runs: 64, length: 1 });
    assert.deepEqual(runs([-1], [8]), { runs: 8, length: 1 });
    assert.deepEqual(runs([1, 7], [9, 1]), { runs: 1, length: 9 });
    assert.deepEqual(runs([3, 1], [3, 4]), { runs: 3, length: 4 });
    assert.deepEqual(runs([0, 0], [3, 4096]), { runs: 1, length: 1 });
    assert.deepEqual(runs([4, 0, 1], [3, 9, 4]), { runs: 1, length: 12 });
    assert.deepEqual(runsOf({ stride: [5] }, { output: [4], reduction: [] }), { runs: 1, length: 1 });
  });

  it("bounds the words and siblings of an access by hand-computed examples", () => {
    // one run of 64 bytes in 2,048 words: 3 words, h = 11: 2 * (11 - 0 + 1) = 24 siblings
    const row = operand({ count: 65_536, stride: [64, 1] });
    assert.equal(openingBytes(row, { output: [1_024], reduction: [64] }), 32 * (3 + 24));
    // 3 x 3 window of 64 channels: 3 runs of 192 bytes: 3 * 7 words, 6 * (11 - 1 + 1) siblings
    const window = operand({ count: 65_536, stride: [2_048, 64, 2_048, 64, 1] });
    assert.equal(openingBytes(window, { output: [30, 30], reduction: [3, 3, 64] }), 32 * (21 + 66));
    // the words never exceed the tensor's
    const small = operand({ count: 64, stride: [0, 2] });
    assert.equal(openingBytes(small, { output: [1], reduction: [32] }), 32 * (2 + 2 * 32 * 1));
  });

  it("the runs of an element are adjacent in both factors, and merged where no guard looks", () => {
    const runs = (
      kind: "CONTRACT" | "REDUCE",
      reduction: number[],
      ...operands: { stride: number[]; guards?: { off: number; coef: number[]; limit: number }[] }[]
    ) =>
      walkedRuns({ kind, output: [4], reduction, operands: operands.map((operand) => ({ guards: [], ...operand })) });
    const row = { stride: [9, 8, 1] };
    const guard = (...coef: number[]) => ({ ...row, guards: [{ off: 0, coef, limit: 5 }] });
    assert.equal(runs("REDUCE", [3, 8], row), 1);
    assert.equal(runs("REDUCE", [3, 8], guard(1, 0, 0)), 1);
    assert.equal(runs("REDUCE", [3, 8], guard(0, 0, 1)), 3);
    assert.equal(runs("REDUCE", [3, 8], guard(0, 1, 0)), 3);
    assert.equal(runs("REDUCE", [3, 1, 8], { stride: [9, 8, 0, 1] }), 1);
    assert.equal(runs("REDUCE", [3, 8], { stride: [9, 9, 1] }), 3);
    assert.equal(runs("REDUCE", [3, 8], { stride: [9, 8, -1] }), 24);
    assert.equal(runs("CONTRACT", [3, 8], row, { stride: [0, 8, 1] }), 1);
    assert.equal(runs("CONTRACT", [3, 8], row, { stride: [0, 1, 3] }), 24);
    assert.equal(runs("CONTRACT", [3, 8], row, row, { stride: [1, 0, 0] }), 1);
  });
});
