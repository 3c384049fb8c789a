import { type Lowering, type LoweringTable, type NodeContext, tensorOf } from "../emit/context.ts";
import {
  apply,
  type Element,
  type Expr,
  float,
  int,
  isConstant,
  isFloat,
  rangeOf,
  scaledOf,
  type Value,
} from "../emit/expression.ts";
import { elementOf } from "../emit/graph.ts";
import { refuse } from "../emit/refusal.ts";
import { along, broadcastShape, expanded, together } from "../emit/views.ts";

/** Elementwise arithmetic: one ONNX node, one instruction or a few; f32 is rounded after each, integers are exact. */

/** An exact integer brought back to its type as ONNX does, by dropping the higher bits. */
export const wrapped = (expr: Expr, element: Element): Expr => {
  const { lo, hi } = rangeOf(element);
  if (expr.interval.lo >= lo && expr.interval.hi <= hi) return expr;
  if (element === "int64") return refuse("C9", `an int64 may reach ${expr.interval.lo}..${expr.interval.hi}`);
  const size = hi - lo + 1;
  const turns = Math.max(0, Math.ceil((lo - expr.interval.lo) / size));
  const positive = apply("ADD", expr, int(turns * size - lo));
  const whole = apply("MUL", apply("DIV", positive, int(size)), int(size));
  const inside = apply("ADD", apply("SUB", positive, whole), int(lo));
  return apply("MIN", apply("MAX", inside, int(lo)), int(hi));
};

const sameElement = (a: Value, b: Value): Element => {
  if (a.element !== b.element) refuse("O8", `${a.element} and ${b.element} in one operation`);
  return a.element;
};

type Pair = readonly [floats: string, integers: string];

const combine = (names: Pair, a: Value, b: Value): Value => {
  const element = sameElement(a, b);
  const over = together(a, b);
  const name = names[isFloat(element) ? 0 : 1];
  const expr = apply(name, over.a, over.b);
  return tensorOf(element, over.shape, isFloat(element) ? expr : wrapped(expr, element));
};

const binary =
  (floats: string, integers: string): Lowering =>
  (context) => [combine([floats, integers], context.value(0), context.value(1))];

/** Sum, Max, Min of any number of operands, from the left. */
const variadic =
  (floats: string, integers: string): Lowering =>
  (context) => [all([floats, integers], context)];

const all = (names: Pair, context: NodeContext): Value => {
  let out = context.value(0);
  for (let j = 1; j < context.operands.length; j++) out = combine(names, out, context.value(j));
  return out;
};

/** Quotients beyond 2^100 do not occur: a divisor that may be 0 is held away from it. */
const LARGEST_QUOTIENT = 2 ** 100;

/**
 * a / b. Where the divisor's interval holds 0, the divisor is kept at least max|a| / 2^100 away from it, on its own
 * side (0 counts as positive): a total function that differs from ONNX only where ONNX has infinities or NaN, or
 * quotients beyond 2^100.
 */
export const divided = (a: Expr, b: Expr): Expr => {
  const { lo, hi } = b.interval;
  if (lo > 0 || hi < 0) return apply("FDIV", a, b);
  const largest = Math.max(Math.abs(a.interval.lo), Math.abs(a.interval.hi));
  const least = Math.max(2 ** -126, largest / LARGEST_QUOTIENT);
  const positive = apply("FDIV", a, apply("FMAX", b, float(least)));
  if (lo >= 0) return positive;
  const negative = apply("FDIV", a, apply("FMIN", b, float(-least)));
  return apply("FSEL", apply("FLT", b, float(0)), negative, positive);
};

/** a / b toward zero; a / 0 is a. */
const dividedIntegers = (a: Expr, b: Expr): Expr => {
  const { lo, hi } = b.interval;
  if (lo > 0 || hi < 0) return apply("DIV", a, b);
  const positive = apply("DIV", a, apply("MAX", b, int(1)));
  if (lo >= 0) return positive;
  return apply("SEL", apply("LT", b, int(0)), apply("DIV", a, apply("MIN", b, int(-1))), positive);
};

