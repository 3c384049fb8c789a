import type { Bytes } from "../foundation/bytes.ts";
import { type Access, type Assembly, createAssembly, type OperatorSpec, type Ref } from "./assembly.ts";
import {
  type Conv2d,
  concatAxis,
  conv2d,
  expand,
  instruction,
  lookup,
  type Matmul,
  map,
  matmul,
  pool2d,
  reduceAxes,
  requantise,
  type ScalarSource,
  transpose,
  windowCount,
} from "./builders.ts";
import { packTensor } from "./elements.ts";
import { allocate, DTYPES, type Dtype, type Interval, type Program, type TensorData } from "./program.ts";
import { INSTRUCTIONS, type InstructionSpec } from "./scalar.ts";

/** Small programs, one for each vector kernel, with inputs at ties, edges and extremes. */

export type SelftestCase = { readonly kernel: string; readonly program: Program; readonly input: Bytes };

/** Deterministic numbers in [0, 1). */
const createSequence = (seed: number) => {
  let state = seed >>> 0;
  return (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
};

const fill = (dtype: Dtype, count: number, value: (i: number) => number): TensorData => {
  const out = allocate(dtype, count);
  for (let i = 0; i < count; i++) out[i] = value(i);
  return out;
};

/** An assembly whose inputs come with their values. */
const createDraft = () => {
  const assembly = createAssembly();
  const parts: Bytes[] = [];
  return {
    assembly,
    input(dtype: Dtype, data: TensorData, interval: Interval = DTYPES[dtype]): Ref {
      const packed = packTensor(dtype, data);
      const padded = new Uint8Array(Math.ceil(packed.length / 32) * 32);
      padded.set(packed);
      parts.push(padded);
      return assembly.input({ dtype, output: [data.length], interval: { lo: interval.lo, hi: interval.hi } });
    },
    finish(kernel: string, ...outputs: Ref[]): SelftestCase {
      return { kernel, program: assembly.finish({ outputs }), input: Buffer.concat(parts) };
    },
  };
};
type Draft = ReturnType<typeof createDraft>;

const add = (assembly: Assembly, built: { readonly operands: readonly Access[] }): Ref =>
  assembly.operator(built as unknown as OperatorSpec);
const tensor = (ref: Ref): { readonly ref: Ref } => ({ ref });

const WEIGHTS = {
  "u8 x u8": {
    dtype: "u8",
    value: (r: number, i: number) => (i % 3 === 0 ? 255 : i % 7 === 0 ? 0 : Math.floor(r * 256)),
  },
  "u8 x s8": {
    dtype: "i8",
    value: (r: number, i: number) => (i % 3 === 0 ? 64 : i % 5 === 0 ? -64 : Math.floor(r * 129) - 64),
  },
} as const satisfies Record<string, { dtype: Dtype; value: (r: number, i: number) => number }>;
type WeightForm = keyof typeof WEIGHTS;
const FORMS = Object.keys(WEIGHTS) as WeightForm[];

/** Activations: rows of 255, alternating extremes, then anything. */
const activations = (count: number, seed: number): TensorData => {
  const next = createSequence(seed);
  const third = Math.floor(count / 3);
  return fill("u8", count, (i) => (i < third ? 255 : i < 2 * third ? (i % 2) * 255 : Math.floor(next() * 256)));
};

const convShape = (options: Partial<Conv2d>): Conv2d => {
  const base = {
    ...{ batch: 1, height: 9, width: 8, channels: 8, outChannels: 16, groups: 1, kernelHeight: 3, kernelWidth: 3 },
    ...{ strideY: 1, strideX: 1, dilationY: 1, dilationX: 1, padTop: 1, padLeft: 1, za: 77, zw: 0 },
    ...options,
  };
  const along = (extent: number, kernel: number, stride: number, dilation: number, pad: number): number =>
    windowCount({ extent, kernel, stride, dilation, padBegin: pad, padEnd: pad });
  return {
    channelFrom: 0,
    channelCount: base.channels / base.groups,
    ...base,
    outHeight: along(base.height, base.kernelHeight, base.strideY, base.dilationY, base.padTop),
    outWidth: along(base.width, base.kernelWidth, base.strideX, base.dilationX, base.padLeft),
  };
};

/** Scales of which some put accumulators on halves: ties. */
const scalesOf = (columns: number, reads: number): TensorData =>
  fill("f32", columns, (o) =>
    o % 2 === 0 ? 2 ** -Math.max(1, Math.ceil(Math.log2(reads * 32)) - (o % 5)) : 0.003 / (o + 1),
  );

const requantised = (draft: Draft, acc: Ref, rows: number, columns: number, reads: number): Ref => {
  const scales = draft.assembly.constant("f32", scalesOf(columns, reads));
  const form = { rows, columns, scale: "column", zero: 100, dtype: "u8" } as const;
  return add(draft.assembly, requantise(form, tensor(acc), tensor(scales)));
};

const convCases = (form: WeightForm): SelftestCase[] => {
  const { dtype, value } = WEIGHTS[form];
  const zw = dtype === "u8" ? 131 : 0;
  return [{}, { groups: 4, dilationY: 2, padTop: 2 }, { groups: 8, outChannels: 8, strideX: 2, za: 255 }].map(
    (options) => {
      const shape = convShape({ ...options, zw });
      const draft = createDraft();
      const next = createSequence(7);
      const reads = shape.kernelHeight * shape.kernelWidth * shape.channelCount;
      const x = draft.input("u8", activations(shape.height * shape.width * shape.channels, 5));
      const w = draft.assembly.constant(
        dtype,
        fill(dtype, shape.outChannels * reads, (i) => value(next(), i)),
      );
      const bias = draft.assembly.constant(
        "i32",
        fill("i32", shape.outChannels, () => Math.floor(next() * 2e5) - 1e5),
      );
      const acc = add(draft.assembly, conv2d(shape, tensor(x), tensor(w), { tensor: tensor(bias), per: "column" }));
      const y = requantised(draft, acc, shape.outHeight * shape.outWidth, shape.outChannels, reads);
      return draft.finish(`QLinearConv ${form}`, y);
    },
  );
};

const productShape = (rows: number, columns: number, inner: number, zw: number): Matmul => ({
  ...{ batch: 1, rows, columns, inner, innerFrom: 0, innerCount: inner, batchedW: false, za: 128, zw },
});

const productCases = (form: WeightForm): SelftestCase[] => {
  const { dtype, value } = WEIGHTS[form];
  const zw = dtype === "u8" ? 131 : 0;
  return [
    [1, 16, 4096],
    [5, 33, 33],
    [4, 7, 1],
    [3, 19, 255],
  ].map(([rows = 1, columns = 1, inner = 1]) => {
    const draft = createDraft();
    const next = createSequence(inner);
    const x = draft.input("u8", activations(rows * inner, 9));
    const w = draft.assembly.constant(
      dtype,
      fill(dtype, columns * inner, (i) => value(next(), i)),
    );
    const acc = add(draft.assembly, matmul(productShape(rows, columns, inner, zw), tensor(x), tensor(w)));
    return draft.finish(`MatMulInteger ${form}`, acc, requantised(draft, acc, rows, columns, inner));
  });
};

/** Both factors are activations, one matrix a batch. */
const attentionCase = (): SelftestCase => {
  const draft = createDraft();
  const shape = { ...productShape(6, 5, 64, 128), batch: 3, batchedW: true };
  const q = draft.input("u8", activations(3 * 6 * 64, 1));
  const k = draft.input("u8", activations(3 * 5 * 64, 2));
  const acc = add(draft.assembly, matmul(shape, tensor(q), tensor(k)));
  const y = add(
    draft.assembly,
    requantise({ rows: 18, columns: 5, scale: 2 ** -12, zero: 3, dtype: "u8" }, tensor(acc)),
  );
  return draft.finish("QLinearMatMul u8 x u8", y);
};

const convIntegerCase = (): SelftestCase => {
  const draft = createDraft();
  const next = createSequence(3);
  const shape = convShape({ zw: 99, za: 9 });
  const x = draft.input("u8", activations(shape.height * shape.width * shape.channels, 5));
  const w = draft.assembly.constant(
    "u8",
    fill("u8", shape.outChannels * 72, () => Math.floor(next() * 256)),
  );
  return draft.finish("ConvInteger", add(draft.assembly, conv2d(shape, tensor(x), tensor(w))));
};

const planeCases = (): SelftestCase[] => {
  const {
    outChannels: _,
    groups: _g,
    za: _a,
    zw: _w,
    channelFrom: _f,
    channelCount: _c,
    ...window
  } = convShape({ strideY: 2 });
  return (["u8", "i8"] as const).map((dtype) => {
    const draft = createDraft();
    const next = createSequence(11);
    const { lo } = DTYPES[dtype];
    const x = draft.input(
      dtype,
      fill(dtype, window.height * window.width * window.channels, () => Math.floor(next() * 256) + lo),
    );
    return draft.finish("NhwcMaxPool", add(draft.assembly, pool2d({ ...window, fold: "MAX" }, dtype, tensor(x))));
  });
};

const reductionCases = (): SelftestCase[] => {
  const extents = [3, 17, 5];
  const count = 255;
  const cases: SelftestCase[] = [];
  for (const dtype of ["u8", "i8", "i32", "i64", "f32"] as const) {
    const draft = createDraft();
    const next = createSequence(13);
    const limit = { u8: 255, i8: 127, i32: 2 ** 26, i64: 2 ** 48, f32: 2 ** 100 }[dtype];
    const lo = dtype === "u8" ? 0 : -limit;
    const x = draft.input(
      dtype,
      fill(dtype, count, (i) => (i % 11 === 0 ? limit : i % 5 === 0 ? 0 : Math.floor(next() * (limit - lo)) + lo)),
      { lo, hi: limit },
    );
    const { assembly } = draft;
    const outputs: Ref[] = [];
    if (dtype !== "i64")
      for (const fold of ["MAX", "MIN"] as const)
        outputs.push(add(assembly, reduceAxes({ extents, axes: [1], fold }, dtype, tensor(x))));
    if (dtype !== "f32")
      outputs.push(
        add(assembly, reduceAxes({ extents, axes: [1], fold: "SUM" }, dtype === "i64" ? "i64" : "i32", tensor(x))),
      );
    if (dtype !== "i64")
      outputs.push(add(assembly, reduceAxes({ extents, axes: [1], fold: "ARGMAX" }, "i32", tensor(x))));
    cases.push(draft.finish(`Reduce ${dtype}`, ...outputs));
  }
  return cases;
};

const movementCases = (): SelftestCase[] =>
  (["u8", "i8", "i32", "f32"] as const).map((dtype) => {
    const draft = createDraft();
    const { assembly } = draft;
    const x = draft.input(
      dtype,
      fill(dtype, 60, (i) => (dtype === "i8" ? i - 30 : i)),
    );
    const index = draft.input(
      "u8",
      fill("u8", 64, (i) => i * 4),
    );
    const moved = add(assembly, transpose({ extents: [3, 4, 5], order: [2, 0, 1] }, dtype, tensor(x)));
    const both = add(
      assembly,
      concatAxis({ extents: [5, 24], axis: 1, lengths: [12, 12] }, dtype, [tensor(moved), tensor(x)]),
    );
    const wide = add(assembly, expand({ extents: [60, 1], output: [60, 3] }, dtype, tensor(x)));
    const found = add(assembly, lookup({ count: 64, first: 20, num: 60 }, dtype, tensor(index), tensor(x)));
    return draft.finish(`Transpose, Concat, Expand, Gather ${dtype}`, moved, both, wide, found);
  });

// --- elementwise -------------------------------------------------------------------------------------------------------

const FLOATS = [
  0,
  2 ** -149,
  3 * 2 ** -149,
  2 ** -127,
  2 ** -126,
  0.1,
  0.5,
  1,
  1.5,
  2.5,
  127.5,
  254.5,
  255.5,
  2 ** 23 - 0.5,
  2 ** 24 - 1,
  2 ** 31,
  2 ** 52,
  3e18,
];
const INTEGERS = [0, 1, 2, 7, 127, 128, 255, 2 ** 24 + 1, 2 ** 25 + 3];
const BIG = [...INTEGERS, 2 ** 31, 2 ** 40 + 1, 2 ** 51 + 1];

type Domain = { readonly dtype: Dtype; readonly values: readonly number[]; readonly lo: number; readonly hi: number };
const signed = (values: readonly number[]): number[] => values.flatMap((v) => [v, -v]);
const domain = (dtype: Dtype, values: readonly number[]): Domain => {
  const exact = dtype === "f32" ? values.map(Math.fround) : [...values];
  return { dtype, values: exact, lo: Math.min(...exact) + 0, hi: Math.max(...exact) + 0 };
};

const FLOAT = domain("f32", signed(FLOATS));
const POSITIVE = domain("f32", FLOATS.slice(4));
const NOT_NEGATIVE = domain("f32", FLOATS);
const INT32 = domain("i32", signed(INTEGERS));
const SMALL = domain("i32", signed(INTEGERS.slice(0, 7)));
const DIVISOR = domain("i32", INTEGERS.slice(1));
const INT64 = domain("i64", signed(BIG));
const BOOL = domain("u8", [0, 1]);
const EXPONENT = domain(
  "i32",
  Array.from({ length: 254 }, (_, i) => i - 126),
);

/** Domains of the operands in which every result is exact and finite. */
const domainsOf = ({ name, operands }: InstructionSpec): readonly (readonly Domain[])[] => {
  switch (name) {
    case "MUL":
      return [
        [SMALL, SMALL],
        [INT32, SMALL],
        [domain("i64", signed(BIG.slice(0, -1))), SMALL],
      ];
    case "DIV":
      return [
        [INT32, DIVISOR],
        [INT64, DIVISOR],
      ];
    case "SEL":
      return [
        [BOOL, INT32, INT32],
        [BOOL, INT64, INT64],
      ];
    case "FSEL":
      return [[BOOL, FLOAT, FLOAT]];
    case "FDIV":
      return [
        [domain("f32", signed(FLOATS.slice(0, 8))), POSITIVE],
        [FLOAT, domain("f32", FLOATS.slice(5))],
      ];
    case "FSQRT":
      return [[NOT_NEGATIVE]];
    case "F2I":
      return [[domain("f32", signed(FLOATS.slice(0, 15)))], [domain("f32", signed(FLOATS.slice(0, 17)))]];
    case "I2F":
      return [[INT32], [INT64], [domain("u8", [0, 1, 255])]];
    case "POW2":
      return [[EXPONENT]];
    case "QU8":
    case "QI8":
      return [
        [FLOAT],
        [domain("f32", [3e38, -3e38, 1])],
        [
          domain(
            "f32",
            Array.from({ length: 600 }, (_, i) => i - 299.5),
          ),
        ],
      ];
    default:
      return operands[0] === "F" ? [operands.map(() => FLOAT)] : [operands.map(() => INT32), operands.map(() => INT64)];
  }
};

/** Every pair (and for three operands a spread of triples) of the domains' values. */
const instructionCase = (spec: InstructionSpec, domains: readonly Domain[]): SelftestCase => {
  const draft = createDraft();
  const sizes = domains.map(({ values }) => values.length);
  const count = sizes.reduce((a, b) => a * b, 1);
  const limited = Math.min(count, 2048);
  const refs = domains.map(({ dtype, values, lo, hi }, j) => {
    const step = sizes.slice(j + 1).reduce((a, b) => a * b, 1);
    const at = (i: number): number => Math.floor(i * (count / limited));
    const data = fill(dtype, limited, (i) => values[Math.floor(at(i) / step) % values.length] as number);
    return draft.input(dtype, data, { lo, hi });
  });
  const sources: ScalarSource[] = refs.map((_, j) => ({ operand: j }));
  if (spec.name === "QU8" || spec.name === "QI8") sources.push({ int: spec.name === "QU8" ? 117 : -3 });
  const body = [instruction(spec.name, ...sources)];
  const dtype: Dtype = spec.result === "F" ? "f32" : "i64";
  const operands = refs.map((ref) => ({ tensor: tensor(ref), stride: [1] }));
  return draft.finish(
    `${spec.name} ${domains.map((d) => d.dtype).join(" ")}`,
    add(draft.assembly, map(dtype, [limited], operands, body)),
  );
};

/** Dequantise two, add, quantise by division: the residual form, in which every step rounds. */
const residualCase = (): SelftestCase => {
  const draft = createDraft();
  const a = draft.input(
    "u8",
    fill("u8", 1024, (i) => i % 256),
  );
  const b = draft.input(
    "u8",
    fill("u8", 1024, (i) => (i * 31 + 7 * (i >> 8)) % 256),
  );
  const body = [
    instruction("SUB", { operand: 0 }, { int: 117 }),
    instruction("I2F", 0),
    instruction("FMUL", 1, { float: 0.0371 }),
    instruction("SUB", { operand: 1 }, { int: 9 }),
    instruction("I2F", 3),
    instruction("FMUL", 4, { float: 0.0219 }),
    instruction("FADD", 2, 5),
    instruction("FDIV", 6, { float: 0.0583 }),
    instruction("QU8", 7, { int: 60 }),
  ];
  const operands = [a, b].map((ref) => ({ tensor: tensor(ref), stride: [1] }));
  return draft.finish("DequantizeLinear, QuantizeLinear", add(draft.assembly, map("u8", [1024], operands, body)));
};

export const selftestCases = (): SelftestCase[] => [
  ...FORMS.flatMap((form) => [...convCases(form), ...productCases(form)]),
  attentionCase(),
  convIntegerCase(),
  ...planeCases(),
  ...reductionCases(),
  ...movementCases(),
  residualCase(),
  ...INSTRUCTIONS.flatMap((spec) => domainsOf(spec).map((domains) => instructionCase(spec, domains))),
];
