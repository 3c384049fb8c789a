import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL_LEVELS, DEEP, TWO_LEVELS } from "./contests.fixture.ts";
import { type Balance, playForMoney, type RewardRule, STRATEGIES, type Strategy } from "./rewards.fixture.ts";
import type { Lie, Toy } from "./toy.fixture.ts";

/**
 * Whom a lost stake should pay. A liar who also stakes the right root first collects the half of his own loss that is not
 * burned, and leaves the honest their gas. These games say what that is worth, under each rule that was thought of; what
 * follows from it is in ARCHITECTURE.md, "Stakes".
 */

const GWEI = 1e9;
const DESIGNED = 100 * GWEI;
const GAMES: readonly (readonly [string, Toy, Lie])[] = [
  ["two levels", TWO_LEVELS, { name: "A", masks: [2, 1, 0] }],
  ["two levels, at once", TWO_LEVELS, { name: "A", masks: [5, 6, 0], follows: "wrong" }],
  ["all levels", ALL_LEVELS, { name: "A", masks: [1, 1, 1], elements: 1 }],
];
const DEEPEST: readonly (readonly [string, Toy, Lie])[] = [
  ...GAMES,
  ["deep", DEEP, { name: "A", masks: [2, 2, 2], elements: 3 }],
];

const balances = (toy: Toy, lie: Lie, rule: RewardRule, paid = DESIGNED): ReadonlyMap<Strategy, Balance> =>
  new Map(
    STRATEGIES.map((strategy) => [
      strategy,
      playForMoney(toy, lie, strategy, { designed: DESIGNED, paid, stakePerTariff: 2, rule }),
    ]),
  );
const least = (of: ReadonlyMap<Strategy, Balance>, side: "liar" | "honest"): number =>
  Math.min(...[...of.values()].map((balance) => balance[side]));
const balanceOf = (of: ReadonlyMap<Strategy, Balance>, strategy: Strategy): Balance => of.get(strategy) as Balance;

for (const [name, toy, lie] of DEEPEST)
  test(`${name}: whatever a liar stakes, he loses more than twice what the honest lose, and more as gas is cheaper`, () => {
    for (const paid of [DESIGNED, 10 * GWEI]) {
      const all = balances(toy, lie, "winner's staker", paid);
      for (const [strategy, { liar, honest, burned }] of all) {
        const what = `${strategy} at ${paid / GWEI} gwei: liar ${liar}, honest ${honest}`;
        assert.ok(burned > 0 && liar <= -burned, what);
        assert.ok(honest >= 0 || liar < 2 * honest, what);
        // The burned half alone is as much again as what the honest may lose, at the price that the tariffs are made for.
        assert.ok(burned >= -honest, what);
      }
      const alone = balanceOf(all, "wrong roots");
      const doubled = balanceOf(all, "right roots first");
      // He has back at most what would have gone to the honest: half of his loss.
      assert.ok(doubled.liar - alone.liar <= alone.burned, "what staking the right roots is worth to him");
      assert.ok(doubled.honest < alone.honest);
    }
  });

for (const [name, toy, lie] of GAMES)
  test(`${name}: no other rule leaves the honest better off where nobody tricks them, nor safe where somebody does`, () => {
    const staker = balances(toy, lie, "winner's staker");
    const nobody = balances(toy, lie, "nobody");
    const movers = balances(toy, lie, "movers");
    assert.ok(least(nobody, "honest") < least(staker, "honest"), "burning all leaves the honest their gas always");
    const ordinary = [staker, movers].map((of) => balanceOf(of, "wrong roots").honest) as [number, number];
    assert.ok(
      ordinary[1] < ordinary[0],
      "paid by moves they lose even then: updates and verdicts are their own affair",
    );
    // Whoever is paid by moves has them copied from the mempool: theirs are in vain.
    assert.ok(balanceOf(movers, "copied moves").honest < 0);
    assert.equal(
      balanceOf(movers, "copied moves").honest.toFixed(0),
      balanceOf(staker, "copied moves").honest.toFixed(0),
    );
  });

test("where gas costs less than the tariffs are made for, the honest who stake first are repaid", () => {
  for (const [name, toy, lie] of GAMES)
    assert.ok(balanceOf(balances(toy, lie, "winner's staker", 30 * GWEI), "wrong roots").honest > 0, name);
});
