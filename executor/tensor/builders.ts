import { denseStrides } from "./address.ts";
import type { Dtype, Fold, Guard, Instruction, Kind, OperatorOf } from "./program.ts";
import { codeOf, IMMEDIATE_SOURCE, immediateBits, OPERAND_SOURCE } from "./scalar.ts";

/**
 * The normative access forms. A builder is pure and says nothing about where tensors are: `T` is any description of a
 * tensor (`{ref}` of an assembly, `{source, dtype, count}` of a record ...) and comes back with its placement.
 * `recognise.ts` has the inverses that the fast executor asks for. Activations are NHWC, conv weights [O][kh][kw][C/g],
 * matmul weights [N][K].
 */

/** Where an operand is read, over output axes, then reduction axes. */
export type Placement = {
  readonly base: number;
  readonly stride: readonly number[];
  readonly guards: readonly Guard[];
};

/** An operator record without its interval. */
export type Built<K extends Kind, T> = Omit<OperatorOf<K>, "operands" | "interval"> & {
  readonly operands: readonly (T & Placement)[];
};

const place = <T>(tensor: T, stride: readonly number[], base = 0, guards: readonly Guard[] = []): T & Placement => ({
  ...tensor,
  base,
  stride,
  guards,
});

/** Row-major strides of `shape`, aligned at the last axis of a result of `rank` axes; extent 1 is repeated. */
export const broadcastStrides = (shape: readonly number[], rank: number): number[] => {
  const strides = denseStrides(shape).map((step, x) => (shape[x] === 1 ? 0 : step));
  return [...new Array<number>(rank - shape.length).fill(0), ...strides];
};

/** Extent of a convolution's or pool's output along one axis (floor). */
export const windowCount = (window: {
  readonly extent: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padBegin: number;
  readonly padEnd: number;
}): number => {
  const { extent, kernel, stride, dilation, padBegin, padEnd } = window;
  return Math.floor((extent + padBegin + padEnd - ((kernel - 1) * dilation + 1)) / stride) + 1;
};

/** A sliding window over the plane of an NHWC tensor. What lies outside the plane is not read. */
export type Window = {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly strideY: number;
  readonly strideX: number;
  readonly dilationY: number;
  readonly dilationX: number;
  readonly padTop: number;
  readonly padLeft: number;
};

/** Strides of a window over [n, oy, ox | ky, kx], its guards over `axes` axes of which the last two are [ky, kx]. */
const windowGuards = (window: Window, axes: number, ky: number): Guard[] => {
  const coef = (out: number, step: number, kernel: number, dilation: number): number[] => {
    const list = new Array<number>(axes).fill(0);
    list[out] = step;
    list[kernel] = dilation;
    return list;
  };
  return [
    { off: -window.padTop + 0, coef: coef(1, window.strideY, ky, window.dilationY), limit: window.height },
    { off: -window.padLeft + 0, coef: coef(2, window.strideX, ky + 1, window.dilationX), limit: window.width },
  ];
};

export type Conv2d = Window & {
  readonly outChannels: number;
  readonly groups: number;
  readonly za: number;
  readonly zw: number;
  /** The part of a group's input channels that is summed here: a longer reduction is a chain of convolutions. */
  readonly channelFrom: number;
  readonly channelCount: number;
};

/** What is added to a contraction: one i32 a column (output channel), or one an element (the former partial sum). */
export type Bias<T> = { readonly tensor: T; readonly per: "column" | "element" };

/** CONTRACT to i32, output [N, OH, OW, G, O/G]. */
export const conv2d = <T>(conv: Conv2d, a: T, w: T, bias?: Bias<T>): Built<"CONTRACT", T> => {
  const { batch, height, width, channels, outHeight, outWidth, outChannels, groups } = conv;
  const { kernelHeight, kernelWidth, channelFrom, channelCount } = conv;
  const perGroup = channels / groups;
  const outPerGroup = outChannels / groups;
  const row = width * channels;
  const filter = kernelHeight * kernelWidth * perGroup;
  const output = [batch, outHeight, outWidth, groups, outPerGroup];
  const strideA = [
    ...[height * row, conv.strideY * row, conv.strideX * channels, perGroup, 0],
    ...[conv.dilationY * row, conv.dilationX * channels, 1],
  ];
  const strideW = [0, 0, 0, outPerGroup * filter, filter, kernelWidth * perGroup, perGroup, 1];
  const baseA = channelFrom - (conv.padTop * width + conv.padLeft) * channels;
  const biasStride = bias?.per === "element" ? denseStrides(output) : [0, 0, 0, outPerGroup, 1];
  return {
    kind: "CONTRACT",
    dtype: "i32",
    output,
    reduction: [kernelHeight, kernelWidth, channelCount],
    za: conv.za,
    zw: conv.zw,
    operands: [
      place(a, strideA, baseA, windowGuards(conv, 8, 5)),
      place(w, strideW, channelFrom),
      ...(bias === undefined ? [] : [place(bias.tensor, [...biasStride, 0, 0, 0])]),
    ],
  };
};

