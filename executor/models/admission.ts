import { type Bytes, concat, EMPTY_BYTES, equalBytes, readUintBE, uintBE } from "../foundation/bytes.ts";
import { hasCode } from "../foundation/errors.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import { appendLeaf, EMPTY_FRONTIER, type Frontier, frontierRoot } from "../foundation/merkle.ts";
import { TAG, tagByte } from "../foundation/tags.ts";
import { type Admission, encodeAdmission } from "../protocol/model-call.ts";
import type { Content } from "../protocol/model-content.ts";
import { CONSTANT_RECORD_BYTES, HEADER_BYTES, LIMITS, metaHashOf, OUTPUT_BYTES } from "../tensor/codec.ts";
import { tensorRootOf } from "../tensor/commitment.ts";
import { NO_SUMS, type Sums } from "../tensor/constraint.ts";
import { judgeConstant, judgeOperator, judgeOutput, namedBy } from "../tensor/constraints.ts";
import {
  type ArtifactHeader,
  decodeConstant,
  decodeHeader,
  decodeOperator,
  decodeOutput,
  recordsSize,
} from "../tensor/decode.ts";
import { bytesOf, paddedBytes } from "../tensor/elements.ts";
import { callGas } from "../tensor/gas.ts";
import { constantRecordHash, operatorLeaf, operatorRecordHash } from "../tensor/identity.ts";
import { type Constant, countOf, type Operator } from "../tensor/program.ts";

/**
 * Level 2 of an admission: the artifact as objects, then its judgement record by record. Twin of
 * bridge/contracts/admission/AdmissionVerifier.sol, whose interface is the normative text.
 */

/** Positions of level 2: objects below `header`, where it is judged; then records; `end` is the last. */
export const ADMISSION = { height: 18, header: 2 ** 16, end: 2 ** 18 - 1 } as const;
/** Objects before the data of constants: the header, the records behind it. */
export const DATA_OBJECTS = 2;

/** What ADMIT is asked. */
export type AskedAdmission = { readonly id: Bytes; readonly content: Content };

/** What is known between two records. */
export type Judgement = {
  readonly index: number;
  /** Bytes of the operators' records that were judged. */
  readonly cursor: number;
  /** Where the next constant's data begin in the artifact. */
  readonly dataCursor: number;
  readonly sums: Sums;
  /** Of the packed output. */
  readonly outputBytes: number;
  /** Append-only trees of the records so far. */
  readonly constants: Frontier;
  readonly operators: Frontier;
};

const REFUSED_HASH = keccakOf(tagByte(TAG.admission));

/** Bytes `from` to `from + size` of the artifact; zero behind its end. */
const slice = (artifact: Bytes, from: bigint | number, size: number): Bytes => {
  const start = Number(from);
  const part = start < artifact.length ? artifact.subarray(start, start + size) : EMPTY_BYTES;
  return part.length === size ? part : concat(part, new Uint8Array(size - part.length));
};

/** What a reader of malformed bytes gives; undefined where they are malformed. */
const formed = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch (error) {
    if (hasCode(error, "PROGRAM_MALFORMED") || hasCode(error, "PROGRAM_FORMAT")) return undefined;
    throw error;
  }
};

/** Where an object's bytes lie in the artifact. */
export type ArtifactObject = { readonly offset: bigint; readonly bytes: Bytes; readonly root: Bytes };

const objectAt = (artifact: Bytes, offset: bigint, size: number): ArtifactObject => {
  const bytes = slice(artifact, offset, size);
  return { offset, bytes, root: tensorRootOf(bytes) };
};

/** A constant whose record is well-formed by itself. */
type PlacedConstant = { readonly constant: Constant; readonly object: ArtifactObject };

const constantAt = (artifact: Bytes, record: Bytes): PlacedConstant | undefined => {
  const read = formed(() => decodeConstant(record));
  if (read === undefined || read.count > 2 ** 26) return undefined;
  const offset = readUintBE(record.subarray(24, 32));
  const size = bytesOf(read.dtype, read.count);
  const constant = { ...read, data: slice(artifact, offset, size) };
  if ("broken" in judgeConstant(constant, 0, NO_SUMS)) return undefined;
  return { constant, object: objectAt(artifact, offset, size) };
};

