import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressOf, digitsAt, isLive, product } from "./address.ts";
import { deadOutput, reachOf } from "./liveness.ts";
import type { Guard, Operand } from "./program.ts";

const operandOf = (base: number, stride: readonly number[], guards: readonly Guard[]): Operand => ({
  source: { constant: false, index: 0 },
  dtype: "u8",
  count: 1,
  base,
  stride,
  guards,
});

/** Every point, one by one. */
const bruteForce = (shape: { output: readonly number[]; reduction: readonly number[] }, operand: Operand) => {
  let lo = Number.POSITIVE_INFINITY;
  let hi = Number.NEGATIVE_INFINITY;
  let dead = 0;
  for (let i = 0; i < product(shape.output); i++) {
    let reads = 0;
    for (let r = 0; r < product(shape.reduction); r++) {
      const digits = digitsAt(shape, i, r);
      if (!isLive(operand, digits)) continue;
      reads++;
      lo = Math.min(lo, addressOf(operand, digits));
      hi = Math.max(hi, addressOf(operand, digits));
    }
    if (reads === 0) dead++;
  }
  return { lo, hi, dead };
};

const small = fc.integer({ min: -4, max: 4 });
const cases = fc
  .record({
    output: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
    reduction: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
  })
  .chain((shape) => {
    const axes = shape.output.length + shape.reduction.length;
    const sparse = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: small });
    const vector = fc.array(sparse, { minLength: axes, maxLength: axes });
    const guard = fc.record({
      off: fc.integer({ min: -8, max: 8 }),
      coef: vector,
      limit: fc.integer({ min: 0, max: 9 }),
    });
    return fc.record({
      shape: fc.constant(shape),
      base: fc.integer({ min: -9, max: 9 }),
      stride: fc.array(small, { minLength: axes, maxLength: axes }),
      guards: fc.array(guard, { maxLength: 4 }),
    });
  });

describe("liveness", () => {
  it("finds the extreme live addresses that every point, one by one, gives", () => {
    let guarded = 0;
    let never = 0;
    fc.assert(
      fc.property(cases, ({ shape, base, stride, guards }) => {
        const operand = operandOf(base, stride, guards);
        const expected = bruteForce(shape, operand);
        const reach = reachOf(shape, operand, Number.MAX_SAFE_INTEGER);
        assert.ok(reach !== undefined);
        assert.equal(reach.live, Number.isFinite(expected.lo));
        if (guards.length > 0) guarded++;
        if (!reach.live) {
          never++;
          return;
        }
        assert.deepEqual([reach.lo, reach.hi], [expected.lo, expected.hi]);
        for (const [at, address] of [
          [reach.loAt, reach.lo],
          [reach.hiAt, reach.hi],
        ] as const) {
          const digits = digitsAt(shape, at.i, at.r);
          assert.ok(isLive(operand, digits));
          assert.equal(addressOf(operand, digits), address);
        }
      }),
      { seed: 11, numRuns: 3000 },
    );
    assert.ok(guarded > 1000 && never > 100, `${guarded} guarded, ${never} never live`);
  });

  it("finds an output without a live read exactly when there is one", () => {
    let withDead = 0;
    let without = 0;
    fc.assert(
      fc.property(cases, ({ shape, base, stride, guards }) => {
        const operand = operandOf(base, stride, guards);
        const { dead } = bruteForce(shape, operand);
        const found = deadOutput(shape, operand, Number.MAX_SAFE_INTEGER);
        assert.equal(found === "none", dead === 0);
        if (typeof found === "number") {
          withDead++;
          for (let r = 0; r < product(shape.reduction); r++) assert.ok(!isLive(operand, digitsAt(shape, found, r)));
        } else if (guards.length > 0) without++;
      }),
      { seed: 12, numRuns: 3000 },
    );
    assert.ok(withDead > 200 && without > 100, `${withDead} with, ${without} without`);
  });

  it("judges a large padded convolution from its axes", () => {
    // 7 x 7, stride 2, pad 3 over 224 x 224 x 3
    const conv = operandOf(
      -(3 * 224 + 3) * 3,
      [224 * 224 * 3, 2 * 224 * 3, 2 * 3, 3, 0, 224 * 3, 3, 1],
      [
        { off: -3, coef: [0, 2, 0, 0, 0, 1, 0, 0], limit: 224 },
        { off: -3, coef: [0, 0, 2, 0, 0, 0, 1, 0], limit: 224 },
      ],
    );
    const reach = reachOf({ output: [1, 112, 112, 1, 64], reduction: [7, 7, 3] }, conv, 7);
    assert.ok(reach?.live);
    assert.deepEqual([reach.lo, reach.hi], [0, 224 * 224 * 3 - 1]);
  });

  it("gives up where guards couple more digits than it may visit, never guesses", () => {
    const extents = { output: [64, 64, 64, 64], reduction: [64] };
    const coupled = operandOf(0, [1, 1, 1, 1, 1], [{ off: 0, coef: [3, 5, 7, 11, 13], limit: 9 }]);
    assert.equal(reachOf(extents, coupled, 1000), undefined);
    assert.equal(deadOutput(extents, coupled, 1000), undefined);
  });
});
