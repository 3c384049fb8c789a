import {
  type Access,
  type Bytes,
  conv2d,
  createAssembly,
  DTYPES,
  type Interval,
  instruction,
  lookup,
  map,
  matmul,
  type Program,
  type Ref,
  requantise,
} from "../../executor/index.ts";
import { LOWERED } from "./map-cases.ts";
import { createRandom, type Random, randomInput } from "./random-program.ts";

/** Operators whose single elements are dear to prove, and ordinary ones beside them. */

export type ElementCase = {
  readonly name: string;
  readonly program: Program;
  readonly input: Bytes;
  /** The operator whose element is proven. */
  readonly operator: number;
  readonly position: number;
};

type Build = (assembly: ReturnType<typeof createAssembly>, random: Random) => Ref;

const data = (random: Random, count: number, { lo, hi }: Interval): number[] =>
  Array.from({ length: count }, () => random.between(lo, hi));

/** The last operator of what `build` makes. */
const caseOf = (name: string, position: number, build: Build): ElementCase => {
  const random = createRandom(name.length);
  const assembly = createAssembly();
  const program = assembly.finish({ outputs: [build(assembly, random)] });
  return { name, program, input: randomInput(random, program), operator: program.operators.length - 1, position };
};

const ofMatmul =
  (inner: number): Build =>
  (assembly, random) => {
    const a = assembly.input({ dtype: "u8", output: [1, inner], interval: DTYPES.u8 });
    const w = assembly.constant("i8", data(random, 4 * inner, { lo: -64, hi: 64 }));
    const bias = assembly.constant("i32", data(random, 4, { lo: -1000, hi: 1000 }));
    const shape = { batch: 1, rows: 1, columns: 4, inner, innerFrom: 0, innerCount: inner, batchedW: false };
    return assembly.operator(
      matmul({ ...shape, za: 128, zw: 0 }, { ref: a }, { ref: w }, { tensor: { ref: bias }, per: "column" }),
    );
  };

/** Weights [K][N]: the reduction jumps from row to row. */
const ofTransposed =
  (inner: number, columns: number): Build =>
  (assembly, random) => {
    const a = assembly.input({ dtype: "u8", output: [inner], interval: DTYPES.u8 });
    const w = assembly.constant("u8", data(random, inner * columns, DTYPES.u8));
    const operands: Access[] = [
      { ref: a, stride: [0, -1], base: inner - 1 },
      { ref: w, stride: [1, columns] },
    ];
    return assembly.operator({
      kind: "CONTRACT",
      dtype: "i32",
      output: [columns],
      reduction: [inner],
      za: 3,
      zw: 128,
      operands,
    });
  };

/** 32 elements of each side in all pairs, backwards: each is read 32 times, in an order that is far from that of the words. */
const ofOuterProduct: Build = (assembly, random) => {
  const a = assembly.input({ dtype: "i8", output: [32], interval: DTYPES.i8 });
  const w = assembly.constant("i8", data(random, 32, DTYPES.i8));
  const operands: Access[] = [
    { ref: a, stride: [0, 0, -1], base: 31 },
    { ref: w, stride: [0, -1, 0], base: 31 },
  ];
  return assembly.operator({
    kind: "CONTRACT",
    dtype: "i32",
    output: [1],
    reduction: [32, 32],
    za: -128,
    zw: 127,
    operands,
  });
};

/**
 * As many accesses as an element may have, in as many steps as they take: axes whose digits nothing merges, guards that look
 * at all of them, reads in an order that is far from that of the words.
 */
const ofScattered =
  (inner: 1 | -2, reduction: readonly number[]): Build =>
  (assembly, random) => {
    const a = assembly.input({ dtype: "u8", output: [2 ** 14], interval: DTYPES.u8 });
    const w = assembly.constant("i8", data(random, 2 ** 14, DTYPES.i8));
    const output = [2, 1, 1, 1, 1, 1, 1, 2];
    const ones = output.map(() => 1);
    const guards = Array.from({ length: 4 }, (_, g) => ({
      off: 7 + g,
      coef: [...ones, -1, 1, -1, 1],
      limit: 1000,
    }));
    const operands: Access[] = [
      {
        ref: a,
        base: 2 ** 14 - 100,
        stride: [...ones, -1000, 0, -67, inner],
        guards: guards.map((g) => ({ ...g, off: 40 })),
      },
      { ref: w, base: 2 ** 14 - 100, stride: [...ones, 0, -1000, -67, inner] },
    ];
    return assembly.operator({
      kind: "CONTRACT",
      dtype: "i32",
      output,
      reduction,
      za: 3,
      zw: -128,
      operands,
    });
  };