/** Level 2 of one admission, as far as it does not ask for paths. */
export type AdmissionRun = {
  readonly asked: AskedAdmission;
  /** Undefined of a header that is malformed: then there is the first object alone. */
  readonly header: ArtifactHeader | undefined;
  /** Object p; undefined where there is none. */
  object(index: number): ArtifactObject | undefined;
  readonly objects: number;
  /** States after the positions from `ADMISSION.header` on, until nothing changes any more. */
  readonly states: readonly Bytes[];
  /** The state after `ADMISSION.header + i`; undefined of what is refused. */
  judgement(i: number): Judgement | undefined;
  /** Its preimage. */
  preimage(judgement: Judgement): Bytes;
  readonly constantLeaves: readonly Bytes[];
  readonly operatorLeaves: readonly Bytes[];
  /** Of an operator that was judged well-formed. */
  operatorRecord(index: number): Bytes;
  /** What ADMIT answers. */
  readonly output: Bytes;
};

/** `u32 count ++ peaks`, lowest first. */
export const encodeFrontier = ({ count, peaks }: Frontier): Bytes => concat(uintBE(count, 4), ...peaks);
const frontierHash = (frontier: Frontier): Bytes => keccakOf(tagByte(TAG.frontier), encodeFrontier(frontier));

const u64 = (value: number): Bytes => uintBE(BigInt(value), 8);

