import { type Bytes, EMPTY_BYTES } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import {
  CONSTANT_BIT,
  type CodecErrorCode,
  DTYPE_OF_CODE,
  dataStart,
  FORMAT,
  HEADER_BYTES,
  LIMITS,
  MAGIC,
  malformed,
  metaHashOf,
  NUMERIC_PROFILE,
} from "./codec.ts";
import { bytesOf } from "./elements.ts";
import {
  type Constant,
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
import { f32OfBits, MAX_INSTRUCTIONS } from "./scalar.ts";

/** The artifact's bytes, read: `codec.ts` writes them. */

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