const ofConvolution: Build = (assembly, random) => {
  const channels = 448;
  const side = 5;
  const a = assembly.input({ dtype: "u8", output: [side, side, channels], interval: DTYPES.u8 });
  const w = assembly.constant("i8", data(random, 2 * 9 * channels, { lo: -64, hi: 64 }));
  const plane = { batch: 1, height: side, width: side, channels, outHeight: side, outWidth: side };
  const window = {
    kernelHeight: 3,
    kernelWidth: 3,
    strideY: 1,
    strideX: 1,
    dilationY: 1,
    dilationX: 1,
    padTop: 1,
    padLeft: 1,
  };
  const part = { outChannels: 2, groups: 1, za: 7, zw: 0, channelFrom: 0, channelCount: channels };
  return assembly.operator(conv2d({ ...plane, ...window, ...part }, { ref: a }, { ref: w }));
};

const ofRequantise: Build = (assembly) => {
  const acc = assembly.input({ dtype: "i32", output: [32, 64], interval: { lo: -(2 ** 24), hi: 2 ** 24 } });
  const scales = assembly.constant(
    "f32",
    Array.from({ length: 64 }, (_, i) => Math.fround(1e-5 * (i + 1))),
  );
  return assembly.operator(
    requantise({ rows: 32, columns: 64, scale: "column", zero: 128, dtype: "u8" }, { ref: acc }, { ref: scales }),
  );
};

const ofTable: Build = (assembly, random) => {
  const x = assembly.input({ dtype: "u8", output: [4096], interval: DTYPES.u8 });
  const table = assembly.constant("u8", data(random, 256, DTYPES.u8));
  return assembly.operator(lookup({ count: 4096, first: 0, num: 256 }, "u8", { ref: x }, { ref: table }));
};

const ofDivision: Build = (assembly) => {
  const [x, y] = [0, 1].map(() => assembly.input({ dtype: "f32", output: [4096], interval: { lo: 1, hi: 1e6 } })) as [
    Ref,
    Ref,
  ];
  const operands = [x, y].map((ref) => ({ tensor: { ref }, stride: [1] }));
  return assembly.operator(map("f32", [4096], operands, [instruction("FDIV", { operand: 0 }, { operand: 1 })]));
};

/** Over rows of `count` elements: masked, or from the last to the first. */
const ofReduction =
  (dtype: "f32" | "i32", count: number, fold: "SUM" | "MAX" | "TOPK"): Build =>
  (assembly) => {
    const interval = dtype === "f32" ? { lo: -1e6, hi: 1e6 } : { lo: 0, hi: 200 };
    const x = assembly.input({ dtype, output: [2, count], interval });
    const to = fold === "MAX" ? dtype : "i32";
    const common = { dtype: to, output: [2, 2], reduction: [count] } as const;
    const ofRow = [{ ref: x, stride: [count, 0, 1] }];
    const reversed = [{ ref: x, stride: [count, 0, -1], base: count - 1 }];
    if (fold === "TOPK") return assembly.operator({ kind: "TOPK", ...common, operands: reversed });
    // A mask of the causal kind: all but the first few positions in the first row.
    const guards = [{ off: 5, coef: [count, 0, 1], limit: 2 * count + 5 }];
    return assembly.operator({
      kind: "REDUCE",
      ...common,
      fold,
      operands: ofRow.map((access) => ({ ...access, guards })),
    });
  };

/** The body that EXP is lowered to. */
const ofExponential = (): ElementCase => {
  const program = (LOWERED["exp"] as () => Program)();
  const operator = program.operators.findIndex(({ kind }) => kind === "MAP");
  return {
    name: "map: exp, 27 instructions",
    program,
    input: randomInput(createRandom(5), program),
    operator,
    position: 100,
  };
};

export const elementCases = (): readonly ElementCase[] => [
  { ...caseOf("input: u8", 100, ofTable), operator: 0 },
  caseOf("contract: matmul, K = 1024", 1, ofMatmul(1024)),
  caseOf("contract: matmul, K = 4096", 3, ofMatmul(4096)),
  caseOf("contract: convolution 3x3x448", 24, ofConvolution),
  caseOf("contract: convolution, corner", 1, ofConvolution),
  caseOf("contract: reversed, weights [512][32]", 17, ofTransposed(512, 32)),
  caseOf("contract: 32 x 32 pairs, reversed", 0, ofOuterProduct),
  caseOf("contract: 1536 pairs, guarded and scattered", 3, ofScattered(-2, [16, 16, 3, 2])),
  caseOf("contract: 3072 pairs in 1536 runs, guarded and scattered", 3, ofScattered(1, [16, 16, 6, 2])),
  caseOf("map: requantise", 777, ofRequantise),
  caseOf("gather: table of 256", 1234, ofTable),
  caseOf("map: divide binary32", 999, ofDivision),
  ofExponential(),
  caseOf("reduce: sum of 4096 i32, masked", 2, ofReduction("i32", 4096, "SUM")),
  caseOf("reduce: maximum of 4096 f32, masked", 1, ofReduction("f32", 4096, "MAX")),
  caseOf("topk: 1024 f32, reversed", 3, ofReduction("f32", 1024, "TOPK")),
];
