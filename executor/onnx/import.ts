import { hasCode } from "../foundation/errors.ts";
import { denseStrides } from "../tensor/address.ts";
import { DTYPES, type Interval, type Program } from "../tensor/program.ts";
import { createContext, tensorOf } from "./emit/context.ts";
import { type DecodeLimits, decodeModel } from "./emit/decode.ts";
import { createEmitter, type Emitter } from "./emit/emitter.ts";
import {
  type Element,
  type Expr,
  isConstant,
  isFloat,
  type Leaf,
  leafOf,
  leavesOf,
  nodesOf,
  rangeOf,
  STORED,
  type Storage,
  scaledOf,
  sizeOf,
  type Value,
} from "./emit/expression.ts";
import {
  type Declared,
  type Graph,
  type GraphNode,
  readGraph,
  readTensor,
  sourcesOf,
  type TensorConstant,
} from "./emit/graph.ts";
import { encodeMeta, type TensorSchema } from "./emit/meta.ts";
import { type Constraint, type Refusal, refusal, refusedWith } from "./emit/refusal.ts";
import { createStores, type Stores } from "./emit/storage.ts";
import { known } from "./lower/movement.ts";
import { LOWERINGS } from "./lower/table.ts";

/** A float32 input without a declared or derivable range. */
const DEFAULT_RANGE: Interval = { lo: -1e6, hi: 1e6 };

/** A program has an input: a model that needs none takes one byte that it ignores. */
export const UNUSED_INPUT = "unused";

export type ImportOptions = {
  /** Name in the program's metadata; the graph's own by default. */
  readonly name?: string;
  readonly licence?: string;
  /**
   * What each input may hold; a call with another element is refused. Defaults: for a float32 that is only quantised,
   * what quantises without saturation; for another float32 [-1e6, 1e6]; for an integer its type.
   */
  readonly ranges?: Readonly<Record<string, Interval>>;
  /** Extents of the model's named or nameless free dimensions; a nameless one is "input:axis". */
  readonly dimensions?: Readonly<Record<string, number>>;
  /** Inputs that become constants of the program: shapes, axes, pads. */
  readonly freeze?: Readonly<Record<string, TensorConstant>>;
  readonly limits?: Partial<DecodeLimits>;
};

export type ImportReport = {
  readonly inputs: readonly (TensorSchema & { readonly range: Interval })[];
  readonly outputs: readonly TensorSchema[];
  /** Where the program is defined and ONNX is not, by node. */
  readonly notes: readonly { readonly node: string; readonly note: string }[];
  /** Nodes of the model by operator. */
  readonly operators: Readonly<Record<string, number>>;
};

export type Imported = { readonly program: Program; readonly report: ImportReport };

const MAX_NODES = 65_536;
const MAX_ELEMENTS = 2 ** 26;
const MAX_RANK = 8;
/** Expressions up to this many instructions on one view are computed again for each reader. */
const CHEAP = 4;

const reasonOf = (error: unknown, graph: Graph): Pick<Refusal, "constraint" | "reason" | "inputs"> => {
  if (!hasCode(error, "ONNX_REFUSED") && !hasCode(error, "PROGRAM_MALFORMED")) throw error;
  const { data, message } = error;
  const tensor = data["tensor"] as string | undefined;
  return {
    constraint: data["constraint"] as Constraint,
    reason: message,
    ...(tensor === undefined ? {} : { inputs: sourcesOf(graph, tensor) }),
  };
};

/** Extents of an input, its free dimensions bound. */
const shapeOf = ({ name, shape }: Declared, options: ImportOptions): number[] => {
  if (shape === undefined) throw refusal("O4", "its rank is not declared");
  return shape.map((extent, axis) => {
    const bound =
      typeof extent === "number" ? extent : options.dimensions?.[extent === "" ? `${name}:${axis}` : extent];
    if (bound === undefined) throw refusal("O4", `dimension ${extent === "" ? axis : extent} is not bound`);
    if (!Number.isSafeInteger(bound) || bound < 1) throw refusal("O4", `dimension ${axis} is ${bound}`, name);
    return bound;
  });
};

const checkShape = (shape: readonly number[]): void => {
  if (!shape.every(Number.isSafeInteger)) throw refusal("O8", `the shape [${shape}]`);
  if (shape.length > MAX_RANK) throw refusal("O4", `rank ${shape.length}`);
  if (sizeOf(shape) > MAX_ELEMENTS) throw refusal("O10", `${sizeOf(shape)} elements`);
  if (shape.some((extent) => extent < 1)) throw refusal("O4", `an empty tensor [${shape}]`);
};

