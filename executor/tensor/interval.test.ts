import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressOf, digitsAt, product } from "./address.ts";
import { unlimited } from "./budget.ts";
import { contractBound, type Known, operatorInterval } from "./interval.ts";
import type { Interval, Operand, Operator, OperatorOf, Source, TensorData } from "./program.ts";

const operand = (index: number, stride: readonly number[], extra: Partial<Operand> = {}): Operand => ({
  source: { constant: false, index },
  dtype: "i8",
  count: 1,
  base: 0,
  stride,
  guards: [],
  ...extra,
});
const known =
  (...sources: readonly Known[]) =>
  ({ index }: Source): Known =>
    sources[index] as Known;
const between = (lo: number, hi: number): Interval => ({ lo, hi });
const intervalOfOperator = (operator: Operator, ...sources: readonly Known[]) =>
  operatorInterval(operator, known(...sources), unlimited());

describe("C10's bound", () => {
  const cases = fc
    .record({
      output: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      reduction: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
    })
    .chain(({ output, reduction }) => {
      const axes = output.length + reduction.length;
      const strides = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: axes, maxLength: axes });
      return fc.record({
        output: fc.constant(output),
        reduction: fc.constant(reduction),
        w: strides,
        b: strides.map((all) => all.map((s, x) => (x < output.length ? s : 0))),
        za: fc.integer({ min: -128, max: 127 }),
        zw: fc.integer({ min: -128, max: 127 }),
        lo: fc.integer({ min: -128, max: 0 }),
        hi: fc.integer({ min: 0, max: 127 }),
        biased: fc.constantFrom("none", "constant", "computed"),
        weighted: fc.boolean(),
        seed: fc.nat(1000),
      });
    });

  it("is the largest row, found one by one", () => {
    fc.assert(
      fc.property(cases, ({ output, reduction, w, b, za, zw, lo, hi, biased, weighted, seed }) => {
        // bases in the middle of tensors that are large enough for every stride
        const data = Int8Array.from({ length: 200 }, (_, i) => (i * 73 + seed * 31) % 256);
        const biasData = Int32Array.from({ length: 200 }, (_, i) => ((i * 7919 + seed) % 5000) - 2500);
        const operands = [
          operand(0, new Array(w.length).fill(0)),
          operand(1, w, { base: 100 }),
          ...(biased === "none" ? [] : [operand(2, b, { base: 100, dtype: "i32" })]),
        ];
        const operator: OperatorOf<"CONTRACT"> = {
          kind: "CONTRACT",
          dtype: "i32",
          output,
          reduction,
          za,
          zw,
          interval: between(0, 0),
          operands,
        };
        const sources: Known[] = [
          { interval: between(lo, hi) },
          weighted ? { interval: between(-128, 127), data } : { interval: between(-5, 9) },
          biased === "constant"
            ? { interval: between(-2500, 2500), data: biasData as TensorData }
            : { interval: between(-77, 33) },
        ];
        const rowOf = (i: number): number => {
          const first = digitsAt(operator, i, 0);
          let sum = 0;
          if (biased === "constant") sum = Math.abs(biasData[addressOf(operands[2] as Operand, first)] as number);
          if (biased === "computed") sum = 77;
          const widest = Math.max(Math.abs(lo - za), Math.abs(hi - za));
          for (let r = 0; r < product(reduction); r++) {
            const at = addressOf(operands[1] as Operand, digitsAt(operator, i, r));
            const weight = weighted
              ? Math.abs((data[at] as number) - zw)
              : Math.max(Math.abs(-5 - zw), Math.abs(9 - zw));
            sum += weight * widest;
          }
          return sum;
        };
        const rows = Array.from({ length: product(output) }, (_, i) => rowOf(i));
        const found = contractBound(operator, known(...sources), unlimited());
        assert.equal(found?.bound, Math.max(...rows));
        const index = found?.digits.reduce((n, d, x) => n * (output[x] as number) + d, 0);
        assert.equal(rows[index as number], Math.max(...rows));
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  it("costs one pass over the weights, whatever the outputs", () => {
    const operator: OperatorOf<"CONTRACT"> = {
      kind: "CONTRACT",
      dtype: "i32",
      output: [4096, 16],
      reduction: [64],
      za: 0,
      zw: 0,
      interval: between(0, 0),
      operands: [operand(0, [64, 0, 1]), operand(1, [0, 64, 1])],
    };
    const data = new Int8Array(1024).fill(2);
    const budget = { left: 10_000 };
    const found = contractBound(
      operator,
      known({ interval: between(0, 3) }, { interval: between(2, 2), data }),
      budget,
    );
    assert.equal(found?.bound, 64 * 2 * 3);
    assert.ok(10_000 - budget.left < 2 * 1024);
    assert.equal(
      contractBound(operator, known({ interval: between(0, 3) }, { interval: between(2, 2), data }), { left: 900 }),
      undefined,
    );
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
});
