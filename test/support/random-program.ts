import {
  type Access,
  type Assembly,
  type Bytes,
  bytesOf,
  CodedError,
  codeOf,
  countOf,
  createAssembly,
  DTYPES,
  type Dtype,
  FOLDS,
  type Guard,
  IMMEDIATE_SOURCE,
  INSTRUCTIONS,
  type Instruction,
  type InstructionSpec,
  type Interval,
  immediateBits,
  inputBytesOf,
  OPERAND_SOURCE,
  type Operator,
  type OperatorSpec,
  type Program,
  packTensor,
  product,
  type Ref,
  type ScalarType,
  scalarTypeOf,
} from "../../executor/index.ts";
import { operandInterval } from "../../executor/tensor/interval.ts";

/**
 * Well-formed programs at random: all operators and instructions, guards that clip, split and mask, negative strides,
 * and values at ties, edges and extremes. Everything follows from the seed.
 */

export type Random = {
  /** Integer in 0..n-1. */
  below(n: number): number;
  /** Integer in from..to. */
  between(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  real(): number;
};

/** Deterministic generator (mulberry32). */
export const createRandom = (seed: number): Random => {
  let state = seed >>> 0;
  const real = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number): number => Math.floor(real() * n);
  return {
    real,
    below,
    between: (from, to) => from + below(to - from + 1),
    chance: (probability) => real() < probability,
    pick: (items) => {
      if (items.length === 0) throw new RangeError("nothing to pick from");
      return items[below(items.length)] as (typeof items)[number];
    },
  };
};

// --- values ----------------------------------------------------------------------------------------------------------

const F32_EDGES = [
  0,
  2 ** -149,
  2 ** -126,
  2 ** -126 - 2 ** -149,
  0.5,
  1,
  1.5,
  2.5,
  127.5,
  Math.fround(0.1),
  0.5 - 2 ** -25,
  0.5 + 2 ** -24,
  2 ** 23,
  2 ** 24 - 1,
  2 ** 24 + 2,
  2 ** 31,
  3e38,
  DTYPES.f32.hi,
].map(Math.fround);
const INT_EDGES = [0, 1, 2, 127, 128, 255, 256, 2 ** 24 + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1];

const clamp = (v: number, { lo, hi }: Interval): number => Math.min(Math.max(v, lo), hi);

/** An element of the interval, edges and ties over-represented. */
const randomValue = (random: Random, dtype: Dtype, interval: Interval): number => {
  const { lo, hi } = interval;
  const choice = random.below(8);
  if (choice === 0) return lo;
  if (choice === 1) return hi;
  const sign = random.pick([1, -1]);
  if (dtype === "f32") {
    if (choice === 2) return clamp(sign * random.pick(F32_EDGES), interval);
    if (choice === 3) return clamp(random.between(-1000, 1000) / 2, interval);
    if (choice === 4) return clamp(sign * Math.fround(random.real() * 10 ** random.between(-40, 38)), interval);
    if (choice === 5) return clamp(random.pick([-0, 0]), interval);
    return clamp(Math.fround(lo * (1 - random.real()) + hi * random.real()), interval);
  }
  if (choice === 2) return clamp(sign * random.pick(INT_EDGES), interval);
  if (choice === 3) return clamp(random.between(-4, 4), interval);
  return clamp(Math.round(lo + random.real() * (hi - lo)), interval);
};

export const randomInterval = (random: Random, dtype: Dtype): Interval => {
  const { lo, hi } = DTYPES[dtype];
  switch (dtype) {
    case "f32": {
      const width = random.pick([1, 4, 300, 1e6, 2 ** -126, 2 ** 40, hi]);
      return random.pick([
        { lo: Math.fround(-width), hi: Math.fround(width) },
        { lo: 0, hi: Math.fround(width) },
        { lo: 1, hi: Math.max(2, Math.fround(width)) },
      ]);
    }
    case "u8":
      return random.pick([
        { lo, hi },
        { lo, hi: 1 },
        { lo, hi: 15 },
      ]);
    case "i8":
      return random.pick([
        { lo, hi },
        { lo: -64, hi: 64 },
      ]);
    case "i32":
    case "i64": {
      const width = Math.min(random.pick([7, 1000, 2 ** 20, 2 ** 31 - 1, 2 ** 40, hi]), hi);
      return random.pick([
        { lo: -width, hi: width },
        { lo: 0, hi: width },
        { lo: 1, hi: width },
      ]);
    }
  }
};

