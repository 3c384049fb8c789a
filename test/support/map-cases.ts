import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  constantData,
  countOf,
  createAssembly,
  DTYPES,
  element,
  type Instruction,
  type Interval,
  importOnnx,
  type Operator,
  type Program,
  requantise,
  runReference,
  violations,
} from "../../executor/index.ts";
import { modelOf } from "../../executor/onnx/model.fixture.ts";
import { createRandom, type Random, randomInput, randomProgram } from "./random-program.ts";
import type { Compared } from "./scalar-cases.ts";
import type { Outcome, ScalarMachine, ScalarProgram } from "./scalar-machine.ts";

/** Whole bodies of MAP: what models are lowered to, and well-formed ones at random. */

const POINTS = 256;

const ofNode = (operator: string, range: Interval, attributes = {}): Program =>
  importOnnx(
    modelOf({
      inputs: [{ name: "x", element: "float32", shape: [POINTS] }],
      outputs: [{ name: "y", element: "float32", shape: [POINTS] }],
      nodes: [{ operator, inputs: ["x"], outputs: ["y"], attributes }],
    }),
    { ranges: { x: range } },
  ).program;

/** Rows of accumulators over the whole of i32, a scale for each column. */
const ofRequantise = (dtype: "u8" | "i8", zero: number): Program => {
  const assembly = createAssembly();
  const acc = assembly.input({ dtype: "i32", output: [POINTS / 8, 8], interval: DTYPES.i32 });
  const scales = assembly.constant("f32", [1, 0.5, 2 ** -24, 2 ** -25, 1e-3, 7.1e-7, 0.0123, 3.3e-9].map(Math.fround));
  const shape = { rows: POINTS / 8, columns: 8, scale: "column", zero, dtype } as const;
  return assembly.finish({
    outputs: [assembly.operator(requantise(shape, { ref: acc }, { ref: scales }))],
    meta: new Uint8Array(0),
  });
};

const digits = (): Program => importOnnx(readFileSync(join(import.meta.dirname, "../models/digits.qop.onnx"))).program;

export const LOWERED: Readonly<Record<string, () => Program>> = {
  exp: () => ofNode("Exp", { lo: -90, hi: 90 }),
  sigmoid: () => ofNode("Sigmoid", { lo: -1e6, hi: 1e6 }),
  tanh: () => ofNode("Tanh", { lo: -40, hi: 40 }),
  gelu: () => ofNode("Gelu", { lo: -8, hi: 8 }),
  "gelu by tanh": () => ofNode("Gelu", { lo: -8, hi: 8 }, { approximate: "tanh" }),
  logarithm: () => ofNode("Log", { lo: 2 ** -20, hi: 1e6 }),
  sine: () => ofNode("Sin", { lo: -8192, hi: 8192 }),
  "requantise to u8": () => ofRequantise("u8", 128),
  "requantise to i8": () => ofRequantise("i8", -3),
  "digits, quantised": digits,
};

/** Rows of operands of one MAP, and the elements that the definition makes of them. */
export type MapRows = ScalarProgram & {
  readonly rows: readonly (readonly number[])[];
  readonly elements: readonly number[];
};

/** Every MAP of a program on a random input, at most `most` elements of each. */
export const mapsOf = (program: Program, random: Random, most: number): MapRows[] => {
  const { tensors } = runReference(program, randomInput(random, program));
  const constants = program.constants.map(constantData);
  return program.operators.flatMap((operator): MapRows[] => {
    if (operator.kind !== "MAP") return [];
    const sources = operator.operands.map(({ source: { constant, index } }) => (constant ? constants : tensors)[index]);
    const count = countOf(operator);
    const rows: number[][] = [];
    const elements = Array.from({ length: Math.min(count, most) }, (_, j) => {
      // What lies outside a tensor is not read: 0.
      const row: number[] = operator.operands.map(() => 0);
      rows.push(row);
      return element(operator, count <= most ? j : random.below(count), (operand, address) => {
        const value = sources[operand]?.[address] as number;
        row[operand] = value;
        return value;
      });
    });
    const { instructions, dtype } = operator;
    return [{ instructions, dtype, operands: operator.operands.map((operand) => operand.dtype), rows, elements }];
  });
};

/** All MAPs of a program, on the contract and by the definition. */
export const compareMaps = async (
  machine: ScalarMachine,
  name: string,
  maps: readonly MapRows[],
): Promise<Compared> => {
  const differences: string[] = [];
  let rows = 0;
  for (const map of maps) {
    const outcomes = await machine.outcomesOf(map, map.rows);
    for (const [i, outcome] of outcomes.entries())
      if (!Object.is(outcome, map.elements[i]))
        differences.push(`${name}(${map.rows[i]}): ${outcome}, not ${map.elements[i]}`);
    rows += map.rows.length;
  }
  return { rows, refused: 0, differences };
};

export const randomMaps = (seed: number, most: number): MapRows[] =>
  mapsOf(randomProgram(createRandom(seed)), createRandom(seed ^ 0x5bd1e995), most);

/** A byte of one instruction is another. */
const mutate = (random: Random, instructions: readonly Instruction[]): Instruction[] => {
  const at = random.below(instructions.length);
  const field = random.pick(["op", "a", "b", "c", "imm"] as const);
  const value =
    field === "imm"
      ? random.pick([0, 1, 0x3f800000, 0x7f800000, 0xff800001, 0x80000000])
      : random.pick([random.below(38), random.below(256), 0x80, 0x81, 0xff, 0]);
  return instructions.map((instruction, i) => (i === at ? { ...instruction, [field]: value } : instruction));
};

/** What C13 says of a body at random, and what running it comes to. */
export type Judged = { readonly isWellTyped: boolean; readonly outcomes: readonly Outcome[] };

/** Each MAP of a random program with a byte changed. */
export const judgeMutants = async (machine: ScalarMachine, seed: number): Promise<Judged[]> => {
  const random = createRandom(seed);
  const program = randomProgram(random);
  const maps = mapsOf(program, random, 3);
  const indices = [...program.operators.keys()].filter((index) => program.operators[index]?.kind === "MAP");
  const judged: Judged[] = [];
  for (const [nth, map] of maps.entries()) {
    const index = indices[nth];
    const instructions = mutate(random, map.instructions);
    const operators = program.operators.map((operator, i) =>
      i === index ? ({ ...operator, instructions } as Operator) : operator,
    );
    const broken = violations({ ...program, operators });
    judged.push({
      isWellTyped: !broken.some(({ constraint }) => constraint === "C13"),
      outcomes: await machine.outcomesOf({ ...map, instructions }, map.rows),
    });
  }
  return judged;
};
