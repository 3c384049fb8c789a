import type { Conv2d, Matmul } from "./builders.ts";
import { constantData } from "./elements.ts";
import { constantOf, type Emission, unavailable, wholeValue } from "./emission.ts";
import { emitMap } from "./emit-map.ts";
import { ADDRESS, createNest } from "./loop-nest.ts";
import { arrayOf, type Value } from "./onnx-graph.ts";
import type { Constant, Operand, Operator, OperatorOf, Program, TensorData } from "./program.ts";
import { asConv2d, asMatmul, type WithBias } from "./recognise.ts";
import { IMMEDIATE_SOURCE, immediateOf, instructionOf, OPERAND_SOURCE } from "./scalar.ts";

/**
 * CONTRACT as QLinearConv, QLinearMatMul, MatMulInteger or ConvInteger. Two forms of weights are exact on every
 * processor: u8 x u8, and u8 x s8 while all |w| <= 64 (two products of 255 * 64 fit 16 bits).
 */

export type Contraction = { readonly operands: readonly Operand[]; readonly bias: "none" | "column" | "element" } & (
  | { readonly kind: "conv"; readonly shape: Conv2d }
  | { readonly kind: "matmul"; readonly shape: Matmul }
);

const recognised = (operator: Operator): Contraction | undefined => {
  const split = <P extends object>({ bias, ...shape }: WithBias<P>) => ({ bias, shape, operands: operator.operands });
  const conv = asConv2d(operator);
  if (conv !== undefined) return { kind: "conv", ...split(conv) } as unknown as Contraction;
  const product = asMatmul(operator);
  return product === undefined ? undefined : ({ kind: "matmul", ...split(product) } as unknown as Contraction);
};

const sameSource = (a: Operand | undefined, b: Operand | undefined): boolean =>
  a !== undefined && b !== undefined && a.source.constant === b.source.constant && a.source.index === b.source.index;

/** The parts of a long reduction as one: each adds to its predecessor over the next part of the inner axis. */
const joined = (first: Contraction, second: Contraction): Contraction | undefined => {
  if (second.bias !== "element") return undefined;
  if (!sameSource(first.operands[0], second.operands[0]) || !sameSource(first.operands[1], second.operands[1]))
    return undefined;
  const differs = (a: object, b: object, fields: readonly string[]): boolean =>
    Object.entries(a).some(([key, value]) => !fields.includes(key) && (b as Record<string, unknown>)[key] !== value);
  if (first.kind === "conv" && second.kind === "conv") {
    const next = first.shape.channelFrom + first.shape.channelCount;
    if (second.shape.channelFrom !== next || differs(first.shape, second.shape, ["channelFrom", "channelCount"]))
      return undefined;
    return { ...first, shape: { ...first.shape, channelCount: first.shape.channelCount + second.shape.channelCount } };
  }
  if (first.kind === "matmul" && second.kind === "matmul") {
    const next = first.shape.innerFrom + first.shape.innerCount;
    if (second.shape.innerFrom !== next || differs(first.shape, second.shape, ["innerFrom", "innerCount"]))
      return undefined;
    return { ...first, shape: { ...first.shape, innerCount: first.shape.innerCount + second.shape.innerCount } };
  }
  return undefined;
};

/** One contraction of a chain of CONTRACTs, each the third operand of the next. */
export const contractionOf = (operators: readonly Operator[]): Contraction | undefined => {
  let whole: Contraction | undefined;
  for (const operator of operators) {
    const part = recognised(operator);
    if (part === undefined) return undefined;
    whole = whole === undefined ? part : joined(whole, part);
    if (whole === undefined) return undefined;
  }
  return whole;
};

type Weights = { readonly type: "uint8" | "int8"; readonly zero: number; readonly shift: number };

/** How constant weights are stored: `w - shift` with zero point `zero`. */
const weightsOf = (data: TensorData, dtype: string, zw: number): Weights => {
  let largest = 0;
  for (let i = 0; i < data.length; i++) largest = Math.max(largest, Math.abs((data[i] as number) - zw));
  if (largest <= 64) return { type: "int8", zero: 0, shift: zw };
  return dtype === "i8" ? { type: "uint8", zero: zw + 128, shift: -128 } : { type: "uint8", zero: zw, shift: 0 };
};