const div: Lowering = (context) => {
  const a = context.value(0);
  const b = context.value(1);
  const element = sameElement(a, b);
  const over = together(a, b);
  const floats = isFloat(element);
  if (b.expr.interval.lo <= 0 && b.expr.interval.hi >= 0 && !isConstant(a.expr))
    context.note(
      floats
        ? "a divisor that may be 0 is kept 2^-100 of the largest dividend away from it"
        : "a division by 0 leaves the dividend",
    );
  const expr = floats ? divided(over.a, over.b) : wrapped(dividedIntegers(over.a, over.b), element);
  return [tensorOf(element, over.shape, expr)];
};

const mean: Lowering = (context) => {
  const sum = all(["FADD", "ADD"], context);
  return [{ ...sum, expr: apply("FDIV", needFloat(sum).expr, float(context.operands.length)) }];
};

const needFloat = (value: Value): Value =>
  isFloat(value.element) ? value : refuse("O3", `${value.element} where a float32 is wanted`);

/** A function of one float32. */
export const unaryFloat =
  (f: (x: Expr, context: NodeContext) => Expr): Lowering =>
  (context) => {
    const value = needFloat(context.value(0));
    return [{ ...value, expr: f(value.expr, context) }];
  };

const unary =
  (floats: (x: Expr, context: NodeContext) => Expr, integers: (x: Expr) => Expr): Lowering =>
  (context) => {
    const value = context.value(0);
    return isFloat(value.element)
      ? [{ ...value, expr: floats(value.expr, context) }]
      : [{ ...value, expr: wrapped(integers(value.expr), value.element) }];
  };

const compare = (names: Pair, a: Value, b: Value): { shape: number[]; expr: Expr } => {
  const over = together(a, b);
  return { shape: over.shape, expr: apply(names[isFloat(sameElement(a, b)) ? 0 : 1], over.a, over.b) };
};
const comparison =
  (floats: string, integers: string, swapped = 0): Lowering =>
  (context) => {
    const operands: [Value, Value] = [context.value(swapped), context.value(1 - swapped)];
    const { shape, expr } = compare([floats, integers], ...operands);
    return [tensorOf("bool", shape, expr)];
  };

const not = (x: Expr): Expr => apply("SUB", int(1), x);

const logic =
  (f: (a: Expr, b: Expr) => Expr): Lowering =>
  (context) => {
    const a = context.value(0);
    const b = context.value(1);
    if (a.element !== "bool" || b.element !== "bool") refuse("O8", `${a.element}, ${b.element} in a logical operation`);
    const over = together(a, b);
    return [tensorOf("bool", over.shape, f(over.a, over.b))];
  };

const integerBounds = (value: Value): { lo: number; hi: number } => value.expr.interval;

const mod: Lowering = (context) => {
  const a = context.value(0);
  const b = context.value(1);
  const over = together(a, b);
  const element = sameElement(a, b);
  if (isFloat(element)) return refuse("O5", "Mod of float32");
  const quotient = apply("MUL", dividedIntegers(over.a, over.b), over.b);
  const remainder = apply("SUB", over.a, quotient);
  const bound = Math.max(1, Math.abs(integerBounds(b).lo), Math.abs(integerBounds(b).hi)) - 1;
  const bounded = apply("MIN", apply("MAX", remainder, int(-bound)), int(bound));
  if (context.int("fmod", 0) !== 0) return [tensorOf(element, over.shape, bounded)];
  const differs = apply("LT", apply("MUL", bounded, over.b), int(0));
  const shifted = apply("ADD", bounded, apply("MUL", differs, over.b));
  return [
    tensorOf(element, over.shape, wrapped(apply("MIN", apply("MAX", shifted, int(-bound)), int(bound)), element)),
  ];
};

const where: Lowering = (context) => {
  const condition = context.value(0);
  const a = context.value(1);
  const b = context.value(2);
  const shape = broadcastShape(condition.shape, broadcastShape(a.shape, b.shape));
  const element = sameElement(a, b);
  const [c, x, y] = [condition, a, b].map((value) => expanded(value, shape).expr) as [Expr, Expr, Expr];
  return [tensorOf(element, shape, apply(isFloat(element) ? "FSEL" : "SEL", c, x, y))];
};

