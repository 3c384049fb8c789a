import {
  type Dtype,
  type InstructionSpec,
  type Interval,
  immediateBits,
  instruction,
  OPERAND_SOURCE,
  type ScalarType,
} from "../../executor/index.ts";
import type { Random } from "./random-program.ts";
import type { Outcome, ScalarMachine, ScalarProgram } from "./scalar-machine.ts";

/** What the scalar instructions are tried on, and what the definition says of it. */

const { fround } = Math;
const MAX_F32 = (2 - 2 ** -23) * 2 ** 127;
const both = (values: readonly number[]): number[] => [...new Set(values.flatMap((v) => [v + 0, 0 - v]))];

/** A binary32 and its neighbours. */
const around = (value: number): number[] => {
  const pattern = immediateBits("F", value);
  const view = new DataView(new ArrayBuffer(4));
  return [pattern - 1, pattern, pattern + 1].map((bits) => {
    view.setUint32(0, bits);
    return view.getFloat32(0);
  });
};

export const F_EDGES: readonly number[] = both(
  [
    ...[0, 2 ** -149, 3 * 2 ** -149, 2 ** -75, 1 / 3, 1.5, 2.5, 127.5, 255.5, 2 ** 63, 2 ** 64, 3e38, MAX_F32],
    ...[2 ** -126, 0.5, 1, 2 ** 22 + 0.5, 2 ** 23, 2 ** 24, 2 ** 53].flatMap(around),
  ].map(fround),
);
export const I_EDGES: readonly number[] = both([
  ...[0, 1, 2, 3, 7, 126, 127, 128, 255, 2 ** 24 - 1, 2 ** 24, 2 ** 24 + 1, 2 ** 26 + 3, 94_906_265],
  ...[2 ** 31 - 1, 2 ** 31, 2 ** 52 + 1, 2 ** 53 - 2, 2 ** 53 - 1],
]);
/** Of three operands the first chooses between the others, which are not computed with. */
const CHOICES = [0, 1, -1];
const CHOSEN = 14;

/** Every combination of edges. */
export const edgeRows = ({ operands }: InstructionSpec): number[][] => {
  const edges = operands.map((type, j) => {
    const all = type === "I" ? I_EDGES : F_EDGES;
    if (operands.length < 3) return all;
    return j === 0 ? CHOICES : all.slice(0, CHOSEN);
  });
  return edges.reduce<number[][]>((rows, values) => rows.flatMap((row) => values.map((v) => [...row, v])), [[]]);
};

/** Squares of what is just above or below the middle of two binary32: k^2 + k + c is a multiple of 2^bits, so a binary32. */
const almostMiddles = (): number[] => {
  const squares: number[] = [];
  for (let c = -16; c <= 64; c += 2)
    for (const bits of [23, 24])
      for (const odd of [0, 1]) {
        const isMultiple = (k: number, of: number): boolean =>
          (BigInt(k) * BigInt(k + 1) + BigInt(c)) % BigInt(of) === 0n;
        let k = odd;
        for (let bit = 1; bit < bits; bit++) if (!isMultiple(k, 2 ** (bit + 1))) k += 2 ** bit;
        if (bits === 23) k += 2 ** 23;
        const square = k * (k + 1) + c;
        if (k >= 2 ** 23 && fround(square) === square) squares.push(square);
      }
  return squares;
};

/** Halves, and what ties just as they do. */
export const tieRows = (name: string): number[][] => {
  const rows: number[][] = [];
  if (name === "QU8" || name === "QI8")
    for (let n = -400; n <= 400; n++) for (const z of [0, 1, 128, -128, 255]) rows.push([n + 0.5, z]);
  if (name === "I2F")
    for (let bits = 25; bits <= 53; bits++)
      for (const mantissa of [2 ** 23, 2 ** 23 + 1, 2 ** 24 - 2, 2 ** 24 - 1])
        for (const beside of [-1, 0, 1]) {
          const tie = (mantissa + 0.5) * 2 ** (bits - 24) + beside;
          if (tie < 2 ** 53) rows.push([tie], [-tie]);
        }
  if (name === "FSQRT") for (const square of almostMiddles()) rows.push([square], [square * 2 ** -126]);
  if (name === "POW2") for (let e = -130; e <= 130; e++) rows.push([e]);
  return rows;
};

const randomBits = (random: Random): number => {
  const view = new DataView(new ArrayBuffer(4));
  for (;;) {
    view.setUint32(0, random.below(2 ** 32));
    const value = view.getFloat32(0);
    if (Number.isFinite(value)) return value + 0;
  }
};

