import { axisOf, type Lowering, type LoweringTable, type NodeContext, tensorOf } from "../emit/context.ts";
import type { Quantised } from "../emit/contraction.ts";
import {
  apply,
  type Element,
  type Expr,
  float,
  int,
  isConstant,
  leavesOf,
  linearOf,
  nodesOf,
  sameConstants,
  scaledOf,
  sizeOf,
  type Value,
} from "../emit/expression.ts";
import { reduced } from "../emit/reduction.ts";
import { refuse } from "../emit/refusal.ts";
import { expanded, reshaped } from "../emit/views.ts";

/**
 * QuantizeLinear and DequantizeLinear. `(q - z) * s` stays an expression, so that a product of two of them is one
 * integer contraction and what follows it one step: RNE(RN32(acc) * RN32(RN32(sx * sw) / sy)) + z, saturated.
 */

/** Scale and zero point over the shape of their tensor. */
export type Quantisation = { readonly scale: Value; readonly zero: Value | undefined; readonly element: Element };

/** A scale that is computed is taken as it comes, but never 0. */
const computed = (context: NodeContext, scale: number, zero: number): Quantisation => {
  const step = context.value(scale);
  const point = context.has(zero) ? context.value(zero) : undefined;
  if (step.element !== "float32") refuse("O3", `a scale of ${step.element}`);
  return {
    scale: { ...step, expr: apply("FMAX", step.expr, float(2 ** -100)) },
    zero: point,
    element: point?.element ?? "uint8",
  };
};

const finite = (scale: Value, name: string): Value => {
  if (!isConstant(scale.expr)) return refuse("O6", "a scale that is only known at run time", name);
  if (scale.element !== "float32") return refuse("O3", `a scale of ${scale.element}`);
  if (!(scale.expr.interval.lo > 0 && scale.expr.interval.hi <= 3.4e38))
    return refuse("O9", "a scale that is not positive");
  return scale;
};

/** Scale and zero point at these inputs of the node. O6 unless constant, O9 unless the scale is positive. */
export const quantisation = (context: NodeContext, scale: number, zero: number): Quantisation => {
  const point = context.has(zero) ? context.value(zero) : undefined;
  if (point !== undefined && !isConstant(point.expr))
    refuse("O6", "a zero point that is only known at run time", context.node.inputs[zero]);
  return {
    scale: finite(context.value(scale), context.node.inputs[scale] ?? ""),
    zero: point,
    element: point?.element ?? "uint8",
  };
};

/** A parameter of one element, or of one an index of `axis`, over a shape. */
const over = (context: NodeContext, parameter: Value, shape: readonly number[], axis: number): Expr => {
  const size = sizeOf(parameter.shape);
  if (size === 1) return expanded(reshaped(context.emitter, parameter, []), shape).expr;
  const at = axisOf(axis, shape.length);
  if (parameter.shape.length !== 1 || size !== shape[at])
    return refuse("O5", `scales of shape [${parameter.shape}] for [${shape}]`);
  const wide = reshaped(
    context.emitter,
    parameter,
    shape.map((extent, x) => (x === at ? extent : 1)),
  );
  return expanded(wide, shape).expr;
};

/** Codes minus zero point, and scale, of operands `index`, `scale`, `zero` of a QLinear operator. */
export const codesOf = (context: NodeContext, index: number, scale: number, zero: number, axis = -1): Quantised => {
  const value = context.value(index);
  const q = quantisation(context, scale, zero);
  const { expr } = dequantised(context, value, q, axis < 0 ? axis + value.shape.length : axis);
  const scaled = scaledOf(expr);
  return scaled === undefined
    ? refuse("O6", "a scale that is computed")
    : { codes: { ...value, expr: scaled.codes }, scale: scaled.scale };
};

/** (codes - zero point) * scale, float32, of the value's shape; parameters are scalar or run along `axis`. */
export const dequantised = (context: NodeContext, value: Value, q: Quantisation, axis: number): Value => {
  const scale = over(context, q.scale, value.shape, axis);
  if (q.zero !== undefined && q.zero.element !== value.element)
    return refuse("O8", `a zero point of ${q.zero.element} for ${value.element}`);
  const zero = q.zero === undefined ? int(0) : over(context, q.zero, value.shape, axis);
  const uniform = zero.kind === "leaf" && zero.interval.lo === zero.interval.hi ? int(zero.interval.lo) : zero;
  const codes = apply("SUB", value.expr, uniform);
  return tensorOf("float32", value.shape, apply("FMUL", apply("I2F", codes), scale));
};

const isAccumulator = (codes: Expr): boolean => leavesOf(codes).some(({ storage }) => storage.accumulator === true);

/** Instructions that only bound: saturation commutes with rounding, so they move behind it. */
const boundOf = (expr: Expr): { inner: Expr; name: string; bound: Expr } | undefined => {
  if (expr.kind !== "apply" || (expr.spec.name !== "FMIN" && expr.spec.name !== "FMAX")) return undefined;
  const [inner, bound] = expr.args as [Expr, Expr];
  return bound.kind === "scalar" ? { inner, bound, name: expr.spec.name === "FMIN" ? "MIN" : "MAX" } : undefined;
};

