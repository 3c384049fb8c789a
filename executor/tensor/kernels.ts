import { instructionIntervals } from "./interval.ts";
import { readsInside } from "./liveness.ts";
import {
  ADDRESS,
  createNest,
  createWriter,
  deepestAxis,
  type Nest,
  REDUCTION_INDEX,
  type Writer,
} from "./loop-nest.ts";
import type { Interval, Operand, Operator, OperatorOf, TensorData } from "./program.ts";
import { scalarBody } from "./scalar-source.ts";

/**
 * Typed-array kernels for every operator: one straight loop nest is written as source text and compiled. Exact on all
 * well-formed programs; slower than a vector kernel, never another result. Zeros come out without a sign.
 */

/** Fills `out` from the operands' tensors. */
export type Kernel = (tensors: readonly TensorData[], out: TensorData) => void;

type Compiled = (t: readonly TensorData[], out: TensorData, k: readonly number[]) => void;

/** Compiled texts; equal operators at other addresses share one function. */
const CACHE_LIMIT = 4096;
const cache = new Map<string, Compiled>();

const compile = (text: string): Compiled => {
  const known = cache.get(text);
  if (known !== undefined) {
    cache.delete(text);
    cache.set(text, known);
    return known;
  }
  const made = new Function("t", "out", "k", `"use strict";\n${text}`) as Compiled;
  cache.set(text, made);
  if (cache.size > CACHE_LIMIT) cache.delete(cache.keys().next().value as string);
  return made;
};

const arrays = (operator: Operator): string => {
  const types = [...operator.operands.map(({ dtype }) => dtype), operator.dtype].join(" ");
  const names = operator.operands.map((_, j) => `t${j} = t[${j}]`);
  return `// ${types}\n${names.length > 0 ? `const ${names.join(", ")};\n` : ""}let o = 0;`;
};

const openOutputs = (writer: Writer, nest: Nest, axes = nest.outputAxes): void => {
  for (let axis = 0; axis < axes; axis++) writer.open(axis);
};
const closeAll = (writer: Writer): void => {
  while (writer.depth() > 0) writer.close();
};

const inside = (variable: string, limit: number): string => `${variable} >= 0 && ${variable} < ${limit}`;

/** Opens the reduction loops, every guard of operand 0 tested where its value is complete. Closes back to `depth`. */
const overReduction = (writer: Writer, nest: Nest, body: () => void): void => {
  const depth = writer.depth();
  const guards = nest.guards[0] ?? [];
  const testAt = (axis: number): void => {
    const here = guards.filter(({ name }) => Math.max(deepestAxis(nest, name), nest.outputAxes - 1) === axis);
    if (here.length > 0) writer.when(here.map(({ name, limit }) => inside(writer.at(name), limit)).join(" && "));
  };
  testAt(nest.outputAxes - 1);
  for (let axis = nest.outputAxes; axis < nest.extents.length; axis++) {
    writer.open(axis);
    testAt(axis);
  }
  body();
  while (writer.depth() > depth) writer.close();
};

/** Element `address` of operand j's tensor; where the address may lie beyond its ends, the zero element is read there. */
const elementAt = (operator: Operator, j: number, address: string): string =>
  readsInside(operator, j)
    ? `t${j}[${address}]`
    : `(${inside(address, (operator.operands[j] as Operand).count)} ? t${j}[${address}] : 0)`;

const element = (operator: Operator, writer: Writer, j: number): string =>
  elementAt(operator, j, writer.at(ADDRESS(j)));

/** Runs shorter than this are copied one by one. */
const COPY_FROM = 48;

/** The innermost axis is cut into live runs: written from the last operand to the first, so that the first one wins. */
const moveText = (operator: OperatorOf<"MOVE">, nest: Nest): string => {
  const writer = createWriter(nest);
  const inner = nest.outputAxes - 1;
  const extent = nest.extents[inner] as number;
  openOutputs(writer, nest, inner);
  if (operator.operands.every(({ guards }) => guards.length > 0))
    writer.line(`out.fill(${operator.fill + 0}, o, o + ${extent});`);
  for (let j = operator.operands.length - 1; j >= 0; j--) {
    const step = nest.step(ADDRESS(j), inner);
    const from = writer.at(ADDRESS(j));
    writer.line(`{ let lo = 0, hi = ${extent};`);
    for (const { name, limit } of nest.guards[j] ?? []) {
      const c = nest.step(name, inner);
      const g = writer.at(name);
      if (c === 0) writer.line(`if (!(${inside(g, limit)})) hi = 0;`);
      else if (c > 0) {
        writer.line(`lo = Math.max(lo, Math.ceil(-${g} / ${c}));`);
        writer.line(`hi = Math.min(hi, Math.floor((${limit - 1} - ${g}) / ${c}) + 1);`);
      } else {
        writer.line(`lo = Math.max(lo, Math.ceil((${g} - ${limit - 1}) / ${-c}));`);
        writer.line(`hi = Math.min(hi, Math.floor(${g} / ${-c}) + 1);`);
      }
    }
    if (step === 0) writer.line(`if (lo < hi) out.fill(${elementAt(operator, j, from)}, o + lo, o + hi);`);
    else if (step === 1 && extent >= COPY_FROM && readsInside(operator, j))
      writer.line(`if (lo < hi) out.set(t${j}.subarray(${from} + lo, ${from} + hi), o + lo);`);
    else
      writer.line(
        `for (let d = lo, p = ${from} + lo * ${step}, q = o + lo; d < hi; d++, p += ${step}, q++) out[q] = ${elementAt(operator, j, "p")};`,
      );
    writer.line("}");
  }
  writer.line(`o += ${extent};`);
  closeAll(writer);
  return writer.text();
};

