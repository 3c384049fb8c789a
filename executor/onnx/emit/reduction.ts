import { denseStrides, MAX_READS, product } from "../../tensor/address.ts";
import type { Fold } from "../../tensor/program.ts";
import type { Emitter } from "./emitter.ts";
import { apply, type Expr, float, int, type Leaf, leafOf, scalar, scaledOf, sizeOf, type Value } from "./expression.ts";
import { refuse } from "./refusal.ts";
import { type Draft, fitsProof } from "./storage.ts";
import { axesLast, sliced, transposed } from "./views.ts";

/** Folds along axes: chains where an element would read more than C7 and C8 allow, sums of floats on a grid. */

const MAX_REDUCED = 4;

/** i32 where every partial sum fits, else i64. */
export const sumType = (interval: { readonly lo: number; readonly hi: number }, reads: number): "i32" | "i64" =>
  reads * Math.max(Math.abs(interval.lo), Math.abs(interval.hi)) < 2 ** 31 ? "i32" : "i64";

const foldType = (leaf: Leaf, fold: Fold, reads: number): Draft["dtype"] => {
  if (fold === "ARGMAX") return "i32";
  return fold === "SUM" ? sumType(leaf.interval, reads) : leaf.storage.dtype;
};

/** Merges axes that lie behind one another. */
const merged = (extents: readonly number[], stride: readonly number[]): { extents: number[]; stride: number[] } => {
  const out = { extents: [] as number[], stride: [] as number[] };
  for (const [x, extent] of extents.entries()) {
    if (extent === 1) continue;
    const last = out.extents.length - 1;
    const step = stride[x] as number;
    if (last >= 0 && out.stride[last] === step * extent) {
      out.extents[last] = (out.extents[last] as number) * extent;
      out.stride[last] = step;
    } else {
      out.extents.push(extent);
      out.stride.push(step);
    }
  }
  return out.extents.length === 0 ? { extents: [1], stride: [0] } : out;
};

/** REDUCE of the last `reduced` axes of a view; undefined when it does not fit a proof. */
const once = (
  emitter: Emitter,
  leaf: Leaf,
  shape: readonly number[],
  reduced: number,
  fold: Fold,
): Leaf | undefined => {
  const kept = shape.slice(0, shape.length - reduced);
  const along = merged(shape.slice(kept.length), leaf.stride.slice(kept.length));
  if (along.extents.length > MAX_REDUCED) return undefined;
  const outer = merged(kept, leaf.stride.slice(0, kept.length));
  const draft: Draft = {
    kind: "REDUCE",
    dtype: foldType(leaf, fold, product(along.extents)),
    output: outer.extents,
    reduction: along.extents,
    fold,
    operands: [{ storage: leaf.storage, base: leaf.base, stride: [...outer.stride, ...along.stride], guards: [] }],
  };
  return fitsProof(draft)
    ? leafOf(emitter.stores.emit(draft, { accumulator: fold === "SUM" }), denseStrides(kept))
    : undefined;
};

const largestPart = (length: number): number => {
  for (let part = Math.min(MAX_READS, length); part > 64; part--) if (length % part === 0) return part;
  return 0;
};

const COMBINE: Record<"SUM" | "MAX" | "MIN", readonly [integers: string, floats: string]> = {
  SUM: ["ADD", "FADD"],
  MAX: ["MAX", "FMAX"],
  MIN: ["MIN", "FMIN"],
};

/** Folds the last axis of a row-major view of any length. */
const long = (emitter: Emitter, leaf: Leaf, shape: readonly number[], fold: Exclude<Fold, "ARGMAX">): Expr => {
  const whole = once(emitter, leaf, shape, 1, fold);
  if (whole !== undefined) return whole;
  const kept = shape.slice(0, -1);
  const length = shape[shape.length - 1] as number;
  const part = largestPart(length);
  if (part > 0 && part < length) {
    const split = [...kept, length / part, part];
    const view = emitter.reshape(leaf, shape, split) as Leaf;
    const partial = once(emitter, view, split, 1, fold);
    if (partial !== undefined) return long(emitter, partial, split.slice(0, -1), fold);
  }
  const head = Math.min(MAX_READS, Math.floor(length / 2));
  if (head < 1) return refuse("C8", "one element of a reduction does not fit a proof");
  const value: Value = { element: "int64", shape, expr: leaf };
  const axis = kept.length;
  const cut = (start: number, extent: number): Expr => {
    const part = sliced(value, [{ axis, start, step: 1, extent }]);
    return long(emitter, part.expr as Leaf, part.shape, fold);
  };
  return apply(COMBINE[fold][leaf.type === "I" ? 0 : 1], cut(0, head), cut(head, length - head));
};

