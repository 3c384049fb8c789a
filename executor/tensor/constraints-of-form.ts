import { elementHeight, product } from "./address.ts";
import { LIMITS, operatorRecordBytes } from "./codec.ts";
import {
  type Constraint,
  type Finding,
  finding,
  firstFinding,
  firstOperand,
  type Named,
  type OperatorPlace,
} from "./constraint.ts";
import { bytesOf, paddedBytes } from "./elements.ts";
import { type Constant, countOf, DTYPES, type Dtype, FOLDS, KINDS, type Kind, type Operator } from "./program.ts";
import { MAX_INSTRUCTIONS } from "./scalar.ts";

/** C1 to C5: what can be seen in the records alone. */

type Range = readonly [from: number, to: number];
const isIn = (value: number, [from, to]: Range): boolean => Number.isInteger(value) && value >= from && value <= to;
const U32: Range = [0, 2 ** 32 - 1];
const U8: Range = [0, 255];
const I16: Range = [-(2 ** 15), 2 ** 15 - 1];

/** Operands, reduction axes, and whether operand j may have guards. */
const SHAPES: Record<Kind, { readonly n: Range; readonly R: Range; readonly guarded: (j: number) => boolean }> = {
  INPUT: { n: [0, 0], R: [0, 0], guarded: () => false },
  MOVE: { n: [1, LIMITS.operands], R: [0, 0], guarded: () => true },
  GATHER: { n: [2, 2], R: [0, 0], guarded: () => false },
  CONTRACT: { n: [2, 3], R: [1, LIMITS.reductionAxes], guarded: (j) => j === 0 },
  REDUCE: { n: [1, 1], R: [1, LIMITS.reductionAxes], guarded: () => true },
  TOPK: { n: [1, 1], R: [1, LIMITS.reductionAxes], guarded: () => false },
  MAP: { n: [1, LIMITS.operands], R: [0, 0], guarded: () => false },
};

const dtypesFit = (operator: Operator): boolean => {
  const [a, b] = operator.operands.map(({ dtype }) => dtype);
  const isByte = (dtype: string | undefined): boolean => dtype === "u8" || dtype === "i8";
  switch (operator.kind) {
    case "INPUT":
    case "MAP": // C13 judges the body's types
      return true;
    case "MOVE":
      return operator.operands.every(({ dtype }) => dtype === operator.dtype);
    case "GATHER":
      return (isByte(a) || a === "i32") && b === operator.dtype;
    case "CONTRACT": // C12 judges operand 2
      return isByte(a) && isByte(b) && operator.dtype === "i32";
    case "REDUCE":
      if (operator.fold === "SUM") return a !== "f32" && (operator.dtype === "i32" || operator.dtype === "i64");
      return operator.dtype === (operator.fold === "ARGMAX" ? "i32" : a);
    case "TOPK":
      return operator.dtype === "i32";
  }
};

const bodyFits = (operator: Operator): boolean => {
  switch (operator.kind) {
    case "INPUT":
      return Number.isSafeInteger(operator.offset) && operator.offset >= 0;
    case "MOVE":
      return Number.isFinite(operator.fill);
    case "GATHER":
      return isIn(operator.num, [1, 2 ** 32 - 1]);
    case "CONTRACT":
      return isIn(operator.za, I16) && isIn(operator.zw, I16);
    case "REDUCE":
      return FOLDS.includes(operator.fold);
    case "TOPK":
      return true;
    case "MAP":
      return (
        isIn(operator.instructions.length, [1, MAX_INSTRUCTIONS]) &&
        operator.instructions.every(({ op, a, b, c, imm }) => [op, a, b, c].every((v) => isIn(v, U8)) && isIn(imm, U32))
      );
  }
};

