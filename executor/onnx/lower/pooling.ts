import { denseStrides } from "../../tensor/address.ts";
import type { Guard } from "../../tensor/program.ts";
import { type Lowering, type LoweringTable, type NodeContext, tensorOf } from "../emit/context.ts";
import type { Emitter } from "../emit/emitter.ts";
import {
  apply,
  type Expr,
  float,
  int,
  isFloat,
  type Leaf,
  leafOf,
  linearOf,
  rebuild,
  sizeOf,
  type Value,
} from "../emit/expression.ts";
import { onGrid, reduced, sumOfFloats, sumType } from "../emit/reduction.ts";
import { refuse } from "../emit/refusal.ts";
import { type Draft, fitsProof } from "../emit/storage.ts";
import { reshaped, transposed } from "../emit/views.ts";
import { type Axis, axesOfWindow } from "./window.ts";

/** Pools over any number of axes, in the order of memory that convolutions leave: channels last. */

type Fold = "SUM" | "MAX";

/** REDUCE of each window over the axes between the first and the last of an [N, ..., C] view. */
const windows = (
  emitter: Emitter,
  leaf: Leaf,
  batch: number,
  channels: number,
  axes: readonly Axis[],
  fold: Fold,
): Leaf => {
  const rank = axes.length;
  const extents = [batch, ...axes.map(({ extent }) => extent), channels];
  const step = denseStrides(extents);
  const output = [batch, ...axes.map(({ out }) => out), channels];
  const reduction = axes.map(({ kernel }) => kernel);
  const guards = axes.map(({ before, stride, dilation, extent }, x): Guard => {
    const coef = new Array<number>(2 * rank + 2).fill(0);
    coef[1 + x] = stride;
    coef[2 + rank + x] = dilation;
    return { off: -before + 0, coef, limit: extent };
  });
  const base = axes.reduce((sum, { before }, x) => sum - before * (step[1 + x] as number), leaf.base);
  const stride = [
    step[0] as number,
    ...axes.map((axis, x) => axis.stride * (step[1 + x] as number)),
    1,
    ...axes.map((axis, x) => axis.dilation * (step[1 + x] as number)),
  ];
  const reads = sizeOf(reduction);
  const draft: Draft = {
    kind: "REDUCE",
    dtype: fold === "SUM" ? sumType(leaf.interval, reads) : leaf.storage.dtype,
    output,
    reduction,
    fold,
    operands: [{ storage: leaf.storage, base, stride, guards }],
  };
  if (fitsProof(draft) || reads === 1) {
    const stored = emitter.stores.emit(draft, { accumulator: fold === "SUM" });
    return leafOf(stored, denseStrides(output));
  }
  const split = axes.findIndex(({ kernel }) => kernel > 1);
  if (axes.slice(split + 1).every(({ kernel }) => kernel === 1))
    return refuse("C8", `a window of ${reads} along one axis`);
  const whole = (axis: Axis): Axis => ({ ...axis, kernel: 1, stride: 1, before: 0, after: 0, out: axis.extent });
  const inner = axes.map((axis, x) => (x === split ? whole(axis) : axis));
  const partial = windows(emitter, leaf, batch, channels, inner, fold);
  const done = (axis: Axis): Axis => ({ ...whole(axis), extent: axis.out, out: axis.out });
  const outer = axes.map((axis, x) => (x === split ? axis : done(axis)));
  return windows(emitter, partial, batch, channels, outer, fold);
};

/** [N, C, ...] as [N, ..., C], and a line as a plane of height 1. */
type Laid = { readonly value: Value; readonly axes: readonly Axis[]; readonly line: boolean };
const LINE: Axis = { extent: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, out: 1 };

