import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { contractBound, operatorInterval } from "./interval.ts";
import type { Dtype, Interval, Operand, Operator, OperatorOf } from "./program.ts";

const operand = (index: number, stride: readonly number[], extra: Partial<Operand> = {}): Operand => ({
  source: { constant: false, index },
  dtype: "i8",
  count: 64,
  base: 0,
  stride,
  guards: [],
  ...extra,
});
const between = (lo: number, hi: number): Interval => ({ lo, hi });
const intervalOfOperator = (operator: Operator, ...sources: readonly { readonly interval: Interval }[]) =>
  operatorInterval(operator, (j) => (sources[j] as { interval: Interval }).interval);

describe("C10's bound", () => {
  const contraction = (za: number, zw: number, reads: number, a: Dtype = "u8", w: Dtype = "i8") =>
    ({
      kind: "CONTRACT",
      dtype: "i32",
      output: [1],
      reduction: [reads],
      za,
      zw,
      interval: between(0, 0),
      operands: [operand(0, [0, 1], { dtype: a }), operand(1, [0, 1], { dtype: w })],
    }) satisfies OperatorOf<"CONTRACT">;

  it("counts bytes with all values of their dtype, whatever their tensors declare", () => {
    assert.equal(contractBound(contraction(0, 0, 10), undefined), 10 * 255 * 128);
    assert.equal(contractBound(contraction(200, -128, 10), undefined), 10 * 200 * 255);
    assert.equal(contractBound(contraction(100, 0, 3, "u8", "u8"), between(-7, 5)), 3 * 155 * 255 + 7);
  });

  it("lets eight partial sums of 4,096 reads follow each other, and not nine", () => {
    let bias: Interval | undefined;
    for (let i = 0; i < 8; i++) {
      const bound = contractBound(contraction(0, 0, 4096, "u8", "u8"), bias);
      assert.ok(bound < 2 ** 31);
      bias = between(-bound, bound);
    }
    assert.ok(contractBound(contraction(0, 0, 4096, "u8", "u8"), bias) >= 2 ** 31);
  });
});

describe("intervals", () => {
  const common = { output: [2], interval: between(0, 0) } as const;
  const never = { off: 0, coef: [0, 0], limit: 0 };

  it("unite a MOVE's operands, and the fill where every operand is guarded", () => {
    const move = (guarded: boolean): Operator => ({
      ...common,
      kind: "MOVE",
      dtype: "i8",
      reduction: [],
      fill: 50,
      operands: [operand(0, [1], { guards: [never] }), operand(1, [1], { guards: guarded ? [never] : [] })],
    });
    const sources = [{ interval: between(-3, 1) }, { interval: between(0, 9) }];
    assert.deepEqual(intervalOfOperator(move(false), ...sources), { interval: between(-3, 9) });
    assert.deepEqual(intervalOfOperator(move(true), ...sources), { interval: between(-3, 50) });
  });

  it("multiply a SUM's, towards 0 where reads may be dead", () => {
    const sum = (dtype: "i32" | "i64", guarded: boolean, reads: number): Operator => ({
      ...common,
      kind: "REDUCE",
      dtype,
      reduction: [reads],
      fold: "SUM",
      operands: [operand(0, [0, 1], { guards: guarded ? [never] : [] })],
    });
    assert.deepEqual(intervalOfOperator(sum("i32", false, 10), { interval: between(2, 7) }), {
      interval: between(20, 70),
    });
    assert.deepEqual(intervalOfOperator(sum("i32", true, 10), { interval: between(2, 7) }), {
      interval: between(0, 70),
    });
    assert.deepEqual(intervalOfOperator(sum("i64", true, 10), { interval: between(-2, -1) }), {
      interval: between(-20, 0),
    });
    const wide = { interval: between(0, 2 ** 30) };
    assert.ok("constraint" in intervalOfOperator(sum("i32", false, 2), wide));
    assert.ok("interval" in intervalOfOperator(sum("i64", false, 2), wide));
    const exact = { interval: between(-(2 ** 52), 2 ** 52 - 1) };
    assert.ok("constraint" in intervalOfOperator(sum("i64", false, 2), exact));
  });

  it("keep those of extrema and tables, and count those of indices", () => {
    const reduce = (fold: "MAX" | "MIN" | "ARGMAX"): Operator => ({
      ...common,
      kind: "REDUCE",
      dtype: "i32",
      reduction: [7],
      fold,
      operands: [operand(0, [0, 1])],
    });
    const source = { interval: between(-4, 6) };
    for (const fold of ["MAX", "MIN"] as const) assert.deepEqual(intervalOfOperator(reduce(fold), source), source);
    assert.deepEqual(intervalOfOperator(reduce("ARGMAX"), source), { interval: between(0, 6) });
  });

  it("have the zero element among what may lie beyond the tensor, guards or not", () => {
    const moved = (extra: Partial<Operand>): Operator => ({
      ...common,
      kind: "MOVE",
      dtype: "i8",
      reduction: [],
      fill: 9,
      operands: [operand(0, [1], extra)],
    });
    const source = { interval: between(5, 9) };
    assert.deepEqual(intervalOfOperator(moved({ count: 2 }), source), source);
    for (const extra of [{ count: 1 }, { base: -1 }, { base: 63 }])
      assert.deepEqual(intervalOfOperator(moved(extra), source), { interval: between(0, 9) });
    const guards = [{ off: -1, coef: [1], limit: 1 }];
    assert.deepEqual(intervalOfOperator(moved({ base: -1, guards }), source), { interval: between(0, 9) });
    assert.deepEqual(intervalOfOperator(moved({ guards }), source), source);
  });

  it("have 0 where a fold may be of nothing", () => {
    const reduced = (guards: Operand["guards"]): Operator => ({
      ...common,
      kind: "REDUCE",
      dtype: "i8",
      reduction: [2],
      fold: "MAX",
      operands: [operand(0, [0, 1], { guards })],
    });
    const source = { interval: between(-9, -5) };
    assert.deepEqual(intervalOfOperator(reduced([]), source), source);
    assert.deepEqual(intervalOfOperator(reduced([never]), source), { interval: between(-9, 0) });
  });
});
