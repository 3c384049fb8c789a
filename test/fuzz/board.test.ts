import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzBoards } from "./board.ts";

const CALLS = 400;
const SEED = 5_000;

test("the board on L1 and its twin agree after random calls, legal and illegal", async (t) => {
  const tally = await fuzzBoards(t, { count: CALLS, seed: SEED });
  assert.deepEqual(tally.findings, []);
  console.log(tally);
});