/** What quantises without saturation, if all that reads an input is QuantizeLinear by one constant scale. */
const quantisedRange = (graph: Graph, name: string): Interval | undefined => {
  const readers = graph.nodes.filter(({ inputs }) => inputs.includes(name));
  const constantAt = (label: string | undefined): TensorConstant | undefined => {
    const tensor = label === undefined ? undefined : graph.initializers.get(label);
    return tensor === undefined ? undefined : readTensor(tensor);
  };
  let range: Interval | undefined;
  for (const { operator, inputs } of readers) {
    const scale = constantAt(inputs[1]);
    const zero = constantAt(inputs[2]);
    if (operator !== "QuantizeLinear" || inputs[0] !== name || scale?.data.length !== 1) return undefined;
    const step = scale.data[0] as number;
    const point = zero?.data[0] ?? 0;
    const { lo, hi } = zero?.element === "int8" ? DTYPES.i8 : DTYPES.u8;
    const own = { lo: Math.fround((lo - point - 0.5) * step), hi: Math.fround((hi - point + 0.5) * step) };
    range = range === undefined ? own : { lo: Math.max(range.lo, own.lo), hi: Math.min(range.hi, own.hi) };
  }
  return range;
};

const rangeOfInput = (graph: Graph, name: string, element: Element, options: ImportOptions): Interval => {
  const given = options.ranges?.[name];
  if (given !== undefined) {
    const round = isFloat(element) ? Math.fround : Math.trunc;
    const { lo, hi } = { lo: round(given.lo) + 0, hi: round(given.hi) + 0 };
    const widest = rangeOf(element);
    if (!(lo <= hi && lo >= widest.lo && hi <= widest.hi)) throw refusal("C9", `the range ${given.lo}..${given.hi}`);
    return { lo, hi };
  }
  return isFloat(element) ? (quantisedRange(graph, name) ?? DEFAULT_RANGE) : rangeOf(element);
};

/** Stores what several nodes read, unless it is as cheap to compute again. */
const settle = (emitter: Emitter, value: Value, readers: number): Value => {
  const expr = emitter.fold(value.expr, value.shape);
  const nodes = nodesOf(expr).filter(({ kind }) => kind === "apply").length;
  const cheap = nodes <= CHEAP && leavesOf(expr).filter(({ storage }) => storage.constant === undefined).length <= 1;
  const keep = readers <= 1 || cheap || isConstant(expr) || scaledOf(expr) !== undefined;
  return { ...value, expr: keep ? expr : emitter.view(expr, value.shape) };
};

const lowerNode = (
  node: GraphNode,
  values: Map<string, Value | undefined>,
  emitter: Emitter,
  readers: ReadonlyMap<string, number>,
  { note, isInput }: { readonly note: (text: string) => void; readonly isInput: (name: string) => boolean },
): void => {
  const lowering = LOWERINGS[node.operator];
  if (lowering === undefined) throw refusal("O2", `operator ${node.operator} has no lowering`);
  if (node.operator.includes(".") && node.opset === 0)
    throw refusal("O1", `the domain of ${node.operator} has no version`);
  const operands = node.inputs.map((name) => (name === "" ? undefined : values.get(name)));
  const missing = node.inputs.some((name, j) => name !== "" && operands[j] === undefined);
  if (missing) return;
  const results = lowering(createContext(node, operands, emitter, note, isInput));
  for (const [j, name] of node.outputs.entries()) {
    if (name === "") continue;
    const value = results[j];
    if (value === undefined) throw refusal("O5", `output ${j} of ${node.operator}`);
    if (!isConstant(value.expr)) checkShape(value.shape);
    values.set(name, settle(emitter, value, readers.get(name) ?? 0));
  }
};

/** A graph output as a tensor of its own: row-major, of its declared type. */
const outputOf = (emitter: Emitter, value: Value): Storage => {
  const dtype = STORED[value.element];
  if (dtype === undefined) throw refusal("O3", `an output of ${value.element}`);
  checkShape(value.shape);
  const { lo, hi } = rangeOf(value.element);
  if (value.expr.interval.lo < lo || value.expr.interval.hi > hi)
    throw refusal("C9", `an output reaches ${value.expr.interval.lo}..${value.expr.interval.hi}`);
  const leaf = emitter.rowMajor(value.expr, value.shape, { dtype });
  const whole = leaf.base === 0 && leaf.storage.count === sizeOf(value.shape);
  return whole && leaf.storage.constant === undefined ? leaf.storage : copied(emitter, leaf, value.shape).storage;
};
const copied = (emitter: Emitter, leaf: Leaf, shape: readonly number[]): Leaf =>
  emitter.materialise(leaf, shape, { order: shape.map((_, x) => x) });

const countOperators = (graph: Graph): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { operator } of graph.nodes) counts[operator] = (counts[operator] ?? 0) + 1;
  return counts;
};

