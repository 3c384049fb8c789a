import type { Dtype, Instruction, Interval } from "./program.ts";

/**
 * The instructions of MAP: ONE table that the reference runs, that intervals are computed with, that constraints and
 * gas read and that emission follows. I is an exact integer |v| < 2^53, F a finite binary32; zero has no sign.
 */
export type ScalarType = "I" | "F";

export type InstructionSpec = {
  readonly code: number;
  readonly name: string;
  /** Types of a, b, c; as many as the instruction has. */
  readonly operands: readonly ScalarType[];
  readonly result: ScalarType;
  readonly value: (a: number, b: number, c: number) => number;
  /**
   * Endpoints to endpoints, by running `value` on them (rounding is monotone, so this bounds). `undefined`: outside
   * the instruction's domain. The caller refuses bounds that are not finite or reach 2^53.
   */
  readonly interval: (a: Interval, b: Interval, c: Interval) => Interval | undefined;
  /** Units an element. */
  readonly gas: number;
};

export const scalarTypeOf = (dtype: Dtype): ScalarType => (dtype === "f32" ? "F" : "I");

const MAGIC = 1.5 * 2 ** 52;
/** RNE of a binary32 (or of any |x| <= 2^51): nearest integer, ties to even. From 2^23 a binary32 is integral. */
export const roundToEven = (x: number): number => (x >= 2 ** 23 || x <= -(2 ** 23) ? x : x + MAGIC - MAGIC);

const { fround, max, min } = Math;
const saturate = (v: number, lo: number, hi: number): number => min(max(v, lo), hi);

type Value = InstructionSpec["value"];
type Bound = InstructionSpec["interval"];

/** Non-decreasing in every operand. */
const rising =
  (value: Value): Bound =>
  (a, b, c) => ({ lo: value(a.lo, b.lo, c.lo), hi: value(a.hi, b.hi, c.hi) });
/** Non-decreasing in a, non-increasing in b. */
const crossing =
  (value: Value): Bound =>
  (a, b) => ({ lo: value(a.lo, b.hi, 0), hi: value(a.hi, b.lo, 0) });
/** Monotone in each operand, in a direction that depends on the other's sign: the extremes are at corners. */
const corners =
  (value: Value): Bound =>
  (a, b) => {
    const p = value(a.lo, b.lo, 0);
    const q = value(a.lo, b.hi, 0);
    const r = value(a.hi, b.lo, 0);
    const s = value(a.hi, b.hi, 0);
    return { lo: min(p, q, r, s), hi: max(p, q, r, s) };
  };
const where =
  (allowed: (a: Interval, b: Interval) => boolean, bound: Bound): Bound =>
  (a, b, c) =>
    allowed(a, b) ? bound(a, b, c) : undefined;
const divisorExcludesZero = (_: Interval, b: Interval): boolean => b.lo > 0 || b.hi < 0;
const bool: Bound = () => ({ lo: 0, hi: 1 });
const unionOfBranches: Bound = (_, a, b) => ({ lo: min(a.lo, b.lo), hi: max(a.hi, b.hi) });

const I: ScalarType = "I";
const F: ScalarType = "F";
const spec = (
  [code, name]: readonly [number, string],
  [operands, result]: readonly [readonly ScalarType[], ScalarType],
  value: Value,
  bound: (value: Value) => Bound,
  gas = 1,
): InstructionSpec => ({ code, name, operands, result, value, interval: bound(value), gas });

const II_I = [[I, I], I] as const;
const FF_F = [[F, F], F] as const;
const FF_I = [[F, F], I] as const;
const F_F = [[F], F] as const;
const isBool = (): Bound => bool;
const isUnion = (): Bound => unionOfBranches;

const add: Value = (a, b) => a + b;
const sub: Value = (a, b) => a - b;
const mul: Value = (a, b) => a * b;
const smaller: Value = (a, b) => min(a, b);
const larger: Value = (a, b) => max(a, b);
const less: Value = (a, b) => (a < b ? 1 : 0);
const lessOrEqual: Value = (a, b) => (a <= b ? 1 : 0);
const equal: Value = (a, b) => (a === b ? 1 : 0);
const select: Value = (c, a, b) => (c !== 0 ? a : b);
const absolute: Value = (a) => Math.abs(a);

