import { denseStrides, MAX_READS, product } from "../../tensor/address.ts";
import { type Bias, type Conv2d, conv2d, type Matmul, matmul } from "../../tensor/builders.ts";
import { contractBound } from "../../tensor/interval.ts";
import type { OperatorOf } from "../../tensor/program.ts";
import type { Emitter } from "./emitter.ts";
import {
  apply,
  type Expr,
  evaluateAll,
  int,
  isConstant,
  type Leaf,
  leafOf,
  linearOf,
  type Storage,
  scaledOf,
  sizeOf,
  type Value,
} from "./expression.ts";
import { refuse } from "./refusal.ts";
import { type Draft, fitsProof } from "./storage.ts";
import { transposed } from "./views.ts";

/**
 * Exact sums of products. Whatever the model's 8-bit types are, activations run as u8 with a zero point, weights as i8
 * where they fit [-64, 64] (the fastest exact kernel) and as u8 with a zero point otherwise.
 */

/** An integer tensor, and what one unit of it is worth (undefined: an integer by itself). */
export type Quantised = { readonly codes: Value; readonly scale: Expr | undefined };

/** A float that was dequantised, or an 8-bit integer. */
export const quantisedOf = (value: Value): Quantised => {
  if (value.element === "uint8" || value.element === "int8" || value.element === "int32")
    return { codes: value, scale: undefined };
  const scaled = value.element === "float32" ? scaledOf(value.expr) : undefined;
  if (scaled === undefined) return refuse("O7", `a sum of products over ${value.element} that is not dequantised`);
  return { codes: { ...value, element: "int32", expr: scaled.codes }, scale: scaled.scale };
};

/** The tensor as u8, in the order of its shape, with the zero point that stands for 0. */
const asUnsigned = (emitter: Emitter, codes: Value): { leaf: Leaf; zero: number } => {
  const folded = emitter.fold(codes.expr, codes.shape);
  const linear = linearOf(folded);
  if (linear !== undefined && linear.leaf.storage.dtype === "u8" && linear.offset <= 0 && linear.offset >= -255)
    return { leaf: emitter.rowMajor(linear.leaf, codes.shape), zero: -linear.offset + 0 };
  if (linear !== undefined && linear.leaf.storage.dtype === "i8") {
    const zero = 128 - linear.offset;
    if (zero >= 0 && zero <= 255)
      return { leaf: emitter.rowMajor(apply("ADD", linear.leaf, int(128)), codes.shape, { dtype: "u8" }), zero };
  }
  const { lo, hi } = folded.interval;
  if (lo < -255 || hi > 255 || hi - lo > 255) return refuse("O7", `an operand in ${lo}..${hi} is wider than 8 bits`);
  const zero = Math.max(0, -lo);
  return { leaf: emitter.rowMajor(apply("ADD", folded, int(zero)), codes.shape, { dtype: "u8" }), zero };
};

/** Constant weights, in the order of their shape, in the form that runs fastest. */
const asWeights = (emitter: Emitter, codes: Value): { leaf: Leaf; zero: number } => {
  if (!isConstant(codes.expr)) return asUnsigned(emitter, codes);
  const data = evaluateAll(codes.expr, codes.shape);
  let lo = 0;
  let hi = 0;
  for (const v of data) {
    if (v < lo) lo = v;
    if (v > hi) hi = v;
  }
  const stride = denseStrides(codes.shape);
  if (lo >= -64 && hi <= 64) return { leaf: leafOf(emitter.constant("i8", data), stride), zero: 0 };
  const zero = lo >= -128 && hi <= 127 ? 128 : -lo;
  if (hi + zero > 255) return refuse("O7", `weights in ${lo}..${hi} are wider than 8 bits`);
  for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) + zero;
  return { leaf: leafOf(emitter.constant("u8", data), stride), zero };
};

type Part = { readonly storage: Storage; readonly from: number };
const partOf = (leaf: Leaf): Part => ({ storage: leaf.storage, from: leaf.base });

type BuiltContract = ReturnType<typeof conv2d<Part>>;

const draftOf = (built: BuiltContract): Draft => ({
  ...built,
  operands: built.operands.map(({ storage, from, base, stride, guards }) => ({
    storage,
    base: base + from,
    stride,
    guards,
  })),
});

/** Largest part of the innermost reduction axis that keeps an element's proof within bounds. */
const partLength = (whole: number, build: (from: number, count: number) => Draft): number => {
  let count = whole;
  for (;;) {
    const draft = build(0, count);
    if (fitsProof(draft)) return count;
    const reads = product(draft.reduction);
    if (count === 1) return refuse(reads > MAX_READS ? "C7" : "C8", `a window of ${reads} reads an element`);
    count = Math.min(Math.ceil(count / 2), Math.max(1, Math.floor((count * MAX_READS) / reads)));
  }
};

/** The largest size of a part's sum, by C10. */
const boundOf = ({ operands, ...built }: BuiltContract, added: Storage | undefined): number =>
  contractBound(
    {
      ...built,
      operands: operands.map(({ storage }) => ({ dtype: storage.dtype })),
    } as unknown as OperatorOf<"CONTRACT">,
    added?.interval,
  );

/**
 * Chains of contractions: each adds its part to the one before, as long as the sum stays in i32. What is wanted is the sum
 * of the answers.
 */
