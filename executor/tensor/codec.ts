import { type Bytes, EMPTY_BYTES } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { TAG, tagByte } from "../foundation/tags.ts";
import { bytesOf } from "./elements.ts";
import {
  type Constant,
  DTYPES,
  type Dtype,
  FOLDS,
  type Guard,
  type Instruction,
  type Interval,
  KINDS,
  type Kind,
  type Operand,
  type Operator,
  type Program,
  type Source,
} from "./program.ts";
import { bitsOfF32, f32OfBits, MAX_INSTRUCTIONS } from "./scalar.ts";

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
const MAGIC = 0x41535047; // "ASPG"
const FORMAT = 2;
const NUMERIC_PROFILE = 1;
const CONSTANT_BIT = 2 ** 31;

const DTYPE_OF_CODE = new Map<number, Dtype>(
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

// --- writing ---------------------------------------------------------------------------------------------------------

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
const dataStart = (constants: number, recordBytes: number, outputs: number, metaBytes: number): number =>
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

// --- reading ---------------------------------------------------------------------------------------------------------

const createReader = (bytes: Bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const need = (size: number): number => {
    const from = at;
    if (from + size > bytes.length) throw malformed("C1", `the artifact ends inside a field at ${from}`, { at: from });
    at += size;
    return from;
  };
  const reader = {
    position: () => at,
    u8: () => view.getUint8(need(1)),
    u16: () => view.getUint16(need(2)),
    i16: () => view.getInt16(need(2)),
    u32: () => view.getUint32(need(4)),
    /** Two's complement; beyond +-(2^53 - 1) it is refused by `constraint`, the rule that bounds this field. */
    i64: (constraint: string) => {
      const from = need(8);
      const high = view.getInt32(from);
      const value = high * 2 ** 32 + view.getUint32(from + 4);
      if (!Number.isSafeInteger(value)) throw malformed(constraint, `an integer at ${from} reaches 2^53`, { at: from });
      return value;
    },
    u64: (constraint: string) => {
      const value = reader.i64(constraint);
      if (value < 0) throw malformed(constraint, `an unsigned integer at ${at - 8} reaches 2^63`, { at: at - 8 });
      return value;
    },
    zeros: (count: number) => {
      const from = need(count);
      for (let i = from; i < from + count; i++)
        if (bytes[i] !== 0) throw malformed("C1", `byte ${i} must be zero`, { at: i });
    },
    raw: (count: number) => {
      const from = need(count);
      return bytes.subarray(from, from + count);
    },
    list: <T>(count: number, read: () => T): T[] => {
      const items: T[] = [];
      for (let i = 0; i < count; i++) items.push(read());
      return items;
    },
  };
  return reader;
};
type Reader = ReturnType<typeof createReader>;

const within = (value: number, from: number, to: number, what: string): number => {
  if (value < from || value > to) throw malformed("C1", `${what} is ${value}, not ${from}..${to}`, { value });
  return value;
};

const readDtype = (r: Reader): Dtype => {
  const code = r.u8();
  const dtype = DTYPE_OF_CODE.get(code);
  if (dtype === undefined) throw malformed("C1", `no dtype has code ${code}`, { at: r.position() - 1 });
  return dtype;
};

const readBound = (r: Reader, dtype: Dtype, constraint: string): number => {
  if (dtype !== "f32") return r.i64(constraint);
  if (r.u32() !== 0) throw malformed("C1", "a binary32 bound is zero-extended", { at: r.position() - 4 });
  const bits = r.u32();
  const value = f32OfBits(bits);
  if (bits === 0x80000000) throw malformed("C1", "zero has no sign", { at: r.position() - 4 });
  if (!Number.isFinite(value)) throw malformed(constraint, "a bound is not finite", { at: r.position() - 4 });
  return value;
};

const readInterval = (r: Reader, dtype: Dtype, constraint: string): Interval => {
  const lo = readBound(r, dtype, constraint);
  return { lo, hi: readBound(r, dtype, constraint) };
};

const readOperand = (r: Reader, axes: number): Operand => {
  const tagged = r.u32();
  const source: Source =
    tagged >= CONSTANT_BIT ? { constant: true, index: tagged - CONSTANT_BIT } : { constant: false, index: tagged };
  const dtype = readDtype(r);
  const guards = within(r.u8(), 0, LIMITS.guards, "guards");
  r.zeros(2);
  const count = r.u32();
  const base = r.i64("C5");
  const stride = r.list(axes, () => r.i64("C5"));
  const readGuard = (): Guard => {
    const off = r.i64("C5");
    const coef = r.list(axes, () => r.i64("C5"));
    return { off, coef, limit: r.u32() };
  };
  return { source, dtype, count, base, stride, guards: r.list(guards, readGuard) };
};

const readInstruction = (r: Reader): Instruction => {
  const op = r.u8();
  const a = r.u8();
  const b = r.u8();
  const c = r.u8();
  return { op, a, b, c, imm: r.u32() };
};

const readOperator = (r: Reader): Operator => {
  const from = r.position();
  const kind = KINDS[r.u8()];
  if (kind === undefined) throw malformed("C1", "no operator has this kind", { at: from });
  const dtype = readDtype(r);
  const outputAxes = within(r.u8(), 1, LIMITS.outputAxes, "output axes");
  const reductionAxes = within(r.u8(), 0, LIMITS.reductionAxes, "reduction axes");
  const operandCount = within(r.u8(), 0, LIMITS.operands, "operands");
  r.zeros(1);
  const bodyBytes = r.u16();
  const output = r.list(outputAxes, r.u32);
  const reduction = r.list(reductionAxes, r.u32);
  const interval = readInterval(r, dtype, "C9");
  const operands = r.list(operandCount, () => readOperand(r, outputAxes + reductionAxes));
  const bodyFrom = r.position();
  const common = { dtype, output, reduction, interval, operands };
  const body = (): Operator => {
    switch (kind) {
      case "INPUT":
        return { ...common, kind, offset: r.u64("C2") };
      case "MOVE":
        return { ...common, kind, fill: readBound(r, dtype, "C9") };
      case "GATHER": {
        const first = r.i64("C5");
        const num = r.u32();
        return { ...common, kind, first, num, step: r.i64("C5") };
      }
      case "CONTRACT": {
        const za = r.i16();
        return { ...common, kind, za, zw: r.i16() };
      }
      case "REDUCE": {
        const fold = FOLDS[r.u8()];
        if (fold === undefined) throw malformed("C1", "no fold has this code", { at: bodyFrom });
        return { ...common, kind, fold };
      }
      case "TOPK":
        return { ...common, kind };
      case "MAP":
        return {
          ...common,
          kind,
          instructions: r.list(within(r.u8(), 1, MAX_INSTRUCTIONS, "instructions"), () => readInstruction(r)),
        };
    }
  };
  const operator = body();
  if (r.position() - bodyFrom !== bodyBytes) throw malformed("C1", "bodyBytes is not the body's length", { at: from });
  within(r.position() - from, 1, LIMITS.operatorRecordBytes, "bytes of an operator record");
  return operator;
};

const readConstant = (r: Reader): Omit<Constant, "data"> => {
  const dtype = readDtype(r);
  r.zeros(3);
  const count = within(r.u32(), 1, 2 ** 32, "elements of a constant");
  const interval = readInterval(r, dtype, "C14");
  return { dtype, count, interval };
};

/** What an artifact's first 96 bytes say. */
export type ArtifactHeader = {
  readonly inputs: number;
  readonly operators: number;
  readonly constants: number;
  readonly outputs: number;
  readonly gas: number;
  readonly constantBytes: number;
  readonly recordBytes: number;
  readonly metaBytes: number;
  readonly metaHash: Bytes;
};

/** The header of an artifact of this length. PROGRAM_MALFORMED, PROGRAM_FORMAT. */
export const decodeHeader = (bytes: Bytes, length: number): ArtifactHeader => {
  const r = createReader(bytes.subarray(0, HEADER_BYTES));
  if (r.u32() !== MAGIC) throw malformed("C1", "not a tensor program");
  const format = r.u16();
  if (format !== FORMAT)
    throw new CodedError<CodecErrorCode>("PROGRAM_FORMAT", `a program of format ${format}, not ${FORMAT}`, {
      constraint: "C1",
      format,
    });
  if (r.u16() !== NUMERIC_PROFILE) throw malformed("C1", "another numeric profile");
  const inputs = within(r.u32(), 1, LIMITS.inputs, "inputs");
  const operators = within(r.u32(), inputs, LIMITS.operators, "operators");
  const constants = within(r.u32(), 0, LIMITS.constants, "constants");
  const outputs = within(r.u32(), 1, LIMITS.outputs, "outputs");
  const gas = r.u64("C15");
  const constantBytes = within(r.u64("C1"), 0, LIMITS.constantBytes, "bytes of constants");
  const recordBytes = within(r.u32(), 0, LIMITS.recordBytes, "bytes of operator records");
  const metaBytes = within(r.u32(), 0, LIMITS.metaBytes, "bytes of meta");
  const metaHash = r.raw(32);
  r.zeros(16);
  const expected = dataStart(constants, recordBytes, outputs, metaBytes) + constantBytes;
  if (length !== expected) throw malformed("C1", `the artifact has ${length} bytes, its header says ${expected}`);
  return { inputs, operators, constants, outputs, gas, constantBytes, recordBytes, metaBytes, metaHash };
};

/** Bytes of all records behind the header: constants, operators, outputs, meta. */
export const recordsSize = ({ constants, recordBytes, outputs, metaBytes }: ArtifactHeader): number =>
  dataStart(constants, recordBytes, outputs, metaBytes) - HEADER_BYTES;

/** A constant's record, its data and where they begin apart. PROGRAM_MALFORMED. */
export const decodeConstant = (record: Bytes) => readConstant(createReader(record));

/** The operator with whose record the bytes begin, and its length. PROGRAM_MALFORMED. */
export const decodeOperator = (bytes: Bytes): { readonly operator: Operator; readonly size: number } => {
  const r = createReader(bytes);
  return { operator: readOperator(r), size: r.position() };
};

/**
 * Length and sources of the operator's record with which the bytes begin, by its lengths and codes alone; undefined where
 * there is none that ends among them. Twin of ProgramRules.sol's `measure`.
 */
export const measureOperator = (
  bytes: Bytes,
): { readonly size: number; readonly sources: readonly Source[] } | undefined => {
  const byte = (at: number): number => bytes[at] as number;
  const isDtype = (code: number): boolean => DTYPE_OF_CODE.has(code);
  if (bytes.length < 8 || byte(0) >= KINDS.length || byte(5) !== 0) return undefined;
  const [outputs, reductions, operands] = [byte(2), byte(3), byte(4)];
  if (outputs === 0 || outputs > LIMITS.outputAxes || reductions > LIMITS.reductionAxes) return undefined;
  if (operands > LIMITS.operands) return undefined;
  const axes = outputs + reductions;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const sources: Source[] = [];
  let size = 8 + 4 * axes + 16;
  for (let j = 0; j < operands; j++) {
    if (bytes.length < size + 8) return undefined;
    const tagged = view.getUint32(size);
    const guards = byte(size + 5);
    if (!isDtype(byte(size + 4)) || guards > LIMITS.guards || view.getUint16(size + 6) !== 0) return undefined;
    sources.push({ constant: tagged >= CONSTANT_BIT, index: tagged % CONSTANT_BIT });
    size += 20 + 8 * axes + guards * (12 + 8 * axes);
  }
  const bodyBytes = view.getUint16(6);
  if (size + bodyBytes > bytes.length || size + bodyBytes > LIMITS.operatorRecordBytes) return undefined;
  const body = bytes.subarray(size, size + bodyBytes);
  return bodyMeasures(KINDS[byte(0)] as Kind, body) ? { size: size + bodyBytes, sources } : undefined;
};

const bodyMeasures = (kind: Kind, body: Bytes): boolean => {
  switch (kind) {
    case "INPUT":
    case "MOVE":
      return body.length === 8;
    case "GATHER":
      return body.length === 20 && body.subarray(8, 12).some((byte) => byte !== 0);
    case "CONTRACT":
      return body.length === 4;
    case "REDUCE":
      return body.length === 1 && (body[0] as number) < FOLDS.length;
    case "TOPK":
      return body.length === 0;
    case "MAP":
      return body.length === 1 + 8 * (body[0] ?? 0) && (body[0] ?? 0) >= 1 && (body[0] ?? 0) <= MAX_INSTRUCTIONS;
  }
};

/** An output's entry. PROGRAM_MALFORMED. */
export const decodeOutput = (entry: Bytes): number => readOutput(createReader(entry));

const readOutput = (r: Reader): number => {
  const operator = r.u32();
  r.zeros(4);
  return operator;
};

/**
 * Bytes to program. PROGRAM_MALFORMED (with `data.constraint`) when the form is wrong or a number is out of the exact
 * range. Constants' data are views of `bytes`. The result has a valid form; `wellFormed` of `constraints.ts` judges it.
 */
export const decodeProgram = (bytes: Bytes): Program => {
  const header = decodeHeader(bytes, bytes.length);
  const r = createReader(bytes);
  r.raw(HEADER_BYTES);
  const records = r.list(header.constants, () => ({ ...readConstant(r), offset: r.u64("C1") }));
  const operatorsFrom = r.position();
  const operators = r.list(header.operators, () => readOperator(r));
  if (r.position() - operatorsFrom !== header.recordBytes)
    throw malformed("C1", "recordBytes is not the records' length");
  const outputs = r.list(header.outputs, () => readOutput(r));
  const meta = header.metaBytes === 0 ? EMPTY_BYTES : r.raw(header.metaBytes);
  if (Buffer.compare(metaHashOf(meta), header.metaHash) !== 0) throw malformed("C1", "metaHash is not the meta's hash");
  let at = HEADER_BYTES + recordsSize(header);
  const constants = records.map(({ offset, ...record }): Constant => {
    if (offset !== at)
      throw malformed("C1", `a constant's data begin at ${at}, not ${offset}`, { offset, expected: at });
    at += bytesOf(record.dtype, record.count);
    if (at > bytes.length) throw malformed("C1", "constantBytes is not the data's length");
    return { ...record, data: bytes.subarray(offset, at) };
  });
  if (at !== bytes.length) throw malformed("C1", "constantBytes is not the data's length");
  return { inputs: header.inputs, operators, constants, outputs, meta, gas: header.gas };
};
