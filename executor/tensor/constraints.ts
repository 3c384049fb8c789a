import type { Bytes } from "../foundation/bytes.ts";
import { malformed } from "./codec.ts";
import {
  type Constraint,
  type ConstraintId,
  type Finding,
  headerOf,
  type Named,
  NO_SUMS,
  type OperatorPlace,
  type OutputPlace,
  type Sums,
  type Violation,
} from "./constraint.ts";
import { CONSTRAINTS_OF_FORM } from "./constraints-of-form.ts";
import { CONSTRAINTS_OF_MEANING, outputBytes } from "./constraints-of-meaning.ts";
import { decodeProgram } from "./decode.ts";
import { bytesOf, paddedBytes } from "./elements.ts";
import { constantGas, operatorGas } from "./gas.ts";
import { type Constant, countOf, type Operator, type Program } from "./program.ts";

/** Which programs are well-formed, as an executable table. A refusal names one rule and where it is broken. */
export const CONSTRAINTS: readonly Constraint[] = [...CONSTRAINTS_OF_FORM, ...CONSTRAINTS_OF_MEANING];

/** Intervals are computed of records whose form is right. */
const LAST: readonly ConstraintId[] = ["C9", "C10"];
const ORDER: readonly Constraint[] = [
  ...CONSTRAINTS.filter(({ id }) => !LAST.includes(id)),
  ...CONSTRAINTS.filter(({ id }) => LAST.includes(id)),
];

/** The first rule, in the order of evaluation, that finds something. */
const first = (
  check: (constraint: Constraint) => Finding | undefined,
  data: Readonly<Record<string, unknown>> = {},
): Violation | undefined => {
  for (const constraint of ORDER) {
    const found = check(constraint);
    if (found !== undefined)
      return { constraint: constraint.id, message: found.message, data: { ...data, ...found.data } };
  }
  return undefined;
};

/** A record's judgement: what it breaks, or the sums behind it. */
export type Verdict = { readonly broken: Violation } | { readonly sums: Sums };
const judged = (broken: Violation | undefined, sums: () => Sums): Verdict =>
  broken === undefined ? { sums: sums() } : { broken };

export const judgeConstant = (constant: Constant, index: number, sums: Sums): Verdict =>
  judged(
    first((rule) => rule.constant?.(constant), { constant: index }),
    () => ({ ...sums, weight: sums.weight + constantGas(constant) }),
  );

export const judgeOperator = (operator: Operator, place: OperatorPlace): Verdict => {
  const { sums, index } = place;
  return judged(
    first((rule) => rule.operator?.(operator, place), { operator: index }),
    () => {
      const count = countOf(operator);
      return {
        ...sums,
        inputEnd: operator.kind === "INPUT" ? operator.offset + paddedBytes(operator.dtype, count) : sums.inputEnd,
        tensorBytes: sums.tensorBytes + bytesOf(operator.dtype, count),
        weight: sums.weight + operatorGas(operator),
      };
    },
  );
};

/** Output `output`, which names operator `index`. */
export const judgeOutput = (index: number, output: number, place: OutputPlace): Verdict => {
  const { header, sums, operator } = place;
  return judged(
    first((rule) => rule.output?.(index, place), { output }),
    () => ({
      ...sums,
      lastOutput: index,
      outputBytes: sums.outputBytes + outputBytes(header, operator as Operator),
    }),
  );
};

/** What operand j of an operator names before that operator. */
export const namedBy =
  (
    operator: Operator,
    index: number,
    { constants, operators }: { readonly constants: readonly Named[]; readonly operators: readonly Operator[] },
  ) =>
  (j: number): Named | undefined => {
    const source = operator.operands[j]?.source;
    if (source === undefined) return undefined;
    if (source.constant) return constants[source.index];
    const made = source.index < index ? operators[source.index] : undefined;
    return made && { dtype: made.dtype, count: countOf(made), interval: made.interval };
  };

/** One pass over the records: header, constants, operators, outputs; each is judged by what stands before it. */
const judge = (program: Program): Violation | undefined => {
  const { constants, operators, outputs } = program;
  const header = headerOf(program);
  const broken = first((rule) => rule.header?.(header));
  if (broken !== undefined) return broken;
  let sums = NO_SUMS;
  const verdicts = function* (): Generator<Verdict> {
    for (const [index, constant] of constants.entries()) yield judgeConstant(constant, index, sums);
    for (const [index, operator] of operators.entries())
      yield judgeOperator(operator, { header, index, sums, named: namedBy(operator, index, program) });
    for (const [output, index] of outputs.entries())
      yield judgeOutput(index, output, { header, sums, operator: operators[index] });
  };
  for (const verdict of verdicts()) {
    if ("broken" in verdict) return verdict.broken;
    sums = verdict.sums;
  }
  return first((rule) => rule.end?.(header, sums));
};

/** The rule that a program breaks and where, at its first record that breaks one; nothing of a well-formed one. */
export const violations = (program: Program): Violation[] => {
  const found = judge(program);
  return found === undefined ? [] : [found];
};

export const wellFormed = (program: Program): boolean => judge(program) === undefined;

/** PROGRAM_MALFORMED with the first rule that the program breaks. */
export const checkProgram = (program: Program): void => {
  const found = judge(program);
  if (found !== undefined) throw malformed(found.constraint, found.message, found.data);
};

/** Bytes to a well-formed program, or PROGRAM_MALFORMED. */
export const readProgram = (bytes: Bytes): Program => {
  const program = decodeProgram(bytes);
  checkProgram(program);
  return program;
};