/** Inputs of the call, frozen inputs and initializers, by name. */
const readInputs = (
  graph: Graph,
  options: ImportOptions,
  { stores, emitter }: { readonly stores: Stores; readonly emitter: Emitter },
  refusals: Refusal[],
): { values: Map<string, Value | undefined>; inputs: (TensorSchema & { range: Interval })[] } => {
  const values = new Map<string, Value | undefined>();
  const inputs: (TensorSchema & { range: Interval })[] = [];
  const attempt = (name: string, operator: string, read: () => void): void => {
    try {
      read();
    } catch (error) {
      refusals.push({ node: name, operator, ...reasonOf(error, graph) });
      values.set(name, undefined);
    }
  };
  for (const [name, tensor] of graph.initializers)
    attempt(name, "initializer", () => {
      const { element, shape, data } = readTensor(tensor);
      values.set(name, known(emitter, element, shape, data));
    });
  for (const input of graph.inputs)
    attempt(input.name, "input", () => {
      const frozen = options.freeze?.[input.name];
      if (frozen !== undefined) {
        values.set(input.name, known(emitter, frozen.element, frozen.shape, frozen.data));
        return;
      }
      const { name, element } = input;
      const dtype = element === undefined ? undefined : STORED[element];
      if (element === undefined || dtype === undefined) throw refusal("O3", `input of type ${input.type}`);
      const shape = shapeOf(input, options);
      checkShape(shape);
      const range = rangeOfInput(graph, name, element, options);
      const storage = stores.input(dtype, sizeOf(shape), range);
      const expr: Expr = leafOf(storage, denseStrides(shape));
      values.set(name, tensorOf(element, shape, expr));
      inputs.push({ name, element, dtype, shape, range });
    });
  if (inputs.length === 0) {
    stores.input("u8", 1, DTYPES.u8);
    inputs.push({ name: UNUSED_INPUT, element: "uint8", dtype: "u8", shape: [1], range: DTYPES.u8 });
  }
  return { values, inputs };
};

const lowerGraph = (
  graph: Graph,
  emitter: Emitter,
  values: Map<string, Value | undefined>,
  { refusals, notes }: { readonly refusals: Refusal[]; readonly notes: { node: string; note: string }[] },
): void => {
  const readers = new Map<string, number>();
  for (const name of [...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ name }) => name)])
    readers.set(name, (readers.get(name) ?? 0) + 1);
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  for (const node of graph.nodes) {
    try {
      lowerNode(node, values, emitter, readers, {
        note: (note) => notes.push({ node: node.name, note }),
        isInput: (name) => inputs.has(name),
      });
    } catch (error) {
      refusals.push({ node: node.name, operator: node.operator, ...reasonOf(error, graph) });
    }
  }
};

/**
 * Lowers an ONNX model to a tensor program of the exact profile. Throws CodedError: ONNX_MALFORMED for bytes that are
 * no model, ONNX_REFUSED with every reason (`refusalsOf`) for one that has no exact lowering.
 */
export const importOnnx = (bytes: Uint8Array, options: ImportOptions = {}): Imported => {
  const model = decodeModel(bytes, options.limits);
  const refusals: Refusal[] = [];
  const graph = readGraph(model, refusals);
  if (graph.nodes.length > MAX_NODES)
    refusals.push({ node: graph.name, operator: "model", constraint: "O10", reason: `${graph.nodes.length} nodes` });
  if (refusals.length > 0) throw refusedWith(refusals);

  const stores = createStores();
  const emitter = createEmitter(stores);
  const { values, inputs } = readInputs(graph, options, { stores, emitter }, refusals);
  const notes: { node: string; note: string }[] = [];
  lowerGraph(graph, emitter, values, { refusals, notes });

  const outputs: TensorSchema[] = [];
  const storages: Storage[] = [];
  for (const { name } of graph.outputs) {
    const value = values.get(name);
    if (value === undefined) continue;
    try {
      storages.push(outputOf(emitter, value));
      outputs.push({ name, element: value.element, dtype: STORED[value.element] ?? "u8", shape: value.shape });
    } catch (error) {
      refusals.push({ node: name, operator: "output", ...reasonOf(error, graph) });
    }
  }
  if (refusals.length > 0) throw refusedWith(refusals);
  const meta = encodeMeta({ name: options.name ?? graph.name, licence: options.licence ?? "", inputs, outputs });
  try {
    const program = stores.finish(storages, meta);
    return { program, report: { inputs, outputs, notes, operators: countOperators(graph) } };
  } catch (error) {
    throw refusedWith([{ node: graph.name, operator: "program", ...reasonOf(error, graph) }]);
  }
};
