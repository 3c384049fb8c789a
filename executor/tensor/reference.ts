import type { Bytes } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { addressOf, digitsAt, digitsOf, isLive, product } from "./address.ts";
import { bytesOf, canonical, constantData, packTensor, paddedBytes, unpackTensor } from "./elements.ts";
import {
  allocate,
  countOf,
  type Operand,
  type Operator,
  type OperatorOf,
  type Program,
  type Source,
  type TensorData,
} from "./program.ts";
import { runInstructions } from "./scalar.ts";

/** The definition: what a well-formed program computes, one element at a time. Slow, and right by reading. */

export type ReferenceErrorCode =
  /** The packed input has another length than the model's. Send each tensor padded to 32 bytes. */
  "INPUT_LENGTH";

/**
 * Element `address` of operand `operand` of the operator at hand, which lies in its tensor; for INPUT: element `address` of
 * the input tensor, as it was sent.
 */
export type Read = (operand: number, address: number) => number;

/** Element `address` of operand j; beyond the tensor's ends it is the zero element, and nothing is read. */
const readAt = (operator: Operator, j: number, address: number, read: Read): number =>
  address >= 0 && address < (operator.operands[j] as Operand).count ? read(j, address) : 0;

/** Every r of a reduction at output digits `out`: calls `visit(r, digits)`. */
const forEachReduction = (
  operator: Operator,
  i: number,
  visit: (r: number, digits: readonly number[]) => void,
): void => {
  const reads = product(operator.reduction);
  for (let r = 0; r < reads; r++) visit(r, digitsAt(operator, i, r));
};

const move = (operator: OperatorOf<"MOVE">, i: number, read: Read): number => {
  const digits = digitsOf(operator.output, i);
  for (const [j, operand] of operator.operands.entries())
    if (isLive(operand, digits)) return readAt(operator, j, addressOf(operand, digits), read);
  return operator.fill;
};

const gather = (operator: OperatorOf<"GATHER">, i: number, read: Read): number => {
  const [index, table] = operator.operands;
  if (index === undefined || table === undefined) throw new RangeError("GATHER has two operands");
  const digits = digitsOf(operator.output, i);
  const v = readAt(operator, 0, addressOf(index, digits), read);
  const t = Math.min(Math.max(v, operator.first), operator.first + operator.num - 1) - operator.first;
  return readAt(operator, 1, addressOf(table, digits) + t * operator.step, read);
};

const contract = (operator: OperatorOf<"CONTRACT">, i: number, read: Read): number => {
  const [a, w, bias] = operator.operands;
  if (a === undefined || w === undefined) throw new RangeError("CONTRACT has two or three operands");
  let sum = bias === undefined ? 0 : readAt(operator, 2, addressOf(bias, digitsAt(operator, i, 0)), read);
  forEachReduction(operator, i, (_, digits) => {
    if (!isLive(a, digits)) return;
    const left = readAt(operator, 0, addressOf(a, digits), read) - operator.za;
    sum += left * (readAt(operator, 1, addressOf(w, digits), read) - operator.zw);
  });
  return sum;
};

const reduce = (operator: OperatorOf<"REDUCE">, i: number, read: Read): number => {
  const [x] = operator.operands;
  if (x === undefined) throw new RangeError("REDUCE has one operand");
  let best = 0;
  let at = -1;
  let sum = 0;
  forEachReduction(operator, i, (r, digits) => {
    if (!isLive(x, digits)) return;
    const v = readAt(operator, 0, addressOf(x, digits), read);
    sum += v;
    if (at < 0 || (operator.fold === "MIN" ? v < best : v > best)) {
      best = v;
      at = r;
    }
  });
  if (at < 0) return 0;
  return operator.fold === "SUM" ? sum : operator.fold === "ARGMAX" ? at : best;
};

const topk = (operator: OperatorOf<"TOPK">, i: number, read: Read): number => {
  const [x] = operator.operands;
  if (x === undefined) throw new RangeError("TOPK has one operand");
  const row: number[] = [];
  forEachReduction(operator, i, (_, digits) => row.push(readAt(operator, 0, addressOf(x, digits), read)));
  const rank = i % (operator.output[operator.output.length - 1] as number);
  for (const [r, v] of row.entries()) {
    let before = 0;
    for (const [s, u] of row.entries()) if (u > v || (u === v && s < r)) before++;
    if (before === rank) return r;
  }
  throw new RangeError(`no element of rank ${rank} among ${row.length}`);
};