type Draw = (random: Random, former: number) => number;
const FLOATS: readonly Draw[] = [
  randomBits,
  (random) => random.pick(F_EDGES),
  (random) => random.pick(around(random.pick(F_EDGES.filter((v) => v !== 0 && Math.abs(v) < MAX_F32)))),
  // Few bits: sums, products and quotients that tie.
  (random) => random.between(-300, 300) * 2 ** random.between(-12, 4),
  (random) => random.between(-(2 ** 24), 2 ** 24) * 2 ** random.pick([-149, -140, -24, -2, -1, 0, 1, 30, 100]),
  // Near the former operand: cancellation, quotients near a power of two.
  (random, former) => fround(former * (1 + random.between(-8, 8) * 2 ** -23)) * random.pick([1, -1, 2, 0.5]),
  (random, former) => former * 2 ** random.between(-30, 30) * random.pick([1, -1, 1.5]),
];
const INTEGERS: readonly Draw[] = [
  (random) => random.pick(I_EDGES),
  (random) => random.between(-300, 300),
  (random) => random.pick([1, -1]) * Math.floor(random.real() * 2 ** random.between(1, 53)),
  (random) => random.pick([1, -1]) * (2 ** random.between(0, 52) + random.between(-2, 2)),
  // Halfway between two binary32, and beside.
  (random) => (random.between(2 ** 23, 2 ** 24 - 1) * 2 + 1) * 2 ** random.between(0, 28) + random.between(-1, 1),
  (random, former) => former + random.between(-2, 2),
];

const isValue = (type: ScalarType, v: number): boolean =>
  type === "I" ? Number.isSafeInteger(v) : Number.isFinite(fround(v));

const draw = (random: Random, type: ScalarType, former: number): number => {
  for (;;) {
    const v = random.pick(type === "I" ? INTEGERS : FLOATS)(random, type === "I" ? Math.trunc(former) : former);
    if (isValue(type, v)) return (type === "I" ? v : fround(v)) + 0;
  }
};

export const randomRow = (random: Random, { name, operands }: InstructionSpec): number[] => {
  if (name === "POW2") return [random.between(-130, 130)];
  if (name === "FSQRT" && random.chance(0.9)) {
    const drawn = Math.abs(draw(random, "F", 1));
    if (random.chance(0.5)) return [drawn];
    // Squares, and what lies beside them.
    const root = Math.min(Math.max(drawn, 2 ** -63), 2 ** 63);
    return [random.pick(around(fround(root ** 2)))];
  }
  const row: number[] = [];
  for (const type of operands) row.push(draw(random, type, row[row.length - 1] ?? random.between(-9, 9)));
  return row;
};

const point = (v = 0): Interval => ({ lo: v, hi: v });
const isExact = ({ result }: InstructionSpec, v: number): boolean =>
  result === "I" ? Math.abs(v) < 2 ** 53 : Number.isFinite(v);

/** What the definition makes of one instruction; the contract's error where the value is outside its domain. */
export const definedOutcome = (spec: InstructionSpec, [a = 0, b = 0, c = 0]: readonly number[]): Outcome => {
  if (spec.interval(point(a), point(b), point(c)) === undefined) return "OutsideDomain";
  const value = spec.value(a, b, c) + 0;
  if (isExact(spec, value)) return value;
  return spec.result === "I" ? "IntegerTooLarge" : "NotFinite";
};

const widest = (type: ScalarType): Dtype => (type === "I" ? "i64" : "f32");

/** One instruction over its operands. */
export const alone = ({ code, operands, result }: InstructionSpec): ScalarProgram => {
  const [a = 0, b = 0, c = 0] = operands.map((_, j) => OPERAND_SOURCE + j);
  return { instructions: [{ op: code, a, b, c, imm: 0 }], operands: operands.map(widest), dtype: widest(result) };
};

/** One instruction, and whether its result is zero. */
const isZero = (spec: InstructionSpec): ScalarProgram => {
  const { instructions, operands } = alone(spec);
  return { instructions: [...instructions, instruction("FEQ", 0, { float: 0 })], operands, dtype: "u8" };
};

/** Rows of an instruction whose result is zero, as the following instruction sees it: 0, or -0 for one. */
export const zerosOf = async (
  machine: ScalarMachine,
  spec: InstructionSpec,
  rows: readonly number[][],
): Promise<readonly Outcome[]> =>
  machine.outcomesOf(
    isZero(spec),
    rows.filter((row) => definedOutcome(spec, row) === 0),
  );

export type Compared = { readonly rows: number; readonly refused: number; readonly differences: readonly string[] };

/** One instruction on rows of operands, on the contract and by its definition. */
export const compareInstruction = async (
  machine: ScalarMachine,
  spec: InstructionSpec,
  rows: readonly number[][],
): Promise<Compared> => {
  const outcomes = await machine.outcomesOf(alone(spec), rows);
  const differences: string[] = [];
  let refused = 0;
  for (const [i, row] of rows.entries()) {
    const defined = definedOutcome(spec, row);
    if (typeof defined === "string") refused++;
    if (!Object.is(outcomes[i], defined)) differences.push(`${spec.name}(${row}): ${outcomes[i]}, not ${defined}`);
  }
  return { rows: rows.length, refused, differences };
};
