import assert from "node:assert/strict";
import { answersOf, type Conditions, liarOf, type Outcome, type Party, play } from "./arena.fixture.ts";
import type { Toy } from "./toy.fixture.ts";

/** Toys by what they exercise. */
export const TWO_LEVELS: Toy = { units: 3, micro: 2, infer: -1, operators: 0, heights: [2, 2, 0, 0] };
export const ALL_LEVELS: Toy = { units: 2, micro: 1, infer: 0, operators: 2, heights: [1, 2, 2, 2] };
/** A level of one leaf each: a root is its own leaf. */
export const LEAVES: Toy = { units: 1, micro: 0, infer: -1, operators: 0, heights: [1, 1, 0, 0] };
export const DEEP: Toy = { units: 6, micro: 4, infer: 1, operators: 5, heights: [3, 3, 3, 3] };

export const POLICIES = ["eager", "late", "chance"] as const;

/** The last block, after the first claim, by which the right one is confirmed. */
export const boundOf = (toy: Toy, { period }: Pick<Outcome, "period">, { censored, delay }: Conditions): bigint =>
  period + BigInt(censored) + BigInt(delay + 1) * (answersOf(toy) + 1n);

/** What is wrong with a game's outcome: the honest must win it, in time, at the price of a bounded number of moves. */
export const faultsOf = (toy: Toy, outcome: Outcome, conditions: Conditions): readonly string[] => {
  const { winner, right, confirmedAfter, worstWrong, honestLost, refused, violations } = outcome;
  const { censored, delay, reorgs } = conditions;
  const lost = reorgs === undefined ? 0 : [...reorgs.values()].reduce((a, b) => a + b, 0);
  const bound = boundOf(toy, outcome, conditions);
  const faults = [...violations];
  if (winner !== right) faults.push("the right claim did not win");
  if (confirmedAfter !== undefined && confirmedAfter > bound + BigInt(lost)) faults.push("it was confirmed too late");
  if (outcome.freeAfter > 3n * bound) faults.push("an honest stake was free too late");
  if (worstWrong > BigInt(censored + lost) + BigInt(delay) * answersOf(toy))
    faults.push("a wrong claim gained too much");
  if (honestLost > 0) faults.push("an honest stake was lost");
  if (refused > 0 && reorgs === undefined) faults.push("the board refused an honest move");
  return faults;
};

export const contest = (toy: Toy, liars: readonly Party[], conditions: Conditions, what: string): Outcome => {
  const outcome = play(toy, liars, conditions);
  assert.deepEqual(faultsOf(toy, outcome, conditions), [], what);
  return outcome;
};

/** Every pattern of wrong leaves at levels 0 and 1. */
export function* patterns(toy: Toy): Generator<readonly [number, number]> {
  for (let chain = 1; chain < 2 ** (2 ** toy.heights[0]); chain++)
    for (let execution = 0; execution < 2 ** (2 ** toy.heights[1] - 1); execution++) yield [chain, execution];
}

/** Times at which a liar makes its moves: all that do not fall. */
export function* schedules(end: number, moves: number): Generator<readonly number[]> {
  if (moves === 0) return yield [];
  for (const rest of schedules(end, moves - 1))
    for (let first = 1; first <= (rest[0] ?? end); first++) yield [first, ...rest];
}

export const liars = (toy: Toy, count: number, random: (below: number) => number): readonly Party[] =>
  Array.from({ length: count }, (_, i) => {
    const mask = (level: 0 | 1 | 2) => (random(3) === 0 ? 0 : 2 ** random(2 ** toy.heights[level]));
    const lie = {
      name: `liar${i}`,
      masks: [random(5) === 0 ? 0 : mask(0), mask(1), mask(2)],
      elements: random(2 ** (2 ** Math.min(toy.heights[3], 3))),
      follows: random(2) === 0 ? "wrong" : "right",
    } as const;
    return liarOf(toy, lie, POLICIES[random(3)] ?? "eager");
  });
