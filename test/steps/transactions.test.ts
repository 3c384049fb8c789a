import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "../../executor/index.ts";
import { openTransaction, setupOf } from "../../executor/machine/transaction.fixture.ts";
import { fuzzEnvelopes } from "../fuzz/envelopes.ts";
import { stepsOf, type Taken } from "./collect.ts";
import { devnetAt } from "./contracts.ts";
import { l1Gas, MOST_EVIDENCE } from "./l1-gas.ts";
import { mutantsOf } from "./mutants.ts";
import { everyTransaction, longest, TRANSACTION_STEPS } from "./transactions.fixture.ts";
import { startVerifier } from "./verifier.ts";

const PLACES = 60;
/** Of an L1 transaction with a DECODE, of L1's 2^24; of one with another step. */
const MOST_GAS = 15_000_000;
const MOST_GAS_OF_OTHERS = 300_000;

const decodeOf = async (envelope: Bytes): Promise<Taken> => {
  const setup = { ...(await setupOf({ accounts: {}, gas: 21_000, to: `0x${"c0".padStart(40, "0")}` })), envelope };
  const { value } = stepsOf(openTransaction(setup), new Map()).next();
  return value as Taken;
};

test("transactions before and behind their frames: the machine's next hash, and none for other evidence", async (t) => {
  const verifier = await startVerifier(t, devnetAt);
  const steps = (await everyTransaction()).flatMap((setup) => [...stepsOf(openTransaction(setup), new Map())]);
  const own = steps.filter(({ what }) => TRANSACTION_STEPS.includes(what));
  assert.deepEqual(
    TRANSACTION_STEPS.filter((what) => !own.some((step) => step.what === what)),
    [],
  );
  const verdicts = await verifier.judge(own);
  assert.deepEqual(
    own.filter((_, i) => verdicts[i]?.verdict !== "right").map(({ what }) => what),
    [],
  );
  const dearest = Math.max(...own.map(({ evidence }, i) => l1Gas(evidence, verdicts[i]?.gas as number)));
  assert.ok(dearest <= MOST_GAS_OF_OTHERS, `${dearest} gas`);
  for (const step of own) {
    const taken = (await verifier.judge([...mutantsOf(step, PLACES)])).filter(({ verdict }) => verdict !== "reverted");
    assert.deepEqual(taken, [], step.what);
  }
});

test("the longest envelopes are decided within the gas and the bytes of a transaction on L1", async (t) => {
  const verifier = await startVerifier(t, devnetAt);
  const envelopes = Object.entries(await longest());
  const steps = await Promise.all(envelopes.map(([, envelope]) => decodeOf(envelope)));
  const verdicts = await verifier.judge(steps);
  for (const [i, [what, envelope]] of envelopes.entries()) {
    const { evidence } = steps[i] as Taken;
    const { verdict, gas } = verdicts[i] as (typeof verdicts)[number];
    const whole = l1Gas(evidence, gas);
    t.diagnostic(`${what}: ${envelope.length} bytes, ${gas} gas, whole transaction ${whole}`);
    assert.equal(verdict, "right", what);
    assert.ok(whole <= MOST_GAS, `${what} takes ${whole}`);
    assert.ok(evidence.length <= MOST_EVIDENCE, `${what} takes ${evidence.length} bytes`);
  }
});

test("random envelopes are the same transactions in Solidity, here and in @ethereumjs/tx", async (t) => {
  const { findings, kinds, steps, mutants } = await fuzzEnvelopes(t, { count: 250, seed: 7, mutants: 1 });
  assert.deepEqual(findings, []);
  assert.ok(kinds.size >= 12 && mutants === steps, `${kinds.size} kinds, ${mutants} mutants`);
});
