import assert from "node:assert/strict";
import { test } from "node:test";
import { createReputation, HALF_LIFE, MAX_BAN, PENALTY } from "./reputation.ts";

const book = (limit = 100) => {
  let now = 0;
  const reputation = createReputation({ clock: () => now, banMs: 600_000, limit });
  return {
    reputation,
    pass: (ms: number) => {
      now += ms;
    },
  };
};

test("every penalty takes its points off, of that peer alone", () => {
  const { reputation } = book();
  for (const [why, points] of Object.entries(PENALTY)) {
    assert.equal(reputation.penalise(why, why as keyof typeof PENALTY), undefined);
    assert.equal(reputation.score(why), -points);
  }
  assert.equal(reputation.score("stranger"), 0);
});

test("half of a score is forgiven in each half-life", () => {
  const { reputation, pass } = book();
  reputation.penalise("a", "malformed");
  reputation.penalise("a", "malformed");
  pass(HALF_LIFE);
  assert.equal(reputation.score("a"), -20);
  pass(HALF_LIFE);
  assert.equal(reputation.score("a"), -10);
});

test("at the threshold the peer is to be banned, each time twice as long, up to a day", () => {
  const { reputation } = book();
  const bans: number[] = [];
  for (let i = 0; i < 20; i++) {
    const ms = reputation.penalise("a", "content");
    if (ms !== undefined) bans.push(ms);
  }
  assert.deepEqual(bans.slice(0, 3), [600_000, 1_200_000, 2_400_000]);
  assert.equal(bans.length, 10);
  assert.equal(bans.at(-1), MAX_BAN);
});

test("a ban of long ago is forgotten", () => {
  const { reputation, pass } = book();
  const ban = () => {
    reputation.penalise("a", "content");
    return reputation.penalise("a", "content");
  };
  assert.equal(ban(), 600_000);
  pass(MAX_BAN + 1);
  assert.equal(ban(), 600_000);
});

test("the book is bounded: the forgiven go first", () => {
  const { reputation, pass } = book(10);
  reputation.penalise("old", "rate");
  pass(4 * HALF_LIFE);
  reputation.penalise("bad", "content");
  for (let i = 0; i < 9; i++) reputation.penalise(`peer ${i}`, "rate");
  assert.equal(reputation.score("bad"), -50);
  assert.equal(reputation.score("old"), 0);
  for (let i = 0; i < 1_000; i++) reputation.penalise(`more ${i}`, "rate");
  assert.equal(reputation.size, 10);
});
