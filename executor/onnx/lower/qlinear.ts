import { axisOf, type Lowering, type LoweringTable, type NodeContext, tensorOf } from "../emit/context.ts";
import { apply, type Expr, float, type Value } from "../emit/expression.ts";
import { sigmoid } from "../emit/nonlinear.ts";
import { refuse } from "../emit/refusal.ts";
import { together, transposed } from "../emit/views.ts";
import { concatenated } from "./movement.ts";
import { softmax } from "./nonlinear.ts";
import { averagePool, globalAverage } from "./pooling.ts";
import { dequantised, quantisation, quantise } from "./quantisation.ts";

/** The com.microsoft operators on quantised tensors: dequantise, compute in binary32, quantise. */

const real = (context: NodeContext, index: number): Value =>
  dequantised(context, context.value(index), quantisation(context, index + 1, index + 2), 0);

const elementwise =
  (name: string): Lowering =>
  (context) => {
    const over = together(real(context, 0), real(context, 3));
    const value = tensorOf("float32", over.shape, apply(name, over.a, over.b));
    return [quantise(context, value, quantisation(context, 6, 7))];
  };

/** x, x_scale, x_zero, y_scale, y_zero. */
const unary =
  (f: (x: Expr, context: NodeContext) => Expr): Lowering =>
  (context) => {
    const x = real(context, 0);
    return [quantise(context, { ...x, expr: f(x.expr, context) }, quantisation(context, 3, 4))];
  };

const channelsLast = (context: NodeContext, value: Value, f: (value: Value) => Value): Value => {
  if (context.int("channels_last", 0) === 0) return f(value);
  const rank = value.shape.length;
  const middle = Array.from({ length: rank - 2 }, (_, x) => x);
  const out = f(transposed(value, [0, rank - 1, ...middle.map((x) => x + 1)]));
  return transposed(out, [0, ...middle.map((x) => x + 2), 1]);
};

const average: Lowering = (context) => {
  const value = real(context, 0);
  if (context.int("channels_last", 0) !== 0) return refuse("O5", "QLinearAveragePool with channels last");
  const [mean] = averagePool({ ...context, value: () => value });
  return [quantise(context, mean as Value, quantisation(context, 3, 4))];
};

const globalMean: Lowering = (context) => {
  const mean = channelsLast(context, real(context, 0), (value) => globalAverage(context.emitter, value));
  return [quantise(context, mean, quantisation(context, 3, 4))];
};

/** y_scale, y_zero, then triples of tensor, scale, zero. */
const concat: Lowering = (context) => {
  const q = quantisation(context, 0, 1);
  const parts: Value[] = [];
  for (let j = 2; j + 2 < context.operands.length; j += 3) parts.push(quantise(context, real(context, j), q));
  const [first] = parts;
  if (first === undefined) return refuse("O5", "QLinearConcat of nothing");
  return [concatenated(context.emitter, parts, axisOf(context.int("axis"), first.shape.length))];
};

const qSoftmax: Lowering = (context) => {
  const x = real(context, 0);
  const axis = axisOf(context.int("axis", -1), x.shape.length);
  const axes = context.int("opset", 13) >= 13 ? [axis] : x.shape.map((_, at) => at).filter((at) => at >= axis);
  return [quantise(context, softmax(context.emitter, x, axes), quantisation(context, 3, 4))];
};

const leaky = (x: Expr, alpha: number): Expr =>
  apply("FSEL", apply("FLT", x, float(0)), apply("FMUL", x, float(alpha)), x);

const where: Lowering = (context) => {
  const condition = context.value(0);
  const over = together(real(context, 1), real(context, 4));
  const both = together(condition, tensorOf("float32", over.shape, over.a));
  if (both.shape.length !== over.shape.length) return refuse("O5", "QLinearWhere whose condition is wider");
  const value = tensorOf("float32", over.shape, apply("FSEL", both.a, over.a, over.b));
  return [quantise(context, value, quantisation(context, 7, 8))];
};

export const QLINEAR: LoweringTable = {
  "com.microsoft.QLinearAdd": elementwise("FADD"),
  "com.microsoft.QLinearAveragePool": average,
  "com.microsoft.QLinearConcat": concat,
  "com.microsoft.QLinearGlobalAveragePool": globalMean,
  "com.microsoft.QLinearLeakyRelu": unary((x, context) => leaky(x, context.float("alpha", 0.01))),
  "com.microsoft.QLinearMul": elementwise("FMUL"),
  "com.microsoft.QLinearSigmoid": unary((x) => sigmoid(x)),
  "com.microsoft.QLinearSoftmax": qSoftmax,
  "com.microsoft.QLinearWhere": where,
};
