import { product } from "./address.ts";
import { type Budget, spend } from "./budget.ts";
import {
  DTYPES,
  type Instruction,
  type Interval,
  type Operand,
  type Operator,
  type OperatorOf,
  type Source,
  type TensorData,
} from "./program.ts";
import { IMMEDIATE_SOURCE, immediateOf, instructionOf, OPERAND_SOURCE, type ScalarType } from "./scalar.ts";

/** A bound of every operator's output from its operands' declared intervals and the constants' data. */

/** What is known of an operand's tensor: its declared interval, and its elements when it is a constant. */
export type Known = { readonly interval: Interval; readonly data?: TensorData | undefined };

/** Why there is no bound; `constraint` is the rule that refuses the operator. */
export type IntervalFault = {
  readonly constraint: "C9" | "C10";
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
};
export type Bounded = { readonly interval: Interval } | IntervalFault;

export const isFault = (bounded: Bounded): bounded is IntervalFault => "constraint" in bounded;

const EXACT = 2 ** 53;
const fault = (message: string, data: Readonly<Record<string, unknown>> = {}): IntervalFault => ({
  constraint: "C9",
  message,
  data,
});

const magnitude = ({ lo, hi }: Interval, zero = 0): number => Math.max(Math.abs(lo - zero), Math.abs(hi - zero));
const union = (intervals: readonly Interval[]): Interval => ({
  lo: Math.min(...intervals.map(({ lo }) => lo)) + 0,
  hi: Math.max(...intervals.map(({ hi }) => hi)) + 0,
});

/** Bounds of every instruction's result; a fault names the instruction that has none. */
export const instructionIntervals = (
  instructions: readonly Instruction[],
  operands: readonly { readonly interval: Interval }[],
): { readonly intervals: readonly Interval[] } | IntervalFault => {
  const results: Interval[] = [];
  for (const [index, { op, a, b, c, imm }] of instructions.entries()) {
    const spec = instructionOf(op);
    if (spec === undefined) return fault(`no instruction has code ${op}`, { instruction: index });
    const bound = (source: number, type: ScalarType | undefined): Interval => {
      if (type === undefined) return { lo: 0, hi: 0 };
      if (source === IMMEDIATE_SOURCE) {
        const value = immediateOf(type, imm);
        return { lo: value, hi: value };
      }
      return (source >= OPERAND_SOURCE ? operands[source - OPERAND_SOURCE]?.interval : results[source]) as Interval;
    };
    const [ta, tb, tc] = spec.operands;
    const result = spec.interval(bound(a, ta), bound(b, tb), bound(c, tc));
    if (result === undefined)
      return fault(`${spec.name} may leave its domain`, { instruction: index, a: bound(a, ta), b: bound(b, tb) });
    const { lo, hi } = result;
    const exact = spec.result === "I" ? lo > -EXACT && hi < EXACT : Number.isFinite(lo) && Number.isFinite(hi);
    if (!exact) return fault(`${spec.name} may reach ${lo}..${hi}`, { instruction: index, interval: result });
    results.push({ lo: lo + 0, hi: hi + 0 });
  }
  return { intervals: results };
};

/** Whether every element of every access is live whatever the digits: no guards at all. */
const unguarded = ({ guards }: Operand): boolean => guards.length === 0;

/** One axis of an enumeration: `extent` digits, each worth `step` elements of w and `biasStep` of the bias. */
type Axis = { readonly extent: number; readonly step: number; readonly biasStep: number; readonly axis: number };

/** Calls `visit` for every combination of the axes' digits with the two address offsets; stops when it returns false. */
const enumerate = (
  axes: readonly Axis[],
  visit: (offset: number, biasOffset: number, digits: readonly number[]) => void,
): void => {
  const digits = new Array<number>(axes.length).fill(0);
  let offset = 0;
  let biasOffset = 0;
  for (;;) {
    visit(offset, biasOffset, digits);
    let x = axes.length - 1;
    for (; x >= 0; x--) {
      const { extent, step, biasStep } = axes[x] as Axis;
      const digit = (digits[x] as number) + 1;
      if (digit < extent) {
        digits[x] = digit;
        offset += step;
        biasOffset += biasStep;
        break;
      }
      digits[x] = 0;
      offset -= step * (extent - 1);
      biasOffset -= biasStep * (extent - 1);
    }
    if (x < 0) return;
  }
};

/** Sum of |w - zw| over one row that starts at `from`. */
const rowSum = (data: TensorData, zw: number, from: number, axes: readonly Axis[]): number => {
  const last = axes[axes.length - 1] as Axis;
  let sum = 0;
  enumerate(axes.slice(0, -1), (offset) => {
    let at = from + offset;
    for (let k = 0; k < last.extent; k++, at += last.step) sum += Math.abs((data[at] as number) - zw);
  });
  return sum;
};

/**
 * C10: the largest `|bias| + sum |w - zw| * max|a - za|` over the outputs, from the actual constants. Axes that w and
 * the bias do not see are skipped, so the cost is that of one pass over the weights. Also the output that attains it.
 */
