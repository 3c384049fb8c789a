import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzStateTree } from "../fuzz/state-tree.ts";
import { fuzzSteps } from "../fuzz/steps.ts";
import { devnetAt } from "./contracts.ts";
import { startVerifier } from "./verifier.ts";

test("contracts give the machine's next hash for every step they judge, and none for changed evidence", async (t) => {
  const { findings, steps, mutants } = await fuzzSteps(await startVerifier(t, devnetAt), {
    transactions: 20,
    seed: 7,
    mutants: 2,
  });
  assert.deepEqual(findings, []);
  assert.ok(steps > 300 && mutants === 2 * steps, `${steps} steps, ${mutants} mutants`);
});

test("the tree in Solidity is the machine's: reads, puts, removals, and no other path", async (t) => {
  assert.deepEqual(await fuzzStateTree({ count: 150, seed: 7, print: (line) => t.diagnostic(line) }), []);
});
