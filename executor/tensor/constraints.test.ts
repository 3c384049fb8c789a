import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EMPTY_BYTES } from "../foundation/bytes.ts";
import { hasCode } from "../foundation/errors.ts";
import { encodeProgram } from "./codec.ts";
import { CONSTRAINTS, checkProgram, readProgram, violations, wellFormed } from "./constraints.ts";
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

// --- small programs, written out -------------------------------------------------------------------------------------

const rangeOf = (dtype: Dtype): Interval => ({ lo: DTYPES[dtype].lo, hi: DTYPES[dtype].hi });

const input = (dtype: Dtype, count: number, extra: Partial<OperatorOf<"INPUT">> = {}): OperatorOf<"INPUT"> => ({
  kind: "INPUT",
  dtype,
  output: [count],
  reduction: [],
  operands: [],
  interval: rangeOf(dtype),
  offset: 0,
  ...extra,
});

const constant = (dtype: Dtype, values: readonly number[], interval?: Interval): Constant => ({
  dtype,
  count: values.length,
  interval: interval ?? intervalOf(values),
  data: packTensor(dtype, values),
});

type Reading = {
  readonly base?: number;
  readonly stride: readonly number[];
  readonly guards?: readonly Guard[];
} & Partial<Pick<Operand, "dtype" | "count">>;
const read = (index: number, of: { dtype: Dtype; count: number }, reading: Reading): Operand => ({
  source: { constant: false, index },
  dtype: of.dtype,
  count: of.count,
  base: 0,
  guards: [],
  ...reading,
});
const readConstant = (index: number, of: { dtype: Dtype; count: number }, reading: Reading): Operand => ({
  ...read(index, of, reading),
  source: { constant: true, index },
});

type Draft = Partial<Program> & { readonly operators: readonly Operator[] };
/** A program of these operators, gas right unless given; by default its last operator is the output. */
const program = (draft: Draft): Program => {
  const whole = {
    inputs: draft.operators.filter(({ kind }) => kind === "INPUT").length,
    constants: [],
    outputs: [draft.operators.length - 1],
    meta: EMPTY_BYTES,
    ...draft,
  };
  return { gas: programGas(whole), ...whole };
};

const U8x8 = { dtype: "u8", count: 8 } as const;
const move = (count: number, reading: Reading, extra: Partial<OperatorOf<"MOVE">> = {}): OperatorOf<"MOVE"> => ({
  kind: "MOVE",
  dtype: "u8",
  output: [count],
  reduction: [],
  interval: rangeOf("u8"),
  fill: 0,
  operands: [read(0, U8x8, reading)],
  ...extra,
});
const copy = move(8, { stride: [1] });

