import assert from "node:assert/strict";
import { test } from "node:test";
import { boundOf, outcomeText, playAtOnce } from "../support/at-once.ts";
import { createDisputeStage, rightClaimsOf, rightRange } from "../support/disputes.ts";
import { machineStep } from "../support/lies.ts";
import { type Met, STEP_KIND_NAMES, type StepKind, surveyOf } from "../support/step-kinds.ts";
import { TOUR_CLAIMS, takeTour } from "../support/tour.ts";

/** A few of them: all are `npm run fuzz lies`. */
const LIED: readonly StepKind[] = ["begin", "decode", "sstore", "precompile-infer"];
/** What the tour has in blobs alone. */
const IN_BLOBS: readonly StepKind[] = ["arrival-in-blobs", "refuse-length", "load"];

test("a liar in one step is beaten whatever the step's kind: each is proven by L1's contracts, all at once", async (t) => {
  const stage = await createDisputeStage(t, {
    claims: TOUR_CLAIMS,
    fill: (on) => takeTour(on, { inBlobs: false, forceDelay: 3_600 }),
  });
  const node = await stage.open();
  const { trace, succession } = await rightRange(stage, node, rightClaimsOf(t, stage, node));
  const met = await surveyOf(trace, { units: succession.range.units, l1: node.l1 });
  assert.deepEqual(
    STEP_KIND_NAMES.filter((kind) => !met.has(kind)),
    IN_BLOBS,
    "the tour takes every other kind of step",
  );
  const steps = LIED.map((kind) => met.get(kind)?.[0] as Met);
  const lies = steps.map(({ unit, step }, i) => ({ ...machineStep(unit, step), name: LIED[i] as string }));
  const bound = boundOf(stage.claims);
  const outcome = await playAtOnce(t, stage, { lies, bound });
  t.diagnostic(outcomeText(outcome, bound));
  assert.deepEqual(outcome.findings, []);
  assert.equal(outcome.proven, lies.length, "each lie came down to its step, and L1 proved that");
});
