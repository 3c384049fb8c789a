import type { Emitter } from "./emitter.ts";
import { type Expr, type Leaf, leavesOf, mapLeaves, rebuild, sizeOf, type Value } from "./expression.ts";
import { refuse } from "./refusal.ts";

/** Data movement that costs nothing: other strides over the same elements. */

/** Axis j of the result is axis `permutation[j]` of the value. */
export const transposed = (value: Value, permutation: readonly number[]): Value => ({
  ...value,
  shape: permutation.map((axis) => value.shape[axis] as number),
  expr: mapLeaves(value.expr, (leaf) => ({ ...leaf, stride: permutation.map((axis) => leaf.stride[axis] as number) })),
});

/** NumPy's rule for two shapes. */
export const broadcastShape = (a: readonly number[], b: readonly number[]): number[] => {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, x) => {
    const p = a[x - rank + a.length] ?? 1;
    const q = b[x - rank + b.length] ?? 1;
    if (p !== q && p !== 1 && q !== 1) return refuse("O8", `[${a}] and [${b}] do not broadcast`);
    return p === 1 ? q : p;
  });
};

/** The value repeated along axes of extent 1 and new leading ones. O8 when the shapes do not broadcast. */
export const expanded = (value: Value, shape: readonly number[]): Value => {
  if (shape.length === value.shape.length && shape.every((extent, x) => extent === value.shape[x])) return value;
  const lead = shape.length - value.shape.length;
  const widens = shape.map((extent, x) => x < lead || (value.shape[x - lead] === 1 && extent !== 1));
  for (const [x, extent] of shape.entries())
    if (!widens[x] && value.shape[x - lead] !== extent) refuse("O8", `[${value.shape}] does not expand to [${shape}]`);
  const stretch = (leaf: Leaf): Leaf => ({
    ...leaf,
    stride: shape.map((_, x) => (widens[x] ? 0 : (leaf.stride[x - lead] as number))),
  });
  return { ...value, shape, expr: mapLeaves(value.expr, stretch) };
};

/** `extent` elements of an axis, from `start` in steps of `step`. */
export type Cut = { readonly axis: number; readonly start: number; readonly step: number; readonly extent: number };

/** The value cut along axes; the cuts lie within its extents. */
export const sliced = (value: Value, cuts: readonly Cut[]): Value => {
  const shape = [...value.shape];
  for (const { axis, extent } of cuts) shape[axis] = extent;
  const cut = (leaf: Leaf): Leaf => {
    const stride = [...leaf.stride];
    let base = leaf.base;
    for (const { axis, start, step } of cuts) {
      base += start * (leaf.stride[axis] as number);
      stride[axis] = (leaf.stride[axis] as number) * step;
    }
    return { ...leaf, base, stride };
  };
  return { ...value, shape, expr: mapLeaves(value.expr, cut) };
};

/** The same elements in row-major order under another shape. O8 when the counts differ. */
export const reshaped = (emitter: Emitter, value: Value, shape: readonly number[]): Value => {
  if (sizeOf(shape) !== sizeOf(value.shape) || !shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0))
    refuse("O8", `[${value.shape}] does not reshape to [${shape}]`);
  return { ...value, shape, expr: emitter.reshape(value.expr, value.shape, shape) };
};

/** A one-dimensional constant along one axis of a shape of `rank`. */
export const along = (emitter: Emitter, value: Value, axis: number, rank: number): Value => {
  const shape = Array.from({ length: rank }, (_, x) => (x === axis ? sizeOf(value.shape) : 1));
  return reshaped(emitter, value, shape);
};

/** Axes moved to the end, the others in their order. */
export const axesLast = (rank: number, axes: readonly number[]): number[] => [
  ...Array.from({ length: rank }, (_, x) => x).filter((x) => !axes.includes(x)),
  ...axes,
];

/** Both expressions over one shape. */
export const together = (a: Value, b: Value): { shape: number[]; a: Expr; b: Expr } => {
  const shape = broadcastShape(a.shape, b.shape);
  return { shape, a: expanded(a, shape).expr, b: expanded(b, shape).expr };
};

/** Moves the one stored tensor under an expression, and computes the expression afterwards. */
export const overLeaf = (value: Value, move: (stored: Value) => Value): Value => {
  const leaves = leavesOf(value.expr);
  const [leaf] = leaves;
  if (value.expr.kind === "leaf" || leaf === undefined || leaves.length > 1) return move(value);
  const moved = move({ ...value, expr: leaf });
  return { ...moved, expr: rebuild(value.expr, () => moved.expr) };
};