const map = (operator: OperatorOf<"MAP">, i: number, read: Read): number => {
  const digits = digitsOf(operator.output, i);
  return runInstructions(
    operator.instructions,
    operator.operands.map((operand, j) => readAt(operator, j, addressOf(operand, digits), read)),
  );
};

/** Element i of the operator's output; a position at or beyond its count is the zero element and reads nothing. */
export const element = (operator: Operator, i: number, read: Read): number => {
  if (i >= countOf(operator)) return 0;
  switch (operator.kind) {
    case "INPUT":
      return canonical(read(0, i), operator.interval);
    case "MOVE":
      return move(operator, i, read) + 0;
    case "GATHER":
      return gather(operator, i, read) + 0;
    case "CONTRACT":
      return contract(operator, i, read) + 0;
    case "REDUCE":
      return reduce(operator, i, read) + 0;
    case "TOPK":
      return topk(operator, i, read);
    case "MAP":
      return map(operator, i, read) + 0;
  }
};

/** The whole output of one operator, its operands' tensors given by source. */
export const evaluate = (operator: Operator, tensorOf: (source: Source) => TensorData): TensorData => {
  const out = allocate(operator.dtype, countOf(operator));
  const tensors = operator.operands.map((operand) => tensorOf(operand.source));
  const read: Read = (j, address) => tensors[j]?.[address] as number;
  for (let i = 0; i < out.length; i++) out[i] = element(operator, i, read);
  return out;
};

/** Length of the packed input of a call. */
export const inputBytesOf = (program: Program): number => {
  let end = 0;
  for (const operator of program.operators)
    if (operator.kind === "INPUT")
      end = Math.max(end, operator.offset + paddedBytes(operator.dtype, countOf(operator)));
  return end;
};

/** Length of the packed output: each output's words in order. */
export const outputBytesOf = (program: Program): number => {
  let sum = 0;
  for (const index of program.outputs) {
    const operator = program.operators[index] as Operator;
    sum += paddedBytes(operator.dtype, countOf(operator));
  }
  return sum;
};

/** The tensors of the INPUT operators. INPUT_LENGTH when the bytes have another length. */
const unpackInputs = (program: Program, input: Bytes): TensorData[] => {
  const expected = inputBytesOf(program);
  if (input.length !== expected)
    throw new CodedError<ReferenceErrorCode>("INPUT_LENGTH", `the packed input has ${expected} bytes`, {
      expected,
      given: input.length,
    });
  const tensors: TensorData[] = [];
  for (const operator of program.operators) {
    if (operator.kind !== "INPUT") break;
    const { dtype, offset } = operator;
    const count = countOf(operator);
    const tensor = unpackTensor(dtype, count, input.subarray(offset, offset + bytesOf(dtype, count)));
    for (let i = 0; i < count; i++) tensor[i] = element(operator, i, () => tensor[i] as number);
    tensors.push(tensor);
  }
  return tensors;
};

/** Packs the program's outputs, which must be among `tensors` (by operator). */
export const packOutputs = (program: Program, tensors: readonly (TensorData | undefined)[]): Bytes => {
  const out = new Uint8Array(outputBytesOf(program));
  let offset = 0;
  for (const index of program.outputs) {
    const { dtype } = program.operators[index] as Operator;
    const tensor = tensors[index] as TensorData;
    out.set(packTensor(dtype, tensor), offset);
    offset += paddedBytes(dtype, tensor.length);
  }
  return out;
};

export type Execution = { readonly tensors: readonly TensorData[]; readonly output: Bytes };

/** Runs a well-formed program on a packed input: the output of every operator, and the packed output. */
export const run = (program: Program, input: Bytes): Execution => {
  const tensors = unpackInputs(program, input);
  const tensorOf = ({ constant, index }: Source): TensorData => {
    const found = program.constants[index];
    return constant && found !== undefined ? constantData(found) : (tensors[index] as TensorData);
  };
  for (let index = tensors.length; index < program.operators.length; index++)
    tensors.push(evaluate(program.operators[index] as Operator, tensorOf));
  return { tensors, output: packOutputs(program, tensors) };
};