const laidOut = (emitter: Emitter, value: Value, axes: readonly Axis[]): Laid => {
  const [n = 1, c = 1, ...rest] = value.shape;
  const line = axes.length === 1;
  const plane = line ? reshaped(emitter, value, [n, c, 1, ...rest]) : value;
  const rank = plane.shape.length;
  return {
    line,
    axes: line ? [LINE, ...axes] : axes,
    value: transposed(plane, [0, ...Array.from({ length: rank - 2 }, (_, x) => x + 2), 1]),
  };
};

const pooled = (
  emitter: Emitter,
  value: Value,
  given: readonly Axis[],
  fold: Fold,
): { shape: number[]; expr: Expr } => {
  const [n = 1, c = 1] = value.shape;
  const { value: turned, axes, line } = laidOut(emitter, value, given);
  const leaf = emitter.rowMajor(turned.expr, turned.shape);
  const out = windows(emitter, leaf, n, c, axes, fold);
  const outs = axes.map((axis) => axis.out);
  const rank = outs.length;
  const back = transposed(tensorOf(value.element, [n, ...outs, c], out), [0, rank + 1, ...outs.map((_, x) => x + 1)]);
  const shape = [n, c, ...given.map((axis) => axis.out)];
  return { shape, expr: line ? emitter.reshape(back.expr, back.shape, shape) : back.expr };
};

/** The stored tensor under increasing functions: their maximum is the function of its maximum. */
const monotone = (expr: Expr): Leaf | undefined => {
  if (expr.kind === "leaf") return expr;
  if (expr.kind !== "apply") return undefined;
  const [a, b] = expr.args as [Expr, Expr | undefined];
  const keeps =
    expr.spec.name === "I2F" ||
    (expr.spec.name === "ADD" && b?.kind === "scalar") ||
    (expr.spec.name === "FMUL" && b?.kind === "scalar" && b.value > 0);
  return keeps ? monotone(a) : undefined;
};

const maximum = (emitter: Emitter, value: Value, fold: (stored: Value) => { shape: number[]; expr: Expr }): Value => {
  const folded = emitter.fold(value.expr, value.shape);
  const leaf = monotone(folded);
  if (leaf === undefined || folded.kind === "leaf") {
    const { shape, expr } = fold({ ...value, expr: folded });
    return { ...value, shape, expr };
  }
  const { shape, expr } = fold({ ...value, expr: leaf });
  return { ...value, shape, expr: rebuild(folded, () => expr) };
};

const kernelOf = (context: NodeContext): number[] =>
  context.ints("kernel_shape") ?? refuse("O5", `${context.node.operator} without kernel_shape`);

const maxPool: Lowering = (context) => {
  if (context.node.outputs.length > 1 && context.node.outputs[1] !== "") refuse("O5", "MaxPool with indices");
  const value = context.value(0);
  const axes = axesOfWindow(context, value.shape.slice(2), kernelOf(context));
  return [maximum(context.emitter, value, (stored) => pooled(context.emitter, stored, axes, "MAX"))];
};

/** Elements that count in each window: inside the tensor, or inside its padding too. */
const counts = (axis: Axis, includePad: boolean): number[] =>
  Array.from({ length: axis.out }, (_, i) => {
    let count = 0;
    for (let k = 0; k < axis.kernel; k++) {
      const at = i * axis.stride + k * axis.dilation - axis.before;
      const inside = at >= 0 && at < axis.extent;
      if (inside || (includePad && at < axis.extent + axis.after)) count++;
    }
    return count;
  });

/** A constant [1, 1, out...] of the product of each axis' numbers. */
const grid = (
  emitter: Emitter,
  shape: readonly number[],
  lists: readonly (readonly number[])[],
  type: "F" | "I",
): Expr => {
  const first = lists.map(([one]) => one as number);
  if (lists.every((list, x) => list.every((v) => v === first[x])))
    return type === "F" ? float(sizeOf(first)) : int(sizeOf(first));
  const sizes = lists.map((list) => list.length);
  const leaf = lists
    .map((list, x): Expr => {
      const stride = shape.map((_, y) => (y === x + 2 ? 1 : 0));
      return leafOf(emitter.constant(type === "F" ? "f32" : "i32", list), stride);
    })
    .reduce((a, b) => apply(type === "F" ? "FMUL" : "MUL", a, b));
  const over = [1, 1, ...sizes];
  return emitter.fold(leaf, shape.length === over.length ? shape : over);
};