const randomData = (random: Random, dtype: Dtype, interval: Interval, count: number): number[] =>
  Array.from({ length: count }, () => randomValue(random, dtype, interval) + 0);

// --- accesses --------------------------------------------------------------------------------------------------------

type Shape = { readonly output: readonly number[]; readonly reduction: readonly number[] };

const randomExtents = (random: Random, axes: number, budget: number): number[] => {
  const extents: number[] = [];
  let rest = budget;
  for (let x = 0; x < axes; x++) {
    const extent = random.between(1, Math.max(1, Math.min(rest, random.pick([1, 2, 3, 5, 8, 33]))));
    extents.push(extent);
    rest = Math.floor(rest / extent);
  }
  return extents;
};

const randomShape = (random: Random, reduces: boolean): Shape => {
  const axes = random.chance(0.05) ? 8 : random.between(1, 4);
  const output = randomExtents(random, axes, random.pick([1, 8, 40, 100]));
  if (!reduces) return { output, reduction: [] };
  const reductionAxes = random.chance(0.05) ? 4 : random.between(1, 3);
  return { output, reduction: randomExtents(random, reductionAxes, random.pick([1, 6, 32, 70])) };
};

/**
 * A tensor seen as a box of coordinates, each an affine function of a few digits: `address = sum pitch * coordinate`.
 * A coordinate that may leave its side is clipped by a guard (or, where guards are forbidden, drawn so that it stays).
 * `keep` elements at the end of every address stay free for a gather's `t`; axes in `fixed` are not read.
 */
const randomAccess = (
  random: Random,
  ref: Ref,
  shape: Shape,
  options: { readonly guarded: boolean; readonly fixed?: readonly number[]; readonly keep?: number },
): Access => {
  const extents = [...shape.output, ...shape.reduction];
  const fixed = options.fixed ?? [];
  const stride = new Array<number>(extents.length).fill(0);
  const guards: Guard[] = [];
  const usable = ref.count - (options.keep ?? 0);
  let base = random.chance(0.3) ? random.below(usable) : 0;
  const room = usable - base;
  let pitch = 1;
  const free = [...extents.keys()].filter((x) => !fixed.includes(x)).reverse();
  while (free.length > 0 && room > pitch) {
    const most = Math.floor(room / pitch);
    const side = random.chance(0.5) ? most : random.between(1, most);
    const axes = free.splice(0, random.pick([1, 1, 1, 2, 3]));
    const coef = new Array<number>(extents.length).fill(0);
    let low = 0;
    let high = 0;
    const clips = options.guarded && guards.length < 3 && random.chance(0.6);
    for (const x of axes) {
      const span = (extents[x] as number) - 1;
      const widest = span === 0 ? 5 : Math.floor((side - 1 - (high - low)) / span);
      const c = clips ? random.between(-2, 3) : random.pick([1, -1]) * Math.min(random.pick([0, 1, 1, 2, 9]), widest);
      coef[x] = c;
      if (c < 0) low += c * span;
      else high += c * span;
    }
    const off = clips ? -low - random.between(-1, 3) : -low + random.below(side - (high - low));
    for (const x of axes) stride[x] = (coef[x] as number) * pitch;
    base += off * pitch;
    if (clips) guards.push({ off, coef, limit: side });
    pitch *= side;
    if (side === most) break;
  }
  if (options.guarded && random.chance(0.15))
    guards.push({
      off: random.between(-3, 3),
      coef: extents.map(() => random.pick([0, 0, 1, -1])),
      limit: random.pick([0, 1, 4, 100]),
    });
  // Now and then the access reaches out of the tensor, at either end, altogether or here and there.
  if (random.chance(0.15)) base += random.pick([-1, 1, -3, 7, -ref.count, ref.count, 2 * ref.count, -(2 ** 39)]);
  if (random.chance(0.05)) {
    const x = random.below(stride.length);
    if (!fixed.includes(x)) stride[x] = random.pick([-40, 33, ref.count, 2 ** 30]);
  }
  return { ref, base, stride, guards };
};

// --- operators -------------------------------------------------------------------------------------------------------

type Pool = { readonly assembly: Assembly; readonly random: Random; readonly refs: Ref[] };

/** A tensor of the pool of one of these dtypes, or a fresh constant. */
const someTensor = ({ assembly, random, refs }: Pool, dtypes: readonly Dtype[], least = 1): Ref => {
  const fitting = refs.filter(({ dtype, count }) => dtypes.includes(dtype) && count >= least);
  if (fitting.length > 0 && random.chance(0.75)) return random.pick(fitting.slice(-6));
  const dtype = random.pick(dtypes);
  const interval = randomInterval(random, dtype);
  return assembly.constant(dtype, randomData(random, dtype, interval, random.between(least, least + 70)));
};