const map = (
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
const op = (name: string, a: number, b = 0, c = 0, imm = 0): Instruction => ({ op: codeOf(name), a, b, c, imm });
const X = 0x80;
const IMM = 0xff;

const contract = (
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
  const row = (from: number) => weights.slice(from, from + 4).reduce((sum, v) => sum + Math.abs(v - zw), 0) * 255;
  const bound = Math.max(...[0, 1].map((o) => row(4 * o) + Math.abs(bias?.[o * (biasStride[0] as number)] ?? 0)));
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

const reduce = (
  extra: Partial<OperatorOf<"REDUCE">>,
  reading: Reading,
  of: { dtype: Dtype; count: number } = U8x8,
): Program =>
  program({
    operators: [
      input(of.dtype, of.count),
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

const topk = (k: number, reading: Reading): Program =>
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

const gather = (body: { first: number; num: number; step: number }, base = 0): Program =>
  program({
    operators: [
      input("u8", 8),
      {
        kind: "GATHER",
        dtype: "u8",
        output: [8],
        reduction: [],
        interval: rangeOf("u8"),
        ...body,
        operands: [read(0, U8x8, { stride: [1] }), read(0, U8x8, { base, stride: [0] })],
      },
    ],
  });

const over = (operators: readonly Operator[], extra: Partial<Program> = {}): Program =>
  program({ operators: [input("u8", 8), ...operators], ...extra });

/** Nested so that a MAP's body is also judged as a whole. */
const body = (dtype: Dtype, interval: Interval, ...instructions: Instruction[]): Program =>
  over([map(dtype, interval, instructions)]);

const bigInput = (count: number): OperatorOf<"INPUT"> => input("u8", count);
/** Reads `reads` bytes in one row of `count`, `step` apart. */
const wide = (reads: number, step: number, count: number): Program =>
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

const f32 = (v: number): number => immediateBits("F", v);

// --- one malformed program a rule, and its nearest well-formed neighbour ----------------------------------------------

const CASES: readonly (readonly [id: string, what: string, malformed: Program, neighbour: Program])[] = [
  [
    "C1",
    "a guard where none may be",
    over([
      {
        ...map("u8", rangeOf("u8"), [op("EQ", X, X)]),
        operands: [read(0, U8x8, { stride: [1], guards: [{ off: 0, coef: [0], limit: 1 }] })],
      },
    ]),
    over([map("u8", rangeOf("u8"), [op("EQ", X, X)])]),
  ],
  ["C1", "an empty extent", over([move(0, { stride: [1] }, { output: [0] })]), over([move(1, { stride: [1] })])],
  [
    "C1",
    "nine output axes",
    over([move(1, { stride: new Array(9).fill(0) }, { output: new Array(9).fill(1) })]),
    over([move(1, { stride: new Array(8).fill(0) }, { output: new Array(8).fill(1) })]),
  ],
  [
    "C1",
    "a reduction without an axis",
    reduce({ reduction: [] }, { stride: [1] }),
    reduce({ reduction: [1] }, { stride: [1, 0] }),
  ],
  [
    "C1",
    "five guards",
    over([move(8, { stride: [1], guards: new Array(5).fill({ off: 0, coef: [1], limit: 8 }) })]),
    over([move(8, { stride: [1], guards: new Array(4).fill({ off: 0, coef: [1], limit: 8 }) })]),
  ],
  ["C1", "a MOVE between dtypes", over([move(8, { stride: [1] }, { dtype: "i32" })]), over([copy])],
  [
    "C1",
    "a sum of f32",
    reduce({ fold: "SUM", dtype: "i64", interval: rangeOf("i64") }, { stride: [4, 1] }, { dtype: "f32", count: 8 }),
    reduce({ fold: "SUM", dtype: "i64", interval: rangeOf("i64") }, { stride: [4, 1] }),
  ],
  [
    "C1",
    "a body of 65 instructions",
    body("u8", rangeOf("u8"), ...new Array(65).fill(op("EQ", X, X))),
    body("u8", rangeOf("u8"), ...new Array(64).fill(op("EQ", X, X))),
  ],
  [
    "C1",
    "65 inputs",
    program({ operators: Array.from({ length: 65 }, (_, i) => input("u8", 1, { offset: 32 * i })), outputs: [0] }),
    program({ operators: Array.from({ length: 64 }, (_, i) => input("u8", 1, { offset: 32 * i })), outputs: [0] }),
  ],
  [
    "C1",
    "too much meta",
    over([copy], { meta: new Uint8Array(65_537) }),
    over([copy], { meta: new Uint8Array(65_536) }),
  ],
  [
    "C2",
    "an INPUT behind another operator",
    program({ operators: [input("u8", 8), copy, input("u8", 8, { offset: 32 })], inputs: 1, outputs: [1] }),
    program({ operators: [input("u8", 8), input("u8", 8, { offset: 32 }), copy] }),
  ],
  [
    "C2",
    "an offset inside a word",
    program({ operators: [input("u8", 8), input("u8", 8, { offset: 8 })] }),
    program({ operators: [input("u8", 8), input("u8", 8, { offset: 32 })] }),
  ],
  [
    "C2",
    "overlapping inputs",
    program({ operators: [input("u8", 33), input("u8", 8, { offset: 32 })] }),
    program({ operators: [input("u8", 32), input("u8", 8, { offset: 32 })] }),
  ],
  [
    "C2",
    "descending inputs",
    program({ operators: [input("u8", 8, { offset: 32 }), input("u8", 8)] }),
    program({ operators: [input("u8", 8, { offset: 32 }), input("u8", 8, { offset: 96 })] }),
  ],
  [
    "C3",
    "an operator that reads itself",
    over([copy, { ...copy, operands: [read(2, U8x8, { stride: [1] })] }]),
    over([copy, { ...copy, operands: [read(1, U8x8, { stride: [1] })] }]),
  ],
  [
    "C3",
    "a constant that is not there",
    over([{ ...copy, operands: [readConstant(1, U8x8, { stride: [1] })] }], {
      constants: [constant("u8", [1, 2, 3, 4, 5, 6, 7, 8])],
    }),
    over([{ ...copy, operands: [readConstant(0, U8x8, { stride: [1] })] }], {
      constants: [constant("u8", [1, 2, 3, 4, 5, 6, 7, 8])],
    }),
  ],
  ["C4", "another count", over([move(8, { stride: [1], count: 9 })]), over([copy])],
  [
    "C4",
    "another dtype",
    over([move(8, { stride: [1], dtype: "i8" }, { dtype: "i8", interval: rangeOf("i8") })]),
    over([copy]),
  ],
  [
    "C5",
    "2^26 + 1 elements",
    program({ operators: [input("u8", 2 ** 26 + 1)] }),
    program({ operators: [input("u8", 2 ** 26)] }),
  ],
  [
    "C5",
    "2^31 points",
    reduce({ output: [2 ** 20], reduction: [2 ** 11] }, { stride: [0, 0] }),
    reduce({ output: [2 ** 19], reduction: [2 ** 11] }, { stride: [0, 0] }),
  ],
  ["C5", "a stride of 2^40", over([move(1, { stride: [2 ** 40] })]), over([move(1, { stride: [2 ** 40 - 1] })])],
  [
    "C5",
    "a guard's offset of -2^40",
    over([move(1, { stride: [0], guards: [{ off: -(2 ** 40), coef: [0], limit: 1 }] })]),
    over([move(1, { stride: [0], guards: [{ off: 1 - 2 ** 40, coef: [0], limit: 1 }] })]),
  ],
  [
    "C5",
    "an address that may reach 2^52",
    over([move(8, { stride: [2 ** 39], guards: [{ off: 0, coef: [1], limit: 1 }] }, { output: [2 ** 13 + 1] })]),
    over([move(8, { stride: [2 ** 39], guards: [{ off: 0, coef: [1], limit: 1 }] }, { output: [2 ** 13] })]),
  ],
  [
    "C5",
    "a gather's reach of 2^52",
    gather({ first: 0, num: 2 ** 13 + 1, step: 2 ** 39 }),
    gather({ first: 0, num: 1, step: 2 ** 39 }),
  ],
  [
    "C6",
    "an address behind the tensor",
    over([move(8, { base: 1, stride: [1] })]),
    over([move(7, { base: 1, stride: [1] })]),
  ],
  [
    "C6",
    "an address before the tensor",
    over([move(8, { base: 6, stride: [-1] })]),
    over([move(8, { base: 7, stride: [-1] })]),
  ],
  [
    "C6",
    "a guard that lets one point too many",
    over([move(8, { base: -1, stride: [1], guards: [{ off: 0, coef: [1], limit: 8 }] })]),
    over([move(8, { base: -1, stride: [1], guards: [{ off: -1, coef: [1], limit: 8 }] })]),
  ],
  [
    "C6",
    "a causal window that reaches out",
    over([{ ...move(16, { base: 1, stride: [2, 1], guards: [{ off: 0, coef: [1, -1], limit: 4 }] }), output: [4, 4] }]),
    over([{ ...move(16, { base: 0, stride: [1, 1], guards: [{ off: 0, coef: [1, -1], limit: 4 }] }), output: [4, 4] }]),
  ],
  [
    "C6",
    "a gather that steps out at its last t",
    gather({ first: 0, num: 5, step: 2 }),
    gather({ first: 0, num: 4, step: 2 }),
  ],
  [
    "C6",
    "a gather that steps out backwards",
    gather({ first: 0, num: 8, step: -1 }, 6),
    gather({ first: 0, num: 8, step: -1 }, 7),
  ],
  ["C7", "4,097 reads", wide(4_097, 1, 5_000), wide(4_096, 1, 5_000)],
  ["C8", "257 runs in a deep tree", wide(257, 511, 2 ** 17), wide(256, 511, 2 ** 17)],
  [
    "C9",
    "an overflow to 2^53",
    body("i64", rangeOf("i64"), op("MUL", X, IMM, 0, 2 ** 31 - 1), op("MUL", 0, IMM, 0, 2 ** 22)),
    body("i64", rangeOf("i64"), op("MUL", X, IMM, 0, 2 ** 22), op("MUL", 0, IMM, 0, 2 ** 22)),
  ],
  [
    "C9",
    "an f32 that may be infinite",
    body("f32", rangeOf("f32"), op("I2F", X), op("FMUL", 0, IMM, 0, f32(2e36))),
    body("f32", rangeOf("f32"), op("I2F", X), op("FMUL", 0, IMM, 0, f32(1e36))),
  ],
  [
    "C9",
    "a division by an interval with 0",
    body("i32", rangeOf("i32"), op("DIV", IMM, X, 0, 7)),
    body("i32", rangeOf("i32"), op("MAX", X, IMM, 0, 1), op("DIV", IMM, 0, 0, 7)),
  ],
  [
    "C9",
    "a root of a negative number",
    body("f32", rangeOf("f32"), op("I2F", X), op("FSUB", 0, IMM, 0, f32(1)), op("FSQRT", 1)),
    body("f32", rangeOf("f32"), op("I2F", X), op("FSUB", 0, IMM, 0, f32(0)), op("FSQRT", 1)),
  ],
  [
    "C9",
    "an exponent of 128",
    body("f32", rangeOf("f32"), op("MIN", X, IMM, 0, 128), op("POW2", 0)),
    body("f32", rangeOf("f32"), op("MIN", X, IMM, 0, 127), op("POW2", 0)),
  ],
  [
    "C9",
    "a declared interval that is too narrow",
    body("i32", { lo: 0, hi: 255 }, op("ADD", X, IMM, 0, 1)),
    body("i32", { lo: 1, hi: 256 }, op("ADD", X, IMM, 0, 1)),
  ],
  [
    "C9",
    "a result outside the dtype",
    body("u8", { lo: 0, hi: 256 }, op("ADD", X, IMM, 0, 1)),
    body("u8", { lo: 1, hi: 255 }, op("ADD", X, IMM, 0, 1), op("MIN", 0, IMM, 0, 255)),
  ],
  [
    "C9",
    "a bound that is no binary32",
    program({ operators: [input("f32", 1, { interval: { lo: 0, hi: 0.1 } })] }),
    program({ operators: [input("f32", 1, { interval: { lo: 0, hi: Math.fround(0.1) } })] }),
  ],
  [
    "C9",
    "an empty interval",
    program({ operators: [input("u8", 1, { interval: { lo: 3, hi: 2 } })] }),
    program({ operators: [input("u8", 1, { interval: { lo: 2, hi: 2 } })] }),
  ],
  [
    "C9",
    "a fill outside the declared interval",
    over(
      [move(8, { stride: [1], guards: [{ off: 0, coef: [1], limit: 8 }] }, { fill: 9, interval: { lo: 0, hi: 8 } })],
      {},
    ),
    over([move(8, { stride: [1], guards: [{ off: 0, coef: [1], limit: 8 }] }, { fill: 9 })]),
  ],
  [
    "C9",
    "a partial sum of 2^31 in i32",
    reduce({ fold: "SUM", dtype: "i32", interval: rangeOf("i32") }, { stride: [4, 1] }, { dtype: "i32", count: 8 }),
    reduce({ fold: "SUM", dtype: "i64", interval: rangeOf("i64") }, { stride: [4, 1] }, { dtype: "i32", count: 8 }),
  ],
  ["C10", "a row that may reach 2^31", contract([0, 2 ** 31 - 255 * 26]), contract([0, 2 ** 31 - 1 - 255 * 26])],
  [
    "C10",
    "a zero point outside its dtype",
    contract(undefined, { za: -1, interval: rangeOf("i32") }),
    contract(undefined, { za: 0, interval: rangeOf("i32") }),
  ],
  [
    "C10",
    "a zero point of the weights outside its dtype",
    contract(undefined, { zw: 128, interval: rangeOf("i32") }),
    contract(undefined, { zw: 127, interval: rangeOf("i32") }),
  ],
  [
    "C11",
    "an output without a live read",
    reduce({}, { stride: [4, 1], guards: [{ off: -1, coef: [1, 0], limit: 4 }] }),
    reduce(
      {},
      {
        stride: [4, 1],
        guards: [
          { off: -1, coef: [1, 1], limit: 4 },
          { off: 0, coef: [0, 1], limit: 2 },
        ],
      },
    ),
  ],
  [
    "C11",
    "a guard that never holds",
    reduce({}, { stride: [4, 1], guards: [{ off: 0, coef: [0, 0], limit: 0 }] }),
    reduce({}, { stride: [4, 1], guards: [{ off: 0, coef: [0, 0], limit: 1 }] }),
  ],
  ["C12", "more ranks than elements", topk(5, { stride: [4, 0, 1] }), topk(4, { stride: [4, 0, 1] })],
  ["C12", "a row that moves with the rank", topk(4, { stride: [1, 1, 1] }), topk(4, { stride: [1, 0, 1] })],
  [
    "C12",
    "a bias that moves with r",
    contract([0, 0, 0, 0, 0], { biasStride: [1, 1] }),
    contract([0, 0, 0, 0, 0], { biasStride: [1, 0] }),
  ],
  ["C12", "a bias of i8", contract([1, 2], { biasDtype: "i8" }), contract([1, 2])],
  [
    "C13",
    "a source that comes later",
    body("u8", rangeOf("u8"), op("EQ", X, 1), op("EQ", 0, X)),
    body("u8", rangeOf("u8"), op("EQ", X, X), op("EQ", 0, X)),
  ],
  [
    "C13",
    "an operand that is not there",
    body("u8", rangeOf("u8"), op("EQ", X, X + 1)),
    body("u8", rangeOf("u8"), op("EQ", X, X)),
  ],
  [
    "C13",
    "a float instruction of an integer",
    body("f32", rangeOf("f32"), op("FABS", X)),
    body("f32", rangeOf("f32"), op("I2F", X), op("FABS", 0)),
  ],
  ["C13", "an unused source", body("f32", rangeOf("f32"), op("I2F", X, 1)), body("f32", rangeOf("f32"), op("I2F", X))],
  [
    "C13",
    "an unused immediate",
    body("u8", rangeOf("u8"), op("EQ", X, X, 0, 1)),
    body("u8", rangeOf("u8"), op("EQ", X, IMM, 0, 1)),
  ],
  [
    "C13",
    "an immediate that is infinite",
    body("f32", rangeOf("f32"), op("I2F", X), op("FMIN", 0, IMM, 0, f32(Number.POSITIVE_INFINITY))),
    body("f32", rangeOf("f32"), op("I2F", X), op("FMIN", 0, IMM, 0, f32(DTYPES.f32.hi))),
  ],
  [
    "C13",
    "an unknown instruction",
    body("u8", rangeOf("u8"), { op: 11, a: 0, b: 0, c: 0, imm: 0 }),
    body("u8", rangeOf("u8"), op("EQ", X, X)),
  ],
  [
    "C13",
    "a result of the other type",
    body("f32", { lo: 0, hi: 1 }, op("EQ", X, X)),
    body("u8", { lo: 0, hi: 1 }, op("EQ", X, X)),
  ],
  [
    "C14",
    "a constant outside its interval",
    contractWith(constant("i8", [1, 2, 3, 4, 5, 6, 7, 8], { lo: 1, hi: 7 })),
    contractWith(constant("i8", [1, 2, 3, 4, 5, 6, 7, 8], { lo: 1, hi: 8 })),
  ],
  ["C14", "a constant -0", f32Constant(Uint8Array.of(0, 0, 0, 0x80)), f32Constant(Uint8Array.of(0, 0, 0, 0))],
  ["C14", "a constant NaN", f32Constant(Uint8Array.of(1, 0, 0x80, 0x7f)), f32Constant(Uint8Array.of(1, 0, 0x70, 0x7f))],
  ["C14", "a constant of 2^53", i64Constant(2n ** 53n), i64Constant(2n ** 53n - 1n)],
  ["C14", "a constant of 2^53 + 1", i64Constant(2n ** 53n + 1n), i64Constant(1n - 2n ** 53n)],
  ["C15", "another gas", over([copy], { gas: 1 }), over([copy])],
  ["C16", "an output twice", over([copy], { outputs: [1, 1] }), over([copy], { outputs: [0, 1] })],
  ["C16", "outputs that descend", over([copy], { outputs: [1, 0] }), over([copy], { outputs: [0, 1] })],
  ["C16", "an output that is no operator", over([copy], { outputs: [1, 2] }), over([copy], { outputs: [1] })],
  [
    "C17",
    "an operator that nobody reads",
    over([copy, copy], { outputs: [2] }),
    over([copy, copy], { outputs: [1, 2] }),
  ],
];

function contractWith(w: Constant): Program {
  const made = contract(undefined, { weights: [1, 2, 3, 4, 5, 6, 7, 8] });
  return { ...made, constants: [w] };
}

function f32Constant(data: Uint8Array): Program {
  const interval = rangeOf("f32");
  const made = { kind: "MOVE", dtype: "f32", output: [1], reduction: [], interval, fill: 0 } as const;
  const operands = [readConstant(0, { dtype: "f32", count: 1 }, { stride: [1] })];
  return over([{ ...made, operands }], { constants: [{ dtype: "f32", count: 1, interval, data }] });
}

function i64Constant(value: bigint): Program {
  const interval = rangeOf("i64");
  const data = new Uint8Array(8);
  new DataView(data.buffer).setBigInt64(0, value, true);
  const made = { kind: "MOVE", dtype: "i64", output: [1], reduction: [], interval, fill: 0 } as const;
  const operands = [readConstant(0, { dtype: "i64", count: 1 }, { stride: [1] })];
  return over([{ ...made, operands }], { constants: [{ dtype: "i64", count: 1, interval, data }] });
}

describe("constraints", () => {
  for (const [id, what, malformed, neighbour] of CASES)
    it(`${id} alone refuses ${what}`, () => {
      const found = violations(malformed);
      assert.deepEqual(
        found.map(({ constraint }) => constraint),
        [id],
        JSON.stringify(found),
      );
      assert.deepEqual(violations(neighbour), []);
      assert.throws(
        () => checkProgram(malformed),
        (error) => hasCode(error, "PROGRAM_MALFORMED") && error.data["constraint"] === id,
      );
    });

  it("are seventeen, each with a sentence, a reason and cases", () => {
    const ids = CONSTRAINTS.map(({ id }) => id);
    assert.deepEqual(
      ids,
      Array.from({ length: 17 }, (_, i) => `C${i + 1}`),
    );
    for (const { id, sentence, rationale } of CONSTRAINTS) {
      assert.ok(sentence.length > 20 && rationale.length > 10);
      assert.ok(
        CASES.some(([of]) => of === id),
        `${id} has no case`,
      );
    }
  });

  it("judge the encoded bytes as they judge the program, wherever these can be written", () => {
    let written = 0;
    for (const [id, what, malformed, neighbour] of CASES) {
      if (countOf(neighbour.operators[0] as Operator) < 2 ** 20) {
        const back = readProgram(encodeProgram(neighbour));
        assert.deepEqual(Buffer.compare(encodeProgram(back), encodeProgram(neighbour)), 0, what);
      }
      // Many programs of C1 have no bytes, and encoding rounds a bound that is no binary32.
      if (id === "C1" || what === "a bound that is no binary32") continue;
      written++;
      assert.throws(
        () => readProgram(encodeProgram(malformed)),
        (error) => hasCode(error, "PROGRAM_MALFORMED") && error.data["constraint"] === id,
        what,
      );
    }
    assert.ok(written > 40);
  });

  it("name the refuting point", () => {
    const [found] = violations(over([move(8, { base: 1, stride: [1] })]));
    assert.deepEqual(found?.data, { operator: 1, operand: 0, i: 7, r: 0, address: 8 });
    const dead = reduce({}, { stride: [4, 1], guards: [{ off: -1, coef: [1, 0], limit: 4 }] });
    assert.equal(violations(dead)[0]?.data["i"], 0);
  });

  it("judge a ResNet-size convolution within a second", () => {
    const [H, C, O] = [56, 64, 256];
    const w = constant(
      "i8",
      Array.from({ length: O * 9 * C }, (_, i) => (i % 129) - 64),
    );
    const conv: Operator = {
      kind: "CONTRACT",
      dtype: "i32",
      output: [1, H, H, 1, O],
      reduction: [3, 3, C],
      za: 7,
      zw: 0,
      interval: rangeOf("i32"),
      operands: [
        {
          ...read(
            0,
            { dtype: "u8", count: H * H * C },
            {
              base: -(H + 1) * C,
              stride: [H * H * C, H * C, C, C, 0, H * C, C, 1],
              guards: [
                { off: -1, coef: [0, 1, 0, 0, 0, 1, 0, 0], limit: H },
                { off: -1, coef: [0, 0, 1, 0, 0, 0, 1, 0], limit: H },
              ],
            },
          ),
        },
        readConstant(0, w, { stride: [0, 0, 0, O * 9 * C, 9 * C, 3 * C, C, 1] }),
      ],
    };
    const made = program({ operators: [input("u8", H * H * C), conv], constants: [w] });
    const start = performance.now();
    assert.ok(wellFormed(made));
    assert.ok(performance.now() - start < 1000);
  });
});
