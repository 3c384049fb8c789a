import {
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  TensorProto_DataType as T,
  type TensorProto,
  type ValueInfoProto,
} from "../../onnx-proto/onnx_pb.ts";
import { type Element, sizeOf } from "./expression.ts";
import { type Refusal, refuse } from "./refusal.ts";

/** An ONNX graph in plain terms: names, element types, dimensions, attributes read by name. */

const ELEMENTS: Readonly<Record<number, Element>> = {
  [T.FLOAT]: "float32",
  [T.UINT8]: "uint8",
  [T.INT8]: "int8",
  [T.INT32]: "int32",
  [T.INT64]: "int64",
  [T.BOOL]: "bool",
  [T.UINT16]: "uint16",
  [T.INT16]: "int16",
  [T.UINT32]: "uint32",
  [T.UINT64]: "uint64",
  [T.FLOAT16]: "float16",
  [T.DOUBLE]: "float64",
};
/** The element type with ONNX's number; undefined for those that no operator here takes. */
export const elementOf = (code: number): Element | undefined => ELEMENTS[code];

/** A constant tensor; integers and floats as doubles (an integer beyond 2^53 is rounded, and refused where it counts). */
export type TensorConstant = {
  readonly element: Element;
  readonly shape: readonly number[];
  readonly data: Float64Array;
};

/** A fixed extent, or the name of a free one ("" when it has none). */
export type Dimension = number | string;
export type Declared = {
  readonly name: string;
  readonly element: Element | undefined;
  /** undefined: of unknown rank. */
  readonly shape: readonly Dimension[] | undefined;
  /** What the model calls the type, for messages. */
  readonly type: string;
};

export type GraphNode = {
  /** Its own name, or the name of its first output. */
  readonly name: string;
  /** "Conv", "com.microsoft.QGemm". */
  readonly operator: string;
  readonly opset: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeProto>;
};

export type Graph = {
  readonly name: string;
  readonly opsets: ReadonlyMap<string, number>;
  readonly inputs: readonly Declared[];
  readonly outputs: readonly Declared[];
  readonly initializers: ReadonlyMap<string, TensorProto>;
  readonly nodes: readonly GraphNode[];
};

const f16 = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
};

const BYTES: Record<Element, number> = {
  float32: 4,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  uint64: 8,
  float16: 2,
  float64: 8,
};
const READ: Record<Element, (view: DataView, at: number) => number> = {
  float32: (view, at) => view.getFloat32(at, true),
  float64: (view, at) => view.getFloat64(at, true),
  float16: (view, at) => f16(view.getUint16(at, true)),
  uint8: (view, at) => view.getUint8(at),
  bool: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
  int8: (view, at) => view.getInt8(at),
  uint16: (view, at) => view.getUint16(at, true),
  int16: (view, at) => view.getInt16(at, true),
  uint32: (view, at) => view.getUint32(at, true),
  int32: (view, at) => view.getInt32(at, true),
  int64: (view, at) => Number(view.getBigInt64(at, true)),
  uint64: (view, at) => Number(view.getBigUint64(at, true)),
};

/** Elements of a TensorProto. Refuses types without numbers (O3) and data of another length than its shape (O8). */
export const readTensor = (tensor: TensorProto): TensorConstant => {
  const element = elementOf(tensor.dataType);
  if (element === undefined) return refuse("O3", `tensor ${tensor.name} is of element type ${tensor.dataType}`);
  const shape = tensor.dims.map(Number);
  if (shape.some((extent) => extent < 0)) return refuse("O8", `tensor ${tensor.name} has the shape [${shape}]`);
  const count = sizeOf(shape);
  if (!Number.isSafeInteger(count) || count > 2 ** 28)
    return refuse("O10", `tensor ${tensor.name} has ${count} elements`);
  const data = new Float64Array(count);
  const wrong = (): never => refuse("O8", `tensor ${tensor.name} does not hold its ${count} elements`);
  if (tensor.rawData.length > 0) {
    if (tensor.rawData.length !== count * BYTES[element]) return wrong();
    const { buffer, byteOffset, length } = tensor.rawData;
    const view = new DataView(buffer, byteOffset, length);
    for (let i = 0; i < count; i++) data[i] = READ[element](view, i * BYTES[element]);
    return { element, shape, data };
  }
  const list: readonly (number | bigint)[] =
    element === "float32"
      ? tensor.floatData
      : element === "float64"
        ? tensor.doubleData
        : element === "int64"
          ? tensor.int64Data
          : element === "uint64" || element === "uint32"
            ? tensor.uint64Data
            : tensor.int32Data;
  if (list.length !== count) return wrong();
  for (let i = 0; i < count; i++) {
    const value = Number(list[i]);
    data[i] = element === "float16" ? f16(value) : element === "bool" ? Number(value !== 0) : value;
  }
  return { element, shape, data };
};