export type Matmul = {
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  /** Length of a row of a and of w in memory; the part of it that is summed here. */
  readonly inner: number;
  readonly innerFrom: number;
  readonly innerCount: number;
  /** Whether w has one matrix a batch. */
  readonly batchedW: boolean;
  readonly za: number;
  readonly zw: number;
};

/** CONTRACT to i32, output [B, M, N]: a is [B][M][K], w is [N][K] or [B][N][K]. */
export const matmul = <T>(shape: Matmul, a: T, w: T, bias?: Bias<T>): Built<"CONTRACT", T> => {
  const { batch, rows, columns, inner, innerFrom, innerCount, batchedW } = shape;
  const output = [batch, rows, columns];
  const biasStride = bias?.per === "element" ? denseStrides(output) : [0, 0, 1];
  return {
    kind: "CONTRACT",
    dtype: "i32",
    output,
    reduction: [innerCount],
    za: shape.za,
    zw: shape.zw,
    operands: [
      place(a, [rows * inner, inner, 0, 1], innerFrom),
      place(w, [batchedW ? columns * inner : 0, 0, inner, 1], innerFrom),
      ...(bias === undefined ? [] : [place(bias.tensor, [...biasStride, 0])]),
    ],
  };
};

export type Pool2d = Window & { readonly fold: Exclude<Fold, "ARGMAX"> };

/** REDUCE over the live positions of each window, output [N, OH, OW, C]. */
export const pool2d = <T>(pool: Pool2d, dtype: Dtype, x: T): Built<"REDUCE", T> => {
  const { width, channels, height } = pool;
  const row = width * channels;
  const stride = [
    ...[height * row, pool.strideY * row, pool.strideX * channels, 1],
    ...[pool.dilationY * row, pool.dilationX * channels],
  ];
  return {
    kind: "REDUCE",
    dtype,
    output: [pool.batch, pool.outHeight, pool.outWidth, channels],
    reduction: [pool.kernelHeight, pool.kernelWidth],
    fold: pool.fold,
    operands: [place(x, stride, -(pool.padTop * width + pool.padLeft) * channels + 0, windowGuards(pool, 6, 4))],
  };
};

/** A fold along some axes of a dense tensor: the output has the other axes in order (one of extent 1 if none is left). */
export type Reduction = { readonly extents: readonly number[]; readonly axes: readonly number[] };

const splitAxes = ({ extents, axes }: Reduction) => {
  const step = denseStrides(extents);
  const kept = extents.map((_, x) => x).filter((x) => !axes.includes(x));
  const pick = (of: readonly number[], which: readonly number[]): number[] => which.map((x) => of[x] as number);
  const output = kept.length === 0 ? [1] : pick(extents, kept);
  const outputStride = kept.length === 0 ? [0] : pick(step, kept);
  return { output, outputStride, reduction: pick(extents, axes), reductionStride: pick(step, axes) };
};

/** REDUCE along axes. SUM gives i32 or i64, MAX and MIN the operand's dtype, ARGMAX i32. */
export const reduceAxes = <T>(along: Reduction & { readonly fold: Fold }, dtype: Dtype, x: T): Built<"REDUCE", T> => {
  const { output, outputStride, reduction, reductionStride } = splitAxes(along);
  const operands = [place(x, [...outputStride, ...reductionStride])];
  return { kind: "REDUCE", dtype, output, reduction, fold: along.fold, operands };
};

