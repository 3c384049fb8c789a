import assert from "node:assert/strict";
import { test } from "node:test";
import { accountOf, answersOf, liarOf, play } from "./arena.fixture.ts";
import {
  ALL_LEVELS,
  contest,
  DEEP,
  faultsOf,
  LEAVES,
  liars,
  POLICIES,
  patterns,
  schedules,
  TWO_LEVELS,
} from "./contests.fixture.ts";

/** The honest client against liars; the full counts are those of `npm run fuzz game`. */

const stride = <Value>(values: Iterable<Value>, every: number): readonly Value[] =>
  [...values].filter((_, i) => i % every === 0);

test("a liar loses, wherever it is wrong, at most by one path of openings a level", () => {
  for (const [i, [chain, execution]] of stride(patterns(TWO_LEVELS), 5).entries()) {
    const follows = i % 2 === 0 ? "right" : "wrong";
    const lie = { name: "A", masks: [chain, execution, 0], follows } as const;
    const conditions = { delay: 2, censored: 5, seed: i, isChecked: true, honestFirst: i % 4 === 3 };
    const policy = POLICIES[i % 3] ?? "eager";
    const { made } = contest(
      TWO_LEVELS,
      [liarOf(TWO_LEVELS, lie, policy)],
      conditions,
      `${policy} ${chain} ${execution}`,
    );
    const [first, second] = TWO_LEVELS.heights;
    assert.ok((made["EdgeOpened"] ?? 0) <= first + second, "openings");
    assert.ok((made["EdgeProven"] ?? 0) <= 1, "proofs");
    assert.ok((made["LevelOpened"] ?? 0) <= 1, "stakes");
  }
});

test("it loses as well where it is wrong in operators and their tensors, known and unknown", () => {
  for (let i = 0; i < 36; i++) {
    const lie = { name: "A", masks: [1 + (i % 3), [0, 1, 2, 4][i % 4] ?? 0, 1 + (i % 7)], elements: i % 5 } as const;
    const conditions = { delay: 2, censored: 4, seed: i, isChecked: true };
    const { made } = contest(ALL_LEVELS, [liarOf(ALL_LEVELS, lie, POLICIES[i % 3])], conditions, `operators ${i}`);
    const [first, second, third, fourth] = ALL_LEVELS.heights;
    assert.ok((made["EdgeOpened"] ?? 0) <= first + second + third + fourth, "openings");
    assert.ok((made["EdgeProven"] ?? 0) <= 1, "proofs");
  }
});

test("it loses at whatever times it makes its moves", () => {
  let i = 0;
  for (const times of stride(schedules(9, 4), 5)) {
    const [delay, censored, censorAt] = [
      [1, 0, 0],
      [1, 2, 0],
      [1, 2, 3],
      [2, 1, 7],
    ][i++ % 4] as [number, number, number];
    const conditions = { delay, censored, censorAt, honestFirst: i % 2 === 1, isChecked: true };
    const lie = { name: "A", masks: [1 + (i % 3), i % 2, 0] } as const;
    contest(LEAVES, [liarOf(LEAVES, lie, times)], conditions, `times ${times}`);
  }
});

test("several liars cost moves, not time, and their quarrels cost nothing", () => {
  const random = (seed: number) => (below: number) => {
    const next = (Math.imul(seed++, 2_654_435_761) >>> 0) / 2 ** 32;
    return Math.floor(next * below);
  };
  for (let i = 0; i < 6; i++) {
    const conditions = { delay: 1 + (i % 3), censored: 3 * i, censorAt: 5 * i, seed: i, isChecked: true };
    contest(ALL_LEVELS, liars(ALL_LEVELS, 3, random(i * 1_000)), conditions, `several ${i}`);
  }
  contest(DEEP, liars(DEEP, 3, random(77)), { delay: 2, censored: 10, isChecked: true }, "deep");
});

test("several honest clients share edges, and lose no stake to each other", () => {
  for (const policy of POLICIES)
    for (const chain of [1, 6, 8, 15]) {
      const party = liarOf(TWO_LEVELS, { name: "A", masks: [chain, 5, 0] }, policy);
      const conditions = { delay: 2, censored: 3, honest: ["first", "second", "third"], isChecked: true };
      const { board } = contest(TWO_LEVELS, [party], conditions, `${policy} ${chain}`);
      const staked = [...board.tables.roots.values()].filter(({ staker }) => staker !== accountOf("A"));
      assert.ok(staked.length <= 2, "one honest stake a level, whoever makes it");
    }
});

test("a client without memory that starts anew before each visit plays the same game", () => {
  const party = liarOf(ALL_LEVELS, { name: "A", masks: [1, 1, 2], elements: 2 });
  const conditions = { delay: 2, censored: 2 };
  const outcome = contest(ALL_LEVELS, [party], { ...conditions, isForgetful: true }, "forgetful");
  assert.deepEqual(outcome.made, contest(ALL_LEVELS, [party], conditions, "the same").made);
});

test("an L1 reorg that drops any of the moves costs the blocks that it dropped", () => {
  for (let block = 2; block < 30; block += 2)
    for (const depth of [1, 3]) {
      const party = liarOf(TWO_LEVELS, { name: "A", masks: [2, 2, 0] });
      const period = 5n + 2n * answersOf(TWO_LEVELS) + 1n + BigInt(depth);
      const conditions = { delay: 2, censored: 5, period, reorgs: new Map([[block, depth]]) };
      contest(TWO_LEVELS, [party], conditions, `reorg of ${depth} at ${block}`);
    }
});

test("the period is as short as it can be: one block less, and a liar wins", () => {
  const lie = { name: "A", masks: [1, 2, 2], elements: 2 } as const;
  // A client that answers a whole path at once leaves a liar half of this; the period must not depend on it.
  const conditions = { delay: 2, censored: 6, censorAt: 1, isStepwise: true };
  const tight = 6n + 2n * answersOf(ALL_LEVELS);
  const party = liarOf(ALL_LEVELS, lie);
  const won = contest(ALL_LEVELS, [party], { ...conditions, period: tight + 1n }, "tight");
  assert.equal(won.worstWrong, tight);
  const lost = play(ALL_LEVELS, [party], { ...conditions, period: tight });
  assert.notEqual(lost.winner, lost.right);
  assert.ok(faultsOf(ALL_LEVELS, lost, conditions).includes("the right claim did not win"));
});