const ALL: readonly Dtype[] = ["u8", "i8", "i32", "i64", "f32"];
const SMALL: readonly Dtype[] = ["u8", "i8"];
const INTEGERS: readonly Dtype[] = ["u8", "i8", "i32", "i64"];

const randomMove = (pool: Pool): OperatorSpec => {
  const { random } = pool;
  const first = someTensor(pool, ALL);
  const shape = randomShape(random, false);
  const refs = [first];
  while (random.chance(0.4) && refs.length < 8) refs.push(someTensor(pool, [first.dtype]));
  const fill = randomValue(random, first.dtype, DTYPES[first.dtype]) + 0;
  const guarded = random.chance(0.7);
  const operands = refs.map((ref) => randomAccess(random, ref, shape, { guarded }));
  return { kind: "MOVE", dtype: first.dtype, output: shape.output, fill, operands };
};

const randomGather = (pool: Pool): OperatorSpec => {
  const { random } = pool;
  const index = someTensor(pool, ["u8", "i8", "i32"]);
  const table = someTensor(pool, ALL, 2);
  const shape = randomShape(random, false);
  const num = random.between(1, table.count);
  const stretch = num === 1 ? random.between(0, 3) : random.between(0, Math.floor((table.count - 1) / (num - 1)));
  const keep = Math.min(table.count - 1, stretch * (num - 1));
  const step = random.pick([1, -1]) * (num === 1 ? 0 : stretch);
  const to = randomAccess(random, table, shape, { guarded: false, keep });
  const first = random.pick([0, -128, -num, Math.trunc(clamp(index.interval.lo, { lo: -1000, hi: 1000 }))]);
  return {
    kind: "GATHER",
    dtype: table.dtype,
    output: shape.output,
    first,
    num,
    step,
    operands: [
      randomAccess(random, index, shape, { guarded: false }),
      step < 0 ? { ...to, base: (to.base ?? 0) - step * (num - 1) } : to,
    ],
  };
};

const randomContract = (pool: Pool): OperatorSpec => {
  const { random } = pool;
  const a = someTensor(pool, SMALL);
  const w = someTensor(pool, SMALL);
  const shape = randomShape(random, true);
  const A = shape.output.length;
  const reductionAxes = shape.reduction.map((_, x) => A + x);
  const zeroOf = ({ dtype }: Ref): number =>
    random.pick([0, dtype === "u8" ? 128 : 0, DTYPES[dtype].lo, DTYPES[dtype].hi]);
  const operands = [
    randomAccess(random, a, shape, { guarded: random.chance(0.5) }),
    randomAccess(random, w, shape, { guarded: false }),
  ];
  if (random.chance(0.5)) {
    const bias = someTensor(pool, ["i32"]);
    operands.push(randomAccess(random, bias, shape, { guarded: false, fixed: reductionAxes }));
  }
  return { kind: "CONTRACT", dtype: "i32", ...shape, za: zeroOf(a), zw: zeroOf(w), operands };
};

const randomReduce = (pool: Pool): OperatorSpec => {
  const { random } = pool;
  const fold = random.pick(FOLDS);
  const x = someTensor(pool, fold === "SUM" ? INTEGERS : ALL);
  const shape = randomShape(random, true);
  const access = randomAccess(random, x, shape, { guarded: random.chance(0.6) });
  const dtype = fold === "SUM" ? random.pick(["i32", "i64"] as const) : fold === "ARGMAX" ? "i32" : x.dtype;
  return { kind: "REDUCE", dtype, ...shape, fold, operands: [access] };
};

const randomTopk = (pool: Pool): OperatorSpec => {
  const { random } = pool;
  const x = someTensor(pool, ALL);
  const { output, reduction } = randomShape(random, true);
  const shape = { output: [...output.slice(0, 7), random.between(1, Math.min(product(reduction), 9))], reduction };
  const access = randomAccess(random, x, shape, { guarded: false, fixed: [shape.output.length - 1] });
  return { kind: "TOPK", dtype: "i32", ...shape, operands: [access] };
};

type Value = { readonly type: ScalarType; readonly source: number; readonly interval: Interval };