export const INSTRUCTIONS: readonly InstructionSpec[] = [
  spec([1, "ADD"], II_I, add, rising),
  spec([2, "SUB"], II_I, sub, crossing),
  spec([3, "MUL"], II_I, mul, corners),
  spec(
    [4, "DIV"],
    II_I,
    (a, b) => Math.trunc(a / b),
    (value) => where(divisorExcludesZero, corners(value)),
  ),
  spec([5, "MIN"], II_I, smaller, rising),
  spec([6, "MAX"], II_I, larger, rising),
  spec([7, "LT"], II_I, less, isBool),
  spec([8, "LE"], II_I, lessOrEqual, isBool),
  spec([9, "EQ"], II_I, equal, isBool),
  spec([10, "SEL"], [[I, I, I], I], select, isUnion),
  spec([16, "FADD"], FF_F, (a, b) => fround(a + b), rising),
  spec([17, "FSUB"], FF_F, (a, b) => fround(a - b), crossing),
  spec([18, "FMUL"], FF_F, (a, b) => fround(a * b), corners),
  spec(
    [19, "FDIV"],
    FF_F,
    (a, b) => fround(a / b),
    (value) => where(divisorExcludesZero, corners(value)),
    4,
  ),
  spec(
    [20, "FSQRT"],
    F_F,
    (a) => fround(Math.sqrt(a)),
    (value) => where((a) => a.lo >= 0, rising(value)),
    4,
  ),
  spec(
    [21, "FNEG"],
    F_F,
    (a) => -a,
    () => (a) => ({ lo: -a.hi, hi: -a.lo }),
  ),
  spec([22, "FABS"], F_F, absolute, () => (a) => ({ lo: max(a.lo, -a.hi, 0), hi: max(-a.lo, a.hi) })),
  spec([23, "FMIN"], FF_F, smaller, rising),
  spec([24, "FMAX"], FF_F, larger, rising),
  spec([25, "FFLOOR"], F_F, (a) => Math.floor(a), rising),
  spec([26, "FRNE"], F_F, roundToEven, rising),
  spec([27, "FLT"], FF_I, less, isBool),
  spec([28, "FLE"], FF_I, lessOrEqual, isBool),
  spec([29, "FEQ"], FF_I, equal, isBool),
  spec([30, "FSEL"], [[I, F, F], F], select, isUnion),
  spec([32, "I2F"], [[I], F], (a) => fround(a), rising),
  spec([33, "F2I"], [[F], I], roundToEven, rising),
  spec([34, "QU8"], [[F, I], I], (x, z) => saturate(roundToEven(x) + z, 0, 255), rising),
  spec([35, "QI8"], [[F, I], I], (x, z) => saturate(roundToEven(x) + z, -128, 127), rising),
  spec(
    [36, "POW2"],
    [[I], F],
    (a) => 2 ** a,
    (value) => where((a) => a.lo >= -126 && a.hi <= 127, rising(value)),
    6,
  ),
];

const byCode: readonly (InstructionSpec | undefined)[] = (() => {
  const table: (InstructionSpec | undefined)[] = new Array(256).fill(undefined);
  for (const entry of INSTRUCTIONS) table[entry.code] = entry;
  return table;
})();
const byName = new Map(INSTRUCTIONS.map((entry) => [entry.name, entry]));

export const instructionOf = (code: number): InstructionSpec | undefined => byCode[code];

/** Code of an instruction by its name; a RangeError for an unknown one. */
export const codeOf = (name: string): number => {
  const found = byName.get(name);
  if (found === undefined) throw new RangeError(`no instruction ${name}`);
  return found.code;
};

/** Source byte of operand j. */
export const OPERAND_SOURCE = 0x80;
/** Source byte of the immediate. */
export const IMMEDIATE_SOURCE = 0xff;
export const MAX_INSTRUCTIONS = 64;

const bits = new DataView(new ArrayBuffer(4));
/** The 32 bits of a binary32. */
export const bitsOfF32 = (value: number): number => {
  bits.setFloat32(0, value);
  return bits.getUint32(0);
};
export const f32OfBits = (pattern: number): number => {
  bits.setUint32(0, pattern);
  return bits.getFloat32(0);
};
/** What `imm` means for an operand of this type. */
export const immediateOf = (type: ScalarType, imm: number): number => (type === "I" ? imm | 0 : f32OfBits(imm));
/** The `imm` bits of a value of this type. */
export const immediateBits = (type: ScalarType, value: number): number =>
  type === "I" ? value >>> 0 : bitsOfF32(value);

/** Runs a straight-line body on its loaded operands; the last result is the element. */
export const runInstructions = (instructions: readonly Instruction[], operands: readonly number[]): number => {
  const results: number[] = [];
  for (const { op, a, b, c, imm } of instructions) {
    const entry = byCode[op];
    if (entry === undefined) throw new RangeError(`no instruction ${op}`);
    const load = (source: number, type: ScalarType | undefined): number => {
      if (type === undefined) return 0;
      if (source === IMMEDIATE_SOURCE) return immediateOf(type, imm);
      return (source >= OPERAND_SOURCE ? operands[source - OPERAND_SOURCE] : results[source]) as number;
    };
    const [ta, tb, tc] = entry.operands;
    results.push(entry.value(load(a, ta), load(b, tb), load(c, tc)));
  }
  return results[results.length - 1] as number;
};
