import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzSolvency } from "./solvency.ts";

test("the portal can pay every withdrawal after any of these steps, and pays them all in the end", async (t) => {
  const tally = await fuzzSolvency(t, { steps: 40, seed: 4_000 });
  assert.deepEqual(tally.findings, []);
  assert.ok(tally.withdrawals > 2);
  for (const name of ["prove", "finalize", "reorg", "claim"])
    assert.ok((tally.done.get(name) ?? 0) > 0, `${name} was tried`);
});