const chain = (
  emitter: Emitter,
  whole: number,
  bias: Storage | undefined,
  build: (from: number, count: number, bias: Bias<Part> | undefined) => BuiltContract,
): readonly Storage[] => {
  const worst: Bias<Part> | undefined =
    bias === undefined ? undefined : { tensor: { storage: bias, from: 0 }, per: "column" };
  const length = partLength(whole, (from, count) => draftOf(build(from, count, worst)));
  const full: Storage[] = [];
  let sum: Storage | undefined;
  for (let from = 0; from < whole; from += length) {
    const count = Math.min(length, whole - from);
    let added: Bias<Part> | undefined = from === 0 ? worst : undefined;
    if (sum !== undefined) {
      if (boundOf(build(from, count, undefined), sum) < 2 ** 31)
        added = { tensor: { storage: sum, from: 0 }, per: "element" };
      else full.push(sum);
    }
    sum = emitter.stores.emit(draftOf(build(from, count, added)), { accumulator: true });
  }
  return [...full, sum as Storage];
};

const total = (sums: readonly Storage[], stride: readonly number[]): Expr =>
  sums.map((sum): Expr => leafOf(sum, stride)).reduce((a, b) => apply("ADD", a, b));

export type ConvShape = Omit<Conv2d, "za" | "zw" | "channelFrom" | "channelCount">;

/** x [N, C, H, W], w [O, C/g, kh, kw], both integers; bias i32 [O]. Answers the sums as [N, O, OH, OW]. */
export const convolve = (emitter: Emitter, shape: ConvShape, x: Value, w: Value, bias: Storage | undefined): Expr => {
  const a = asUnsigned(emitter, transposed(x, [0, 2, 3, 1]));
  const weights = asWeights(emitter, transposed(w, [0, 2, 3, 1]));
  const sums = chain(emitter, shape.channels / shape.groups, bias, (channelFrom, channelCount, added) =>
    conv2d(
      { ...shape, za: a.zero, zw: weights.zero, channelFrom, channelCount },
      partOf(a.leaf),
      partOf(weights.leaf),
      added,
    ),
  );
  const { outHeight, outWidth, outChannels } = shape;
  return total(sums, [outHeight * outWidth * outChannels, 1, outWidth * outChannels, outChannels]);
};

export type MatmulShape = Pick<Matmul, "batch" | "rows" | "columns" | "inner" | "batchedW">;

/** a [B, M, K], w [N, K] or [B, N, K], both integers; bias i32 [N]. Answers the sums as [B, M, N]. */
export const multiply = (emitter: Emitter, shape: MatmulShape, x: Value, w: Value, bias: Storage | undefined): Expr => {
  const a = asUnsigned(emitter, x);
  const weights = asWeights(emitter, w);
  const sums = chain(
    emitter,
    shape.inner,
    bias,
    (innerFrom, innerCount, added) =>
      matmul(
        { ...shape, za: a.zero, zw: weights.zero, innerFrom, innerCount },
        partOf(a.leaf),
        partOf(weights.leaf),
        added,
      ) as BuiltContract,
  );
  return total(sums, denseStrides([shape.batch, shape.rows, shape.columns]));
};

/** The worth of one unit of a sum: RN32(sx * sw), over the shape of the result. */
export const productScale = (
  emitter: Emitter,
  a: Expr | undefined,
  w: Expr | undefined,
  shape: readonly number[],
): Expr | undefined => {
  if (a === undefined || w === undefined) return a ?? w;
  return emitter.fold(apply("FMUL", a, w), shape);
};

/** A scale that varies at most along `axis`, moved to axis `to` of a result of `rank` axes. */
export const channelScale = (
  scale: Expr | undefined,
  shape: readonly number[],
  axis: number,
  to: { readonly axis: number; readonly rank: number },
): Expr | undefined => {
  if (scale === undefined || scale.kind === "scalar") return scale;
  if (scale.kind !== "leaf") return refuse("O6", "a scale that is computed");
  for (const [x, extent] of shape.entries())
    if (x !== axis && extent > 1 && scale.stride[x] !== 0)
      return refuse("O5", "a scale that varies along an axis that is summed");
  const step = scale.stride[axis] as number;
  return { ...scale, stride: Array.from({ length: to.rank }, (_, x) => (x === to.axis ? step : 0)) };
};

/** A bias [C] in units of the sums: its own codes, or the nearest whole numbers of units. */
export const biasCodes = (emitter: Emitter, bias: Value, scale: Expr | undefined, channels: number): Storage => {
  if (!isConstant(bias.expr)) return refuse("O6", "a bias that is only known at run time");
  const count = sizeOf(bias.shape);
  if (count !== 1 && count !== channels) return refuse("O8", `a bias of ${count} for ${channels} channels`);
  const at = (data: Float64Array, c: number): number => data[data.length === 1 ? 0 : c] as number;
  const expanded = (data: Float64Array): Storage => {
    const codes = Float64Array.from({ length: channels }, (_, c) => at(data, c));
    if (codes.some((v) => !(Math.abs(v) < 2 ** 31))) return refuse("C10", "a bias beyond 32 bits");
    return emitter.constant("i32", codes);
  };
  if (scale === undefined || bias.element !== "float32") return expanded(evaluateAll(bias.expr, bias.shape));
  const unit = evaluateAll(scale, scale.kind === "leaf" ? scaleShape(scale, channels) : [1]);
  const scaled = scaledOf(bias.expr);
  if (scaled !== undefined) {
    const own = evaluateAll(scaled.scale, bias.shape);
    const close = Float64Array.from({ length: channels }, (_, c) => at(own, c) / at(unit, c));
    if (close.every((ratio) => Math.abs(ratio - 1) < 1e-5)) return expanded(evaluateAll(scaled.codes, bias.shape));
  }
  const values = evaluateAll(bias.expr, bias.shape);
  return expanded(Float64Array.from({ length: channels }, (_, c) => Math.round(at(values, c) / at(unit, c))));
};

const scaleShape = (scale: Leaf, channels: number): number[] => scale.stride.map((step) => (step === 0 ? 1 : channels));
