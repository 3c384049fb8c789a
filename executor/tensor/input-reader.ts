import type { Bytes } from "../foundation/bytes.ts";
import { bytesOf, unpackTensor } from "./elements.ts";
import { countOf, type Operator, type OperatorOf, type Program, type TensorData } from "./program.ts";
import { inputBytesOf } from "./reference.ts";

/** Reads a packed input as `unpackInputs` of the reference does, at the speed of one pass for each dtype. */

/** Whether all elements lie in lo..hi; zeros lose their sign on the way. */
type Check = (tensor: TensorData, lo: number, hi: number) => boolean;

const CHECK_TEXT = `"use strict";
for (let i = 0; i < t.length; i++) {
  const v = t[i] + 0;
  if (!(v >= lo && v <= hi)) return false;
  t[i] = v;
}
return true;`;

/** One function a dtype: each sees one kind of array only. */
const createChecks = (): Record<Operator["dtype"], Check> => {
  const make = (dtype: string) => new Function("t", "lo", "hi", `// ${dtype}\n${CHECK_TEXT}`) as Check;
  return { u8: make("u8"), i8: make("i8"), i32: make("i32"), i64: make("i64"), f32: make("f32") };
};
const checks = createChecks();

/** The tensors of the inputs; undefined when the length is wrong or an element is outside its interval. */
export const createInputReader = (program: Program): ((input: Bytes) => TensorData[] | undefined) => {
  const length = inputBytesOf(program);
  const inputs = program.operators.slice(0, program.inputs) as OperatorOf<"INPUT">[];
  return (input) => {
    if (input.length !== length) return undefined;
    const tensors: TensorData[] = [];
    for (const { dtype, interval, offset, output } of inputs) {
      const count = countOf({ output });
      const tensor = unpackTensor(dtype, count, input.subarray(offset, offset + bytesOf(dtype, count)));
      if (!checks[dtype](tensor, interval.lo, interval.hi)) return undefined;
      tensors.push(tensor);
    }
    return tensors;
  };
};