const operatorForm = (operator: Operator): Finding | undefined => {
  const { kind, dtype, output, reduction, operands, interval } = operator;
  if (!KINDS.includes(kind) || !(dtype in DTYPES)) return finding("unknown kind or dtype");
  const shape = SHAPES[kind];
  if (!isIn(output.length, [1, LIMITS.outputAxes])) return finding("1 to 8 output axes");
  if (!isIn(reduction.length, shape.R)) return finding(`${kind} has ${shape.R.join("..")} reduction axes`);
  if (!isIn(operands.length, shape.n)) return finding(`${kind} has ${shape.n.join("..")} operands`);
  if (![...output, ...reduction].every((extent) => isIn(extent, [1, 2 ** 32 - 1]))) return finding("extents are >= 1");
  if (Number.isNaN(interval.lo) || Number.isNaN(interval.hi)) return finding("bounds are numbers");
  const axes = output.length + reduction.length;
  const operand = firstFinding(operands, (item, j) => {
    if (!(item.dtype in DTYPES) || !isIn(item.count, U32)) return finding("an operand has a dtype and a count");
    if (!isIn(item.source.index, [0, 2 ** 31 - 1])) return finding("a source is an index below 2^31");
    if (item.stride.length !== axes) return finding("a stride for every axis");
    if (!isIn(item.guards.length, [0, shape.guarded(j) ? LIMITS.guards : 0]))
      return finding(`operand ${j} of ${kind} has too many guards`);
    if (!item.guards.every(({ coef, limit }) => coef.length === axes && isIn(limit, U32)))
      return finding("a guard has a coefficient for every axis and a limit");
    return undefined;
  });
  if (operand !== undefined) return operand;
  if (!bodyFits(operator)) return finding(`not a body of ${kind}`);
  if (!dtypesFit(operator)) return finding(`dtypes that ${kind} does not have`);
  if (operatorRecordBytes(operator) > LIMITS.operatorRecordBytes) return finding("the record is too long");
  return undefined;
};

const constantForm = (constant: Constant): Finding | undefined => {
  const { dtype, count, data, interval } = constant;
  if (!(dtype in DTYPES) || !isIn(count, [1, 2 ** 32 - 1])) return finding("dtype and count");
  if (data.length !== bytesOf(dtype, count)) return finding("data of another length");
  if (Number.isNaN(interval.lo) || Number.isNaN(interval.hi)) return finding("bounds are numbers");
  return undefined;
};

const COEFFICIENT_LIMIT = 2 ** 40;
const AFFINE_LIMIT = 2 ** 52;
const isCoefficient = (v: number): boolean => Number.isInteger(v) && Math.abs(v) < COEFFICIENT_LIMIT;
/** `|constant| + sum |coefficient| * (extent - 1)`; large sums come out rounded, never below the limit. */
const affineSize = (constant: number, coefficients: readonly number[], extents: readonly number[]): number =>
  coefficients.reduce((sum, c, x) => sum + Math.abs(c) * ((extents[x] as number) - 1), Math.abs(constant));

/** Tensors have a bounded height. */
const tensorSize = (dtype: Dtype, count: number): Finding | undefined =>
  count > 2 ** 26 || elementHeight(dtype, count) > 26 ? finding("a tensor of over 2^26 elements") : undefined;

const operandSize = (operator: Operator): Finding | undefined =>
  firstOperand(operator, ({ base, stride, guards }, j) => {
    const extents = [...operator.output, ...operator.reduction];
    const all = [base, ...stride, ...guards.flatMap(({ off, coef }) => [off, ...coef])];
    if (!all.every(isCoefficient)) return finding("base, stride, off and coef stay below 2^40");
    const gathered = operator.kind === "GATHER" && j === 1 ? Math.abs(operator.step) * (operator.num - 1) : 0;
    if (!(affineSize(base, stride, extents) + gathered < AFFINE_LIMIT)) return finding("an address may reach 2^52");
    if (!guards.every(({ off, coef }) => affineSize(off, coef, extents) < AFFINE_LIMIT))
      return finding("a guard may reach 2^52");
    return undefined;
  });

/** Bytes of all tensors of one run: what a node must be able to hold. */
const TENSOR_BYTES_LIMIT = 2 ** 30;

