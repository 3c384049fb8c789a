import { create, toBinary } from "@bufbuild/protobuf";
import { InferenceSession, Tensor } from "onnxruntime-node";
import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  ModelProtoSchema,
} from "../onnx-proto/onnx_pb.ts";
import { packTensor, paddedBytes, unpackTensor } from "../tensor/elements.ts";
import { createEngine } from "../tensor/engine.ts";
import { run as runReference } from "../tensor/reference.ts";
import type { Element } from "./emit/expression.ts";
import type { Imported } from "./import.ts";

/** Small ONNX models for tests, and what onnxruntime, the reference and the fast engine make of them. */

export type Array1 = ArrayLike<number>;
export type Given = { readonly element: Element; readonly shape: readonly number[]; readonly data: Array1 };
export type Port = { readonly name: string; readonly element: Element; readonly shape: readonly (number | string)[] };
export type Attribute = number | string | readonly number[] | { readonly float: number };
export type NodeSketch = {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly name?: string;
};
export type Sketch = {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly nodes: readonly NodeSketch[];
  readonly constants?: Readonly<Record<string, Given>>;
  readonly opset?: number;
};

export const tensor = (element: Element, shape: readonly number[], data: Array1): Given => ({ element, shape, data });
export const one = (element: Element, value: number): Given => tensor(element, [], [value]);

/** ONNX's number of an element type. */
const CODE: Readonly<Record<Element, number>> = {
  float32: DataType.FLOAT,
  uint8: DataType.UINT8,
  int8: DataType.INT8,
  int32: DataType.INT32,
  int64: DataType.INT64,
  bool: DataType.BOOL,
  uint16: DataType.UINT16,
  int16: DataType.INT16,
  uint32: DataType.UINT32,
  uint64: DataType.UINT64,
  float16: DataType.FLOAT16,
  float64: DataType.DOUBLE,
};

const attribute = (name: string, value: Attribute) => {
  if (typeof value === "number") return { name, type: AttributeType.INT, i: BigInt(value) };
  if (typeof value === "string") return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if ("float" in value) return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.INTS, ints: value.map(BigInt) };
};

const port = ({ name, element, shape }: Port) => ({
  name,
  type: {
    value: {
      case: "tensorType" as const,
      value: {
        elemType: CODE[element],
        shape: {
          dim: shape.map((extent) => ({
            value:
              typeof extent === "number"
                ? { case: "dimValue" as const, value: BigInt(extent) }
                : { case: "dimParam" as const, value: extent },
          })),
        },
      },
    },
  },
});

const initializer = (name: string, { element, shape, data }: Given) => {
  const values = Array.from(data);
  const base = { name, dims: shape.map(BigInt), dataType: CODE[element] };
  if (element === "float32") return { ...base, floatData: values };
  if (element === "float64") return { ...base, doubleData: values };
  return element === "int64" ? { ...base, int64Data: values.map(BigInt) } : { ...base, int32Data: values };
};

export const modelOf = ({ inputs, outputs, nodes, constants = {}, opset = 21 }: Sketch): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [
        { domain: "", version: BigInt(opset) },
        { domain: "com.microsoft", version: 1n },
      ],
      graph: {
        name: "sketch",
        node: nodes.map(({ operator, inputs: from, outputs: to, attributes = {}, name = "" }) => {
          const dot = operator.lastIndexOf(".");
          return {
            name,
            domain: operator.slice(0, Math.max(dot, 0)),
            opType: operator.slice(dot + 1),
            input: [...from],
            output: [...to],
            attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
          };
        }),
        input: inputs.map(port),
        output: outputs.map(port),
        initializer: Object.entries(constants).map(([name, given]) => initializer(name, given)),
      },
    }),
  );

const ARRAYS = {
  float32: Float32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  bool: Uint8Array,
} as const;

/** Outputs of onnxruntime without optimisation, in the graph's order. */
export const onOnnxruntime = async (model: Uint8Array, feeds: Readonly<Record<string, Given>>): Promise<number[][]> => {
  const session = await InferenceSession.create(model, {
    graphOptimizationLevel: "disabled",
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  const tensors = Object.entries(feeds).map(([name, { element, shape, data }]): [string, Tensor] => {
    if (element === "int64") return [name, new Tensor("int64", BigInt64Array.from(Array.from(data), BigInt), shape)];
    const array = ARRAYS[element as keyof typeof ARRAYS].from(Array.from(data));
    return [name, new Tensor(element as "float32", array as Float32Array, shape)];
  });
  const results = await session.run(Object.fromEntries(tensors));
  await session.release();
  return session.outputNames.map((name) =>
    Array.from((results[name] as Tensor).data as ArrayLike<number | bigint>, Number),
  );
};

export const packCall = ({ report }: Imported, feeds: Readonly<Record<string, Given>>): Uint8Array => {
  const parts = report.inputs.map(({ name, dtype, shape }) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const padded = new Uint8Array(paddedBytes(dtype, count));
    padded.set(packTensor(dtype, feeds[name]?.data ?? new Float64Array(count)));
    return padded;
  });
  return new Uint8Array(Buffer.concat(parts));
};

export const unpackAnswer = ({ report }: Imported, output: Uint8Array): number[][] => {
  let offset = 0;
  return report.outputs.map(({ dtype, shape }) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const values = Array.from(unpackTensor(dtype, count, output.subarray(offset)));
    offset += paddedBytes(dtype, count);
    return values;
  });
};

/** Outputs of the imported program; throws when the fast engine differs from the reference in a bit. */
export const onProgram = async (imported: Imported, feeds: Readonly<Record<string, Given>>): Promise<number[][]> => {
  const input = packCall(imported, feeds);
  const engine = await createEngine(imported.program);
  const fast = await engine.run(input);
  await engine.stop();
  if (fast === undefined) throw new Error("the call is refused");
  const slow = runReference(imported.program, input).output;
  if (Buffer.compare(fast, slow) !== 0) throw new Error("fast differs from reference");
  return unpackAnswer(imported, fast);
};
