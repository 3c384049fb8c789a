import { type Lowering, type LoweringTable, type NodeContext, tensorOf } from "../emit/context.ts";
import {
  biasCodes,
  channelScale,
  convolve,
  multiply,
  productScale,
  type Quantised,
  quantisedOf,
} from "../emit/contraction.ts";
import { apply, type Expr, int, isConstant, type Storage, sizeOf, type Value } from "../emit/expression.ts";
import { refuse } from "../emit/refusal.ts";
import { broadcastShape, expanded, reshaped, transposed } from "../emit/views.ts";
import { wrapped } from "./elementwise.ts";
import { codesOf, quantisation, quantise } from "./quantisation.ts";
import { type Plane, planeOf } from "./window.ts";

/** Convolutions and matrix products, in the forms that the quantisers write. */

export type Sums = { readonly shape: readonly number[]; readonly sums: Expr; readonly scale: Expr | undefined };

/** Axis of size one for the height that a 1-D convolution does not have. */
const withHeight = (context: NodeContext, value: Value): Value => {
  const [n = 0, c = 0, w = 0] = value.shape;
  return reshaped(context.emitter, value, [n, c, 1, w]);
};

type ConvOperands = { readonly x: Quantised; readonly w: Quantised; readonly bias: Value | undefined };

const convolution = (context: NodeContext, { x, w, bias }: ConvOperands): Sums => {
  const rank = x.codes.shape.length;
  if (w.codes.shape.length !== rank) return refuse("O8", `weights [${w.codes.shape}] for [${x.codes.shape}]`);
  if (rank !== 3 && rank !== 4) return refuse("O5", `a convolution over ${rank - 2} axes`);
  const flat = rank === 3;
  const input = flat ? withHeight(context, x.codes) : x.codes;
  const weights = flat ? withHeight(context, w.codes) : w.codes;
  const [batch, channels, height, width] = input.shape as [number, number, number, number];
  const [outChannels, perGroup, kernelHeight, kernelWidth] = weights.shape as [number, number, number, number];
  const groups = context.int("group", 1);
  if (channels !== perGroup * groups || outChannels % groups !== 0)
    return refuse("O8", `weights [${w.codes.shape}] for ${channels} channels in ${groups} groups`);
  const plane: Plane = planeOf(context, x.codes.shape.slice(2), w.codes.shape.slice(2));
  const shape = { batch, height, width, channels, kernelHeight, kernelWidth, outChannels, groups, ...plane };
  const out = flat ? [batch, outChannels, plane.outWidth] : [batch, outChannels, plane.outHeight, plane.outWidth];
  const to = { axis: 1, rank: out.length };
  const scale = productScale(
    context.emitter,
    channelScale(x.scale, x.codes.shape, -1, to),
    channelScale(w.scale, w.codes.shape, 0, to),
    out,
  );
  const added = bias === undefined ? undefined : biasCodes(context.emitter, bias, scale, outChannels);
  const sums = convolve(context.emitter, shape, input, weights, added);
  const full = [batch, outChannels, plane.outHeight, plane.outWidth];
  return { shape: out, sums: flat ? context.emitter.reshape(sums, full, out) : sums, scale };
};

const floats = ({ shape, sums, scale }: Sums): Value =>
  tensorOf("float32", shape, scale === undefined ? apply("I2F", sums) : apply("FMUL", apply("I2F", sums), scale));

const conv: Lowering = (context) => {
  const operands = {
    x: quantisedOf(context.value(0)),
    w: quantisedOf(context.value(1)),
    bias: context.has(2) ? context.value(2) : undefined,
  };
  return [floats(convolution(context, operands))];
};

const qLinearConv: Lowering = (context) => {
  const x = codesOf(context, 0, 1, 2);
  const w = codesOf(context, 3, 4, 5, 0);
  const bias = context.has(8) ? context.value(8) : undefined;
  return [quantise(context, floats(convolution(context, { x, w, bias })), quantisation(context, 6, 7))];
};

/** Codes minus what is known of the zero point now, and the rest of it. */
type Shifted = { readonly operand: Quantised; readonly rest: Expr | undefined };