/** Sources for one instruction, and their bounds: operands and results, sometimes an immediate. */
const randomSources = (random: Random, spec: InstructionSpec, values: readonly Value[]) => {
  let imm: number | undefined;
  const sources: Value[] = [];
  for (const type of spec.operands) {
    const fitting = values.filter((value) => value.type === type);
    if (fitting.length > 0 && (imm !== undefined || random.chance(0.7))) {
      sources.push(random.chance(0.5) ? (fitting[fitting.length - 1] as Value) : random.pick(fitting));
      continue;
    }
    if (imm !== undefined) return undefined;
    const value =
      type === "I"
        ? random.pick([0, 1, -1, 2, 3, -7, 127, 128, 255, 1000, 2 ** 31 - 1, -(2 ** 31)])
        : Math.fround(random.pick([0.5, 1, -0.5, 2, 0.25, 1 / 3, 127.5, 1e-3, 2 ** -126, 2 ** -149, 3e38, -1]));
    imm = immediateBits(type, value);
    sources.push({ type, source: IMMEDIATE_SOURCE, interval: { lo: value, hi: value } });
  }
  return { sources, imm: imm ?? 0 };
};

const exact = ({ result }: InstructionSpec, { lo, hi }: Interval): boolean =>
  result === "I" ? lo > -(2 ** 53) && hi < 2 ** 53 : Number.isFinite(lo) && Number.isFinite(hi);

const randomMap = (pool: Pool): OperatorSpec => {
  const { random } = pool;
  const shape = randomShape(random, false);
  const refs = [someTensor(pool, ALL)];
  while (random.chance(0.4) && refs.length < 8) refs.push(someTensor(pool, ALL));
  const operands = refs.map((ref) => randomAccess(random, ref, shape, { guarded: false }));
  const placed = operands.map(({ ref, base, stride }) => ({ ...ref, base, stride, guards: [] }));
  const read = { ...shape, kind: "MAP", operands: placed } as unknown as Operator;
  const values: Value[] = refs.map((ref, j) => ({
    type: scalarTypeOf(ref.dtype),
    source: OPERAND_SOURCE + j,
    interval: operandInterval(read, j, ref.interval),
  }));
  const instructions: Instruction[] = [];
  const emit = (spec: InstructionSpec, found: NonNullable<ReturnType<typeof randomSources>>): boolean => {
    const none: Interval = { lo: 0, hi: 0 };
    const [a, b, c] = found.sources;
    const interval = spec.interval(a?.interval ?? none, b?.interval ?? none, c?.interval ?? none);
    if (interval === undefined || !exact(spec, interval)) return false;
    const type = spec.result;
    values.push({ type, source: instructions.length, interval });
    const [sa, sb, sc] = [a, b, c].map((value) => value?.source ?? 0) as [number, number, number];
    instructions.push({ op: spec.code, a: sa, b: sb, c: sc, imm: found.imm });
    return true;
  };
  const wanted = random.pick([1, 2, 4, 8, 20, 60]);
  for (let attempt = 0; attempt < 4 * wanted && instructions.length < wanted; attempt++) {
    const spec = random.pick(INSTRUCTIONS);
    const found = randomSources(random, spec, values);
    if (found !== undefined) emit(spec, found);
  }
  const specOf = (name: string): InstructionSpec =>
    INSTRUCTIONS.find(({ code }) => code === codeOf(name)) as InstructionSpec;
  const last = (): Value => values[values.length - 1] as Value;
  const withImmediate = (name: string, value: number): void => {
    const of = last();
    const immediate: Value = { type: "I", source: IMMEDIATE_SOURCE, interval: { lo: value, hi: value } };
    emit(specOf(name), { sources: [of, immediate], imm: immediateBits("I", value) });
  };
  // A half of an integer, rounded: ties at every odd one.
  const integers = values.filter(({ type }) => type === "I");
  if (random.chance(0.3) && integers.length > 0 && instructions.length < 60) {
    const half: Value = { type: "F", source: IMMEDIATE_SOURCE, interval: { lo: 0.5, hi: 0.5 } };
    emit(specOf("I2F"), { sources: [random.pick(integers)], imm: 0 });
    if (emit(specOf("FMUL"), { sources: [last(), half], imm: immediateBits("F", 0.5) }))
      withImmediate(random.pick(["QU8", "QI8"]), random.pick([0, 1, 128]));
  }
  if (instructions.length === 0)
    emit(last().type === "F" ? specOf("FABS") : specOf("EQ"), {
      sources: last().type === "F" ? [last()] : [last(), last()],
      imm: 0,
    });
  let dtype: Dtype = "f32";
  if (last().type === "I") {
    const fits = INTEGERS.filter((d) => last().interval.lo >= DTYPES[d].lo && last().interval.hi <= DTYPES[d].hi);
    dtype = random.pick(fits);
    if (random.chance(0.4) && instructions.length < 63) {
      dtype = random.pick(SMALL);
      withImmediate("MAX", DTYPES[dtype].lo);
      withImmediate("MIN", DTYPES[dtype].hi);
    }
  }
  return { kind: "MAP", dtype, output: shape.output, instructions, operands };
};

