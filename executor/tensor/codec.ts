import type { Bytes } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { TAG, tagByte } from "../foundation/tags.ts";
import { bytesOf } from "./elements.ts";
import {
  type Constant,
  DTYPES,
  type Dtype,
  FOLDS,
  KINDS,
  type Operand,
  type Operator,
  type Program,
} from "./program.ts";
import { bitsOfF32 } from "./scalar.ts";

/**
 * The artifact's bytes. One program has one encoding, and what decodes, encodes back to the same bytes.
 * Decoding checks the form (C1) and that every number can be held exactly; `constraints.ts` checks the rest.
 */

export type CodecErrorCode =
  /** The bytes are no tensor program: the message names the constraint that they break. Compile the model again. */
  | "PROGRAM_MALFORMED"
  /** A program of another format than this version runs. Compile the model again with this version. */
  | "PROGRAM_FORMAT";

/** The one error of malformed programs; `data.constraint` is "C1".."C16". */
export const malformed = (constraint: string, message: string, data: Readonly<Record<string, unknown>> = {}) =>
  new CodedError<CodecErrorCode>("PROGRAM_MALFORMED", `${constraint}: ${message}`, { constraint, ...data });

export const LIMITS = {
  inputs: 64,
  operators: 65_535,
  constants: 65_534,
  outputs: 64,
  metaBytes: 8_192,
  constantBytes: 2 ** 34,
  recordBytes: 2 ** 26,
  operatorRecordBytes: 8_192,
  outputAxes: 8,
  reductionAxes: 4,
  operands: 8,
  guards: 4,
} as const;

export const HEADER_BYTES = 96;
export const CONSTANT_RECORD_BYTES = 32;
export const OUTPUT_BYTES = 8;
export const MAGIC = 0x41535047; // "ASPG"
export const FORMAT = 2;
export const NUMERIC_PROFILE = 1;
export const CONSTANT_BIT = 2 ** 31;

export const DTYPE_OF_CODE = new Map<number, Dtype>(
  (Object.keys(DTYPES) as Dtype[]).map((dtype) => [DTYPES[dtype].code, dtype]),
);

const bodyBytesOf = (operator: Operator): number => {
  switch (operator.kind) {
    case "INPUT":
    case "MOVE":
      return 8;
    case "GATHER":
      return 20;
    case "CONTRACT":
      return 4;
    case "REDUCE":
      return 1;
    case "TOPK":
      return 0;
    case "MAP":
      return 1 + 8 * operator.instructions.length;
  }
};

/** Length of an operator's record. */
export const operatorRecordBytes = (operator: Operator): number => {
  const axes = operator.output.length + operator.reduction.length;
  let bytes = 8 + 4 * axes + 16 + bodyBytesOf(operator);
  for (const { guards } of operator.operands) bytes += 20 + 8 * axes + guards.length * (12 + 8 * axes);
  return bytes;
};

/** Length of all operator records. */
export const recordBytesOf = (program: Pick<Program, "operators">): number => {
  let sum = 0;
  for (const operator of program.operators) sum += operatorRecordBytes(operator);
  return sum;
};

/** Length of all constants' data. */
export const constantBytesOf = (program: Pick<Program, "constants">): number => {
  let sum = 0;
  for (const { dtype, count } of program.constants) sum += bytesOf(dtype, count);
  return sum;
};

/** `K(0x19 ++ meta)`. */
export const metaHashOf = (meta: Bytes): Bytes => keccakOf(tagByte(TAG.programMeta), meta);

const createWriter = (size: number) => {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const writer = {
    bytes,
    u8: (v: number) => view.setUint8(at++, v),
    u16: (v: number) => {
      view.setUint16(at, v);
      at += 2;
    },
    u32: (v: number) => {
      view.setUint32(at, v);
      at += 4;
    },
    /** Any integer |v| <= 2^53, two's complement. */
    i64: (v: number) => {
      const high = Math.floor(v / 2 ** 32);
      writer.u32(high >>> 0);
      writer.u32(v - high * 2 ** 32);
    },
    raw: (v: Bytes) => {
      bytes.set(v, at);
      at += v.length;
    },
    skip: (count: number) => {
      at += count;
    },
  };
  return writer;
};
type Writer = ReturnType<typeof createWriter>;

/** A value as an interval's bound is stored: f32 as its bits, integers as i64. */
const writeBound = (w: Writer, dtype: Dtype, v: number): void => w.i64(dtype === "f32" ? bitsOfF32(v + 0) : v);