/** An integer operand minus its zero point, which may be left out, and for activations computed by the model. */
const shifted = (context: NodeContext, index: number, zero: number, axis = 0): Shifted => {
  const value = context.value(index);
  const point = context.has(zero) ? context.value(zero) : undefined;
  if (point === undefined) return { operand: { codes: value, scale: undefined }, rest: undefined };
  if (!isConstant(point.expr)) {
    if (sizeOf(point.shape) !== 1 || context.isInput(zero) || axis !== 0)
      return refuse("O6", "a zero point that is only known at run time", context.node.inputs[zero]);
    return { operand: { codes: value, scale: undefined }, rest: reshaped(context.emitter, point, []).expr };
  }
  const shape = sizeOf(point.shape) === 1 ? [] : value.shape.map((_, x) => (x === axis ? sizeOf(point.shape) : 1));
  const over = expanded(reshaped(context.emitter, point, shape), value.shape).expr;
  const codes = context.emitter.fold(apply("SUB", value.expr, over), value.shape);
  return { operand: { codes: { ...value, expr: codes }, scale: undefined }, rest: undefined };
};

/** sum (a - z) * w = sum a * w - z * sum w, the last over what is not padding. */
const corrected = (a: Shifted, sums: (operand: Quantised) => Sums): { shape: readonly number[]; expr: Expr } => {
  const { shape, sums: whole } = sums(a.operand);
  if (a.rest === undefined) return { shape, expr: whole };
  const ones: Quantised = { codes: { ...a.operand.codes, expr: int(1) }, scale: undefined };
  const { sums: weights } = sums(ones);
  const zero = expanded(tensorOf("int32", [], a.rest), shape).expr;
  return { shape, expr: apply("SUB", whole, apply("MUL", zero, weights)) };
};

const convInteger: Lowering = (context) => {
  const w = shifted(context, 1, 3).operand;
  const { shape, expr } = corrected(shifted(context, 0, 2), (x) => convolution(context, { x, w, bias: undefined }));
  return [tensorOf("int32", shape, wrapped(expr, "int32"))];
};

/** a [..., M, K] times b [..., K, N], broadcast over the leading axes. */
const product = (context: NodeContext, a: Quantised, b: Quantised): Sums => {
  const { emitter } = context;
  const vectorA = a.codes.shape.length === 1;
  const vectorB = b.codes.shape.length === 1;
  const left = vectorA ? reshaped(emitter, a.codes, [1, ...a.codes.shape]) : a.codes;
  const right = vectorB ? reshaped(emitter, b.codes, [...b.codes.shape, 1]) : b.codes;
  const rows = left.shape[left.shape.length - 2] as number;
  const inner = left.shape[left.shape.length - 1] as number;
  const columns = right.shape[right.shape.length - 1] as number;
  if (right.shape[right.shape.length - 2] !== inner) return refuse("O8", `[${a.codes.shape}] times [${b.codes.shape}]`);
  const leading = broadcastShape(left.shape.slice(0, -2), right.shape.slice(0, -2));
  const single = sizeOf(right.shape.slice(0, -2)) === 1;
  const batch = sizeOf(leading);
  const swapped = transposed(right, [
    ...right.shape.slice(0, -2).map((_, x) => x),
    right.shape.length - 1,
    right.shape.length - 2,
  ]);
  const wide = expanded(left, [...leading, rows, inner]);
  const out = [...leading, ...(vectorA ? [] : [rows]), ...(vectorB ? [] : [columns])];
  const to = { axis: out.length - 1, rank: out.length };
  const scale = productScale(
    emitter,
    channelScale(a.scale, a.codes.shape, -1, to),
    vectorB
      ? channelScale(b.scale, b.codes.shape, -1, to)
      : channelScale(b.scale, right.shape, right.shape.length - 1, to),
    out,
  );
  const bias: Storage | undefined = undefined;
  const form = single
    ? { batch: 1, rows: batch * rows, columns, inner, batchedW: false }
    : { batch, rows, columns, inner, batchedW: true };
  const x = reshaped(emitter, wide, [form.batch, form.rows, inner]);
  const w = single
    ? reshaped(emitter, swapped, [columns, inner])
    : reshaped(emitter, expanded(swapped, [...leading, columns, inner]), [batch, columns, inner]);
  const sums = multiply(emitter, form, x, w, bias);
  return { shape: out, sums: emitter.reshape(sums, [form.batch, form.rows, columns], out), scale };
};

