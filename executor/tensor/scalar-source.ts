import type { Instruction, Interval } from "./program.ts";
import { IMMEDIATE_SOURCE, immediateOf, instructionOf, OPERAND_SOURCE, type ScalarType } from "./scalar.ts";

/**
 * A MAP's body as source text: one constant an instruction. Every text computes what `scalar.ts` defines; intervals only
 * choose between texts that agree inside them.
 */

const SMALL = 2 ** 31;
const within = (interval: Interval | undefined, limit: number): boolean =>
  interval !== undefined && interval.lo > -limit && interval.hi < limit;

const MAGIC = "6755399441055744";
/** Adding and taking away 1.5 * 2^52 rounds to even below 2^51; from 2^23 a binary32 is integral. */
const rounded = (x: string, interval: Interval | undefined): string =>
  within(interval, 2 ** 51)
    ? `(${x} + ${MAGIC} - ${MAGIC})`
    : `(${x} >= 8388608 || ${x} <= -8388608 ? ${x} : ${x} + ${MAGIC} - ${MAGIC})`;

const saturated = (v: string, lo: number, hi: number): string => `(${v} < ${lo} ? ${lo} : ${v} > ${hi} ? ${hi} : ${v})`;

type Texts = readonly [string, string, string];
type Intervals = readonly (Interval | undefined)[];

/** The text of one instruction; `name` is the variable that it defines. */
const textOf = (mnemonic: string, [a, b, c]: Texts, [ia, ib]: Intervals, out: Interval | undefined, name: string) => {
  const define = (text: string): string[] => [`const ${name} = ${text};`];
  switch (mnemonic) {
    case "ADD":
      return define(`${a} + ${b}`);
    case "SUB":
      return define(`${a} - ${b}`);
    case "MUL":
      return define(
        within(ia, SMALL) && within(ib, SMALL) && within(out, SMALL) ? `Math.imul(${a}, ${b})` : `${a} * ${b}`,
      );
    case "DIV":
      return define(within(ia, SMALL) && within(ib, SMALL) ? `(${a} / ${b}) | 0` : `Math.trunc(${a} / ${b})`);
    case "MIN":
    case "FMIN":
      return define(`${a} < ${b} ? ${a} : ${b}`);
    case "MAX":
    case "FMAX":
      return define(`${a} > ${b} ? ${a} : ${b}`);
    case "LT":
    case "FLT":
      return define(`${a} < ${b} ? 1 : 0`);
    case "LE":
    case "FLE":
      return define(`${a} <= ${b} ? 1 : 0`);
    case "EQ":
    case "FEQ":
      return define(`${a} === ${b} ? 1 : 0`);
    case "SEL":
    case "FSEL":
      return define(`${a} !== 0 ? ${b} : ${c}`);
    case "FADD":
      return define(`Math.fround(${a} + ${b})`);
    case "FSUB":
      return define(`Math.fround(${a} - ${b})`);
    case "FMUL":
      return define(`Math.fround(${a} * ${b})`);
    case "FDIV":
      return define(`Math.fround(${a} / ${b})`);
    case "FSQRT":
      return define(`Math.fround(Math.sqrt(${a}))`);
    case "FNEG":
      return define(`-${a}`);
    case "FABS":
      return define(`Math.abs(${a})`);
    case "FFLOOR":
      return define(`Math.floor(${a})`);
    case "FRNE":
    case "F2I":
      return define(rounded(a, ia));
    case "I2F":
      return define(`Math.fround(${a})`);
    case "QU8":
    case "QI8": {
      const [lo, hi] = mnemonic === "QU8" ? [0, 255] : [-128, 127];
      // With a small zero point, whatever lies beyond 2^51 saturates however it is rounded.
      const sum = `${within(ib, 2 ** 30) ? `(${a} + ${MAGIC} - ${MAGIC})` : rounded(a, ia)} + ${b}`;
      return [`const ${name}q = ${sum};`, `const ${name} = ${saturated(`${name}q`, lo as number, hi as number)};`];
    }
    case "POW2":
      return define(`2 ** ${a}`);
    default:
      throw new RangeError(`no instruction ${mnemonic}`);
  }
};

const literal = (value: number): string => (value < 0 || Object.is(value, -0) ? `(${value})` : `${value}`);

/** Source lines that load the operands and run the body, and the expression of the result; `results`: bounds, if known. */
export const scalarBody = (
  instructions: readonly Instruction[],
  loads: readonly string[],
  operandIntervals: readonly Interval[],
  results: readonly Interval[],
): { readonly lines: readonly string[]; readonly result: string } => {
  const lines = loads.map((load, j) => `const x${j} = ${load};`);
  for (const [i, { op, a, b, c, imm }] of instructions.entries()) {
    const spec = instructionOf(op);
    if (spec === undefined) throw new RangeError(`no instruction ${op}`);
    const text = (source: number, type: ScalarType | undefined): string => {
      if (type === undefined) return "0";
      if (source === IMMEDIATE_SOURCE) return literal(immediateOf(type, imm));
      return source >= OPERAND_SOURCE ? `x${source - OPERAND_SOURCE}` : `v${source}`;
    };
    const interval = (source: number, type: ScalarType | undefined): Interval | undefined => {
      if (type === undefined) return undefined;
      if (source === IMMEDIATE_SOURCE) return { lo: immediateOf(type, imm), hi: immediateOf(type, imm) };
      return source >= OPERAND_SOURCE ? operandIntervals[source - OPERAND_SOURCE] : results[source];
    };
    const [ta, tb, tc] = spec.operands;
    lines.push(
      ...textOf(
        spec.name,
        [text(a, ta), text(b, tb), text(c, tc)],
        [interval(a, ta), interval(b, tb)],
        results[i],
        `v${i}`,
      ),
    );
  }
  return { lines, result: `v${instructions.length - 1}` };
};