/** Weights are judged once a constant and zero point. */
const judged = new WeakMap<Constant, Map<number, Weights>>();
const weightsOfConstant = (constant: Constant, zw: number): Weights => {
  const known = judged.get(constant) ?? new Map<number, Weights>();
  judged.set(constant, known);
  const weights = known.get(zw) ?? weightsOf(constantData(constant), constant.dtype, zw);
  known.set(zw, weights);
  return weights;
};

const shifted = (type: "uint8" | "int8", count: number, read: (i: number) => number): Uint8Array | Int8Array => {
  const out = type === "uint8" ? new Uint8Array(count) : new Int8Array(count);
  for (let i = 0; i < count; i++) out[i] = read(i);
  return out;
};

/** An 8-bit activation as u8, and its zero point there. */
const asUnsigned = (emission: Emission, operand: Operand, zero: number): { value: Value; zero: number } => {
  const { graph } = emission;
  const value = wholeValue(emission, operand);
  if (value.type === "uint8") return { value, zero };
  const wide = graph.cast(value, "int32");
  const inputs = [wide, graph.scalar("int32", 128)];
  const moved = graph.node({ op: "Add", inputs, type: "int32", shape: wide.shape });
  return { value: graph.cast(moved, "uint8"), zero: zero + 128 };
};

const checkZero = (zero: number): void => {
  if (zero < 0 || zero > 255) unavailable("a zero point outside u8");
};

/** The scale and zero point of a fused requantisation; `scales`: one for all, or one a column. */
export type Fused = {
  readonly scales: readonly number[];
  readonly zero: number;
  /** Whether negative sums count as zero: no code falls below the zero point. */
  readonly rectified: boolean;
  readonly index: number;
  readonly map: OperatorOf<"MAP">;
};

/** Data of a constant one element a column, if that is how the access reads it. */
const perColumn = (program: Program, operand: Operand, operator: Operator, j: number, columns: number) => {
  if (!operand.source.constant) return undefined;
  const constant = program.constants[operand.source.index] as Constant;
  const nest = createNest(operator);
  const data = constantData(constant);
  const last = nest.outputAxes - 1;
  for (let x = 0; x < last; x++) if (nest.step(ADDRESS(j), x) !== 0) return undefined;
  const step = nest.step(ADDRESS(j), last);
  if (step === 0) return [data[operand.base] as number];
  if (nest.extents[last] !== columns) return undefined;
  return Array.from({ length: columns }, (_, i) => data[operand.base + i * step] as number);
};

