import { type DescMessage, fromBinary, ScalarType } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { CodedError, messageOf } from "../../foundation/errors.ts";
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from "../../onnx-proto/onnx_pb.ts";

export type OnnxErrorCode =
  /** The file is no ONNX model. Export it again. */
  | "ONNX_MALFORMED"
  /**
   * The model asks for what is not supported: the message names node, operator and constraint. Change or quantise the
   * model.
   */
  | "ONNX_REFUSED";

export type DecodeLimits = {
  /** Bytes of the file. */
  readonly maxBytes: number;
  /** Messages inside messages; ONNX itself nests a tensor in an attribute of a node of a graph five deep. */
  readonly maxDepth: number;
  /** What decoding allocates, roughly in 16-byte units: 16 a message, 4 a varint of a packed list, 1 a float. */
  readonly maxUnits: number;
};

const DECODE_LIMITS: DecodeLimits = { maxBytes: 2 ** 29, maxDepth: 32, maxUnits: 2 ** 24 };

const malformed = (reason: string, data: Readonly<Record<string, unknown>> = {}, cause?: unknown): never => {
  throw new CodedError<OnnxErrorCode>("ONNX_MALFORMED", `not an ONNX model: ${reason}`, data, cause);
};

/** Allocation units of one occurrence of a field that is `length` bytes long (or a scalar). */
const unitsOf = (scalar: ScalarType | undefined, length: number): number => {
  if (scalar === ScalarType.BYTES || scalar === ScalarType.STRING) return 2;
  if (scalar === ScalarType.FLOAT) return Math.ceil(length / 4);
  if (scalar === ScalarType.DOUBLE) return Math.ceil(length / 8);
  return 4 * Math.max(1, length);
};

/** Walks the wire format once, without building anything, so that a small file cannot ask for a huge heap. */
const scan = (root: DescMessage, bytes: Uint8Array, limits: DecodeLimits): void => {
  const fields = new Map<DescMessage, Map<number, DescMessage["fields"][number]>>();
  let units = 0;
  const spend = (amount: number): void => {
    units += amount;
    if (units > limits.maxUnits) malformed("too many parts", { maxUnits: limits.maxUnits });
  };
  const walk = (schema: DescMessage, from: number, to: number, depth: number): void => {
    if (depth > limits.maxDepth) malformed("nested too deeply", { maxDepth: limits.maxDepth });
    spend(16);
    let known = fields.get(schema);
    if (known === undefined) {
      known = new Map(schema.fields.map((field) => [field.number, field]));
      fields.set(schema, known);
    }
    const reader = new BinaryReader(bytes.subarray(from, to));
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag();
      const field = known.get(number);
      if (wireType !== WireType.LengthDelimited) {
        if (wireType === WireType.StartGroup) malformed("a group", { field: number });
        reader.skip(wireType, number);
        spend(4);
        continue;
      }
      const length = reader.uint32();
      const start = from + reader.pos;
      if (length > reader.len - reader.pos) malformed("a length past the end", { field: number, length });
      if (field?.message !== undefined) walk(field.message, start, start + length, depth + 1);
      else spend(field === undefined ? 2 : unitsOf(field.scalar, length));
      reader.pos += length;
    }
  };
  walk(root, 0, bytes.length, 0);
};

const refuseExternalData = (graph: GraphProto): void => {
  for (const tensor of graph.initializer)
    if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL || tensor.externalData.length > 0)
      malformed(`tensor ${tensor.name} keeps its data in another file`, { tensor: tensor.name });
  for (const node of graph.node)
    for (const attribute of node.attribute) {
      for (const tensor of attribute.t === undefined ? attribute.tensors : [attribute.t])
        if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL || tensor.externalData.length > 0)
          malformed(`node ${node.name} keeps its data in another file`, { node: node.name });
      for (const inner of attribute.g === undefined ? attribute.graphs : [attribute.g]) refuseExternalData(inner);
    }
};

/**
 * Decodes a ModelProto. Bounded in bytes, depth and allocation; a model whose weights lie in other files is refused.
 * Throws CodedError ONNX_MALFORMED.
 */
export const decodeModel = (bytes: Uint8Array, limits: Partial<DecodeLimits> = {}): ModelProto => {
  const bound = { ...DECODE_LIMITS, ...limits };
  if (bytes.length > bound.maxBytes) malformed("too large", { bytes: bytes.length, maxBytes: bound.maxBytes });
  let model: ModelProto;
  try {
    scan(ModelProtoSchema, bytes, bound);
    model = fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false, recursionLimit: bound.maxDepth });
  } catch (error) {
    if (error instanceof CodedError) throw error;
    return malformed(messageOf(error), {}, error);
  }
  if (model.graph === undefined) return malformed("there is no graph");
  refuseExternalData(model.graph);
  return model;
};

/** Decodes a file that holds one TensorProto. Throws CodedError ONNX_MALFORMED. */
export const decodeTensor = (bytes: Uint8Array, limits: Partial<DecodeLimits> = {}): TensorProto => {
  const bound = { ...DECODE_LIMITS, ...limits };
  if (bytes.length > bound.maxBytes) malformed("too large", { bytes: bytes.length, maxBytes: bound.maxBytes });
  try {
    scan(TensorProtoSchema, bytes, bound);
    return fromBinary(TensorProtoSchema, bytes, { readUnknownFields: false, recursionLimit: bound.maxDepth });
  } catch (error) {
    if (error instanceof CodedError) throw error;
    return malformed(messageOf(error), {}, error);
  }
};
