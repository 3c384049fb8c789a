/**
 * Judging a program takes time linear in its artifact: every scan and enumeration draws on one budget, and a program
 * that would need more is refused by the rule whose check runs out.
 */
export type Budget = { left: number };

const FLOOR = 2 ** 24;
const PER_BYTE = 8;
/** Steps, each about as long as reading one weight, that it takes to solve one guard at one point. */
export const GUARD_STEPS = 32;

export const createBudget = (artifactBytes: number): Budget => ({ left: FLOOR + PER_BYTE * artifactBytes });
export const unlimited = (): Budget => ({ left: Number.POSITIVE_INFINITY });

/** Draws `steps`; false (and nothing drawn) when the rest does not suffice. */
export const spend = (budget: Budget, steps: number): boolean => {
  if (steps > budget.left) return false;
  budget.left -= steps;
  return true;
};
