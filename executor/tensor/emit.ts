import { type Emission, intervalOfSource, isUnavailable, ORT_TYPE, unavailable, wholeValue } from "./emission.ts";
import { type Contraction, emitContraction, padsOf } from "./emit-contract.ts";
import { broadcastValue, emitMap } from "./emit-map.ts";
import { foldsSomething, readsInside } from "./liveness.ts";
import { createNest } from "./loop-nest.ts";
import { createGraph, type OrtType, type Value } from "./onnx-graph.ts";
import { countOf, type Interval, type Operand, type Operator, type OperatorOf, type Program } from "./program.ts";
import { asConcat, asGatherRows, asLookup, asPool2d, asReduceAxes } from "./recognise.ts";

/** Segments of a program as ONNX graphs, made of the kernels that are exact on every processor. */

/** What is emitted as one: an operator, or a chain of CONTRACTs with the MAP that requantises them. */
export type Unit = {
  /** Ascending; the last one's output is the unit's, the others' are read by nobody else. */
  readonly operators: readonly number[];
  readonly contraction?: Contraction | undefined;
};

const emitMove = (emission: Emission, operator: OperatorOf<"MOVE">): Value => {
  const { graph } = emission;
  const concat = operator.operands.length > 1 ? asConcat(operator) : undefined;
  if (concat !== undefined) {
    const inputs = operator.operands.map((operand, j) => {
      const shape = concat.extents.map((extent, x) => (x === concat.axis ? (concat.lengths[j] as number) : extent));
      if (operand.count !== shape.reduce((a, b) => a * b, 1)) return unavailable("a part of a tensor");
      return graph.reshape(wholeValue(emission, operand), shape);
    });
    const type = ORT_TYPE[operator.dtype];
    return graph.node({ op: "Concat", inputs, type, shape: concat.extents, attributes: { axis: concat.axis } });
  }
  const [operand] = operator.operands;
  if (operand === undefined || operator.operands.length !== 1 || operand.guards.length > 0)
    return unavailable("a guarded move");
  const nest = createNest(operator);
  const value = broadcastValue(emission, operand, nest, 0);
  if (value.shape.reduce((a, b) => a * b, 1) === countOf(operator)) return value;
  const inputs = [value, graph.integers(nest.extents)];
  return graph.node({ op: "Expand", inputs, type: value.type, shape: nest.extents });
};

/** The index clipped into first..last and counted from `first`, as int32. */
const tableIndex = (emission: Emission, operand: Operand, first: number, num: number): Value => {
  const { graph, program } = emission;
  const whole = wholeValue(emission, operand);
  let value = graph.cast(whole, "int32");
  const last = first + num - 1;
  const step = (op: string, number: number): void => {
    value = graph.node({ op, inputs: [value, graph.scalar("int32", number)], type: "int32", shape: value.shape });
  };
  const { lo, hi } = intervalOfSource(program, operand.source);
  if (Math.abs(first) >= 2 ** 31 || Math.abs(last) >= 2 ** 31) return unavailable("a table beyond int32");
  if (lo < first) step("Max", first);
  if (hi > last) step("Min", last);
  if (first !== 0) step("Sub", first);
  return value;
};

const emitGather = (emission: Emission, operator: OperatorOf<"GATHER">): Value => {
  const { graph } = emission;
  const [operand, table] = operator.operands as [Operand, Operand];
  if (table.dtype === "i64") return unavailable("a table of 64-bit numbers");
  const type = ORT_TYPE[operator.dtype];
  const entries = asLookup(operator);
  if (entries !== undefined && operand.count === entries.count && table.count === entries.num) {
    const index = tableIndex(emission, operand, operator.first, operator.num);
    const list = graph.reshape(wholeValue(emission, table), [entries.num]);
    return graph.node({ op: "Gather", inputs: [list, index], type, shape: index.shape });
  }
  const rows = asGatherRows(operator);
  if (rows !== undefined && operand.count === rows.indices && table.count === rows.rows * rows.width) {
    const index = graph.reshape(tableIndex(emission, operand, operator.first, operator.num), [rows.indices]);
    const matrix = graph.reshape(wholeValue(emission, table), [rows.rows, rows.width]);
    return graph.node({ op: "Gather", inputs: [matrix, index], type, shape: [rows.indices, rows.width] });
  }
  return unavailable("a gather of another form");
};

const emitPool = (emission: Emission, operator: OperatorOf<"REDUCE">, operand: Operand): Value | undefined => {
  const pool = asPool2d(operator);
  if (pool === undefined) return undefined;
  const pads = padsOf(pool);
  if (pool.fold !== "MAX" || pads === undefined || (operand.dtype !== "u8" && operand.dtype !== "i8"))
    return unavailable("a pool of another form");
  const [top, left, bottom, right] = pads as [number, number, number, number];
  if (Math.max(top, bottom) >= pool.kernelHeight || Math.max(left, right) >= pool.kernelWidth)
    return unavailable("padding as large as the window");
  const shape = [pool.batch, pool.height, pool.width, pool.channels];
  if (operand.count !== shape.reduce((a, b) => a * b, 1)) return unavailable("a part of a tensor");
  const { graph } = emission;
  return graph.node({
    op: "NhwcMaxPool",
    domain: "com.microsoft",
    inputs: [graph.reshape(wholeValue(emission, operand), shape)],
    type: ORT_TYPE[operand.dtype],
    shape: [pool.batch, pool.outHeight, pool.outWidth, pool.channels],
    attributes: {
      kernel_shape: [pool.kernelHeight, pool.kernelWidth],
      strides: [pool.strideY, pool.strideX],
      dilations: [pool.dilationY, pool.dilationX],
      pads,
    },
  });
};

