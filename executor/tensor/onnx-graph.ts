import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataType,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "../onnx-proto/onnx_pb.ts";

/** Writes one ONNX graph. Values are names with a type and a shape; constants are made only when the model is encoded. */

export type OrtType = "uint8" | "int8" | "int32" | "int64" | "float32" | "bool";

const DATA_TYPE = {
  uint8: TensorProto_DataType.UINT8,
  int8: TensorProto_DataType.INT8,
  int32: TensorProto_DataType.INT32,
  int64: TensorProto_DataType.INT64,
  float32: TensorProto_DataType.FLOAT,
  bool: TensorProto_DataType.BOOL,
} as const satisfies Record<OrtType, number>;

export type OrtArray = Uint8Array | Int8Array | Int32Array | BigInt64Array | Float32Array;

/** A value of the graph: row-major elements of `shape`. */
export type Value = { readonly name: string; readonly type: OrtType; readonly shape: readonly number[] };

export type Attributes = Readonly<Record<string, number | readonly number[]>>;

export type NodeSpec = {
  readonly op: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly type: OrtType;
  readonly shape: readonly number[];
  readonly attributes?: Attributes;
  readonly domain?: "com.microsoft";
};

const OPSET = 19n;
const IR_VERSION = 9n;

const attributesOf = (attributes: Attributes): MessageInitShape<typeof AttributeProtoSchema>[] =>
  Object.entries(attributes).map(([name, value]) =>
    typeof value === "number"
      ? { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) }
      : { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) },
  );

export const sizeOfShape = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export const createGraph = () => {
  const nodes: MessageInitShape<typeof NodeProtoSchema>[] = [];
  const constants: { readonly value: Value; readonly data: () => OrtArray }[] = [];
  const constantByKey = new Map<string, Value>();
  const inputs: MessageInitShape<typeof ValueInfoProtoSchema>[] = [];
  const outputs: MessageInitShape<typeof ValueInfoProtoSchema>[] = [];
  const reshaped = new Map<string, Value>();
  let next = 0;

  const info = ({ name, type, shape }: Value): MessageInitShape<typeof ValueInfoProtoSchema> => ({
    name,
    type: {
      value: {
        case: "tensorType",
        value: {
          elemType: DATA_TYPE[type],
          shape: { dim: shape.map((extent) => ({ value: { case: "dimValue", value: BigInt(extent) } })) },
        },
      },
    },
  });

  const node = ({ op, inputs: from, type, shape, attributes = {}, domain }: NodeSpec): Value => {
    const value = { name: `v${next++}`, type, shape };
    nodes.push({
      opType: op,
      input: from.map((input) => input?.name ?? ""),
      output: [value.name],
      attribute: attributesOf(attributes),
      domain: domain ?? "",
    });
    return value;
  };

  /** `key` names the content: constants with one key are stored once. */
  const constant = (key: string, type: OrtType, shape: readonly number[], data: () => OrtArray): Value => {
    const whole = `${key}:${type}:${shape.join("x")}`;
    let value = constantByKey.get(whole);
    if (value === undefined) {
      value = { name: `c${constants.length}`, type, shape };
      constants.push({ value, data });
      constantByKey.set(whole, value);
    }
    return value;
  };

  const scalar = (type: OrtType, number: number): Value =>
    constant(`scalar ${Object.is(number, -0) ? 0 : number}`, type, [], () => arrayOf(type, [number + 0]));

  const integers = (list: readonly number[]): Value =>
    constant(`list ${list.join(" ")}`, "int64", [list.length], () => arrayOf("int64", list));

  return {
    node,
    constant,
    scalar,
    integers,
    input(name: string, type: OrtType, shape: readonly number[]): Value {
      const value = { name, type, shape };
      inputs.push(info(value));
      return value;
    },
    /** Makes a value an output of the graph. */
    output(value: Value): void {
      outputs.push(info(value));
    },
    /** The same elements under another shape. */
    reshape(value: Value, shape: readonly number[]): Value {
      if (value.shape.length === shape.length && value.shape.every((extent, x) => extent === shape[x])) return value;
      const key = `${value.name}:${shape.join("x")}`;
      let found = reshaped.get(key);
      if (found === undefined) {
        found = node({ op: "Reshape", inputs: [value, integers(shape)], type: value.type, shape });
        reshaped.set(key, found);
      }
      return found;
    },
    cast(value: Value, type: OrtType): Value {
      if (value.type === type) return value;
      return node({
        op: "Cast",
        inputs: [value],
        type,
        shape: value.shape,
        attributes: { to: DATA_TYPE[type] },
      });
    },
    nodeCount: (): number => nodes.length,
    encode(): Uint8Array {
      const initializer = constants.map(({ value, data }): MessageInitShape<typeof TensorProtoSchema> => {
        const array = data();
        return {
          name: value.name,
          dims: value.shape.map(BigInt),
          dataType: DATA_TYPE[value.type],
          rawData: new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
        };
      });
      const model = create(ModelProtoSchema, {
        irVersion: IR_VERSION,
        graph: { name: "segment", node: nodes, initializer, input: inputs, output: outputs },
        opsetImport: [
          { domain: "", version: OPSET },
          { domain: "com.microsoft", version: 1n },
        ],
      });
      return toBinary(ModelProtoSchema, model);
    },
  };
};
export type Graph = ReturnType<typeof createGraph>;

/** Numbers as an array of an onnxruntime type. */
export const arrayOf = (type: OrtType, data: ArrayLike<number>): OrtArray => {
  switch (type) {
    case "uint8":
    case "bool":
      return Uint8Array.from(data);
    case "int8":
      return Int8Array.from(data);
    case "int32":
      return Int32Array.from(data);
    case "float32":
      return Float32Array.from(data);
    case "int64": {
      const out = new BigInt64Array(data.length);
      for (let i = 0; i < out.length; i++) out[i] = BigInt(data[i] as number);
      return out;
    }
  }
};
