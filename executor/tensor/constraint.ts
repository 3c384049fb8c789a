import { constantBytesOf, recordBytesOf } from "./codec.ts";
import type { Constant, Dtype, Interval, Operator, Program } from "./program.ts";

export type ConstraintId = `C${1 | 2 | 3 | 4 | 5 | 7 | 8 | 9 | 10 | 12 | 13 | 14 | 15 | 16}`;

/** Where a rule is broken: `data` names the operator, operand or constant. */
export type Finding = { readonly message: string; readonly data: Readonly<Record<string, unknown>> };
export type Violation = Finding & { readonly constraint: ConstraintId };

export const finding = (message: string, data: Readonly<Record<string, unknown>> = {}): Finding => ({ message, data });

/** The header's fields; the first four are numbers of records. */
export type Header = {
  readonly inputs: number;
  readonly operators: number;
  readonly constants: number;
  readonly outputs: number;
  readonly gas: number;
  readonly constantBytes: number;
  readonly recordBytes: number;
  readonly metaBytes: number;
};

/** Of the records before the one that is judged. */
export type Sums = {
  /** Where the last INPUT ends in the packed input. */
  readonly inputEnd: number;
  /** Bytes of the operators' outputs. */
  readonly tensorBytes: number;
  /** Units that constants and operators weigh. */
  readonly weight: number;
  /** Bytes that open the outputs so far. */
  readonly outputBytes: number;
  /** The last output's operator; -1 before the first one. */
  readonly lastOutput: number;
};

export const NO_SUMS: Sums = { inputEnd: 0, tensorBytes: 0, weight: 0, outputBytes: 0, lastOutput: -1 };

/** What a rule may know of another record: of the tensor that it declares. */
export type Named = { readonly dtype: Dtype; readonly count: number; readonly interval: Interval };

/** What an operator's record is judged with. */
export type OperatorPlace = {
  readonly header: Header;
  readonly index: number;
  readonly sums: Sums;
  /** What operand j names; undefined where there is no such record before this one. */
  readonly named: (j: number) => Named | undefined;
};

export type OutputPlace = {
  readonly header: Header;
  readonly sums: Sums;
  /** The operator that the output names, if there is one. */
  readonly operator: Operator | undefined;
};

/**
 * One rule. It looks at the header, at one record of a kind, at (dtype, count, interval) of the records that its operands
 * name, and at sums over the records before: at no data, and at nothing that takes a search.
 */
export type Constraint = {
  readonly id: ConstraintId;
  /** The rule as a sentence. */
  readonly sentence: string;
  readonly rationale: string;
  readonly header?: (header: Header) => Finding | undefined;
  readonly constant?: (constant: Constant) => Finding | undefined;
  readonly operator?: (operator: Operator, place: OperatorPlace) => Finding | undefined;
  readonly output?: (index: number, place: OutputPlace) => Finding | undefined;
  /** Behind the last record. */
  readonly end?: (header: Header, sums: Sums) => Finding | undefined;
};

export const headerOf = (program: Program): Header => ({
  inputs: program.inputs,
  operators: program.operators.length,
  constants: program.constants.length,
  outputs: program.outputs.length,
  gas: program.gas,
  constantBytes: constantBytesOf(program),
  recordBytes: recordBytesOf(program),
  metaBytes: program.meta.length,
});

/** The first finding among the items. */
export const firstFinding = <T>(
  items: Iterable<T>,
  check: (item: T, index: number) => Finding | undefined,
): Finding | undefined => {
  let index = 0;
  for (const item of items) {
    const found = check(item, index++);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** The same over an operator's operands, each named in the finding. */
export const firstOperand = (
  operator: Operator,
  check: (operand: Operator["operands"][number], j: number) => Finding | undefined,
): Finding | undefined =>
  firstFinding(operator.operands, (operand, j) => {
    const found = check(operand, j);
    return found && { message: found.message, data: { operand: j, ...found.data } };
  });
