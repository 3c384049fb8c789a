import type { Bytes } from "../foundation/bytes.ts";
import { decodeProgram, malformed } from "./codec.ts";
import { type Constraint, judge, type Violation } from "./constraint.ts";
import { CONSTRAINTS_OF_FORM } from "./constraints-of-form.ts";
import { CONSTRAINTS_OF_MEANING } from "./constraints-of-meaning.ts";
import type { Program } from "./program.ts";

/** Which programs are well-formed, as an executable table. A refusal names one rule and where it is broken. */
export const CONSTRAINTS: readonly Constraint[] = [...CONSTRAINTS_OF_FORM, ...CONSTRAINTS_OF_MEANING];

const byStage: readonly Constraint[] = CONSTRAINTS.toSorted((a, b) => a.stage - b.stage);

/** The rules that a program breaks, at the first place of each. Stops behind the first stage that has any. */
export const violations = (program: Program): Violation[] => {
  const judgement = judge(program);
  const found: Violation[] = [];
  let stage = 0;
  for (const constraint of byStage) {
    if (constraint.stage !== stage && found.length > 0) break;
    stage = constraint.stage;
    const broken = constraint.check(judgement);
    if (broken !== undefined) found.push({ constraint: constraint.id, ...broken });
  }
  return found;
};

export const wellFormed = (program: Program): boolean => violations(program).length === 0;

/** PROGRAM_MALFORMED with the first rule that the program breaks. */
export const checkProgram = (program: Program): void => {
  const [first] = violations(program);
  if (first !== undefined) throw malformed(first.constraint, first.message, first.data);
};

/** Bytes to a well-formed program, or PROGRAM_MALFORMED. */
export const readProgram = (bytes: Bytes): Program => {
  const program = decodeProgram(bytes);
  checkProgram(program);
  return program;
};
