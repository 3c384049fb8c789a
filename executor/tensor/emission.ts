import { CodedError, hasCode } from "../foundation/errors.ts";
import { constantData } from "./elements.ts";
import type { Graph, OrtArray, OrtType, Value } from "./onnx-graph.ts";
import type { Constant, Dtype, Interval, Operand, Operator, Program, Source, TensorData } from "./program.ts";

/** What the emitters of the operator kinds share. */

export type EmissionErrorCode =
  /** The fast executor has no session for this part of a program. Nothing is to be done: own kernels run it. */
  "KERNEL_UNAVAILABLE";

/** No exact vector kernel has this form: the operator runs on its own loop. */
export const unavailable = (reason: string): never => {
  throw new CodedError<EmissionErrorCode>("KERNEL_UNAVAILABLE", reason);
};
export const isUnavailable = (error: unknown): boolean => hasCode<EmissionErrorCode>(error, "KERNEL_UNAVAILABLE");

export const ORT_TYPE: Readonly<Record<Dtype, OrtType>> = {
  u8: "uint8",
  i8: "int8",
  i32: "int32",
  i64: "int64",
  f32: "float32",
};

export type Emission = {
  readonly program: Program;
  readonly graph: Graph;
  /** The value of an operator's output; it becomes an input of the graph when the graph does not compute it. */
  valueOf(index: number): Value;
};

export const constantOf = ({ program }: Emission, { constant, index }: Source): Constant | undefined =>
  constant ? program.constants[index] : undefined;

export const intervalOfSource = (program: Program, { constant, index }: Source): Interval =>
  ((constant ? program.constants : program.operators)[index] as Constant | Operator).interval;

/** A value that holds a whole tensor, row-major; its shape is the producer's business. */
export const wholeValue = (emission: Emission, { source }: Pick<Operand, "source">): Value => {
  const constant = constantOf(emission, source);
  if (constant === undefined) return emission.valueOf(source.index);
  const type = ORT_TYPE[constant.dtype];
  return emission.graph.constant(`whole ${source.index}`, type, [constant.count], () =>
    ortArray(constant.dtype, constantData(constant)),
  );
};

/** A tensor in the array type of onnxruntime: only i64 is copied. */
export const ortArray = (dtype: Dtype, data: TensorData): OrtArray => {
  if (dtype !== "i64") return data as OrtArray;
  const out = new BigInt64Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = BigInt(data[i] as number);
  return out;
};
