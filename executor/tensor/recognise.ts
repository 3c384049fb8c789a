import { denseStrides } from "./address.ts";
import {
  type Bias,
  type Built,
  type Concat,
  type Conv2d,
  concatAxis,
  conv2d,
  type GatherRows,
  gatherRows,
  type Lookup,
  lookup,
  type Matmul,
  matmul,
  type Placement,
  type Pool2d,
  pool2d,
  type Reduction,
  reduceAxes,
  type Window,
} from "./builders.ts";
import { countOf, type Fold, type Guard, type Kind, type Operand, type Operator, type OperatorOf } from "./program.ts";

/**
 * Inverses of the builders: `asX(buildX(p)) = p`. Each derives a candidate from the record and builds it again; only an
 * operator that comes out equal is recognised, so what a recogniser says is true by construction.
 */

const sameNumbers = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((v, x) => v === b[x]);

const sameGuards = (a: readonly Guard[], b: readonly Guard[]): boolean =>
  a.length === b.length &&
  a.every((guard, g) => {
    const other = b[g] as Guard;
    return guard.off === other.off && guard.limit === other.limit && sameNumbers(guard.coef, other.coef);
  });

const samePlacement = (a: Placement, b: Placement): boolean =>
  a.base === b.base && sameNumbers(a.stride, b.stride) && sameGuards(a.guards, b.guards);

/** Every field but `interval` and where the operands come from. */
const BODY_FIELDS = ["kind", "dtype", "za", "zw", "fold", "fill", "first", "num", "step"] as const;

/** Whether a built record is this operator. */
export const isBuilt = <K extends Kind, T>(operator: Operator, built: Built<K, T>): boolean => {
  const left = operator as unknown as Record<string, unknown>;
  const right = built as unknown as Record<string, unknown>;
  const other = built as Pick<Operator, "output" | "reduction"> & { readonly operands: readonly Placement[] };
  if (BODY_FIELDS.some((field) => left[field] !== right[field])) return false;
  if (!sameNumbers(operator.output, other.output) || !sameNumbers(operator.reduction, other.reduction)) return false;
  if (operator.operands.length !== other.operands.length) return false;
  if (!operator.operands.every((operand, j) => samePlacement(operand, other.operands[j] as Placement))) return false;
  if (operator.kind !== "MAP") return true;
  const body = right["instructions"] as OperatorOf<"MAP">["instructions"];
  return (
    body.length === operator.instructions.length &&
    operator.instructions.every(({ op, a, b, c, imm }, i) => {
      const o = body[i];
      return o !== undefined && o.op === op && o.a === a && o.b === b && o.c === c && o.imm === imm;
    })
  );
};

const at = (list: readonly number[], x: number): number => list[x] as number;
const NOTHING = {};

/** The window that two plane guards describe; `axes` of the record, the kernel's axes at ky and ky + 1. */
const windowOf = (operator: Operator, operand: Operand, channels: number, ky: number): Window | undefined => {
  const [y, x] = operand.guards;
  if (y === undefined || x === undefined) return undefined;
  const reduction = operator.reduction;
  return {
    batch: at(operator.output, 0),
    height: y.limit,
    width: x.limit,
    channels,
    outHeight: at(operator.output, 1),
    outWidth: at(operator.output, 2),
    kernelHeight: at(reduction, 0),
    kernelWidth: at(reduction, 1),
    strideY: at(y.coef, 1),
    strideX: at(x.coef, 2),
    dilationY: at(y.coef, ky),
    dilationX: at(x.coef, ky + 1),
    padTop: -y.off + 0,
    padLeft: -x.off + 0,
  };
};

const biasOf = (operator: OperatorOf<"CONTRACT">): "none" | "column" | "element" => {
  const bias = operator.operands[2];
  if (bias === undefined) return "none";
  const dense = denseStrides(operator.output);
  return dense.every((step, x) => step === bias.stride[x]) ? "element" : "column";
};

/** A recognised contraction says how its third operand is read. */
export type WithBias<P> = P & { readonly bias: "none" | "column" | "element" };

const biasesToTry = (operator: OperatorOf<"CONTRACT">): (Bias<object> | undefined)[] => {
  const per = biasOf(operator);
  return per === "none" ? [undefined] : [{ tensor: NOTHING, per }];
};

export const asConv2d = (operator: Operator): WithBias<Conv2d> | undefined => {
  if (operator.kind !== "CONTRACT" || operator.output.length !== 5 || operator.reduction.length !== 3) return undefined;
  const [a, w] = operator.operands;
  if (a === undefined || w === undefined) return undefined;
  const groups = at(operator.output, 3);
  const perGroup = at(a.stride, 3);
  const window = windowOf(operator, a, groups * perGroup, 5);
  if (window === undefined) return undefined;
  const conv: Conv2d = {
    ...window,
    outChannels: groups * at(operator.output, 4),
    groups,
    za: operator.za,
    zw: operator.zw,
    channelFrom: w.base,
    channelCount: at(operator.reduction, 2),
  };
  for (const bias of biasesToTry(operator))
    if (isBuilt(operator, conv2d<object>(conv, NOTHING, NOTHING, bias)))
      return { ...conv, bias: bias === undefined ? "none" : bias.per };
  return undefined;
};