/** TOPK along axes: the last output axis is the rank. */
export const topkAxes = <T>(along: Reduction & { readonly k: number }, x: T): Built<"TOPK", T> => {
  const { output, outputStride, reduction, reductionStride } = splitAxes(along);
  const operands = [place(x, [...outputStride, 0, ...reductionStride])];
  return { kind: "TOPK", dtype: "i32", output: [...output, along.k], reduction, operands };
};

/** MOVE of one tensor by strides, every element live. */
export type Strided = { readonly output: readonly number[]; readonly base: number; readonly stride: readonly number[] };

export const strided = <T>({ output, base, stride }: Strided, dtype: Dtype, x: T): Built<"MOVE", T> => ({
  kind: "MOVE",
  dtype,
  output,
  reduction: [],
  fill: 0,
  operands: [place(x, stride, base)],
});

/** Output axis j is axis `order[j]` of the dense operand. */
export type Transpose = { readonly extents: readonly number[]; readonly order: readonly number[] };

export const transpose = <T>({ extents, order }: Transpose, dtype: Dtype, x: T): Built<"MOVE", T> => {
  const step = denseStrides(extents);
  const of = (list: readonly number[]): number[] => order.map((x) => list[x] as number);
  return strided({ output: of(extents), base: 0, stride: of(step) }, dtype, x);
};

/** Along axis x: `counts[x]` elements from `starts[x]`, every `steps[x]`-th (negative steps go backwards). */
export type Slice = {
  readonly extents: readonly number[];
  readonly starts: readonly number[];
  readonly steps: readonly number[];
  readonly counts: readonly number[];
};

export const slice = <T>({ extents, starts, steps, counts }: Slice, dtype: Dtype, x: T): Built<"MOVE", T> => {
  const dense = denseStrides(extents);
  const base = dense.reduce((sum, step, x) => sum + step * (starts[x] as number), 0);
  const stride = dense.map((step, x) => step * (steps[x] as number));
  return strided({ output: counts, base, stride }, dtype, x);
};

/** Repeats a tensor of `extents` to `output` (same rank, extent 1 is repeated). */
export type Expand = { readonly extents: readonly number[]; readonly output: readonly number[] };

export const expand = <T>({ extents, output }: Expand, dtype: Dtype, x: T): Built<"MOVE", T> =>
  strided({ output, base: 0, stride: broadcastStrides(extents, output.length) }, dtype, x);

/** Constant padding: `before[x]` and `after[x]` elements of `fill`; both may be negative (cropping). */
export type Pad = {
  readonly extents: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly fill: number;
};

/** At most 4 axes may be padded: an operand has at most 4 guards. */
export const pad = <T>({ extents, before, after, fill }: Pad, dtype: Dtype, x: T): Built<"MOVE", T> => {
  const step = denseStrides(extents);
  const unit = (axis: number): number[] => extents.map((_, y) => (y === axis ? 1 : 0));
  const guards = extents.flatMap((limit, axis): Guard[] => {
    const off = -(before[axis] as number) + 0;
    return off < 0 || (after[axis] as number) > 0 ? [{ off, coef: unit(axis), limit }] : [];
  });
  const base = step.reduce((sum, s, axis) => sum - s * (before[axis] as number), 0);
  return {
    kind: "MOVE",
    dtype,
    output: extents.map((extent, axis) => extent + (before[axis] as number) + (after[axis] as number)),
    reduction: [],
    fill,
    operands: [place(x, step, base, guards)],
  };
};

/** At most 8 dense tensors that agree in all extents but one; `lengths` are their extents along `axis`. */
export type Concat = {
  readonly extents: readonly number[];
  readonly axis: number;
  readonly lengths: readonly number[];
};

/** `extents` are those of the result. */
export const concatAxis = <T>({ extents, axis, lengths }: Concat, dtype: Dtype, xs: readonly T[]): Built<"MOVE", T> => {
  let start = 0;
  const operands = xs.map((x, j) => {
    const length = lengths[j] as number;
    const stride = denseStrides(extents.map((extent, y) => (y === axis ? length : extent)));
    const guard = { off: -start + 0, coef: extents.map((_, y) => (y === axis ? 1 : 0)), limit: length };
    const placed = place(x, stride, -start * (stride[axis] as number) + 0, [guard]);
    start += length;
    return placed;
  });
  return { kind: "MOVE", dtype, output: extents, reduction: [], fill: 0, operands };
};