const writeOperand = (w: Writer, { source, dtype, count, base, stride, guards }: Operand): void => {
  w.u32(source.constant ? source.index + CONSTANT_BIT : source.index);
  w.u8(DTYPES[dtype].code);
  w.u8(guards.length);
  w.u16(0);
  w.u32(count);
  w.i64(base);
  for (const s of stride) w.i64(s);
  for (const { off, coef, limit } of guards) {
    w.i64(off);
    for (const c of coef) w.i64(c);
    w.u32(limit);
  }
};

const writeBody = (w: Writer, operator: Operator): void => {
  switch (operator.kind) {
    case "INPUT":
      w.i64(operator.offset);
      break;
    case "MOVE":
      writeBound(w, operator.dtype, operator.fill);
      break;
    case "GATHER":
      w.i64(operator.first);
      w.u32(operator.num);
      w.i64(operator.step);
      break;
    case "CONTRACT":
      w.u16(operator.za & 0xffff);
      w.u16(operator.zw & 0xffff);
      break;
    case "REDUCE":
      w.u8(FOLDS.indexOf(operator.fold));
      break;
    case "TOPK":
      break;
    case "MAP":
      w.u8(operator.instructions.length);
      for (const { op, a, b, c, imm } of operator.instructions) {
        for (const byte of [op, a, b, c]) w.u8(byte);
        w.u32(imm);
      }
  }
};

/** An operator's record. */
export const encodeOperator = (operator: Operator): Bytes => {
  const w = createWriter(operatorRecordBytes(operator));
  w.u8(KINDS.indexOf(operator.kind));
  w.u8(DTYPES[operator.dtype].code);
  w.u8(operator.output.length);
  w.u8(operator.reduction.length);
  w.u8(operator.operands.length);
  w.u8(0);
  w.u16(bodyBytesOf(operator));
  for (const extent of operator.output) w.u32(extent);
  for (const extent of operator.reduction) w.u32(extent);
  writeBound(w, operator.dtype, operator.interval.lo);
  writeBound(w, operator.dtype, operator.interval.hi);
  for (const operand of operator.operands) writeOperand(w, operand);
  writeBody(w, operator);
  return w.bytes;
};

/** Where the data of the first constant begin in the artifact: behind all else. */
export const dataStart = (constants: number, recordBytes: number, outputs: number, metaBytes: number): number =>
  HEADER_BYTES + CONSTANT_RECORD_BYTES * constants + recordBytes + OUTPUT_BYTES * outputs + metaBytes;

/** Where each constant's data begin in the artifact. */
export const constantOffsets = (program: Program): number[] => {
  const { constants, outputs, meta } = program;
  let offset = dataStart(constants.length, recordBytesOf(program), outputs.length, meta.length);
  return constants.map(({ dtype, count }) => {
    const own = offset;
    offset += bytesOf(dtype, count);
    return own;
  });
};

/** A constant's record (its data apart); `offset`: where these begin in the artifact. */
export const encodeConstant = ({ dtype, count, interval }: Constant, offset: number): Bytes => {
  const w = createWriter(CONSTANT_RECORD_BYTES);
  w.u8(DTYPES[dtype].code);
  w.skip(3);
  w.u32(count);
  writeBound(w, dtype, interval.lo);
  writeBound(w, dtype, interval.hi);
  w.i64(offset);
  return w.bytes;
};

export const encodeOutputs = (outputs: readonly number[]): Bytes => {
  const w = createWriter(OUTPUT_BYTES * outputs.length);
  for (const operator of outputs) {
    w.u32(operator);
    w.u32(0);
  }
  return w.bytes;
};

/** The 96 bytes that open an artifact. */
export const encodeHeader = (program: Program): Bytes => {
  const w = createWriter(HEADER_BYTES);
  w.u32(MAGIC);
  w.u16(FORMAT);
  w.u16(NUMERIC_PROFILE);
  w.u32(program.inputs);
  w.u32(program.operators.length);
  w.u32(program.constants.length);
  w.u32(program.outputs.length);
  w.i64(program.gas);
  w.i64(constantBytesOf(program));
  w.u32(recordBytesOf(program));
  w.u32(program.meta.length);
  w.raw(metaHashOf(program.meta));
  return w.bytes;
};

/** The artifact of a well-formed program. */
export const encodeProgram = (program: Program): Bytes => {
  const { constants, outputs, meta } = program;
  const from = dataStart(constants.length, recordBytesOf(program), outputs.length, meta.length);
  const w = createWriter(from + constantBytesOf(program));
  const offsets = constantOffsets(program);
  w.raw(encodeHeader(program));
  for (const [i, constant] of constants.entries()) w.raw(encodeConstant(constant, offsets[i] as number));
  for (const operator of program.operators) w.raw(encodeOperator(operator));
  w.raw(encodeOutputs(outputs));
  w.raw(meta);
  for (const [i, { data }] of constants.entries()) w.bytes.set(data, offsets[i]);
  return w.bytes;
};
