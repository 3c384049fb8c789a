import { type Bytes, concat, type Hex, toHex, uintBE } from "../foundation/bytes.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import { merklePath, merkleRoot } from "../foundation/merkle.ts";
import { TAG, tagByte } from "../foundation/tags.ts";
import { constantOffsets, encodeConstant, encodeHeader, encodeOperator, encodeOutputs } from "./codec.ts";
import { tensorRootOf } from "./commitment.ts";
import type { Operator, Program } from "./program.ts";

/** A program's id is its content. */

/** `K(0x17 ++ u32 index ++ record)`. */
export const operatorRecordHash = (index: number, record: Bytes): Bytes =>
  keccakOf(tagByte(TAG.operatorRecord), uintBE(index, 4), record);

/** `K(0x18 ++ u32 index ++ record ++ dataRoot)`. */
export const constantRecordHash = (index: number, record: Bytes, dataRoot: Bytes): Bytes =>
  keccakOf(tagByte(TAG.constantRecord), uintBE(index, 4), record, dataRoot);

/** `K(0x12 ++ u32 index ++ tensorRoot)`: operator `index`'s output as a leaf of a dispute's tree. */
export const operatorLeaf = (index: number, root: Bytes): Bytes =>
  keccakOf(tagByte(TAG.operatorLeaf), uintBE(index, 4), root);

/** What the id is made of; leaves are kept so that any record can be opened with `merkleRoot`'s tree. */
export type ProgramIdentity = {
  readonly id: Hex;
  readonly header: Bytes;
  /** `header ++ operatorsRoot ++ constantsRoot ++ K(outputs)`, 192 bytes: of the id, without its tag. */
  readonly preimage: Bytes;
  readonly outputs: Bytes;
  readonly operatorLeaves: readonly Bytes[];
  readonly operatorsRoot: Bytes;
  /** Root of each constant's data. */
  readonly dataRoots: readonly Bytes[];
  readonly constantRecords: readonly Bytes[];
  readonly constantLeaves: readonly Bytes[];
  readonly constantsRoot: Bytes;
};

const identities = new WeakMap<Program, ProgramIdentity>();

/** Computed once a program; linear in its bytes. */
export const identityOf = (program: Program): ProgramIdentity => {
  const known = identities.get(program);
  if (known !== undefined) return known;
  const header = encodeHeader(program);
  const outputs = encodeOutputs(program.outputs);
  const operatorLeaves = program.operators.map((operator, i) => operatorRecordHash(i, encodeOperator(operator)));
  const dataRoots = program.constants.map(({ data }) => tensorRootOf(data));
  const offsets = constantOffsets(program);
  const constantRecords = program.constants.map((constant, i) => encodeConstant(constant, offsets[i] as number));
  const constantLeaves = constantRecords.map((record, i) => constantRecordHash(i, record, dataRoots[i] as Bytes));
  const operatorsRoot = merkleRoot(operatorLeaves);
  const constantsRoot = merkleRoot(constantLeaves);
  const preimage = concat(header, operatorsRoot, constantsRoot, keccak256(outputs));
  const identity: ProgramIdentity = {
    id: toHex(keccakOf(tagByte(TAG.programId), preimage)),
    header,
    preimage,
    outputs,
    operatorLeaves,
    operatorsRoot,
    dataRoots,
    constantRecords,
    constantLeaves,
    constantsRoot,
  };
  identities.set(program, identity);
  return identity;
};

/** `K(0x16 ++ header ++ operatorsRoot ++ constantsRoot ++ K(outputs))`. */
export const programId = (program: Program): Hex => identityOf(program).id;

/** A record of a program and what shows that it is there: siblings, lowest first. */
export type OpenedOperator = { readonly record: Bytes; readonly path: readonly Bytes[] };
export type OpenedConstant = OpenedOperator & { readonly dataRoot: Bytes };

/** Operator `index`, which must be there. */
export const openOperator = (program: Program, index: number): OpenedOperator => ({
  record: encodeOperator(program.operators[index] as Operator),
  path: merklePath(identityOf(program).operatorLeaves, index),
});

/** Constant `index`, which must be there. */
export const openConstant = (program: Program, index: number): OpenedConstant => {
  const { dataRoots, constantRecords, constantLeaves } = identityOf(program);
  return {
    record: constantRecords[index] as Bytes,
    dataRoot: dataRoots[index] as Bytes,
    path: merklePath(constantLeaves, index),
  };
};
