import assert from "node:assert/strict";
import { test } from "node:test";
import { playAdmissions } from "../fuzz/admission-lies.ts";

/** A few of the kinds of leaves: all are `npm run fuzz admission-lies`. */
const LIES = 3;

test("a liar about an admission is beaten at a byte, at a record and at the end, all at once", async (t) => {
  const { outcome, text } = await playAdmissions(t, LIES);
  t.diagnostic(text);
  assert.deepEqual(outcome.findings, []);
  assert.equal(outcome.proven, LIES, "each lie came down to its leaf, and L1 proved that");
});