type Code = { readonly scale: Expr; readonly zero: Expr; readonly lo: number; readonly hi: number };

const code = (context: NodeContext, x: Expr, to: Code, shape: readonly number[]): Expr => {
  const bounded = boundOf(x);
  if (bounded !== undefined)
    return apply(bounded.name, code(context, bounded.inner, to, shape), code(context, bounded.bound, to, shape));
  const scaled = scaledOf(x);
  if (scaled !== undefined && isAccumulator(scaled.codes)) {
    const step = context.emitter.fold(apply("FDIV", scaled.scale, to.scale), shape);
    return apply("QU8", apply("FMUL", apply("I2F", scaled.codes), step), to.zero);
  }
  const linear = scaled === undefined ? undefined : linearOf(scaled.codes);
  if (
    scaled !== undefined &&
    linear !== undefined &&
    to.zero.kind === "scalar" &&
    sameConstants(scaled.scale, to.scale)
  ) {
    const same = apply("ADD", scaled.codes, to.zero);
    if (same.interval.lo >= 0 && same.interval.hi <= 255) return same;
    if (same.interval.lo > -(2 ** 22) && same.interval.hi < 2 ** 22)
      return apply("MIN", apply("MAX", same, int(0)), int(255));
  }
  return apply("QU8", apply("FDIV", x, to.scale), to.zero);
};

/** QuantizeLinear: 8 bits, stored as u8; an int8 is its u8 minus 128. */
export const quantise = (context: NodeContext, value: Value, q: Quantisation, axis = 1): Value => {
  if (q.element !== "uint8" && q.element !== "int8") return refuse("O3", `quantisation to ${q.element}`);
  const shift = q.element === "int8" ? 128 : 0;
  const scale = over(context, q.scale, value.shape, axis);
  const zero = q.zero === undefined ? int(0) : over(context, q.zero, value.shape, axis);
  const shifted = context.emitter.fold(apply("ADD", zero, int(shift)), value.shape);
  const x = context.emitter.fold(value.expr, value.shape);
  const expr = code(context, x, { scale, zero: shifted, lo: 0, hi: 255 }, value.shape);
  const stored =
    isConstant(expr) || nodesOf(expr).every(({ type }) => type === "I")
      ? expr
      : context.emitter.view(expr, value.shape);
  return tensorOf(q.element, value.shape, apply("ADD", stored, int(-shift)));
};

const blocked = (context: NodeContext): void => {
  if (context.int("block_size", 0) !== 0) refuse("O5", "blocked quantisation");
};

/** Of QuantizeLinear and DequantizeLinear: one scale and zero point may be computed by the model itself. */
const parameters = (context: NodeContext): Quantisation => {
  const known = [1, 2].every((index) => !context.has(index) || isConstant(context.value(index).expr));
  const single = [1, 2].every((index) => !context.has(index) || sizeOf(context.value(index).shape) === 1);
  const given = [1, 2].some((index) => context.isInput(index));
  return known || !single || given ? quantisation(context, 1, 2) : computed(context, 1, 2);
};

const quantizeLinear: Lowering = (context) => {
  blocked(context);
  const value = context.value(0);
  if (value.element !== "float32") refuse("O3", `quantisation of ${value.element}`);
  const q = parameters(context);
  const wanted = context.int("output_dtype", 0);
  if (wanted !== 0 && wanted !== 2 && wanted !== 3) refuse("O3", "quantisation to another type than 8 bits");
  const element: Element = context.has(2) ? q.element : wanted === 3 ? "int8" : "uint8";
  return [quantise(context, value, { ...q, element }, context.int("axis", 1))];
};

const dequantizeLinear: Lowering = (context) => {
  blocked(context);
  return [dequantised(context, context.value(0), parameters(context), context.int("axis", 1))];
};

/**
 * y_scale = (max(x, 0) - min(x, 0)) / 255, y_zero_point = saturate(round(-min / y_scale)), both known only at run time.
 * A tensor of zeros has scale 0 in ONNX; here it is 2^-100, which leaves its codes at 0.
 */
const dynamicQuantizeLinear: Lowering = (context) => {
  const value = context.value(0);
  const { emitter } = context;
  const view = emitter.rowMajor(value.expr, value.shape);
  const axes = value.shape.map((_, x) => x);
  const fold = (which: "MAX" | "MIN"): Expr => reduced(emitter, { ...value, expr: view }, axes, which).expr;
  const highest = apply("FMAX", fold("MAX"), float(0));
  const lowest = apply("FMIN", fold("MIN"), float(0));
  const step = apply("FMAX", apply("FDIV", apply("FSUB", highest, lowest), float(255)), float(2 ** -100));
  const point = apply("QU8", apply("FNEG", apply("FDIV", lowest, step)), int(0));
  const scale = tensorOf("float32", [], emitter.view(step, []));
  const zero = tensorOf("uint8", [], emitter.view(point, []));
  const codes = apply("QU8", apply("FDIV", view, expanded(scale, value.shape).expr), expanded(zero, value.shape).expr);
  return [tensorOf("uint8", value.shape, emitter.view(codes, value.shape)), scale, zero];
};

export const QUANTISATION: LoweringTable = {
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
  QuantizeLinear: quantizeLinear,
};
