import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_DEPTH } from "../../executor/machine/operations/calls.ts";
import { openTransaction, setupOf } from "../../executor/machine/transaction.fixture.ts";
import { CALL_STEPS, DEEPEST, EVERY_CALL } from "./calls.fixture.ts";
import { stepsOf, type Taken } from "./collect.ts";
import { devnetAt } from "./contracts.ts";
import { mutantsOf } from "./mutants.ts";
import { startVerifier, type Verifier } from "./verifier.ts";

const PLACES = 40;

const judgeEveryKind = async (verifier: Verifier): Promise<void> => {
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
};

const judgeDeepest = async (verifier: Verifier): Promise<void> => {
  const machine = openTransaction(await setupOf(DEEPEST));
  const { state } = machine;
  while (state.depth < MAX_DEPTH) machine.step();
  const steps: Taken[] = [];
  for (const step of stepsOf(machine, new Map())) {
    steps.push(step);
    if (state.depth < MAX_DEPTH) break;
  }
  const kinds = ["f1", "f1", "f2", "f4", "fa", "f0", "f5"].map((opcode) => `op ${opcode}`);
  assert.deepEqual(
    steps.map(({ what }) => what).filter((what) => kinds.includes(what)),
    kinds,
  );
  assert.ok((await verifier.judge(steps)).every(({ verdict }) => verdict === "right"));
};

test("calls, creations and frames on L1", async (t) => {
  const verifier = await startVerifier(t, devnetAt);
  await t.test("give the machine's next hash, and none for other evidence", () => judgeEveryKind(verifier));
  await t.test("begin no frame at the greatest depth, and read no account for it", () => judgeDeepest(verifier));
});