/** The part of a MAP that QLinearConv and QLinearMatMul do: `I2F acc; FMUL s; QU8 z`, `MAX acc, 0` before it or not. */
export const fusedOf = (program: Program, map: OperatorOf<"MAP">, acc: number, columns: number): Fused | undefined => {
  const readers = map.operands.flatMap(({ source }, j) => (!source.constant && source.index === acc ? [j] : []));
  const [j] = readers;
  if (readers.length !== 1 || j === undefined) return undefined;
  const nest = createNest(map);
  let dense = 1;
  for (let x = nest.outputAxes - 1; x >= 0; x--) {
    if (nest.step(ADDRESS(j), x) !== dense && nest.extents[x] !== 1) return undefined;
    dense *= nest.extents[x] as number;
  }
  const operand = map.operands[j] as Operand;
  if (operand.base !== 0 || operand.count !== dense) return undefined;
  const users = (source: number): number[] =>
    map.instructions.flatMap((instruction, i) => {
      const arity = instructionOf(instruction.op)?.operands.length ?? 0;
      const { a, b, c } = instruction;
      return [a, b, c].slice(0, arity).includes(source) ? [i] : [];
    });
  const only = (source: number, name: string): number | undefined => {
    const [user, second] = users(source);
    if (user === undefined || second !== undefined) return undefined;
    return instructionOf(map.instructions[user]?.op ?? 0)?.name === name ? user : undefined;
  };
  const maximum = only(OPERAND_SOURCE + j, "MAX");
  const clamp = maximum === undefined ? undefined : map.instructions[maximum];
  const rectified =
    clamp !== undefined && clamp.a === OPERAND_SOURCE + j && clamp.b === IMMEDIATE_SOURCE && clamp.imm === 0;
  const converted = only(rectified && maximum !== undefined ? maximum : OPERAND_SOURCE + j, "I2F");
  const scaled = converted === undefined ? undefined : only(converted, "FMUL");
  const index = scaled === undefined ? undefined : only(scaled, "QU8");
  if (converted === undefined || scaled === undefined || index === undefined) return undefined;
  const multiply = map.instructions[scaled];
  const quantise = map.instructions[index];
  if (multiply === undefined || quantise === undefined || quantise.a !== scaled) return undefined;
  const zero = quantise.imm | 0;
  if (quantise.b !== IMMEDIATE_SOURCE || zero < 0 || zero > 255) return undefined;
  const other = multiply.a === converted ? multiply.b : multiply.a;
  if (other === converted) return undefined;
  const scales =
    other === IMMEDIATE_SOURCE
      ? [immediateOf("F", multiply.imm)]
      : other >= OPERAND_SOURCE
        ? perColumn(program, map.operands[other - OPERAND_SOURCE] as Operand, map, other - OPERAND_SOURCE, columns)
        : undefined;
  if (scales === undefined || !scales.every((s) => s >= 2 ** -126 && s < 2 ** 100)) return undefined;
  return { scales, zero, rectified, index, map };
};

const columnsOf = (contraction: Contraction): number =>
  contraction.kind === "conv" ? contraction.shape.outChannels : contraction.shape.columns;

const columnBias = (emission: Emission, { operands, bias }: Contraction): Constant | undefined => {
  const operand = operands[2];
  if (bias !== "column" || operand === undefined) return undefined;
  return constantOf(emission, operand.source);
};

const scaleValue = (emission: Emission, scales: readonly number[], key: string): Value =>
  scales.length === 1
    ? emission.graph.scalar("float32", scales[0] as number)
    : emission.graph.constant(`scales ${key}`, "float32", [scales.length], () => arrayOf("float32", scales));

/** Padding behind the last row and column; undefined when the window count is not what a convolution would make. */
export const padsOf = (
  window: Omit<Conv2d, "outChannels" | "groups" | "za" | "zw" | "channelFrom" | "channelCount">,
) => {
  const end = (extent: number, out: number, kernel: number, stride: number, dilation: number, begin: number) => {
    const needed = (out - 1) * stride + (kernel - 1) * dilation + 1 - extent - begin;
    return needed <= -stride ? undefined : Math.max(0, needed);
  };
  const { padTop, padLeft } = window;
  const bottom = end(window.height, window.outHeight, window.kernelHeight, window.strideY, window.dilationY, padTop);
  const right = end(window.width, window.outWidth, window.kernelWidth, window.strideX, window.dilationX, padLeft);
  if (bottom === undefined || right === undefined || padTop < 0 || padLeft < 0) return undefined;
  if (window.strideX < 1 || window.strideY < 1 || window.dilationX < 1 || window.dilationY < 1) return undefined;
  return [padTop, padLeft, bottom, right];
};

type Convolution = { readonly shape: Conv2d; readonly operands: readonly Operand[]; readonly key: string };

/** Whether the activations are read as a tensor of just the window's planes. */
const wholePlanes = ({ batch, height, width, channels }: Conv2d, operands: readonly Operand[]): boolean =>
  operands[0]?.count === batch * height * width * channels;

const fullChannels = ({ channels, groups, channelFrom, channelCount }: Conv2d): boolean =>
  channelFrom === 0 && channelCount * groups === channels;

const convAttributes = (shape: Conv2d, pads: readonly number[]) => ({
  kernel_shape: [shape.kernelHeight, shape.kernelWidth],
  strides: [shape.strideY, shape.strideX],
  dilations: [shape.dilationY, shape.dilationX],
  pads,
  group: shape.groups,
});

