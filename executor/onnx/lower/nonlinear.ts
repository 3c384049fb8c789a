import { axisOf, type Lowering, type LoweringTable, type NodeContext, tensorOf } from "../emit/context.ts";
import type { Emitter } from "../emit/emitter.ts";
import { apply, type Expr, float, int, isConstant, isFloat, sizeOf, type Value } from "../emit/expression.ts";
import { elu, erf, exp, gelu, geluTanh, log, pow, sigmoid, sine, softplus, tanh } from "../emit/nonlinear.ts";
import { reduced } from "../emit/reduction.ts";
import { refuse } from "../emit/refusal.ts";
import { expanded, reshaped, together } from "../emit/views.ts";
import { castTo, divided, unaryFloat, wrapped } from "./elementwise.ts";

/** Softmax and the functions of `nonlinear.ts` by their ONNX names. */

/** Bits of the grid on which the exponentials of a row are summed. */
const GRID = 30;

type Softmax = { readonly shifted: Expr; readonly e: Expr; readonly sum: Expr };

/** x - max, e^(x - max) and the exact sum of the latter in units of 2^-30, over the whole shape. */
const exponentials = (emitter: Emitter, value: Value, axes: readonly number[]): Softmax => {
  const x = emitter.view(value.expr, value.shape);
  const withOnes = value.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const back = (folded: { shape: number[]; expr: Expr }): Expr =>
    expanded(reshaped(emitter, tensorOf("float32", folded.shape, folded.expr), withOnes), value.shape).expr;
  const stored: Value = { ...value, expr: x };
  const top = back(reduced(emitter, stored, axes, "MAX"));
  const shifted = apply("FMIN", apply("FSUB", x, top), float(0));
  const e = emitter.view(exp(shifted), value.shape);
  const codes = apply("F2I", apply("FMUL", e, float(2 ** GRID)));
  const sum = reduced(emitter, { ...value, element: "int64", expr: codes }, axes, "SUM");
  // The largest element is e^0 = 1, so the sum is at least 2^30: the clamp never acts, it states it.
  return { shifted, e, sum: apply("FMUL", apply("I2F", apply("MAX", back(sum), int(2 ** GRID))), float(2 ** -GRID)) };
};

const rowsOf = (value: Value, axis: number, opset: number): number[] => {
  const at = axisOf(axis, value.shape.length);
  return opset >= 13 ? [at] : value.shape.map((_, x) => x).filter((x) => x >= at);
};

/** e^(x - max) over its sum along `axes`; float32 of the value's shape. */
export const softmax = (emitter: Emitter, value: Value, axes: readonly number[]): Value => {
  const { e, sum } = exponentials(emitter, value, axes);
  return { ...value, expr: apply("FDIV", e, sum) };
};

const softmaxOf: Lowering = (context) => {
  const value = context.value(0);
  if (!isFloat(value.element)) refuse("O3", `Softmax of ${value.element}`);
  const axis = context.int("axis", context.node.opset >= 13 ? -1 : 1);
  return [softmax(context.emitter, value, rowsOf(value, axis, context.node.opset))];
};

const logSoftmax: Lowering = (context) => {
  const value = context.value(0);
  const axis = context.int("axis", context.node.opset >= 13 ? -1 : 1);
  const axes = rowsOf(value, axis, context.node.opset);
  const { shifted, sum } = exponentials(context.emitter, value, axes);
  const rows = sizeOf(axes.map((x) => value.shape[x] as number));
  const bounded = apply("FMIN", sum, float(2 * rows));
  return [{ ...value, expr: apply("FSUB", shifted, log(bounded)) }];
};

/** Whole exponents up to this are powers by squaring; above, integers would leave 2^53 anyway. */
const MAX_EXPONENT = 62;

