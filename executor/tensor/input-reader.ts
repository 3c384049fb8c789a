import type { Bytes } from "../foundation/bytes.ts";
import { bytesOf, unpackTensor } from "./elements.ts";
import { countOf, type Operator, type OperatorOf, type Program, type TensorData } from "./program.ts";
import { inputBytesOf } from "./reference.ts";

/** Reads a packed input as `unpackInputs` of the reference does, at the speed of one pass for each dtype. */

/** Makes every element canonical, as `canonical` of `elements.ts` does. */
type Clamp = (tensor: TensorData, lo: number, hi: number) => void;

const CLAMP_TEXT = `"use strict";
for (let i = 0; i < t.length; i++) {
  const v = t[i];
  t[i] = v >= lo ? (v <= hi ? v + 0 : hi) : lo;
}`;

/** One function a dtype: each sees one kind of array only. */
const createClamps = (): Record<Operator["dtype"], Clamp> => {
  const make = (dtype: string) => new Function("t", "lo", "hi", `// ${dtype}\n${CLAMP_TEXT}`) as Clamp;
  return { u8: make("u8"), i8: make("i8"), i32: make("i32"), i64: make("i64"), f32: make("f32") };
};
const clamps = createClamps();

/** The tensors of the inputs; undefined when the length is wrong. */
export const createInputReader = (program: Program): ((input: Bytes) => TensorData[] | undefined) => {
  const length = inputBytesOf(program);
  const inputs = program.operators.slice(0, program.inputs) as OperatorOf<"INPUT">[];
  return (input) => {
    if (input.length !== length) return undefined;
    const tensors: TensorData[] = [];
    for (const { dtype, interval, offset, output } of inputs) {
      const count = countOf({ output });
      const tensor = unpackTensor(dtype, count, input.subarray(offset, offset + bytesOf(dtype, count)));
      clamps[dtype](tensor, interval.lo, interval.hi);
      tensors.push(tensor);
    }
    return tensors;
  };
};