/** Constant weights [O][kh][kw][C/g] as [O][C/g][kh][kw]. */
const convWeights = (emission: Emission, { shape, operands }: Convolution, form?: "uint8") => {
  const operand = operands[1] as Operand;
  const constant = constantOf(emission, operand.source);
  if (constant === undefined) return unavailable("convolution weights that are not constant");
  const perGroup = shape.channels / shape.groups;
  const plane = shape.kernelHeight * shape.kernelWidth;
  if (operand.base !== 0 || constant.count !== shape.outChannels * plane * perGroup)
    return unavailable("weights that are not read whole");
  const judgedForm = weightsOfConstant(constant, shape.zw);
  const weights: Weights =
    form === undefined || judgedForm.type === form ? judgedForm : { type: "uint8", zero: 128, shift: shape.zw - 128 };
  checkZero(weights.zero);
  const dims = [shape.outChannels, perGroup, shape.kernelHeight, shape.kernelWidth];
  const key = `conv weights ${operand.source.index} ${weights.shift}`;
  const value = emission.graph.constant(key, weights.type, dims, () => {
    const data = constantData(constant);
    const block = plane * perGroup;
    return shifted(weights.type, constant.count, (i) => {
      const filter = Math.floor(i / block);
      const inner = i % block;
      const channel = Math.floor(inner / plane);
      return (data[filter * block + (inner % plane) * perGroup + channel] as number) - weights.shift;
    });
  });
  return { value, zero: emission.graph.scalar(weights.type, weights.zero) };
};

const emitQLinearConv = (emission: Emission, convolution: Convolution, bias: Constant | undefined, fused: Fused) => {
  const { graph } = emission;
  const { shape, operands, key } = convolution;
  const pads = padsOf(shape);
  if (pads === undefined) return unavailable("a window that ends early");
  if (!fullChannels(shape)) return unavailable("a part of the channels");
  if (!wholePlanes(shape, operands)) return unavailable("a part of a tensor");
  const x = asUnsigned(emission, operands[0] as Operand, shape.za);
  checkZero(x.zero);
  const weights = convWeights(emission, convolution);
  const one = graph.scalar("float32", 1);
  const inputs = [
    graph.reshape(x.value, [shape.batch, shape.height, shape.width, shape.channels]),
    one,
    graph.scalar("uint8", x.zero),
    weights.value,
    scaleValue(emission, fused.scales, key),
    weights.zero,
    one,
    graph.scalar("uint8", fused.zero),
  ];
  if (bias !== undefined)
    inputs.push(
      graph.constant(`bias ${operands[2]?.source.index} ${operands[2]?.base}`, "int32", [shape.outChannels], () =>
        Int32Array.from(
          constantData(bias).subarray(operands[2]?.base ?? 0, (operands[2]?.base ?? 0) + shape.outChannels),
        ),
      ),
    );
  return graph.node({
    op: "QLinearConv",
    domain: "com.microsoft",
    inputs,
    type: "uint8",
    shape: [shape.batch, shape.outHeight, shape.outWidth, shape.outChannels],
    attributes: { ...convAttributes(shape, pads), channels_last: 1 },
  });
};

/** A matrix product over constant weights as a 1 x 1 convolution along one row of pixels: it has a bias. */
const asConvolution = (shape: Matmul): Conv2d => ({
  batch: 1,
  height: 1,
  width: shape.batch * shape.rows,
  channels: shape.inner,
  outHeight: 1,
  outWidth: shape.batch * shape.rows,
  outChannels: shape.columns,
  kernelHeight: 1,
  kernelWidth: 1,
  strideY: 1,
  strideX: 1,
  dilationY: 1,
  dilationX: 1,
  padTop: 0,
  padLeft: 0,
  groups: 1,
  za: shape.za,
  zw: shape.zw,
  channelFrom: shape.innerFrom,
  channelCount: shape.innerCount,
});

