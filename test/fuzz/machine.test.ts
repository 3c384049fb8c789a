import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachineTally, fuzzTransaction } from "./machine.ts";

const TRANSACTIONS = 30;
const SEED = 52_000;

test("random transactions take the machine where they take the library, in steps that their gas bounds", async () => {
  const tally = createMachineTally();
  for (let i = 0; i < TRANSACTIONS; i++) await fuzzTransaction(SEED + i, tally);
  assert.deepEqual(tally.findings, []);
  assert.ok(tally.opcodes > 5_000);
});