const operatorSize = (operator: Operator, { sums }: OperatorPlace): Finding | undefined => {
  const count = countOf(operator);
  const large = tensorSize(operator.dtype, count);
  if (large !== undefined) return large;
  if (count * product(operator.reduction) >= 2 ** 31) return finding("over 2^31 points");
  if (sums.tensorBytes + bytesOf(operator.dtype, count) > TENSOR_BYTES_LIMIT)
    return finding("tensors of over 2^30 bytes together");
  if (operator.kind === "GATHER" && ![operator.first, operator.step].every(isCoefficient))
    return finding("first and step stay below 2^40");
  return operandSize(operator);
};

export const CONSTRAINTS_OF_FORM: readonly Constraint[] = [
  {
    id: "C1",
    sentence: "Lengths, zero fields, codes and limits are exact; every kind has its n, R, G, dtypes and body.",
    rationale: "One program has one encoding, so its id names it.",
    header: ({ inputs, operators, constants, outputs, metaBytes, recordBytes, constantBytes }) => {
      if (!isIn(inputs, [1, LIMITS.inputs])) return finding("1 to 64 inputs");
      if (!isIn(operators, [inputs, LIMITS.operators])) return finding("up to 65,535 operators");
      if (constants > LIMITS.constants) return finding("up to 65,535 constants");
      if (!isIn(outputs, [1, LIMITS.outputs])) return finding("1 to 64 outputs");
      if (metaBytes > LIMITS.metaBytes) return finding("up to 8,192 bytes of meta");
      if (recordBytes > LIMITS.recordBytes) return finding("up to 2^26 bytes of operator records");
      return constantBytes > LIMITS.constantBytes ? finding("up to 2^34 bytes of constants") : undefined;
    },
    constant: constantForm,
    operator: operatorForm,
    output: (index) => (isIn(index, U32) ? undefined : finding("outputs are operator indices")),
  },
  {
    id: "C2",
    sentence:
      "Operators 0..I-1 are INPUT and no other is; their offsets are ascending multiples of 32, not overlapping.",
    rationale: "The packed input's words are found from the program alone.",
    operator: (operator, { header, index, sums }) => {
      if ((operator.kind === "INPUT") !== index < header.inputs) return finding("INPUT operators come first");
      if (operator.kind !== "INPUT") return undefined;
      if (operator.offset % 32 !== 0 || operator.offset < sums.inputEnd)
        return finding("an input's offset is a multiple of 32 behind the former input");
      return operator.offset + paddedBytes(operator.dtype, countOf(operator)) < 2 ** 32
        ? undefined
        : finding("the packed input is below 2^32 bytes");
    },
  },
  {
    id: "C3",
    sentence: "A source is a constant below C or an operator below its reader.",
    rationale: "Programs are evaluated in order, and every operand's leaf lies to the left.",
    operator: (operator, { header, index }) =>
      firstOperand(operator, ({ source }) =>
        source.index < (source.constant ? header.constants : index)
          ? undefined
          : finding(`no ${source.constant ? "constant" : "earlier operator"} ${source.index}`),
      ),
  },
  {
    id: "C4",
    sentence: "An operand's dtype and count equal its source's.",
    rationale: "An operator's record alone says how its operands' trees are opened.",
    operator: (operator, { named }) =>
      firstOperand(operator, ({ dtype, count }, j) => {
        const source = named(j) as Named;
        return source.dtype === dtype && source.count === count
          ? undefined
          : finding(`the source has ${source.count} of ${source.dtype}`);
      }),
  },
  {
    id: "C5",
    sentence:
      "Tensors have at most 2^26 elements and together 2^30 bytes, operators fewer than 2^31 points; address sums are exact.",
    rationale: "A dispute's trees have a bounded height, a run has a bounded memory, and addresses are JS numbers.",
    constant: ({ dtype, count }) => tensorSize(dtype, count),
    operator: operatorSize,
  },
];