/** Weights of a matrix product as [K, N] or [B, K, N]. */
const productWeights = (emission: Emission, shape: Matmul, operand: Operand): { value: Value; zero: Value } => {
  const { graph } = emission;
  const constant = constantOf(emission, operand.source);
  const dims = shape.batchedW ? [shape.batch, shape.columns, shape.inner] : [shape.columns, shape.inner];
  const swapped = shape.batchedW ? [shape.batch, shape.inner, shape.columns] : [shape.inner, shape.columns];
  if (operand.count !== dims.reduce((a, b) => a * b, 1)) return unavailable("a matrix that is not read whole");
  if (constant === undefined) {
    const w = asUnsigned(emission, operand, shape.zw);
    checkZero(w.zero);
    const memory = graph.reshape(w.value, dims);
    const perm = shape.batchedW ? [0, 2, 1] : [1, 0];
    const value = graph.node({
      op: "Transpose",
      inputs: [memory],
      type: "uint8",
      shape: swapped,
      attributes: { perm },
    });
    return { value, zero: graph.scalar("uint8", w.zero) };
  }
  const weights = weightsOfConstant(constant, shape.zw);
  checkZero(weights.zero);
  const key = `product weights ${operand.source.index} ${weights.shift}`;
  const value = graph.constant(key, weights.type, swapped, () => {
    const data = constantData(constant);
    const block = shape.inner * shape.columns;
    return shifted(weights.type, constant.count, (i) => {
      const matrix = Math.floor(i / block);
      const k = Math.floor((i % block) / shape.columns);
      return (data[matrix * block + (i % shape.columns) * shape.inner + k] as number) - weights.shift;
    });
  });
  return { value, zero: graph.scalar(weights.type, weights.zero) };
};

const productOperands = (emission: Emission, shape: Matmul, operands: readonly Operand[]) => {
  if (shape.innerFrom !== 0 || shape.innerCount !== shape.inner) return unavailable("a part of the inner axis");
  const a = operands[0] as Operand;
  if (a.count !== shape.batch * shape.rows * shape.inner) return unavailable("a matrix that is not read whole");
  const x = asUnsigned(emission, a, shape.za);
  checkZero(x.zero);
  const w = productWeights(emission, shape, operands[1] as Operand);
  const rows = emission.graph.reshape(x.value, [shape.batch, shape.rows, shape.inner]);
  return { x: rows, zero: emission.graph.scalar("uint8", x.zero), w };
};

const emitProduct = (emission: Emission, contraction: Contraction & { kind: "matmul" }): Value => {
  const { graph } = emission;
  const { shape } = contraction;
  const { x, zero, w } = productOperands(emission, shape, contraction.operands);
  const output = [shape.batch, shape.rows, shape.columns];
  const inputs = [x, w.value, zero, w.zero];
  return withBias(emission, contraction, graph.node({ op: "MatMulInteger", inputs, type: "int32", shape: output }));
};

const withBias = (emission: Emission, { operands, bias, kind, shape }: Contraction, sum: Value): Value => {
  const operand = operands[2];
  if (operand === undefined) return sum;
  const { graph } = emission;
  const whole = wholeValue(emission, operand);
  const columns = kind === "conv" ? shape.outChannels : shape.columns;
  if (operand.base !== 0 || operand.count !== (bias === "column" ? columns : sum.shape.reduce((a, b) => a * b, 1)))
    return unavailable("a bias that is not read whole");
  const value = graph.reshape(whole, bias === "column" ? [columns] : sum.shape);
  return graph.node({ op: "Add", inputs: [sum, value], type: "int32", shape: sum.shape });
};

