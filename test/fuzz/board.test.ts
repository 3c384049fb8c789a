import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzBoards } from "./board.ts";

const CALLS = 300;
const SEED = 5_000;

test("the board on L1 and its twin agree after random calls, legal and illegal", async (t) => {
  const tally = await fuzzBoards(t, { count: CALLS, seed: SEED });
  assert.deepEqual(tally.findings, []);
  for (const outcome of ["taken", "nothing", "NotRivalled", "BadPreimage", "BadWitness", "BadEnd", "TooEarly"])
    assert.ok((tally.outcomes.get(outcome) ?? 0) > 0, `no call ended as ${outcome}`);
  for (const event of ["ClaimProposed", "EdgeOpened", "LevelOpened", "TimerUpdated"])
    assert.ok((tally.taken.get(event) ?? 0) > 0, `no ${event}`);
});