/** max(x, 0); of a dequantised tensor on its codes, so that requantising stays one step. */
const relu = (x: Expr): Expr => {
  const scaled = scaledOf(x);
  if (scaled !== undefined && scaled.scale.interval.lo > 0)
    return apply("FMUL", apply("I2F", apply("MAX", scaled.codes, int(0))), scaled.scale);
  return apply("FMAX", x, float(0));
};

const clip: Lowering = (context) => {
  const value = context.value(0);
  const floats = isFloat(value.element);
  const bound = (index: number, name: string): Expr | undefined => {
    if (context.has(index)) {
      const { expr } = expanded(context.value(index), value.shape);
      return expr.kind === "scalar" && !Number.isFinite(expr.value) ? undefined : expr;
    }
    const given = context.float(name, Number.NaN);
    return Number.isFinite(given) ? float(given) : undefined;
  };
  const lo = bound(1, "min");
  const hi = bound(2, "max");
  let out = value.expr;
  if (lo !== undefined) {
    const zero = floats && lo.kind === "scalar" && lo.value === 0;
    out = zero ? relu(out) : apply(floats ? "FMAX" : "MAX", out, lo);
  }
  if (hi !== undefined) out = apply(floats ? "FMIN" : "MIN", out, hi);
  return [{ ...value, expr: out }];
};

/** Toward zero, saturated to the type. */
const truncated = (x: Expr, element: Element): Expr => {
  const { lo, hi } = rangeOf(element);
  const edge = 2 ** 53 - 2 ** 29;
  const low = float(Math.max(lo, -edge));
  const high = float(Math.min(hi, edge));
  const above = x.interval.lo < low.value ? apply("FMAX", x, low) : x;
  const safe = above.interval.hi > high.value ? apply("FMIN", above, high) : above;
  const down = apply("FFLOOR", safe);
  const up = apply("FNEG", apply("FFLOOR", apply("FNEG", safe)));
  const whole = apply("F2I", apply("FSEL", apply("FLT", safe, float(0)), up, down));
  return apply("MIN", apply("MAX", whole, int(lo)), int(hi));
};

/** ONNX Cast: floats are cut towards zero and saturate, integers wrap, bool is "not zero". */
export const castTo = (value: Value, element: Element): Value => {
  if (value.element === element) return value;
  const from = isFloat(value.element);
  const to = isFloat(element);
  if (element === "bool") {
    const zero = from ? apply("FEQ", value.expr, float(0)) : apply("EQ", value.expr, int(0));
    return { ...value, element, expr: not(zero) };
  }
  if (from && to) return { ...value, element };
  if (to) return { ...value, element, expr: apply("I2F", value.expr) };
  return { ...value, element, expr: from ? truncated(value.expr, element) : wrapped(value.expr, element) };
};

const castable = (context: NodeContext, element: Element | undefined): Value => {
  const value = context.any(0);
  if (element === undefined || element === "float16") return refuse("O3", "a cast to a type outside the profile");
  if (element === "float64" && value.expr.kind !== "scalar") return refuse("O3", "a cast to float64");
  return castTo(value, element);
};
const cast: Lowering = (context) => [castable(context, elementOf(context.int("to")))];
const castLike: Lowering = (context) => [castable(context, context.any(1).element)];

const leaky = (x: Expr, slope: Expr): Expr => apply("FSEL", apply("FLT", x, float(0)), apply("FMUL", x, slope), x);

const prelu: Lowering = (context) => {
  const value = needFloat(context.value(0));
  const slope = context.value(1);
  return [{ ...value, expr: leaky(value.expr, expanded(slope, value.shape).expr) }];
};

const clampUnit = (x: Expr): Expr => apply("FMIN", apply("FMAX", x, float(0)), float(1));

const dropout: Lowering = (context) => {
  const value = context.value(0);
  if (context.has(2) && context.constant(2).data[0] !== 0 && (!context.has(1) || context.constant(1).data[0] !== 0))
    refuse("O5", "Dropout in training mode");
  return [value, tensorOf("bool", value.shape, int(1))];
};