const MAKERS = [randomMove, randomGather, randomContract, randomReduce, randomTopk, randomMap, randomMap];

const addOperator = (pool: Pool): void => {
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      pool.refs.push(pool.assembly.operator(pool.random.pick(MAKERS)(pool)));
      return;
    } catch (error) {
      // A body or a row whose bound is out of range: draw another operator.
      if (!(error instanceof CodedError) || error.code !== "INTERVAL_UNBOUNDED") throw error;
    }
  }
};

/** A well-formed program of up to `operators` operators besides its inputs. */
export const randomProgram = (random: Random, operators = random.between(1, 8)): Program => {
  const assembly = createAssembly();
  const refs: Ref[] = [];
  const inputs = random.chance(0.05) ? 9 : random.between(1, 3);
  for (let j = 0; j < inputs; j++) {
    const dtype = random.pick(ALL);
    const output = randomExtents(random, random.between(1, 3), 90);
    refs.push(assembly.input({ dtype, output, interval: randomInterval(random, dtype) }));
  }
  const pool: Pool = { assembly, random, refs };
  for (let j = 0; j < operators; j++) addOperator(pool);
  const outputs = [refs[refs.length - 1] as Ref];
  while (random.chance(0.4) && outputs.length < 8) outputs.unshift(random.pick(refs));
  const meta = Uint8Array.from({ length: random.below(40) }, () => random.below(256));
  return withWildConstants(random, assembly.finish({ outputs, meta }));
};

/** The program with wild bytes in its constants, here and there: what is read of them is in their intervals. */
const withWildConstants = (random: Random, program: Program): Program => ({
  ...program,
  constants: program.constants.map((constant) => {
    if (random.chance(0.5)) return constant;
    const data = constant.data.slice();
    const size = DTYPES[constant.dtype].bytes;
    for (let n = random.between(1, 6); n > 0; n--)
      data.set(wildElement(random, constant.dtype), size * random.below(constant.count));
    return { ...constant, data };
  }),
});

/** Bytes that are no value of any interval, or just outside of one, or anything. */
const WILD: Readonly<Partial<Record<Dtype, readonly (readonly number[])[]>>> = {
  i32: [
    [0, 0, 0, 0x80],
    [0xff, 0xff, 0xff, 0x7f],
  ],
  i64: [
    [0, 0, 0, 0, 0, 0, 0x20, 0],
    [1, 0, 0, 0, 0, 0, 0, 0x80],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  ],
  f32: [
    [0, 0, 0xc0, 0x7f],
    [0, 0, 0xc0, 0xff],
    [1, 0, 0x80, 0x7f],
    [0, 0, 0x80, 0x7f],
    [0, 0, 0x80, 0xff],
    [0, 0, 0, 0x80],
    [1, 0, 0, 0x80],
    [0xff, 0xff, 0x7f, 0x7f],
  ],
};
export const wildElement = (random: Random, dtype: Dtype): Bytes => {
  const known = WILD[dtype];
  return known !== undefined && random.chance(0.7)
    ? Uint8Array.from(random.pick(known))
    : Uint8Array.from({ length: DTYPES[dtype].bytes }, () => random.below(256));
};

/** A packed input; a wild element in some of them, otherwise every element in its declared interval. */
export const randomInput = (random: Random, program: Program): Bytes => {
  const input = new Uint8Array(inputBytesOf(program));
  for (const operator of program.operators) {
    if (operator.kind !== "INPUT") break;
    const { dtype, interval, offset } = operator;
    const count = countOf(operator);
    const values = Array.from({ length: count }, () => randomValue(random, dtype, interval));
    const packed = packTensor(dtype, values);
    if (dtype === "f32") for (const [i, v] of values.entries()) if (Object.is(v, -0)) packed[4 * i + 3] = 0x80;
    if (random.chance(0.3)) packed.set(wildElement(random, dtype), bytesOf(dtype, random.below(count)));
    input.set(packed.subarray(0, bytesOf(dtype, count)), offset);
  }
  return input;
};