const matMul: Lowering = (context) => [
  floats(product(context, quantisedOf(context.value(0)), quantisedOf(context.value(1)))),
];

const qLinearMatMul: Lowering = (context) => {
  const a = codesOf(context, 0, 1, 2);
  const b = codesOf(context, 3, 4, 5, -1);
  return [quantise(context, floats(product(context, a, b)), quantisation(context, 6, 7))];
};

const matMulInteger: Lowering = (context) => {
  const rank = context.value(1).shape.length;
  const b = shifted(context, 1, 3, rank - 1).operand;
  const { shape, expr } = corrected(shifted(context, 0, 2), (a) => product(context, a, b));
  return [tensorOf("int32", shape, wrapped(expr, "int32"))];
};

/** alpha * A' * B' + beta * C. */
const gemm = (context: NodeContext, a: Quantised, b: Quantised, c: Value | undefined): Sums => {
  const { emitter } = context;
  if (a.codes.shape.length !== 2 || b.codes.shape.length !== 2) return refuse("O8", "Gemm takes matrices");
  const x = context.int("transA", 0) === 0 ? a.codes : transposed(a.codes, [1, 0]);
  const columnsAxis = context.int("transB", 0) === 0 ? 1 : 0;
  const w = columnsAxis === 0 ? b.codes : transposed(b.codes, [1, 0]);
  const [rows, inner] = x.shape as [number, number];
  const [columns, depth] = w.shape as [number, number];
  if (inner !== depth) return refuse("O8", `[${x.shape}] times [${w.shape}]`);
  const alpha = context.float("alpha", 1);
  const beta = context.float("beta", 1);
  if (alpha !== 1 || (beta !== 1 && c !== undefined)) return refuse("O5", `Gemm with alpha ${alpha}, beta ${beta}`);
  const to = { axis: 1, rank: 2 };
  const out = [rows, columns];
  const scale = productScale(
    emitter,
    channelScale(a.scale, a.codes.shape, -1, to),
    channelScale(b.scale, b.codes.shape, columnsAxis, to),
    out,
  );
  if (c !== undefined && c.shape.length === 2 && c.shape[0] !== 1) return refuse("O5", "a bias with rows");
  const bias = c === undefined ? undefined : biasCodes(emitter, c, scale, columns);
  const sums = multiply(
    emitter,
    { batch: 1, rows, columns, inner, batchedW: false },
    reshaped(emitter, x, [1, rows, inner]),
    w,
    bias,
  );
  return { shape: out, sums: emitter.reshape(sums, [1, rows, columns], out), scale };
};

const floatGemm: Lowering = (context) => [
  floats(
    gemm(
      context,
      quantisedOf(context.value(0)),
      quantisedOf(context.value(1)),
      context.has(2) ? context.value(2) : undefined,
    ),
  ),
];

const qGemm: Lowering = (context) => {
  const a = codesOf(context, 0, 1, 2);
  const b = codesOf(context, 3, 4, 5, context.int("transB", 0) === 0 ? 1 : 0);
  const sums = floats(gemm(context, a, b, context.has(6) ? context.value(6) : undefined));
  return [context.has(7) ? quantise(context, sums, quantisation(context, 7, 8)) : sums];
};

export const CONTRACTION: LoweringTable = {
  "com.microsoft.QGemm": qGemm,
  Conv: conv,
  ConvInteger: convInteger,
  Gemm: floatGemm,
  MatMul: matMul,
  MatMulInteger: matMulInteger,
  QLinearConv: qLinearConv,
  QLinearMatMul: qLinearMatMul,
};