/** y = x * a[c] + b[c] with a = scale / sqrt(var + eps), b = B - mean * a, folded at compile time. */
const batchNormalization: Lowering = (context) => {
  const value = needFloat(context.value(0));
  if (context.int("training_mode", 0) !== 0) refuse("O5", "BatchNormalization in training mode");
  const { emitter } = context;
  const rank = value.shape.length;
  const channel = (index: number): Expr => {
    const operand = context.value(index);
    context.constant(index);
    return expanded(along(emitter, operand, 1, rank), value.shape).expr;
  };
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map(channel) as [Expr, Expr, Expr, Expr];
  const epsilon = float(context.float("epsilon", 1e-5));
  const a = emitter.fold(apply("FDIV", scale, apply("FSQRT", apply("FADD", variance, epsilon))), value.shape);
  const b = emitter.fold(apply("FSUB", bias, apply("FMUL", mean, a)), value.shape);
  return [{ ...value, expr: apply("FADD", apply("FMUL", value.expr, a), b) }];
};

export const ELEMENTWISE: LoweringTable = {
  Abs: unary(
    (x) => apply("FABS", x),
    (x) => apply("MAX", x, apply("SUB", int(0), x)),
  ),
  Add: binary("FADD", "ADD"),
  And: logic((a, b) => apply("MUL", a, b)),
  BatchNormalization: batchNormalization,
  Cast: cast,
  CastLike: castLike,
  Ceil: unaryFloat((x) => apply("FNEG", apply("FFLOOR", apply("FNEG", x)))),
  Clip: clip,
  Div: div,
  Dropout: dropout,
  Equal: comparison("FEQ", "EQ"),
  Floor: unaryFloat((x) => apply("FFLOOR", x)),
  Greater: comparison("FLT", "LT", 1),
  GreaterOrEqual: comparison("FLE", "LE", 1),
  HardSigmoid: unaryFloat((x, context) =>
    clampUnit(apply("FADD", apply("FMUL", x, float(context.float("alpha", 0.2))), float(context.float("beta", 0.5)))),
  ),
  HardSwish: unaryFloat((x) => apply("FMUL", x, clampUnit(apply("FADD", apply("FMUL", x, float(1 / 6)), float(0.5))))),
  LeakyRelu: unaryFloat((x, context) => leaky(x, float(context.float("alpha", 0.01)))),
  Less: comparison("FLT", "LT"),
  LessOrEqual: comparison("FLE", "LE"),
  Max: variadic("FMAX", "MAX"),
  Mean: mean,
  Min: variadic("FMIN", "MIN"),
  Mod: mod,
  Mul: binary("FMUL", "MUL"),
  Neg: unary(
    (x) => apply("FNEG", x),
    (x) => apply("SUB", int(0), x),
  ),
  Not: (context) => {
    const value = context.value(0);
    if (value.element !== "bool") refuse("O8", `Not of ${value.element}`);
    return [{ ...value, expr: not(value.expr) }];
  },
  Or: logic((a, b) => apply("MAX", a, b)),
  PRelu: prelu,
  Reciprocal: unaryFloat((x) => divided(float(1), x)),
  Relu: unary(relu, (x) => apply("MAX", x, int(0))),
  Round: unaryFloat((x) => apply("FRNE", x)),
  Sign: unary(
    (x) => apply("I2F", apply("SUB", apply("FLT", float(0), x), apply("FLT", x, float(0)))),
    (x) => apply("SUB", apply("LT", int(0), x), apply("LT", x, int(0))),
  ),
  Sqrt: unaryFloat((x) => apply("FSQRT", x.interval.lo < 0 ? apply("FMAX", x, float(0)) : x)),
  Sub: binary("FSUB", "SUB"),
  Sum: variadic("FADD", "ADD"),
  ThresholdedRelu: unaryFloat((x, context) =>
    apply("FSEL", apply("FLT", float(context.float("alpha", 1)), x), x, float(0)),
  ),
  Where: where,
  Xor: logic((a, b) => not(apply("EQ", a, b))),
};
