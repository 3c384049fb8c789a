import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import * as build from "./builders.ts";
import type { Dtype, Kind, Operator } from "./program.ts";
import * as as from "./recognise.ts";

const SEED = { seed: 20_241_121, numRuns: 400 };

/** A record of a built operator: its operands' tensors have the counts that the builders were told. */
const recordOf = <K extends Kind>(built: build.Built<K, { readonly count: number }>): Operator =>
  ({
    ...built,
    interval: { lo: 0, hi: 0 },
    operands: built.operands.map((operand, index) => ({ ...operand, dtype: "u8", source: { constant: false, index } })),
  }) as unknown as Operator;
const T = (count = 0): { readonly count: number } => ({ count });

const extent = fc.integer({ min: 1, max: 9 });
const small = fc.integer({ min: 1, max: 4 });
const zero = fc.integer({ min: 0, max: 255 });
const dtypes = fc.constantFrom<Dtype>("u8", "i8", "i32", "f32");
const bias = fc.constantFrom("none", "column", "element");
const biasOf = (per: string) => (per === "none" ? undefined : { tensor: T(), per: per as "column" | "element" });

const windows = fc.record({
  batch: small,
  height: extent,
  width: extent,
  outHeight: extent,
  outWidth: extent,
  kernelHeight: small,
  kernelWidth: small,
  strideY: small,
  strideX: small,
  dilationY: small,
  dilationX: small,
  padTop: fc.integer({ min: 0, max: 5 }),
  padLeft: fc.integer({ min: 0, max: 5 }),
});

describe("recognise(build(x)) = x", () => {
  it("conv2d with groups, dilation, asymmetric pads, strides, parts of the channels", () => {
    const shapes = fc
      .record({ window: windows, groups: small, perGroup: extent, outPerGroup: extent, za: zero, zw: zero, bias })
      .chain((s) =>
        fc.record({
          s: fc.constant(s),
          from: fc.integer({ min: 0, max: s.perGroup - 1 }),
        }),
      );
    fc.assert(
      fc.property(shapes, ({ s, from }) => {
        const conv: build.Conv2d = {
          ...s.window,
          channels: s.groups * s.perGroup,
          outChannels: s.groups * s.outPerGroup,
          groups: s.groups,
          za: s.za,
          zw: s.zw,
          channelFrom: from,
          channelCount: s.perGroup - from,
        };
        const found = as.asConv2d(recordOf(build.conv2d(conv, T(), T(), biasOf(s.bias))));
        assert.deepEqual(found, { ...conv, bias: s.bias });
      }),
      SEED,
    );
  });

  it("matmul, batched or not, whole or in parts", () => {
    const shapes = fc
      .record({
        batch: fc.integer({ min: 1, max: 4 }),
        rows: extent,
        columns: extent,
        inner: extent,
        batchedW: fc.boolean(),
        bias,
      })
      .chain((s) =>
        fc.record({ s: fc.constant(s), innerFrom: fc.integer({ min: 0, max: s.inner - 1 }), za: zero, zw: zero }),
      );
    fc.assert(
      fc.property(shapes, ({ s: { bias: per, ...s }, innerFrom, za, zw }) => {
        const shape: build.Matmul = { ...s, innerFrom, innerCount: s.inner - innerFrom, za, zw };
        const found = as.asMatmul(recordOf(build.matmul(shape, T(), T(), biasOf(per))));
        assert.deepEqual(found, { ...shape, bias: per });
      }),
      SEED,
    );
  });

  it("pools", () => {
    const pools = fc.record({ window: windows, channels: extent, fold: fc.constantFrom("MAX", "MIN", "SUM") });
    fc.assert(
      fc.property(pools, dtypes, ({ window, channels, fold }, dtype) => {
        const pool = { ...window, channels, fold: fold as "MAX" };
        assert.deepEqual(as.asPool2d(recordOf(build.pool2d(pool, dtype, T()))), pool);
      }),
      SEED,
    );
  });

  const extentsOver1 = fc.array(fc.integer({ min: 2, max: 6 }), { minLength: 1, maxLength: 4 });

  it("reductions along axes", () => {
    const along = extentsOver1.chain((extents) =>
      fc.record({
        extents: fc.constant(extents),
        axes: fc.subarray(
          extents.map((_, x) => x),
          { minLength: 1 },
        ),
      }),
    );
    fc.assert(
      fc.property(along, fc.constantFrom("SUM", "MAX", "MIN", "ARGMAX"), (reduction, fold) => {
        const wanted = { ...reduction, fold: fold as "SUM" };
        assert.deepEqual(as.asReduceAxes(recordOf(build.reduceAxes(wanted, "i32", T()))), wanted);
      }),
      SEED,
    );
  });

  it("concatenation along any axis", () => {
    const joins = extentsOver1.chain((extents) =>
      fc.record({
        extents: fc.constant(extents),
        axis: fc.integer({ min: 0, max: extents.length - 1 }),
        lengths: fc.array(small, { minLength: 2, maxLength: 4 }),
      }),
    );
    fc.assert(
      fc.property(joins, dtypes, ({ extents, axis, lengths }, dtype) => {
        const total = lengths.reduce((a, b) => a + b, 0);
        const joined = { extents: extents.with(axis, total), axis, lengths };
        const parts = lengths.map(() => T());
        assert.deepEqual(as.asConcat(recordOf(build.concatAxis(joined, dtype, parts))), joined);
      }),
      SEED,
    );
  });

  it("lookup, rows of a table", () => {
    fc.assert(
      fc.property(extent, extent, extent, (rows, columns, num) => {
        const table = { count: rows, first: -columns, num };
        assert.deepEqual(as.asLookup(recordOf(build.lookup(table, "u8", T(), T()))), table);
        const gathered = { indices: rows, rows: num, width: columns };
        assert.deepEqual(as.asGatherRows(recordOf(build.gatherRows(gathered, "f32", T(), T()))), gathered);
      }),
      SEED,
    );
  });
});

describe("what was not built is not recognised", () => {
  const conv: build.Conv2d = {
    ...{ batch: 1, height: 8, width: 8, channels: 4, outHeight: 8, outWidth: 8, outChannels: 4, groups: 1 },
    ...{ kernelHeight: 3, kernelWidth: 3, strideY: 1, strideX: 1, dilationY: 1, dilationX: 1, padTop: 1, padLeft: 1 },
    ...{ za: 3, zw: 0, channelFrom: 0, channelCount: 4 },
  };
  const operator = recordOf(build.conv2d(conv, T(), T()));
  const [a, w] = operator.operands as [Operator["operands"][number], Operator["operands"][number]];

  it("a convolution with one number changed", () => {
    assert.notEqual(as.asConv2d(operator), undefined);
    const changed: Operator[] = [
      { ...operator, operands: [{ ...a, base: a.base + 1 }, w] },
      { ...operator, operands: [a, { ...w, stride: w.stride.with(5, 11) }] },
      { ...operator, operands: [{ ...a, stride: a.stride.with(1, 31) }, w] },
      { ...operator, operands: [{ ...a, guards: a.guards.slice(1) }, w] },
      { ...operator, operands: [{ ...a, guards: a.guards.map((guard) => ({ ...guard, limit: 7 })) }, w] },
      { ...operator, output: operator.output.slice(1) },
    ];
    for (const other of changed) assert.equal(as.asConv2d(other), undefined);
  });
});
