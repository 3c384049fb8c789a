import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { toHex } from "../../executor/index.ts";
import { checkElements, claimsOf, createElementTally, randomCall } from "../fuzz/elements.ts";
import { checkMutations, createMutationTally, mutationCases } from "../fuzz/mutations.ts";
import { elementCases } from "../support/element-cases.ts";
import { provenCall } from "../support/inference-proof.ts";
import { startVerifier, type TensorVerifier } from "../support/tensor-verifier.ts";

let started: Promise<TensorVerifier> | undefined;
const ends: (() => unknown)[] = [];
test.after(() => {
  for (const end of ends) end();
});
const theVerifier = (): Promise<TensorVerifier> => {
  const context = { after: (end: () => unknown) => void ends.push(end) } as Pick<TestContext, "after">;
  started ??= startVerifier(context);
  return started;
};

test("the contract computes single elements of random programs as the reference does, for every kind", async () => {
  const tally = createElementTally();
  const cases = Array.from({ length: 25 }, (_, seed) => {
    const call = randomCall(seed);
    return { seed, call, claims: claimsOf(call, seed, () => true) };
  });
  await checkElements(await theVerifier(), cases, tally);
  assert.deepEqual(tally.findings, []);
  for (const [kind, count] of tally.byKind) assert.ok(count >= 20, `${count} elements of ${kind}`);
});

test("a proof that is changed in any one place proves no wrong element", async () => {
  const tally = createMutationTally();
  await checkMutations(await theVerifier(), Array.from({ length: 8 }, (_, seed) => mutationCases(seed)).flat(), tally);
  assert.deepEqual(tally.findings, []);
  assert.ok(tally.proofs >= 20 && tally.mutations >= 20 * tally.proofs);
});

const MOST_BYTES = 120_000;

test("the dearest elements are right and fit a transaction of L1", async (t) => {
  const verifier = await theVerifier();
  for (const { name, program, input, operator, position } of elementCases())
    await t.test(name, async () => {
      const call = provenCall(program, input, 13);
      const claim = call.prove(operator, position);
      const [verdict] = await verifier.verify([claim]);
      // The gas that it had is less than a transaction's.
      assert.deepEqual(verdict, { post: toHex(call.tree(operator).node(0, position)) });
      const data = verifier.dataOf(claim);
      assert.ok(data.length / 2 <= MOST_BYTES, `${data.length / 2} bytes`);
    });
});
