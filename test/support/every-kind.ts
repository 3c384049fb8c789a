import {
  type Bytes,
  createAssembly,
  encodeMeta,
  encodeProgram,
  instruction,
  type Program,
  programId,
} from "../../executor/index.ts";

/** A small model with an operator of every kind, and where each stands. */
export const everyKind = () => {
  const assembly = createAssembly();
  const input = assembly.input({ dtype: "u8", output: [40], interval: { lo: 0, hi: 255 } });
  const moved = assembly.operator({
    kind: "MOVE",
    dtype: "u8",
    output: [40],
    fill: 0,
    operands: [{ ref: input, base: 39, stride: [-1] }],
  });
  const table = assembly.constant(
    "u8",
    Array.from({ length: 256 }, (_, i) => (i * 7 + 3) & 255),
  );
  const looked = assembly.operator({
    kind: "GATHER",
    dtype: "u8",
    output: [40],
    first: 0,
    num: 256,
    step: 1,
    operands: [
      { ref: moved, stride: [1] },
      { ref: table, stride: [0] },
    ],
  });
  const weights = assembly.constant(
    "i8",
    Array.from({ length: 120 }, (_, i) => ((i * 37) % 129) - 64),
  );
  const products = assembly.operator({
    kind: "CONTRACT",
    dtype: "i32",
    output: [3],
    reduction: [40],
    za: 3,
    zw: 0,
    operands: [
      { ref: looked, stride: [0, 1] },
      { ref: weights, stride: [40, 1] },
    ],
  });
  const scaled = assembly.operator({
    kind: "MAP",
    dtype: "f32",
    output: [3],
    instructions: [instruction("I2F", { operand: 0 }), instruction("FMUL", 0, { float: 0.125 })],
    operands: [{ ref: products, stride: [1] }],
  });
  const largest = assembly.operator({
    kind: "REDUCE",
    fold: "MAX",
    dtype: "u8",
    output: [1],
    reduction: [40],
    operands: [{ ref: looked, stride: [0, 1] }],
  });
  const order = assembly.operator({
    kind: "TOPK",
    dtype: "i32",
    output: [2],
    reduction: [3],
    operands: [{ ref: scaled, stride: [0, 1] }],
  });
  const outputs = [scaled, largest, order];
  const schema = (name: string, dtype: "u8" | "i32" | "f32", count: number) => ({ name, dtype, shape: [count] });
  const meta = encodeMeta({
    name: "every-kind",
    licence: "MIT",
    inputs: [schema("x", "u8", 40)],
    outputs: [schema("scaled", "f32", 3), schema("largest", "u8", 1), schema("order", "i32", 2)],
  });
  const program: Program = assembly.finish({ outputs, meta });
  return { program, id: programId(program), artifact: encodeProgram(program) as Bytes };
};

/** An input of it, padded to words. */
export const everyKindInput = (seed: number): Bytes => {
  const input = new Uint8Array(64);
  for (let i = 0; i < 40; i++) input[i] = (i * 13 + seed * 29) & 255;
  return input;
};
