import { type Budget, createBudget } from "./budget.ts";
import { constantBytesOf, recordBytesOf } from "./codec.ts";
import { constantData } from "./elements.ts";
import { type Bounded, type Known, operatorInterval } from "./interval.ts";
import type { Constant, Operand, Operator, OperatorOf, Program, Source } from "./program.ts";

export type ConstraintId = `C${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16 | 17}`;

/** Where a rule is broken: `data` names the operator, operand, point or constant. */
export type Finding = { readonly message: string; readonly data: Readonly<Record<string, unknown>> };
export type Violation = Finding & { readonly constraint: ConstraintId };

/** A program under judgement, and what several rules want to know about it. */
export type Judgement = {
  readonly program: Program;
  readonly budget: Budget;
  /** Computed interval of an operator; computed once. */
  readonly bounded: (index: number) => Bounded;
};

export type Constraint = {
  readonly id: ConstraintId;
  /** The rule as a sentence. */
  readonly sentence: string;
  readonly rationale: string;
  /** Rules of a later stage look only at programs that keep all rules of the earlier ones. */
  readonly stage: number;
  readonly check: (judgement: Judgement) => Finding | undefined;
};

/** All that the bound of a contraction follows from: unrolled steps over the same weights are scanned once. */
const contractionKey = (operator: OperatorOf<"CONTRACT">, knownOf: (source: Source) => Known): string => {
  const { output, reduction, za, zw, operands } = operator;
  const [a, ...rest] = operands;
  const read = rest.map(({ source, base, stride }) =>
    source.constant ? [source.index, base, stride] : knownOf(source).interval,
  );
  return JSON.stringify([output, reduction, za, zw, a && knownOf(a.source).interval, read]);
};

export const judge = (program: Program): Judgement => {
  const budget = createBudget(constantBytesOf(program) + recordBytesOf(program));
  const knownOf = ({ constant, index }: Source): Known => {
    if (!constant) return { interval: (program.operators[index] as Operator).interval };
    const found = program.constants[index] as Constant;
    return { interval: found.interval, data: constantData(found) };
  };
  const known = new Map<number, Bounded>();
  const contractions = new Map<string, Bounded>();
  const bounded = (index: number): Bounded => {
    let found = known.get(index);
    if (found !== undefined) return found;
    const operator = program.operators[index] as Operator;
    const key = operator.kind === "CONTRACT" ? contractionKey(operator, knownOf) : undefined;
    found = key === undefined ? undefined : contractions.get(key);
    found ??= operatorInterval(operator, knownOf, budget);
    if (key !== undefined) contractions.set(key, found);
    known.set(index, found);
    return found;
  };
  return { program, budget, bounded };
};

export const finding = (message: string, data: Readonly<Record<string, unknown>> = {}): Finding => ({ message, data });

/** The first finding among the items; data of the item's place is added by `check`. */
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

/** A rule that looks at one operator at a time. */
export const eachOperator =
  (check: (operator: Operator, index: number, judgement: Judgement) => Finding | undefined): Constraint["check"] =>
  (judgement) =>
    firstFinding(judgement.program.operators, (operator, index) => {
      const found = check(operator, index, judgement);
      return found && { message: found.message, data: { operator: index, ...found.data } };
    });

/** A rule that looks at one operand at a time. */
export const eachOperand = (
  check: (
    operand: Operand,
    operator: Operator,
    place: { index: number; operand: number },
    judgement: Judgement,
  ) => Finding | undefined,
): Constraint["check"] =>
  eachOperator((operator, index, judgement) =>
    firstFinding(operator.operands, (operand, j) => {
      const found = check(operand, operator, { index, operand: j }, judgement);
      return found && { message: found.message, data: { operand: j, ...found.data } };
    }),
  );
