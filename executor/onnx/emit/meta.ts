import { decodeAbiParameters, encodeAbiParameters, parseAbiParameters } from "viem";
import { type Bytes, fromHex, toHex } from "../../foundation/bytes.ts";
import { DTYPES, type Dtype } from "../../tensor/program.ts";
import type { Element } from "./expression.ts";

/** Metadata of a program: the canonical ABI encoding of names, licence, and the shape of every input and output. */

export type TensorSchema = {
  readonly name: string;
  readonly element: Element;
  readonly dtype: Dtype;
  /** Extents; a scalar has none. */
  readonly shape: readonly number[];
};

export type ModelMeta = {
  readonly name: string;
  readonly licence: string;
  readonly inputs: readonly Omit<TensorSchema, "element">[];
  readonly outputs: readonly Omit<TensorSchema, "element">[];
};

const META = parseAbiParameters([
  "Meta meta",
  "struct Tensor { string name; uint8 dtype; uint32[] shape; }",
  "struct Meta { string name; string licence; Tensor[] inputs; Tensor[] outputs; }",
]);

const tensors = (list: readonly Omit<TensorSchema, "element">[]) =>
  list.map(({ name, dtype, shape }) => ({ name, dtype: DTYPES[dtype].code, shape: [...shape] }));

/** Names and shapes as the bytes that a program carries. */
export const encodeMeta = ({ name, licence, inputs, outputs }: ModelMeta): Bytes =>
  fromHex(encodeAbiParameters(META, [{ name, licence, inputs: tensors(inputs), outputs: tensors(outputs) }]));

const dtypeOf = (code: number): Dtype => {
  for (const dtype of Object.keys(DTYPES) as Dtype[]) if (DTYPES[dtype].code === code) return dtype;
  throw new RangeError(`no dtype has code ${code}`);
};

/** Throws when the bytes are not the encoding; metadata has no meaning for execution, so nothing else is checked. */
export const decodeMeta = (bytes: Bytes): ModelMeta => {
  const [{ name, licence, inputs, outputs }] = decodeAbiParameters(META, toHex(bytes));
  const schema = (list: typeof inputs) =>
    list.map((tensor) => ({ name: tensor.name, dtype: dtypeOf(tensor.dtype), shape: [...tensor.shape] }));
  return { name, licence, inputs: schema(inputs), outputs: schema(outputs) };
};