/** Folds `axes` away. */
export const reduced = (
  emitter: Emitter,
  value: Value,
  axes: readonly number[],
  fold: Exclude<Fold, "ARGMAX">,
): { readonly shape: number[]; readonly expr: Expr } => {
  const order = axesLast(value.shape.length, axes);
  const turned = transposed(value, order);
  const kept = turned.shape.slice(0, turned.shape.length - axes.length);
  if (sizeOf(turned.shape.slice(kept.length)) === 0)
    return fold === "SUM" ? { shape: kept, expr: int(0) } : refuse("O4", "the extreme of no elements");
  const leaf = emitter.view(turned.expr, turned.shape);
  const direct = once(emitter, leaf, turned.shape, axes.length, fold);
  if (direct !== undefined) return { shape: kept, expr: direct };
  const flat = [...kept, sizeOf(turned.shape.slice(kept.length))];
  const rows = emitter.reshape(emitter.rowMajor(leaf, turned.shape), turned.shape, flat) as Leaf;
  return { shape: kept, expr: long(emitter, rows, flat, fold) };
};

/** Index of the first maximum along the last axis of a view. */
const firstMaximum = (emitter: Emitter, leaf: Leaf, shape: readonly number[]): Expr => {
  const whole = once(emitter, leaf, shape, 1, "ARGMAX");
  if (whole !== undefined) return whole;
  const kept = shape.slice(0, -1);
  const rows = emitter.rowMajor(leaf, shape);
  const value: Value = { element: "int64", shape, expr: rows };
  const length = shape[shape.length - 1] as number;
  let best: Expr | undefined;
  let index: Expr = int(0);
  for (let start = 0; start < length; start += MAX_READS) {
    const extent = Math.min(MAX_READS, length - start);
    const part = sliced(value, [{ axis: kept.length, start, step: 1, extent }]);
    const top = once(emitter, part.expr as Leaf, part.shape, 1, "MAX");
    const at = once(emitter, part.expr as Leaf, part.shape, 1, "ARGMAX");
    if (top === undefined || at === undefined) return refuse("C8", "a part of an ArgMax does not fit a proof");
    const position = apply("ADD", at, int(start));
    if (best === undefined) [best, index] = [top, position];
    else {
      const wins = apply(top.type === "F" ? "FLT" : "LT", best, top);
      index = apply("SEL", wins, position, index);
      best = apply(top.type === "F" ? "FMAX" : "MAX", best, top);
    }
  }
  return index;
};

/** ArgMax along one axis, ties to the lowest index or, read backwards, to the highest. */
export const argMax = (emitter: Emitter, value: Value, axis: number, last: boolean): Expr => {
  const turned = transposed(value, axesLast(value.shape.length, [axis]));
  const extent = value.shape[axis] as number;
  const end = turned.shape.length - 1;
  const read = last ? sliced(turned, [{ axis: end, start: extent - 1, step: -1, extent }]) : turned;
  const found = firstMaximum(emitter, emitter.view(read.expr, read.shape), read.shape);
  return last ? apply("SUB", int(extent - 1), found) : found;
};

const ceilLog2 = (value: number): number => Math.ceil(Math.log2(Math.max(value, 2 ** -60)));

/** The grid of a sum of floats: as fine as keeps every partial sum below 2^53. */
const gridBits = (interval: { readonly lo: number; readonly hi: number }, reads: number): number =>
  Math.min(60, 51 - ceilLog2(reads) - ceilLog2(Math.max(Math.abs(interval.lo), Math.abs(interval.hi))));

/** Elements as whole multiples of `unit`. A dequantised tensor has its own grid; another float gets one. */
export const onGrid = (emitter: Emitter, value: Value, reads: number): { codes: Value; unit: Expr } => {
  const scaled = scaledOf(emitter.fold(value.expr, value.shape));
  const largest = scaled === undefined ? 0 : Math.max(-scaled.codes.interval.lo, scaled.codes.interval.hi);
  if (scaled !== undefined && scaled.scale.kind === "scalar" && reads * largest < 2 ** 53)
    return { codes: { ...value, element: "int64", expr: scaled.codes }, unit: scaled.scale };
  const bits = gridBits(value.expr.interval, reads);
  const codes = apply("F2I", apply("FMUL", value.expr, float(2 ** bits)));
  return { codes: { ...value, element: "int64", expr: codes }, unit: scalar("F", 2 ** -bits) };
};

/** Sum of floats along axes, times RN32(unit / divisor). */
export const sumOfFloats = (
  emitter: Emitter,
  value: Value,
  axes: readonly number[],
  divisor = 1,
): { readonly shape: number[]; readonly expr: Expr } => {
  const reads = sizeOf(axes.map((axis) => value.shape[axis] as number));
  if (reads === 0) return { shape: value.shape.filter((_, x) => !axes.includes(x)), expr: float(0) };
  const { codes, unit } = onGrid(emitter, value, reads);
  const { shape, expr } = reduced(emitter, codes, axes, "SUM");
  const factor = emitter.fold(apply("FDIV", unit, float(divisor)), shape);
  return { shape, expr: apply("FMUL", apply("I2F", expr), factor) };
};