/** x^n for a tensor of whole exponents that is known now, by squaring. */
const wholePower = (
  context: NodeContext,
  x: Expr,
  exponents: Expr,
  shape: readonly number[],
  floats: boolean,
): Expr => {
  const one = floats ? float(1) : int(1);
  const mul = (a: Expr, b: Expr): Expr => apply(floats ? "FMUL" : "MUL", a, b);
  const highest = exponents.interval.hi;
  let out: Expr = one;
  let square = x;
  for (let bit = 1; bit <= highest; bit *= 2) {
    if (bit > 1) square = mul(square, square);
    const half = apply("DIV", exponents, int(bit));
    const odd = context.emitter.fold(apply("SUB", half, apply("MUL", apply("DIV", half, int(2)), int(2))), shape);
    out =
      odd.kind === "scalar"
        ? odd.value === 0
          ? out
          : out === one
            ? square
            : mul(out, square)
        : apply(floats ? "FSEL" : "SEL", odd, mul(out, square), out);
  }
  return out === one ? apply(floats ? "FSEL" : "SEL", apply(floats ? "FEQ" : "EQ", x, x), one, one) : out;
};

const isWhole = (data: Float64Array): boolean => data.every((v) => Number.isInteger(v) && v >= 0 && v <= MAX_EXPONENT);

const power: Lowering = (context) => {
  const base = context.value(0);
  const exponent = context.value(1);
  const over = together(base, exponent);
  const floats = isFloat(base.element);
  if (isConstant(exponent.expr) && isWhole(context.constant(1).data)) {
    const whole = castTo({ ...exponent, shape: over.shape, expr: over.b }, "int64").expr;
    const exponents = context.emitter.fold(whole, over.shape);
    const expr = wholePower(context, over.a, exponents, over.shape, floats);
    return [tensorOf(base.element, over.shape, floats ? expr : wrapped(expr, base.element))];
  }
  if (!floats) {
    context.constant(1);
    return refuse("O5", "an integer raised to another power than 0 to 62");
  }
  const y = castTo({ ...exponent, shape: over.shape, expr: over.b }, "float32").expr;
  return [tensorOf("float32", over.shape, pow(over.a, y))];
};

const shrink = (x: Expr, lambda: number, bias: number): Expr => {
  const up = apply("FSEL", apply("FLT", float(lambda), x), apply("FSUB", x, float(bias)), float(0));
  return apply("FSEL", apply("FLT", x, float(-lambda)), apply("FADD", x, float(bias)), up);
};

const SELU = { alpha: 1.6732631921768188, gamma: 1.0507009873554805 };

export const NONLINEAR: LoweringTable = {
  Celu: unaryFloat((x, context) => {
    const alpha = context.float("alpha", 1);
    const below = apply(
      "FMUL",
      float(alpha),
      apply("FSUB", exp(apply("FDIV", apply("FMIN", x, float(0)), float(alpha))), float(1)),
    );
    return apply("FADD", apply("FMAX", x, float(0)), apply("FMIN", below, float(0)));
  }),
  Cos: unaryFloat((x) => sine(x, 1)),
  Cosh: unaryFloat((x) => apply("FMUL", apply("FADD", exp(x), exp(apply("FNEG", x))), float(0.5))),
  Elu: unaryFloat((x, context) => elu(x, context.float("alpha", 1))),
  Erf: unaryFloat(erf),
  Exp: unaryFloat(exp),
  Gelu: unaryFloat((x, context) => (context.text("approximate", "none") === "tanh" ? geluTanh(x) : gelu(x))),
  Log: unaryFloat(log),
  LogSoftmax: logSoftmax,
  Mish: unaryFloat((x) => apply("FMUL", x, tanh(softplus(x)))),
  Pow: power,
  Selu: unaryFloat((x, context) =>
    apply("FMUL", float(context.float("gamma", SELU.gamma)), elu(x, context.float("alpha", SELU.alpha))),
  ),
  Shrink: unaryFloat((x, context) => shrink(x, context.float("lambd", 0.5), context.float("bias", 0))),
  Sigmoid: unaryFloat(sigmoid),
  Sin: unaryFloat((x) => sine(x, 0)),
  Softmax: softmaxOf,
  Softplus: unaryFloat(softplus),
  Softsign: unaryFloat((x) => divided(x, apply("FADD", float(1), apply("FABS", x)))),
  Swish: unaryFloat((x, context) => apply("FMUL", x, sigmoid(apply("FMUL", x, float(context.float("alpha", 1)))))),
  Tanh: unaryFloat(tanh),
};