/** Nearest neighbour by integer factors over the plane of an NHWC tensor, output [N, H, fy, W, fx, C]. */
export type Upsample2d = {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly factorY: number;
  readonly factorX: number;
};

export const upsample2d = <T>(up: Upsample2d, dtype: Dtype, x: T): Built<"MOVE", T> => {
  const { batch, height, width, channels, factorY, factorX } = up;
  const output = [batch, height, factorY, width, factorX, channels];
  const stride = [height * width * channels, width * channels, 0, channels, 0, 1];
  return strided({ output, base: 0, stride }, dtype, x);
};

/** GATHER through a table of `num` entries: element = table[clamp(x - first)]. */
export type Lookup = { readonly count: number; readonly first: number; readonly num: number };

export const lookup = <T>({ count, first, num }: Lookup, dtype: Dtype, x: T, table: T): Built<"GATHER", T> => ({
  kind: "GATHER",
  dtype,
  output: [count],
  reduction: [],
  first,
  num,
  step: 1,
  operands: [place(x, [1]), place(table, [0])],
});

/** GATHER of whole rows: output [indices, width], row `clamp(index)` of a table [rows][width]. */
export type GatherRows = { readonly indices: number; readonly rows: number; readonly width: number };

export const gatherRows = <T>(
  { indices, rows, width }: GatherRows,
  dtype: Dtype,
  index: T,
  table: T,
): Built<"GATHER", T> => ({
  kind: "GATHER",
  dtype,
  output: [indices, width],
  reduction: [],
  first: 0,
  num: rows,
  step: width,
  operands: [place(index, [1, 0]), place(table, [0, 1])],
});

/** An operand of an elementwise operator: strides over the output's axes (see `broadcastStrides`). */
export type MapOperand<T> = { readonly tensor: T; readonly stride: readonly number[]; readonly base?: number };

/** MAP: `body` runs on one element of each operand. */
export const map = <T>(
  dtype: Dtype,
  output: readonly number[],
  operands: readonly MapOperand<T>[],
  body: readonly Instruction[],
): Built<"MAP", T> => ({
  kind: "MAP",
  dtype,
  output,
  reduction: [],
  operands: operands.map(({ tensor, stride, base }) => place(tensor, stride, base)),
  instructions: body,
});

/** Result of the i-th instruction, operand j, or an immediate (at most one value an instruction). */
export type ScalarSource =
  | number
  | { readonly operand: number }
  | { readonly int: number }
  | { readonly float: number };

/** An instruction by name; a plain number is the index of an earlier instruction. */
export const instruction = (name: string, ...sources: readonly ScalarSource[]): Instruction => {
  let imm = 0;
  const codes = sources.map((source): number => {
    if (typeof source === "number") return source;
    if ("operand" in source) return OPERAND_SOURCE + source.operand;
    imm = "int" in source ? immediateBits("I", source.int) : immediateBits("F", source.float);
    return IMMEDIATE_SOURCE;
  });
  const [a = 0, b = 0, c = 0] = codes;
  return { op: codeOf(name), a, b, c, imm };
};

/** saturate(RNE(RN32(RN32(acc) * s)) + z) of rows of `columns` accumulators. */
export type Requantise = {
  readonly rows: number;
  readonly columns: number;
  /** One scale for all, or one a column as operand 1. */
  readonly scale: number | "column";
  readonly zero: number;
  readonly dtype: "u8" | "i8";
};

/** MAP `I2F; FMUL s; QU8/QI8 z`; `scales` (f32, one a column) iff the scale is a column's. Output [rows, columns]. */
export const requantise = <T>(
  { rows, columns, scale, zero, dtype }: Requantise,
  acc: T,
  scales?: T,
): Built<"MAP", T> => {
  const operands: MapOperand<T>[] = [{ tensor: acc, stride: [columns, 1] }];
  if (scales !== undefined) operands.push({ tensor: scales, stride: [0, 1] });
  const body = [
    instruction("I2F", { operand: 0 }),
    instruction("FMUL", 0, scale === "column" ? { operand: 1 } : { float: scale }),
    instruction(dtype === "u8" ? "QU8" : "QI8", 1, { int: zero }),
  ];
  return map(dtype, [rows, columns], operands, body);
};