const gatherText = (operator: OperatorOf<"GATHER">, nest: Nest): string => {
  const { first, num, step } = operator;
  const writer = createWriter(nest);
  const last = first + num - 1;
  openOutputs(writer, nest);
  writer.line(`const v = ${element(operator, writer, 0)};`);
  writer.line(`const c = (v < ${first} ? ${first} : v > ${last} ? ${last} : v) - ${first};`);
  writer.line(`const at = ${writer.at(ADDRESS(1))} + c * ${step};`);
  writer.line(`out[o++] = ${elementAt(operator, 1, "at")};`);
  closeAll(writer);
  return writer.text();
};

const contractText = (operator: OperatorOf<"CONTRACT">, nest: Nest): string => {
  const writer = createWriter(nest);
  const { za, zw } = operator;
  const minus = (text: string, zero: number): string => (zero === 0 ? text : `(${text} - ${zero})`);
  openOutputs(writer, nest);
  writer.line(`let sum = ${operator.operands.length > 2 ? element(operator, writer, 2) : "0"};`);
  overReduction(writer, nest, () =>
    writer.line(
      `sum = (sum + Math.imul(${minus(element(operator, writer, 0), za)}, ${minus(element(operator, writer, 1), zw)})) | 0;`,
    ),
  );
  writer.line("out[o++] = sum;");
  closeAll(writer);
  return writer.text();
};

const reduceText = (operator: OperatorOf<"REDUCE">, nest: Nest): string => {
  const { fold } = operator;
  const writer = createWriter(nest);
  openOutputs(writer, nest);
  if (fold === "SUM") {
    writer.line("let sum = 0;");
    overReduction(writer, nest, () => writer.line(`sum += ${element(operator, writer, 0)};`));
    writer.line("out[o++] = sum + 0;");
  } else {
    const better = fold === "MIN" ? "<" : ">";
    const none = fold === "MIN" ? "Infinity" : "-Infinity";
    writer.line(`let best = ${none}, where = 0;`);
    overReduction(writer, nest, () => {
      writer.line(`const v = ${element(operator, writer, 0)};`);
      writer.line(
        fold === "ARGMAX"
          ? `if (v > best) { best = v; where = ${writer.at(REDUCTION_INDEX)}; }`
          : `if (v ${better} best) best = v;`,
      );
    });
    // No element is infinite: a fold of nothing is 0.
    writer.line(`out[o++] = ${fold === "ARGMAX" ? "where" : `best === ${none} ? 0 : best + 0`};`);
  }
  closeAll(writer);
  return writer.text();
};

/** One stable sort a row: larger first, equal ones by index. */
const topkText = (operator: OperatorOf<"TOPK">, nest: Nest): string => {
  const writer = createWriter(nest);
  const k = operator.output[operator.output.length - 1] as number;
  const reads = operator.reduction.reduce((a, b) => a * b, 1);
  writer.line(`const row = new Float64Array(${reads}), order = new Uint32Array(${reads});`);
  writer.line("const before = (x, y) => row[y] - row[x] || x - y;");
  openOutputs(writer, nest, nest.outputAxes - 1);
  overReduction(writer, nest, () => {
    writer.line(`row[${writer.at(REDUCTION_INDEX)}] = ${element(operator, writer, 0)};`);
  });
  writer.line(`for (let r = 0; r < ${reads}; r++) order[r] = r;`);
  writer.line("order.sort(before);");
  writer.line(`for (let j = 0; j < ${k}; j++) out[o++] = order[j];`);
  closeAll(writer);
  return writer.text();
};

const mapText = (operator: OperatorOf<"MAP">, nest: Nest, intervals: readonly Interval[]): string => {
  const writer = createWriter(nest);
  const bounded = instructionIntervals(
    operator.instructions,
    intervals.map((interval) => ({ interval })),
  );
  openOutputs(writer, nest);
  const loads = operator.operands.map((_, j) => element(operator, writer, j));
  const results = "intervals" in bounded ? bounded.intervals : [];
  const { lines, result } = scalarBody(operator.instructions, loads, intervals, results);
  for (const line of lines) writer.line(line);
  writer.line(`out[o++] = ${result} + 0;`);
  closeAll(writer);
  return writer.text();
};

const textOf = (operator: Operator, intervals: readonly Interval[]): { nest: Nest; text: string } => {
  const nest = createNest(operator, operator.kind === "TOPK" ? 1 : 0);
  const text = (): string => {
    switch (operator.kind) {
      case "INPUT":
        throw new RangeError("an input is not computed");
      case "MOVE":
        return moveText(operator, nest);
      case "GATHER":
        return gatherText(operator, nest);
      case "CONTRACT":
        return contractText(operator, nest);
      case "REDUCE":
        return reduceText(operator, nest);
      case "TOPK":
        return topkText(operator, nest);
      case "MAP":
        return mapText(operator, nest, intervals);
    }
  };
  return { nest, text: `${arrays(operator)}\n${text()}` };
};

/** The kernel of an operator (not INPUT); `intervals` are those of what it reads through its operands. */
export const createKernel = (operator: Operator, intervals: readonly Interval[]): Kernel => {
  const { nest, text } = textOf(operator, intervals);
  const run = compile(text);
  const { starts } = nest;
  return (tensors, out) => run(tensors, out, starts);
};
