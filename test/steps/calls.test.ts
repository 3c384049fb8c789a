import assert from "node:assert/strict";
import { test } from "node:test";
import { openTransaction, setupOf } from "../../executor/machine/transaction.fixture.ts";
import { CALL_STEPS, EVERY_CALL } from "./calls.fixture.ts";
import { stepsOf } from "./collect.ts";
import { devnetAt } from "./contracts.ts";
import { mutantsOf } from "./mutants.ts";
import { startVerifier } from "./verifier.ts";

const PLACES = 40;

test("calls, creations and frames: the machine's next hash, and none for other evidence", async (t) => {
  const verifier = await startVerifier(t, (inbox) => devnetAt(inbox));
  const counts = new Map<string, number>();
  const steps = [...stepsOf(openTransaction(await setupOf(EVERY_CALL)), counts)];
  const own = steps.filter(({ what }) => CALL_STEPS.includes(what));
  assert.deepEqual(
    CALL_STEPS.filter((what) => !own.some((step) => step.what === what)),
    [],
  );
  const verdicts = await verifier.judge(own);
  assert.deepEqual(
    own.filter((_, i) => verdicts[i]?.verdict !== "right").map(({ what }) => what),
    [],
  );
  const sample = CALL_STEPS.flatMap((kind) => own.filter(({ what }) => what === kind).slice(0, 2));
  for (const step of sample) {
    const mutants = [...mutantsOf(step, PLACES)];
    const taken = (await verifier.judge(mutants)).filter(({ verdict }) => verdict !== "reverted");
    assert.deepEqual(taken, [], step.what);
  }
});
