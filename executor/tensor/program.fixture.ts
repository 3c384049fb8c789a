import { EMPTY_BYTES } from "../foundation/bytes.ts";
import { packTensor } from "./elements.ts";
import { programGas } from "./gas.ts";
import { intervalOf } from "./interval.ts";
import {
  type Constant,
  countOf,
  DTYPES,
  type Dtype,
  type Guard,
  type Instruction,
  type Interval,
  type Operand,
  type Operator,
  type OperatorOf,
  type Program,
} from "./program.ts";
import { codeOf, immediateBits } from "./scalar.ts";

/** Small programs for tests, written out record by record: what an assembly would refuse can be said here. */

export const rangeOf = (dtype: Dtype): Interval => ({ lo: DTYPES[dtype].lo, hi: DTYPES[dtype].hi });

export const input = (dtype: Dtype, count: number, extra: Partial<OperatorOf<"INPUT">> = {}): OperatorOf<"INPUT"> => ({
  kind: "INPUT",
  dtype,
  output: [count],
  reduction: [],
  operands: [],
  interval: rangeOf(dtype),
  offset: 0,
  ...extra,
});

export const constant = (dtype: Dtype, values: readonly number[], interval?: Interval): Constant => ({
  dtype,
  count: values.length,
  interval: interval ?? (dtype === "u8" || dtype === "i8" ? rangeOf(dtype) : intervalOf(values)),
  data: packTensor(dtype, values),
});

export type Reading = {
  readonly base?: number;
  readonly stride: readonly number[];
  readonly guards?: readonly Guard[];
} & Partial<Pick<Operand, "dtype" | "count">>;
export const read = (index: number, of: { dtype: Dtype; count: number }, reading: Reading): Operand => ({
  source: { constant: false, index },
  dtype: of.dtype,
  count: of.count,
  base: 0,
  guards: [],
  ...reading,
});
export const readConstant = (index: number, of: { dtype: Dtype; count: number }, reading: Reading): Operand => ({
  ...read(index, of, reading),
  source: { constant: true, index },
});

export type Draft = Partial<Program> & { readonly operators: readonly Operator[] };
/** A program of these operators, gas right unless given; by default its last operator is the output. */
export const program = (draft: Draft): Program => {
  const whole = {
    inputs: draft.operators.filter(({ kind }) => kind === "INPUT").length,
    constants: [],
    outputs: [draft.operators.length - 1],
    meta: EMPTY_BYTES,
    ...draft,
  };
  return { gas: programGas(whole), ...whole };
};

export const U8x8 = { dtype: "u8", count: 8 } as const;
export const move = (count: number, reading: Reading, extra: Partial<OperatorOf<"MOVE">> = {}): OperatorOf<"MOVE"> => ({
  kind: "MOVE",
  dtype: "u8",
  output: [count],
  reduction: [],
  interval: rangeOf("u8"),
  fill: 0,
  operands: [read(0, U8x8, reading)],
  ...extra,
});
export const copy = move(8, { stride: [1] });

export const map = (
  dtype: Dtype,
  interval: Interval,
  instructions: readonly Instruction[],
  of: { dtype: Dtype; count: number } = U8x8,
): OperatorOf<"MAP"> => ({
  kind: "MAP",
  dtype,
  output: [of.count],
  reduction: [],
  interval,
  operands: [read(0, of, { stride: [1] })],
  instructions,
});
export const op = (name: string, a: number, b = 0, c = 0, imm = 0): Instruction => ({ op: codeOf(name), a, b, c, imm });
export const X = 0x80;
export const IMM = 0xff;

