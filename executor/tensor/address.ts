import { ceilLog2 } from "../foundation/merkle.ts";
import { DTYPES, type Dtype, type Operand, type Operator } from "./program.ts";

/** Digits, guards, addresses, and what it costs to open the words of one access. */

export const product = (extents: readonly number[]): number => {
  let result = 1;
  for (const extent of extents) result *= extent;
  return result;
};

/** C7: elements that one output element may read through each operand. */
export const MAX_READS = 4_096;
/** C7: runs that these may fall into: a contract walks from one to the next. */
export const MAX_RUNS = 1_536;
/** C8: bytes that may open all reads of one output element; C16: and all outputs. */
export const MAX_OPENING_BYTES = 98_304;

/** Row-major strides, in elements, of a dense tensor. */
export const denseStrides = (extents: readonly number[]): number[] => {
  const strides = new Array<number>(extents.length);
  let step = 1;
  for (let x = extents.length - 1; x >= 0; x--) {
    strides[x] = step;
    step *= extents[x] as number;
  }
  return strides;
};

/** Mixed-radix digits of `index`, last axis fastest. */
export const digitsOf = (extents: readonly number[], index: number): number[] => {
  const digits = new Array<number>(extents.length);
  let rest = index;
  for (let x = extents.length - 1; x >= 0; x--) {
    const extent = extents[x] as number;
    digits[x] = rest % extent;
    rest = Math.floor(rest / extent);
  }
  return digits;
};

export const indexOf = (extents: readonly number[], digits: readonly number[]): number => {
  let index = 0;
  for (let x = 0; x < extents.length; x++) index = index * (extents[x] as number) + (digits[x] as number);
  return index;
};

/** Digits of (i, r): output axes, then reduction axes. */
export const digitsAt = (operator: Pick<Operator, "output" | "reduction">, i: number, r: number): number[] => [
  ...digitsOf(operator.output, i),
  ...digitsOf(operator.reduction, r),
];

const affine = (constant: number, coefficients: readonly number[], digits: readonly number[]): number => {
  let sum = constant;
  for (let x = 0; x < coefficients.length; x++) sum += (coefficients[x] as number) * (digits[x] as number);
  return sum;
};

export const isLive = ({ guards }: Pick<Operand, "guards">, digits: readonly number[]): boolean => {
  for (const { off, coef, limit } of guards) {
    const v = affine(off, coef, digits);
    if (v < 0 || v >= limit) return false;
  }
  return true;
};

export const addressOf = ({ base, stride }: Pick<Operand, "base" | "stride">, digits: readonly number[]): number =>
  affine(base, stride, digits);

/** Addresses of an access with all guards left out: smallest and largest. */
export const looseReachOf = (
  { output, reduction }: Pick<Operator, "output" | "reduction">,
  { base, stride }: Pick<Operand, "base" | "stride">,
): { readonly lo: number; readonly hi: number } => {
  let lo = base;
  let hi = base;
  for (const [x, extent] of [...output, ...reduction].entries()) {
    const span = (stride[x] as number) * (extent - 1);
    if (span < 0) lo += span;
    else hi += span;
  }
  return { lo, hi };
};

/** How far a GATHER's table is read from the access' address on: from `lo` to `hi`; every other operand at it alone. */
export const gatheredReachOf = (operator: Operator, j: number): { readonly lo: number; readonly hi: number } => {
  const span = operator.kind === "GATHER" && j === 1 ? operator.step * (operator.num - 1) : 0;
  return { lo: Math.min(span, 0), hi: Math.max(span, 0) };
};

/** Whether every address of operand j lies in its tensor, its guards left out: it then never reads the zero element. */
export const isInside = (operator: Operator, j: number): boolean => {
  const operand = operator.operands[j] as Operand;
  const loose = looseReachOf(operator, operand);
  const gathered = gatheredReachOf(operator, j);
  return loose.lo + gathered.lo >= 0 && loose.hi + gathered.hi < operand.count;
};

/** 32-byte words of a tensor's data. */
export const wordsOf = (dtype: Dtype, count: number): number => Math.ceil((count * DTYPES[dtype].bytes) / 32);

/** Height of a tensor's tree of words. */
export const wordHeight = (dtype: Dtype, count: number): number => ceilLog2(wordsOf(dtype, count));

/** Height of a tensor's tree of elements (level 3 of a dispute). */
export const elementHeight = (dtype: Dtype, count: number): number =>
  DTYPES[dtype].wordExponent + wordHeight(dtype, count);

/**
 * Distinct runs of adjacent elements that one output element reads: `runs` of `length` each. Axes of extent 1 or stride
 * 0 read nothing new and are skipped.
 */
export const runsOf = (
  { stride }: Pick<Operand, "stride">,
  { output, reduction }: Pick<Operator, "output" | "reduction">,
): { readonly runs: number; readonly length: number } => {
  let runs = 1;
  let length = 1;
  let merging = true;
  for (let x = reduction.length - 1; x >= 0; x--) {
    const extent = reduction[x] as number;
    const step = stride[output.length + x] as number;
    if (extent === 1 || step === 0) continue;
    merging &&= step === length;
    if (merging) length *= extent;
    else runs *= extent;
  }
  return { runs, length };
};

/** What is read in step at every point of a reduction: of a contraction the two factors. */
const FACTORS: Partial<Record<Operator["kind"], number>> = { CONTRACT: 2 };

/**
 * Runs in which a contract reads one output element: the last axes, as long as they are adjacent in every factor and, if
 * there are several, no guard looks at them. Twin of TensorAccess.sol's lanes.
 */
export const walkedRuns = ({
  kind,
  output,
  reduction,
  operands,
}: Pick<Operator, "kind" | "output" | "reduction"> & {
  readonly operands: readonly Pick<Operand, "stride" | "guards">[];
}): number => {
  const factors = operands.slice(0, FACTORS[kind] ?? 1);
  let length = 1;
  let free = true;
  for (let x = reduction.length - 1; x >= 0; x--) {
    const extent = reduction[x] as number;
    if (extent === 1) continue;
    const axis = output.length + x;
    free &&= factors.every(({ guards }) => guards.every(({ coef }) => coef[axis] === 0));
    if (!factors.every(({ stride }) => stride[axis] === length) || (length > 1 && !free)) break;
    length *= extent;
  }
  return product(reduction) / length;
};

/** Upper bound of the bytes that open one access of one element: words and their siblings. */
export const openingBytes = (operand: Operand, operator: Pick<Operator, "output" | "reduction">): number => {
  const { runs, length } = runsOf(operand, operator);
  const { dtype, count } = operand;
  const words = Math.min(runs * (Math.ceil((length * DTYPES[dtype].bytes) / 32) + 1), wordsOf(dtype, count));
  const h = wordHeight(dtype, count);
  const siblings = 2 * runs * (h - Math.min(h, 31 - Math.clz32(runs)) + 1);
  return 32 * (words + siblings);
};