const emitConvInteger = (emission: Emission, contraction: Contraction & { kind: "conv" }, key: string): Value => {
  const { graph } = emission;
  const { shape, operands } = contraction;
  const pads = padsOf(shape);
  if (pads === undefined) return unavailable("a window that ends early");
  if (!fullChannels(shape)) return unavailable("a part of the channels");
  if (!wholePlanes(shape, operands)) return unavailable("a part of a tensor");
  const x = asUnsigned(emission, operands[0] as Operand, shape.za);
  checkZero(x.zero);
  const weights = convWeights(emission, { shape, operands, key }, "uint8");
  const { batch, height, width, channels, outHeight, outWidth, outChannels } = shape;
  const transpose = (value: Value, perm: readonly number[], to: readonly number[]): Value =>
    graph.node({ op: "Transpose", inputs: [value], type: value.type, shape: to, attributes: { perm } });
  const planes = transpose(
    graph.reshape(x.value, [batch, height, width, channels]),
    [0, 3, 1, 2],
    [batch, channels, height, width],
  );
  const sum = graph.node({
    op: "ConvInteger",
    inputs: [planes, weights.value, graph.scalar("uint8", x.zero), weights.zero],
    type: "int32",
    shape: [batch, outChannels, outHeight, outWidth],
    attributes: convAttributes(shape, pads),
  });
  const back = transpose(sum, [0, 2, 3, 1], [batch, outHeight, outWidth, outChannels]);
  return withBias(emission, contraction, back);
};

/** A contraction, with the MAP that requantises it when there is one that fits. */
export const emitContraction = (emission: Emission, contraction: Contraction, map?: OperatorOf<"MAP">, acc = -1) => {
  const columns = columnsOf(contraction);
  const key = `${acc}`;
  const fused = map === undefined ? undefined : fusedOf(emission.program, map, acc, columns);
  if (map === undefined || fused === undefined) {
    if (map !== undefined) return unavailable("a body that does not requantise");
    return contraction.kind === "conv"
      ? emitConvInteger(emission, contraction, key)
      : emitProduct(emission, contraction);
  }
  const bias = columnBias(emission, contraction);
  if (contraction.operands.length > 2 && bias === undefined) return unavailable("a bias that is not constant");
  const { operands } = contraction;
  const requantised = (): Value => {
    if (contraction.kind === "conv")
      return emitQLinearConv(emission, { shape: contraction.shape, operands, key }, bias, fused);
    const { shape } = contraction;
    const constant = constantOf(emission, (operands[1] as Operand).source) !== undefined;
    if (constant && !shape.batchedW && (operands[0] as Operand).count === shape.batch * shape.rows * shape.inner)
      return emitQLinearConv(emission, { shape: asConvolution(shape), operands, key }, bias, fused);
    return emitQLinearMatMul(emission, shape, operands, fused, key);
  };
  const codes = requantised();
  const { graph } = emission;
  const value =
    fused.rectified && fused.zero > 0
      ? graph.node({ op: "Max", inputs: [codes, graph.scalar("uint8", fused.zero)], type: "uint8", shape: codes.shape })
      : codes;
  return emitMap(emission, map, { index: fused.index, value });
};

const emitQLinearMatMul = (
  emission: Emission,
  shape: Matmul,
  operands: readonly Operand[],
  fused: Fused,
  key: string,
): Value => {
  const { graph } = emission;
  if (operands.length > 2) return unavailable("a product of two activations with a bias");
  if (fused.scales.length > 1 && shape.batchedW) return unavailable("scales a column over batched matrices");
  const { x, zero, w } = productOperands(emission, shape, operands);
  const one = graph.scalar("float32", 1);
  const columns = fused.scales.length;
  const weightZero =
    columns === 1
      ? w.zero
      : graph.node({
          op: "Expand",
          inputs: [w.zero, graph.integers([columns])],
          type: w.zero.type,
          shape: [columns],
        });
  const scales = scaleValue(emission, fused.scales, key);
  return graph.node({
    op: "QLinearMatMul",
    inputs: [x, one, zero, w.value, scales, weightZero, one, graph.scalar("uint8", fused.zero)],
    type: "uint8",
    shape: [shape.batch, shape.rows, shape.columns],
  });
};

/** Products of one run. */
export const productsOf = ({ kind, shape }: Contraction): number =>
  kind === "conv"
    ? shape.batch *
      shape.outHeight *
      shape.outWidth *
      shape.outChannels *
      shape.kernelHeight *
      shape.kernelWidth *
      shape.channelCount
    : shape.batch * shape.rows * shape.columns * shape.innerCount;