const declared = (info: ValueInfoProto): Declared => {
  const value = info.type?.value;
  if (value?.case !== "tensorType")
    return { name: info.name, element: undefined, shape: undefined, type: value?.case ?? "nothing" };
  const { elemType, shape } = value.value;
  return {
    name: info.name,
    element: elementOf(elemType),
    type: elementOf(elemType) ?? `element type ${elemType}`,
    shape: shape?.dim.map(({ value: dim }) => {
      if (dim.case !== "dimValue") return dim.case === "dimParam" ? dim.value : "";
      const extent = Number(dim.value);
      return extent < 0 ? "" : extent;
    }),
  };
};

const nodeOf = (node: NodeProto, opsets: ReadonlyMap<string, number>): GraphNode => {
  const domain = node.domain === "ai.onnx" ? "" : node.domain;
  return {
    name: node.name !== "" ? node.name : (node.output.find((name) => name !== "") ?? ""),
    operator: domain === "" ? node.opType : `${domain}.${node.opType}`,
    opset: opsets.get(domain) ?? 0,
    inputs: node.input,
    outputs: node.output,
    attributes: new Map(node.attribute.map((attribute) => [attribute.name, attribute])),
  };
};

const OPSET = { first: 1, last: 26 };
/** Before opset 7, broadcasting and inference mode were attributes. */
const OLD = { opset: 7, attributes: ["broadcast", "is_test"], operators: ["BatchNormalization", "Dropout"] };

/** Nodes so that each comes after what it reads; the model's own order where that holds. Those of a cycle are left out. */
const sorted = (nodes: readonly GraphNode[], given: ReadonlySet<string>): GraphNode[] => {
  const known = new Set(given);
  const waiting = new Map<string, GraphNode[]>();
  const missing = new Map<GraphNode, number>();
  const ready: GraphNode[] = [];
  const out: GraphNode[] = [];
  const release = (first: GraphNode): void => {
    ready.push(first);
    for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
      out.push(node);
      for (const name of node.outputs) {
        known.add(name);
        for (const reader of (waiting.get(name) ?? []).toReversed()) {
          const left = (missing.get(reader) ?? 0) - 1;
          missing.set(reader, left);
          if (left === 0) ready.push(reader);
        }
        waiting.delete(name);
      }
    }
  };
  for (const node of nodes) {
    const wanted = new Set(node.inputs.filter((name) => name !== "" && !known.has(name)));
    for (const name of wanted) waiting.set(name, [...(waiting.get(name) ?? []), node]);
    missing.set(node, wanted.size);
    if (wanted.size === 0) release(node);
  }
  return out;
};

/** Structure of the model; what is wrong with it as a whole goes to `refusals`. */
export const readGraph = (model: ModelProto, refusals: Refusal[]): Graph => {
  const graph = model.graph as GraphProto;
  const opsets = new Map(
    model.opsetImport.map(({ domain, version }) => [domain === "ai.onnx" ? "" : domain, Number(version)]),
  );
  const complain = (constraint: Refusal["constraint"], reason: string, node = graph.name): void => {
    refusals.push({ node, operator: "model", constraint, reason });
  };
  const version = opsets.get("") ?? 0;
  if (opsets.size === 0 || (opsets.has("") && (version < OPSET.first || version > OPSET.last)))
    complain("O1", `ai.onnx at opset ${version}`);
  if (graph.sparseInitializer.length > 0) complain("O3", "sparse initializers");
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const inputs = graph.input.filter(({ name }) => !initializers.has(name)).map(declared);
  const known = new Set([...initializers.keys(), ...inputs.map(({ name }) => name)]);
  if (known.size !== initializers.size + inputs.length) complain("O8", "two inputs have one name");
  const given = graph.node.map((node) => nodeOf(node, opsets));
  const nodes = sorted(given, known);
  for (const node of nodes.length < given.length ? given : [])
    if (!nodes.includes(node))
      refusals.push({
        operator: node.operator,
        node: node.name,
        constraint: "O8",
        reason: "an input is never defined",
      });
  for (const node of nodes) {
    const old = node.opset < OLD.opset && !node.operator.includes(".");
    if (old && (OLD.attributes.some((name) => node.attributes.has(name)) || OLD.operators.includes(node.operator)))
      refusals.push({ operator: node.operator, node: node.name, constraint: "O5", reason: "its form before opset 7" });
    for (const name of node.outputs) {
      if (name === "") continue;
      if (known.has(name))
        refusals.push({
          operator: node.operator,
          node: node.name,
          constraint: "O8",
          reason: `${name} is defined twice`,
        });
      known.add(name);
    }
  }
  const outputs = graph.output.map(declared);
  for (const { name } of outputs) if (!known.has(name)) complain("O8", `output ${name} is not defined`, name);
  if (outputs.length === 0) complain("O8", "the graph has no output");
  return { name: graph.name, opsets, inputs, outputs, initializers, nodes };
};

/** Inputs of the model that a tensor's elements depend on; its shape alone needs none. */
export const sourcesOf = (graph: Graph, tensor: string): string[] => {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const seen = new Set<string>();
  const queue = [tensor];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (name === "" || seen.has(name)) continue;
    seen.add(name);
    const node = producers.get(name);
    if (node !== undefined && node.operator !== "Shape" && node.operator !== "Size") queue.push(...node.inputs);
  }
  return graph.inputs.map(({ name }) => name).filter((name) => seen.has(name));
};