export const asMatmul = (operator: Operator): WithBias<Matmul> | undefined => {
  if (operator.kind !== "CONTRACT" || operator.output.length !== 3 || operator.reduction.length !== 1) return undefined;
  const [a, w] = operator.operands;
  if (a === undefined || w === undefined) return undefined;
  const shape: Matmul = {
    batch: at(operator.output, 0),
    rows: at(operator.output, 1),
    columns: at(operator.output, 2),
    inner: at(a.stride, 1),
    innerFrom: a.base,
    innerCount: at(operator.reduction, 0),
    batchedW: at(w.stride, 0) !== 0,
    za: operator.za,
    zw: operator.zw,
  };
  for (const bias of biasesToTry(operator))
    if (isBuilt(operator, matmul<object>(shape, NOTHING, NOTHING, bias)))
      return { ...shape, bias: bias === undefined ? "none" : bias.per };
  return undefined;
};

export const asPool2d = (operator: Operator): Pool2d | undefined => {
  if (operator.kind !== "REDUCE" || operator.fold === "ARGMAX") return undefined;
  if (operator.output.length !== 4 || operator.reduction.length !== 2) return undefined;
  const [x] = operator.operands;
  if (x === undefined) return undefined;
  const window = windowOf(operator, x, at(operator.output, 3), 4);
  if (window === undefined) return undefined;
  const pool: Pool2d = { ...window, fold: operator.fold };
  return isBuilt(operator, pool2d(pool, operator.dtype, NOTHING)) ? pool : undefined;
};

/** Axes sorted by stride, slowest first: a dense tensor's axes if it is one. */
const denseAxes = (extents: readonly number[], strides: readonly number[]) => {
  const order = extents
    .map((_, x) => x)
    .sort((x, y) => at(strides, y) - at(strides, x) || at(extents, y) - at(extents, x) || x - y);
  return { order, extents: order.map((x) => at(extents, x)) };
};

/** A reduction over axes of a dense tensor; the axes of the tensor in memory order. */
const reductionOf = (output: readonly number[], operator: Operator, strides: readonly number[]): Reduction => {
  const R = operator.reduction.length;
  const { order, extents } = denseAxes([...output, ...operator.reduction], strides);
  const axes = Array.from({ length: R }, (_, r) => order.indexOf(output.length + r));
  return { extents, axes };
};

export const asReduceAxes = (operator: Operator): (Reduction & { readonly fold: Fold }) | undefined => {
  const [x] = operator.operands;
  if (operator.kind !== "REDUCE" || x === undefined) return undefined;
  const whole = operator.output.length === 1 && at(operator.output, 0) === 1 && at(x.stride, 0) === 0;
  const candidates = [reductionOf(operator.output, operator, x.stride)];
  if (whole) candidates.unshift(reductionOf([], operator, x.stride.slice(1)));
  for (const candidate of candidates) {
    const along = { ...candidate, fold: operator.fold };
    if (isBuilt(operator, reduceAxes(along, operator.dtype, NOTHING))) return along;
  }
  return undefined;
};

export const asConcat = (operator: Operator): Concat | undefined => {
  if (operator.kind !== "MOVE") return undefined;
  const coef = operator.operands[0]?.guards[0]?.coef;
  const axis = coef?.indexOf(1) ?? -1;
  if (axis < 0) return undefined;
  const lengths = operator.operands.map(({ guards }) => guards[0]?.limit ?? 0);
  const found = { extents: operator.output, axis, lengths };
  if (lengths.reduce((sum, length) => sum + length, 0) !== at(operator.output, axis)) return undefined;
  return isBuilt(
    operator,
    concatAxis(
      found,
      operator.dtype,
      lengths.map(() => NOTHING),
    ),
  )
    ? found
    : undefined;
};

export const asLookup = (operator: Operator): Lookup | undefined => {
  if (operator.kind !== "GATHER") return undefined;
  const { first, num } = operator;
  const found = { count: countOf(operator), first, num };
  return isBuilt(operator, lookup(found, operator.dtype, NOTHING, NOTHING)) ? found : undefined;
};

export const asGatherRows = (operator: Operator): GatherRows | undefined => {
  if (operator.kind !== "GATHER" || operator.output.length !== 2) return undefined;
  const found = { indices: at(operator.output, 0), rows: operator.num, width: at(operator.output, 1) };
  return isBuilt(operator, gatherRows(found, operator.dtype, NOTHING, NOTHING)) ? found : undefined;
};