/** Mean of each window: the exact sum of its codes, then RN32(scale / count). */
const averaged = (context: NodeContext, value: Value, axes: readonly Axis[]): Value => {
  const { emitter } = context;
  const includePad = context.int("count_include_pad", 0) !== 0;
  const reads = sizeOf(axes.map(({ kernel }) => kernel));
  const { codes, unit } = onGrid(emitter, value, reads);
  const folded = emitter.fold(codes.expr, codes.shape);
  const linear = linearOf(folded);
  const base: Value = linear === undefined ? codes : { ...codes, expr: linear.leaf };
  const { shape, expr } = pooled(emitter, base, axes, "SUM");
  const live = grid(
    emitter,
    shape,
    axes.map((axis) => counts(axis, false)),
    "I",
  );
  const offset = linear?.offset ?? 0;
  const shift = emitter.fold(apply("MUL", live, int(offset)), shape);
  const sum = offset === 0 ? expr : apply("ADD", expr, shift);
  const divisor = grid(
    emitter,
    shape,
    axes.map((axis) => counts(axis, includePad)),
    "F",
  );
  const factor = emitter.fold(apply("FDIV", unit, divisor), shape);
  return tensorOf("float32", shape, apply("FMUL", apply("I2F", sum), factor));
};

export const averagePool: Lowering = (context) => {
  const value = context.value(0);
  if (!isFloat(value.element)) refuse("O3", `AveragePool of ${value.element}`);
  return [averaged(context, value, axesOfWindow(context, value.shape.slice(2), kernelOf(context)))];
};

const planeAxes = (value: Value): number[] => value.shape.map((_, x) => x).slice(2);

/** Mean over all axes but the first two: [N, C, ...] to [N, C, 1, ...]. */
export const globalAverage = (emitter: Emitter, value: Value): Value => {
  const axes = planeAxes(value);
  const { codes, unit } = onGrid(emitter, value, sizeOf(value.shape.slice(2)));
  const count = sizeOf(value.shape.slice(2));
  const shape = value.shape.map((extent, x) => (x < 2 ? extent : 1));
  const linear = linearOf(emitter.fold(codes.expr, codes.shape));
  if (linear === undefined) {
    const sum = sumOfFloats(emitter, value, axes, count);
    return reshaped(emitter, tensorOf("float32", sum.shape, sum.expr), shape);
  }
  const sum = reduced(emitter, { ...codes, expr: linear.leaf }, axes, "SUM");
  const exact = apply("ADD", sum.expr, int(count * linear.offset));
  const factor = emitter.fold(apply("FDIV", unit, float(count)), sum.shape);
  return reshaped(emitter, tensorOf("float32", sum.shape, apply("FMUL", apply("I2F", exact), factor)), shape);
};

const globalAveragePool: Lowering = (context) => {
  const value = context.value(0);
  if (!isFloat(value.element)) refuse("O3", `GlobalAveragePool of ${value.element}`);
  return [globalAverage(context.emitter, value)];
};

const globalMaxPool: Lowering = (context) => {
  const value = context.value(0);
  const { emitter } = context;
  const shape = value.shape.map((extent, x) => (x < 2 ? extent : 1));
  const folded = maximum(emitter, value, (stored) => {
    const { shape: kept, expr } = reduced(emitter, stored, planeAxes(stored), "MAX");
    return { shape: [...kept], expr };
  });
  return [reshaped(emitter, folded, shape)];
};

export const POOLING: LoweringTable = {
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
  MaxPool: maxPool,
};