export const contractBound = (
  operator: OperatorOf<"CONTRACT">,
  knownOf: (source: Source) => Known,
  budget: Budget,
): { readonly bound: number; readonly digits: readonly number[] } | undefined => {
  const [a, w, bias] = operator.operands;
  if (a === undefined || w === undefined) throw new RangeError("CONTRACT has two or three operands");
  const perWeight = magnitude(knownOf(a.source).interval, operator.za);
  const weights = knownOf(w.source);
  const biasKnown = bias === undefined ? undefined : knownOf(bias.source);
  const biasData = biasKnown?.data;
  const biasMagnitude = biasKnown === undefined ? 0 : magnitude(biasKnown.interval);
  const A = operator.output.length;

  const axes: Axis[] = operator.output.map((extent, axis) => ({
    extent,
    axis,
    step: weights.data === undefined ? 0 : (w.stride[axis] as number),
    biasStep: biasData === undefined ? 0 : (bias?.stride[axis] as number),
  }));
  const seen = axes.filter(({ extent, step, biasStep }) => extent > 1 && (step !== 0 || biasStep !== 0));
  // Axes of w first: its row is summed once for all digits of the axes that only the bias sees.
  const order = [...seen.filter(({ step }) => step !== 0), ...seen.filter(({ step }) => step === 0)];
  const rowAxes: Axis[] = operator.reduction.map((extent, axis) => ({
    extent,
    axis,
    step: w.stride[A + axis] as number,
    biasStep: 0,
  }));
  const reads = product(operator.reduction);
  const rows = product(order.filter(({ step }) => step !== 0).map(({ extent }) => extent));
  const work = product(order.map(({ extent }) => extent)) + (weights.data === undefined ? 0 : rows * reads);
  if (!spend(budget, work)) return undefined;

  let bound = -1;
  let at: readonly number[] = [];
  let rowAt = Number.NaN;
  let row = reads * magnitude(weights.interval, operator.zw);
  enumerate(order, (offset, biasOffset, digits) => {
    if (weights.data !== undefined && offset !== rowAt) {
      row = rowSum(weights.data, operator.zw, w.base + offset, rowAxes);
      rowAt = offset;
    }
    const b = biasData === undefined ? biasMagnitude : Math.abs(biasData[(bias?.base ?? 0) + biasOffset] as number);
    const value = b + row * perWeight;
    if (value > bound) {
      bound = value;
      at = [...digits];
    }
  });
  const digits = new Array<number>(A).fill(0);
  for (const [x, { axis }] of order.entries()) digits[axis] = at[x] as number;
  return { bound, digits };
};

const contractInterval = (
  operator: OperatorOf<"CONTRACT">,
  knownOf: (source: Source) => Known,
  budget: Budget,
): Bounded => {
  const found = contractBound(operator, knownOf, budget);
  if (found === undefined) return { constraint: "C10", message: "the rows are too many to be judged", data: {} };
  const { bound, digits } = found;
  if (bound >= 2 ** 31) return { constraint: "C10", message: `a row may reach ${bound}`, data: { bound, digits } };
  return { interval: { lo: -bound + 0, hi: bound } };
};

const sumInterval = (operator: OperatorOf<"REDUCE">, operand: Operand, { lo, hi }: Interval): Bounded => {
  const reads = product(operator.reduction);
  const limit = operator.dtype === "i32" ? 2 ** 31 : EXACT;
  if (reads * magnitude({ lo, hi }) >= limit)
    return fault("a partial sum may leave the exact range", { reads, lo, hi });
  return unguarded(operand)
    ? { interval: { lo: reads * lo, hi: reads * hi } }
    : { interval: { lo: reads * Math.min(lo, 0), hi: reads * Math.max(hi, 0) } };
};

/**
 * The computed interval of an operator's output. INPUT: what it declares. The operator's structure (C1..C8, C13) must
 * hold; its own declared interval is not looked at otherwise.
 */
export const operatorInterval = (operator: Operator, knownOf: (source: Source) => Known, budget: Budget): Bounded => {
  const of = (operand: Operand): Interval => knownOf(operand.source).interval;
  const [first, second] = operator.operands;
  switch (operator.kind) {
    case "INPUT":
      return { interval: operator.interval };
    case "MOVE": {
      const intervals = operator.operands.map(of);
      if (!operator.operands.some(unguarded)) intervals.push({ lo: operator.fill, hi: operator.fill });
      return { interval: union(intervals) };
    }
    case "GATHER":
      return { interval: of(second as Operand) };
    case "CONTRACT":
      return contractInterval(operator, knownOf, budget);
    case "REDUCE": {
      if (operator.fold === "SUM") return sumInterval(operator, first as Operand, of(first as Operand));
      if (operator.fold === "ARGMAX") return { interval: { lo: 0, hi: product(operator.reduction) - 1 } };
      return { interval: of(first as Operand) };
    }
    case "TOPK":
      return { interval: { lo: 0, hi: product(operator.reduction) - 1 } };
    case "MAP": {
      const bounded = instructionIntervals(
        operator.instructions,
        operator.operands.map((operand) => ({ interval: of(operand) })),
      );
      if ("constraint" in bounded) return bounded;
      return { interval: bounded.intervals[bounded.intervals.length - 1] as Interval };
    }
  }
};

/** Whether both bounds are values of the dtype, in order. */
export const lies = (dtype: Operator["dtype"], { lo, hi }: Interval): boolean => {
  const range = DTYPES[dtype];
  const isValue = (v: number): boolean => (dtype === "f32" ? Math.fround(v) === v : Number.isInteger(v));
  return lo <= hi && lo >= range.lo && hi <= range.hi && isValue(lo) && isValue(hi);
};

export const contains = (outer: Interval, inner: Interval): boolean => outer.lo <= inner.lo && outer.hi >= inner.hi;

/** The interval of actual data. */
export const intervalOf = (data: ArrayLike<number>): Interval => {
  let lo = Number.POSITIVE_INFINITY;
  let hi = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i++) {
    const v = data[i] as number;
    if (v < lo) lo = v;
    if (v > hi) hi = v;
  }
  return { lo: lo + 0, hi: hi + 0 };
};