/** Runs an admission: one pass over the records, one over the data. Linear in the artifact's bytes. */
export const runAdmission = (artifact: Bytes, asked: AskedAdmission): AdmissionRun => {
  const headerObject = objectAt(artifact, 0n, HEADER_BYTES);
  const header = formed(() => decodeHeader(headerObject.bytes, artifact.length));
  const records = header && objectAt(artifact, BigInt(HEADER_BYTES), recordsSize(header));
  const all = records?.bytes ?? EMPTY_BYTES;
  const [C, P, O] = [header?.constants ?? 0, header?.operators ?? 0, header?.outputs ?? 0];
  const operatorsAt = CONSTANT_RECORD_BYTES * C;
  const operatorBytes = all.subarray(operatorsAt, operatorsAt + (header?.recordBytes ?? 0));
  const outputsAt = operatorsAt + operatorBytes.length;
  const constantRecord = (k: number) => all.subarray(CONSTANT_RECORD_BYTES * k, CONSTANT_RECORD_BYTES * (k + 1));
  const constants = Array.from({ length: C }, (_, k) => constantAt(artifact, constantRecord(k)));

  const constantLeaves: Bytes[] = [];
  const operatorLeaves: Bytes[] = [];
  const operators: Operator[] = [];
  const recordPlaces: { readonly from: number; readonly to: number }[] = [];
  const known = { constants: constants.map((placed) => placed?.constant as Constant), operators };

  const nextConstant = (now: Judgement, k: number): Judgement | undefined => {
    const placed = constants[k];
    if (placed === undefined || placed.object.offset !== BigInt(now.dataCursor)) return undefined;
    const dataCursor = now.dataCursor + placed.constant.data.length;
    if (dataCursor > artifact.length) return undefined;
    const verdict = judgeConstant(placed.constant, k, now.sums);
    if ("broken" in verdict) return undefined;
    const leaf = constantRecordHash(k, constantRecord(k), placed.object.root);
    constantLeaves.push(leaf);
    const tree = appendLeaf(now.constants, leaf);
    return { ...now, index: now.index + 1, dataCursor, sums: verdict.sums, constants: tree };
  };
  const nextOperator = (now: Judgement, index: number): Judgement | undefined => {
    if (header === undefined) return undefined;
    const region = operatorBytes.subarray(now.cursor, now.cursor + LIMITS.operatorRecordBytes);
    const read = formed(() => decodeOperator(region));
    if (read === undefined) return undefined;
    const cursor = now.cursor + read.size;
    if (index === P - 1 && cursor !== operatorBytes.length) return undefined;
    const { operator } = read;
    const place = { header, index, sums: now.sums, named: namedBy(operator, index, known) };
    const verdict = judgeOperator(operator, place);
    if ("broken" in verdict) return undefined;
    operators.push(operator);
    recordPlaces.push({ from: now.cursor, to: cursor });
    const leaf = operatorRecordHash(index, region.subarray(0, read.size));
    operatorLeaves.push(leaf);
    return { ...now, index: now.index + 1, cursor, sums: verdict.sums, operators: appendLeaf(now.operators, leaf) };
  };
  const nextOutput = (now: Judgement, output: number): Judgement | undefined => {
    if (header === undefined) return undefined;
    const at = outputsAt + OUTPUT_BYTES * output;
    const index = formed(() => decodeOutput(all.subarray(at, at + OUTPUT_BYTES)));
    if (index === undefined) return undefined;
    const operator = operators[index];
    const verdict = judgeOutput(index, output, { header, sums: now.sums, operator });
    if ("broken" in verdict || operator === undefined) return undefined;
    const outputBytes = now.outputBytes + paddedBytes(operator.dtype, countOf(operator));
    return { ...now, index: now.index + 1, sums: verdict.sums, outputBytes };
  };
  const next = (now: Judgement): Judgement | undefined => {
    if (now.index < C) return nextConstant(now, now.index);
    return now.index < C + P ? nextOperator(now, now.index - C) : nextOutput(now, now.index - C - P);
  };

  const preimage = (judgement: Judgement): Bytes => {
    const {
      index,
      cursor,
      dataCursor,
      sums,
      outputBytes,
      constants: constantTree,
      operators: operatorTree,
    } = judgement;
    const { inputEnd, tensorBytes, weight, outputBytes: openingBytes, lastOutput } = sums;
    return concat(
      tagByte(TAG.admission),
      headerObject.bytes,
      uintBE(index, 4),
      uintBE(cursor, 4),
      u64(dataCursor),
      u64(inputEnd),
      u64(tensorBytes),
      u64(weight),
      uintBE(openingBytes, 4),
      uintBE(lastOutput + 1, 4),
      uintBE(outputBytes, 4),
      frontierHash(constantTree),
      frontierHash(operatorTree),
    );
  };

  const judgements: (Judgement | undefined)[] = [];
  const states: Bytes[] = [];
  const begin: Judgement = {
    ...{ index: 0, cursor: 0, dataCursor: HEADER_BYTES + all.length, sums: NO_SUMS, outputBytes: 0 },
    ...{ constants: EMPTY_FRONTIER, operators: EMPTY_FRONTIER },
  };
  let now: Judgement | undefined = header === undefined ? undefined : begin;
  for (;;) {
    judgements.push(now);
    states.push(now === undefined ? REFUSED_HASH : keccak256(preimage(now)));
    if (now === undefined || now.index === C + P + O) break;
    now = next(now);
  }

  const answer = (last: Judgement | undefined): Bytes => {
    if (last === undefined || header === undefined) return EMPTY_BYTES;
    const metaAt = outputsAt + OUTPUT_BYTES * O;
    const list = keccak256(all.subarray(outputsAt, metaAt));
    const meta = all.subarray(metaAt);
    const roots = concat(frontierRoot(last.operators), frontierRoot(last.constants));
    const id = keccakOf(tagByte(TAG.programId), headerObject.bytes, roots, list);
    const isRight =
      last.sums.weight === header.gas &&
      last.dataCursor === artifact.length &&
      equalBytes(metaHashOf(meta), header.metaHash) &&
      equalBytes(id, asked.id);
    if (!isRight) return EMPTY_BYTES;
    const { outputBytes, sums } = last;
    const gas = callGas(header.gas, sums.inputEnd, outputBytes);
    const record = { gas, inputBytes: sums.inputEnd, outputBytes, operators: P };
    return encodeAdmission({ admitted: true, record, meta } satisfies Admission);
  };

  return {
    asked,
    header,
    objects: header === undefined ? 1 : DATA_OBJECTS + C,
    object(index) {
      if (index === 0) return headerObject;
      return index === 1 ? records : constants[index - DATA_OBJECTS]?.object;
    },
    states,
    judgement: (i) => judgements[Math.min(i, judgements.length - 1)],
    preimage,
    constantLeaves,
    operatorLeaves,
    operatorRecord(index) {
      const { from, to } = recordPlaces[index] as { readonly from: number; readonly to: number };
      return operatorBytes.subarray(from, to);
    },
    output: answer(now),
  };
};

/** Leaves of level 2 before the judgement: an object's, or what stood before where there is none. */
export const objectLeaves = ({ objects, object }: Pick<AdmissionRun, "objects" | "object">): readonly Bytes[] => {
  const leaves: Bytes[] = [];
  for (let p = 0; p < objects; p++) {
    const found = object(p);
    leaves.push(found === undefined ? (leaves[p - 1] as Bytes) : operatorLeaf(p, found.root));
  }
  return leaves;
};