export const contract = (
  bias: readonly number[] | undefined,
  extra: Partial<OperatorOf<"CONTRACT">> & {
    weights?: readonly number[];
    biasStride?: readonly number[];
    biasDtype?: Dtype;
  } = {},
): Program => {
  const { weights = [1, -2, 3, -4, 5, 6, 7, 8], biasStride = [1, 0], biasDtype = "i32", ...rest } = extra;
  const w = constant("i8", weights);
  const b = bias && constant(biasDtype, bias);
  const operands = [read(0, U8x8, { stride: [0, 1] }), readConstant(0, w, { stride: [4, 1] })];
  if (b !== undefined) operands.push(readConstant(1, b, { stride: biasStride }));
  const zw = rest.zw ?? 0;
  const row = 4 * Math.max(127 - zw, zw + 128) * 255;
  const bound = row + Math.max(...(bias ?? []).map(Math.abs), 0);
  const operator: Operator = {
    kind: "CONTRACT",
    dtype: "i32",
    output: [2],
    reduction: [4],
    za: 0,
    zw: 0,
    interval: { lo: -Math.min(bound, DTYPES.i32.hi), hi: Math.min(bound, DTYPES.i32.hi) },
    operands,
    ...rest,
  };
  return program({ operators: [input("u8", 8), operator], constants: b === undefined ? [w] : [w, b] });
};

export const reduce = (
  extra: Partial<OperatorOf<"REDUCE">>,
  reading: Reading,
  of: { dtype: Dtype; count: number } = U8x8,
  interval: Interval = rangeOf(of.dtype),
): Program =>
  program({
    operators: [
      input(of.dtype, of.count, { interval }),
      {
        kind: "REDUCE",
        dtype: of.dtype,
        output: [2],
        reduction: [4],
        fold: "MAX",
        interval: rangeOf(of.dtype),
        operands: [read(0, of, reading)],
        ...extra,
      },
    ],
  });

export const topk = (k: number, reading: Reading): Program =>
  program({
    operators: [
      input("u8", 8),
      {
        kind: "TOPK",
        dtype: "i32",
        output: [2, k],
        reduction: [4],
        interval: { lo: 0, hi: 3 },
        operands: [read(0, U8x8, reading)],
      },
    ],
  });

export const gather = (
  body: { first: number; num: number; step: number },
  base = 0,
  interval: Interval = rangeOf("u8"),
): Program =>
  program({
    operators: [
      input("u8", 8, { interval }),
      {
        kind: "GATHER",
        dtype: "u8",
        output: [8],
        reduction: [],
        interval,
        ...body,
        operands: [read(0, U8x8, { stride: [1] }), read(0, U8x8, { base, stride: [0] })],
      },
    ],
  });

export const over = (operators: readonly Operator[], extra: Partial<Program> = {}): Program =>
  program({ operators: [input("u8", 8), ...operators], ...extra });

/** The program with a copy of the first 8 of its last operator's elements as output. */
export const copied = ({ operators, constants }: Program): Program => {
  const index = operators.length - 1;
  const { dtype, output } = operators[index] as Operator;
  const operands = [read(index, { dtype, count: countOf({ output }) }, { stride: [1] })];
  return program({ operators: [...operators, { ...copy, dtype, interval: rangeOf(dtype), operands }], constants });
};

/** One MAP of these instructions. */
export const body = (dtype: Dtype, interval: Interval, ...instructions: Instruction[]): Program =>
  over([map(dtype, interval, instructions)]);

const bigInput = (count: number): OperatorOf<"INPUT"> => input("u8", count);
/** Reads `reads` bytes in one row of `count`, `step` apart. */
export const wide = (reads: number, step: number, count: number): Program =>
  program({
    operators: [
      bigInput(count),
      {
        kind: "REDUCE",
        dtype: "u8",
        output: [1],
        reduction: [reads],
        fold: "MAX",
        interval: rangeOf("u8"),
        operands: [read(0, { dtype: "u8", count }, { stride: [0, step] })],
      },
    ],
  });

export const f32 = (v: number): number => immediateBits("F", v);

/** The contraction over these weights, whatever their interval. */
export const contractWith = (w: Constant): Program => {
  const made = contract(undefined, { weights: [1, 2, 3, 4, 5, 6, 7, 8] });
  return { ...made, constants: [w] };
};

/** Copies one i32 constant of this interval. */
export const i32Constant = (interval: Interval): Program => {
  const made = { kind: "MOVE", dtype: "i32", output: [1], reduction: [], interval: rangeOf("i32"), fill: 0 } as const;
  const operands = [readConstant(0, { dtype: "i32", count: 1 }, { stride: [1] })];
  return over([{ ...made, operands }], { constants: [constant("i32", [7], interval)] });
};
