import { denseStrides, MAX_READS } from "../../tensor/address.ts";
import { axisOf, type Lowering, type LoweringTable, type NodeContext, tensorOf } from "../emit/context.ts";
import { apply, type Expr, float, int, isFloat, leafOf, sizeOf, type Value } from "../emit/expression.ts";
import { log } from "../emit/nonlinear.ts";
import { argMax, reduced, sumOfFloats } from "../emit/reduction.ts";
import { refuse } from "../emit/refusal.ts";
import { axesLast, expanded, reshaped, sliced, transposed } from "../emit/views.ts";
import { wrapped } from "./elementwise.ts";
import { axesOf, gatheredElements } from "./movement.ts";

/** Reductions along axes. */

type Folded = { readonly shape: readonly number[]; readonly expr: Expr };

/** Axes of the node, or all of them, or none with noop_with_empty_axes. */
const reducedAxes = (context: NodeContext, value: Value): number[] => {
  const rank = value.shape.length;
  const given = axesOf(context)?.map((axis) => axisOf(axis, rank));
  if (given !== undefined && given.length > 0) return given;
  return context.int("noop_with_empty_axes", 0) !== 0 ? [] : value.shape.map((_, x) => x);
};

const withKept = (context: NodeContext, value: Value, axes: readonly number[], folded: Folded): Value => {
  const keep = context.int("keepdims", 1) !== 0;
  const shape = keep ? value.shape.map((extent, x) => (axes.includes(x) ? 1 : extent)) : [...folded.shape];
  return reshaped(context.emitter, { ...value, shape: folded.shape, expr: folded.expr }, shape);
};

/** A reduction, with what is done before on each element and after on each result. */
const reduction =
  (fold: (context: NodeContext, value: Value, axes: readonly number[]) => Folded): Lowering =>
  (context) => {
    const value = context.value(0);
    const axes = reducedAxes(context, value);
    return [withKept(context, value, axes, fold(context, value, axes))];
  };

const extreme = (fold: "MAX" | "MIN"): Lowering =>
  reduction((context, value, axes) => (axes.length === 0 ? value : reduced(context.emitter, value, axes, fold)));

const total = (context: NodeContext, value: Value, axes: readonly number[], divisor = 1): Folded => {
  if (axes.length === 0) return value;
  if (isFloat(value.element)) return sumOfFloats(context.emitter, value, axes, divisor);
  const { shape, expr } = reduced(context.emitter, value, axes, "SUM");
  return { shape, expr: wrapped(expr, value.element) };
};

const countOf = (value: Value, axes: readonly number[]): number => sizeOf(axes.map((x) => value.shape[x] as number));

const mean = reduction((context, value, axes) => {
  if (isFloat(value.element)) return total(context, value, axes, countOf(value, axes));
  const sum = total(context, value, axes);
  return { shape: sum.shape, expr: apply("DIV", sum.expr, int(countOf(value, axes))) };
});

const square = (value: Value): Value => ({
  ...value,
  expr: isFloat(value.element) ? apply("FMUL", value.expr, value.expr) : apply("MUL", value.expr, value.expr),
});
const magnitude = (value: Value): Value => ({
  ...value,
  expr: isFloat(value.element) ? apply("FABS", value.expr) : apply("MAX", value.expr, apply("SUB", int(0), value.expr)),
});
const needFloat = (value: Value): Value =>
  isFloat(value.element) ? value : refuse("O3", `a logarithm or root of ${value.element}`);
const after = (folded: Folded, f: (x: Expr) => Expr): Folded => ({ shape: folded.shape, expr: f(folded.expr) });

const narrowed = (value: Value, expr: Expr): Expr => (isFloat(value.element) ? expr : wrapped(expr, value.element));

const product = reduction((context, value, axes) => {
  const turned = transposed(value, axesLast(value.shape.length, axes));
  const kept = turned.shape.slice(0, turned.shape.length - axes.length);
  const count = countOf(value, axes);
  if (count === 0) return { shape: kept, expr: isFloat(value.element) ? float(1) : int(1) };
  if (count > 64) return refuse("O5", `a product of ${count} factors`);
  const flat = reshaped(context.emitter, turned, [...kept, count]);
  const factors = Array.from({ length: count }, (_, start) =>
    reshaped(context.emitter, sliced(flat, [{ axis: kept.length, start, step: 1, extent: 1 }]), kept),
  );
  const name = isFloat(value.element) ? "FMUL" : "MUL";
  const one: Expr = isFloat(value.element) ? float(1) : int(1);
  const expr = factors.map((factor) => factor.expr).reduce((a, b) => narrowed(value, apply(name, a, b)), one);
  return { shape: kept, expr };
});

