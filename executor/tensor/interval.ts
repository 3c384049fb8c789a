import { isInside, product } from "./address.ts";
import { DTYPES, type Instruction, type Interval, type Operand, type Operator, type OperatorOf } from "./program.ts";
import { IMMEDIATE_SOURCE, immediateOf, instructionOf, OPERAND_SOURCE, type ScalarType } from "./scalar.ts";

/**
 * A bound of every operator's output from its operands' declared intervals. A binary32 bound is computed in binary32, and
 * an integer one is exact wherever it is below 2^53; beyond, only that it is.
 */

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

/** Adds the zero element. */
const withZero = (interval: Interval): Interval => union([interval, { lo: 0, hi: 0 }]);

/**
 * Bounds of what operand j reads of a tensor of this interval: 0 is among them unless every address, its guards left out,
 * lies in the tensor.
 */
export const operandInterval = (operator: Operator, j: number, interval: Interval): Interval =>
  isInside(operator, j) ? interval : withZero(interval);

/** C10: `max|bias| + reads * max|a - za| * max|w - zw|`, bytes counted with all values of their dtype. */
export const contractBound = (operator: OperatorOf<"CONTRACT">, bias: Interval | undefined): number => {
  const [a, w] = operator.operands;
  if (a === undefined || w === undefined) throw new RangeError("CONTRACT has two or three operands");
  const row = product(operator.reduction) * magnitude(DTYPES[a.dtype], operator.za);
  return row * magnitude(DTYPES[w.dtype], operator.zw) + (bias === undefined ? 0 : magnitude(bias));
};

const contractInterval = (operator: OperatorOf<"CONTRACT">, bias: Interval | undefined): Bounded => {
  const bound = contractBound(operator, bias);
  if (bound >= 2 ** 31) return { constraint: "C10", message: `a row may reach ${bound}`, data: { bound } };
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
 * The computed interval of an operator's output from its operands' sources' declared ones. INPUT: what it declares. The
 * operator's structure (C1..C8, C13) must hold; its own declared interval is not looked at otherwise.
 */
export const operatorInterval = (operator: Operator, sourceOf: (operand: number) => Interval): Bounded => {
  const of = (j: number): Interval => operandInterval(operator, j, sourceOf(j));
  switch (operator.kind) {
    case "INPUT":
      return { interval: operator.interval };
    case "MOVE": {
      const intervals = operator.operands.map((_, j) => of(j));
      if (!operator.operands.some(unguarded)) intervals.push({ lo: operator.fill, hi: operator.fill });
      return { interval: union(intervals) };
    }
    case "GATHER":
      return { interval: of(1) };
    case "CONTRACT":
      return contractInterval(operator, operator.operands.length > 2 ? of(2) : undefined);
    case "REDUCE": {
      const operand = operator.operands[0] as Operand;
      if (operator.fold === "SUM") return sumInterval(operator, operand, of(0));
      if (operator.fold === "ARGMAX") return { interval: { lo: 0, hi: product(operator.reduction) - 1 } };
      return { interval: unguarded(operand) ? of(0) : withZero(of(0)) };
    }
    case "TOPK":
      return { interval: { lo: 0, hi: product(operator.reduction) - 1 } };
    case "MAP": {
      const bounded = instructionIntervals(
        operator.instructions,
        operator.operands.map((_, j) => ({ interval: of(j) })),
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