/** Type in which a sum is exact: every partial sum fits. */
const sumType = ({ lo, hi }: Interval, reads: number): OrtType =>
  reads * Math.max(Math.abs(lo), Math.abs(hi)) < 2 ** 31 ? "int32" : "int64";

const emitReduce = (emission: Emission, operator: OperatorOf<"REDUCE">): Value => {
  const { graph, program } = emission;
  const [operand] = operator.operands as [Operand];
  const pool = emitPool(emission, operator, operand);
  if (pool !== undefined) return pool;
  const along = asReduceAxes(operator);
  if (along === undefined || operand.count !== along.extents.reduce((a, b) => a * b, 1))
    return unavailable("a reduction of another form");
  const x = graph.reshape(wholeValue(emission, operand), along.extents);
  const type = ORT_TYPE[operator.dtype];
  const shape = along.extents.filter((_, x) => !along.axes.includes(x));
  if (operator.fold === "ARGMAX") {
    const [axis] = along.axes;
    if (along.axes.length !== 1 || axis === undefined || x.type === "int64")
      return unavailable("an index over several axes");
    const attributes = { axis, keepdims: 0, select_last_index: 0 };
    const at = graph.node({ op: "ArgMax", inputs: [x], type: "int64", shape, attributes });
    return graph.cast(at, "int32");
  }
  const axes = graph.integers(along.axes);
  const reduce = (op: string, value: Value): Value =>
    graph.node({ op, inputs: [value, axes], type: value.type, shape, attributes: { keepdims: 0 } });
  if (operator.fold !== "SUM") {
    if (x.type === "int64") return unavailable("int64 maxima compare wrongly on x86");
    return reduce(operator.fold === "MAX" ? "ReduceMax" : "ReduceMin", x);
  }
  const reads = operator.reduction.reduce((a, b) => a * b, 1);
  return graph.cast(
    reduce("ReduceSum", graph.cast(x, sumType(intervalOfSource(program, operand.source), reads))),
    type,
  );
};

/** Where an operator may read beyond a tensor's ends or fold nothing, no node says what it computes. */
const checkReads = (operator: Operator): void => {
  if (!operator.operands.every((_, j) => readsInside(operator, j))) unavailable("reads beyond a tensor's ends");
  if (operator.kind === "REDUCE" && !foldsSomething(operator)) unavailable("a fold of nothing");
};

/** The value of a unit's output. KERNEL_UNAVAILABLE when no exact kernel has its form. */
const emitUnit = (emission: Emission, { operators, contraction }: Unit): Value => {
  for (const index of operators) checkReads(emission.program.operators[index] as Operator);
  const last = emission.program.operators[operators.at(-1) as number] as Operator;
  if (contraction !== undefined)
    return last.kind === "MAP"
      ? emitContraction(emission, contraction, last, operators.at(-2))
      : emitContraction(emission, contraction);
  switch (last.kind) {
    case "MOVE":
      return emitMove(emission, last);
    case "GATHER":
      return emitGather(emission, last);
    case "REDUCE":
      return emitReduce(emission, last);
    case "MAP":
      return emitMap(emission, last);
    default:
      return unavailable(`${last.kind} runs on its own loop`);
  }
};

export type SegmentPort = { readonly operator: number; readonly name: string; readonly shape: readonly number[] };
export type Segment = {
  readonly model: Uint8Array;
  readonly inputs: readonly SegmentPort[];
  readonly outputs: readonly SegmentPort[];
  readonly nodes: number;
};

/** One graph of units (in order); `wanted` are the operators whose outputs leave it. */
export const emitSegment = (program: Program, units: readonly Unit[], wanted: readonly number[]): Segment => {
  const graph = createGraph();
  const values = new Map<number, Value>();
  const inputs: SegmentPort[] = [];
  const emission: Emission = {
    program,
    graph,
    valueOf(index) {
      let value = values.get(index);
      if (value === undefined) {
        const operator = program.operators[index] as Operator;
        const shape = operator.output;
        value = graph.input(`x${index}`, ORT_TYPE[operator.dtype], shape);
        inputs.push({ operator: index, name: value.name, shape });
        values.set(index, value);
      }
      return value;
    },
  };
  const computed = new Set<string>();
  for (const unit of units) {
    const value = emitUnit(emission, unit);
    values.set(unit.operators.at(-1) as number, value);
  }
  const outputs = wanted.map((operator): SegmentPort => {
    let value = values.get(operator) as Value;
    // A name leaves the graph once, and never is an input or a constant of it.
    if (computed.has(value.name) || !value.name.startsWith("v"))
      value = graph.node({ op: "Identity", inputs: [value], type: value.type, shape: value.shape });
    computed.add(value.name);
    graph.output(value);
    return { operator, name: value.name, shape: value.shape };
  });
  return { model: graph.encode(), inputs, outputs, nodes: graph.nodeCount() };
};

/** Number of nodes a unit becomes; undefined when no exact kernel has its form. Constants are not made. */
export const nodesOf = (program: Program, unit: Unit): number | undefined => {
  const graph = createGraph();
  const values = new Map<number, Value>();
  const input = (index: number): Value => {
    const operator = program.operators[index] as Operator;
    const value = values.get(index) ?? graph.input(`x${index}`, ORT_TYPE[operator.dtype], operator.output);
    values.set(index, value);
    return value;
  };
  try {
    emitUnit({ program, graph, valueOf: input }, unit);
    return graph.nodeCount();
  } catch (error) {
    if (isUnavailable(error)) return undefined;
    throw error;
  }
};