const arg =
  (sign: 1 | -1): Lowering =>
  (context) => {
    const value = context.value(0);
    const axis = axisOf(context.int("axis", 0), value.shape.length);
    const turned: Expr =
      sign === 1 ? value.expr : isFloat(value.element) ? apply("FNEG", value.expr) : apply("SUB", int(0), value.expr);
    const index = argMax(context.emitter, { ...value, expr: turned }, axis, context.int("select_last_index", 0) !== 0);
    const shape = value.shape.filter((_, x) => x !== axis);
    return [withKept(context, { ...value, element: "int64" }, [axis], { shape, expr: index })];
  };

const topK: Lowering = (context) => {
  const value = context.value(0);
  const axis = axisOf(context.int("axis", -1), value.shape.length);
  const k = context.hasAttribute("k") ? context.int("k") : (context.integers(1)?.[0] ?? refuse("O6", "k"));
  const { emitter } = context;
  const order = axesLast(value.shape.length, [axis]);
  const ascending = context.int("largest", 1) === 0;
  const turned = transposed(value, order);
  const negated = isFloat(value.element) ? apply("FNEG", turned.expr) : apply("SUB", int(0), turned.expr);
  const keys = emitter.view(ascending ? negated : turned.expr, turned.shape);
  const length = turned.shape[turned.shape.length - 1] as number;
  if (k > length || k < 1) refuse("O8", `the ${k} largest of ${length}`);
  if (length > MAX_READS) refuse("C7", `TopK over ${length} elements`);
  const kept = turned.shape.slice(0, -1);
  const output = [...kept, k];
  const stored = emitter.stores.emit({
    kind: "TOPK",
    dtype: "i32",
    output,
    reduction: [length],
    operands: [
      {
        storage: keys.storage,
        base: keys.base,
        stride: [...keys.stride.slice(0, -1), 0, keys.stride[kept.length] as number],
        guards: [],
      },
    ],
  });
  const indices: Value = tensorOf("int64", output, leafOf(stored, denseStrides(output)));
  const values = gatheredElements(emitter, turned, indices, kept.length);
  const back = order.map((_, x) => order.indexOf(x));
  return [transposed(values, back), transposed(indices, back)];
};

/** 1 at the first maximum of each row. */
const hardmax: Lowering = (context) => {
  const given = context.value(0);
  const axis = axisOf(context.int("axis", context.node.opset >= 13 ? -1 : 1), given.shape.length);
  const old = context.node.opset < 13;
  const { emitter } = context;
  const value = old
    ? reshaped(emitter, given, [sizeOf(given.shape.slice(0, axis)), sizeOf(given.shape.slice(axis))])
    : given;
  const along = old ? 1 : axis;
  const index = argMax(emitter, value, along, false);
  const ones = value.shape.map((extent, x) => (x === along ? 1 : extent));
  const winner = reshaped(
    emitter,
    tensorOf(
      "int64",
      value.shape.filter((_, x) => x !== along),
      index,
    ),
    ones,
  );
  const iota = emitter.constant(
    "i32",
    Float64Array.from({ length: value.shape[along] as number }, (_, i) => i),
  );
  const position = leafOf(
    iota,
    value.shape.map((_, x) => (x === along ? 1 : 0)),
  );
  const hit = apply("EQ", expanded(winner, value.shape).expr, position);
  const out: Value = { ...value, expr: apply("I2F", hit) };
  return [old ? reshaped(emitter, out, given.shape) : out];
};

export const REDUCTION: LoweringTable = {
  ArgMax: arg(1),
  ArgMin: arg(-1),
  Hardmax: hardmax,
  ReduceL1: reduction((context, value, axes) => total(context, magnitude(value), axes)),
  ReduceL2: reduction((context, value, axes) =>
    after(total(context, square(needFloat(value)), axes), (x) => apply("FSQRT", apply("FMAX", x, float(0)))),
  ),
  ReduceLogSum: reduction((context, value, axes) => after(total(context, needFloat(value), axes), log)),
  ReduceMax: extreme("MAX"),
  ReduceMean: mean,
  ReduceMin: extreme("MIN"),
  ReduceProd: product,
  ReduceSum: reduction(total),
  ReduceSumSquare: reduction((context, value, axes) => total(context, square(value), axes)),
  TopK: topK,
};
