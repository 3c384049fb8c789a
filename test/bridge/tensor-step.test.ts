import assert from "node:assert/strict";
import { test } from "node:test";
import { checkElements, claimsOf, createElementTally, randomCall } from "../fuzz/elements.ts";
import { startVerifier } from "../support/tensor-verifier.ts";

test("the contract computes single elements of random programs as the reference does, for every kind", async (t) => {
  const verifier = await startVerifier(t);
  const tally = createElementTally();
  const cases = Array.from({ length: 25 }, (_, seed) => {
    const call = randomCall(seed);
    return { seed, call, claims: claimsOf(call, seed, () => true) };
  });
  await checkElements(verifier, cases, tally);
  assert.deepEqual(tally.findings, []);
  for (const [kind, count] of tally.byKind) assert.ok(count >= 20, `${count} elements of ${kind}`);
});
