import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "../../executor/index.ts";
import { openTransaction, setupOf } from "../../executor/machine/transaction.fixture.ts";
import { fuzzEnvelopes } from "../fuzz/envelopes.ts";
import { stepsOf, type Taken } from "./collect.ts";
import { devnetAt } from "./contracts.ts";
import { mutantsOf } from "./mutants.ts";
import { everyTransaction, longest, TRANSACTION_STEPS } from "./transactions.fixture.ts";
import { startVerifier } from "./verifier.ts";

const PLACES = 60;
/** Of L1's 2^24. */
const MOST_GAS = 6_000_000;
const MOST_GAS_OF_OTHERS = 300_000;

/** What a transaction with this calldata takes, the least by EIP-7623; its contracts' gas is measured. */
const transactionGas = ({ evidence }: Pick<Taken, "evidence">, execution: number): number => {
  const zeros = evidence.filter((byte) => byte === 0).length;
  const tokens = zeros + 4 * (evidence.length - zeros);
  return 21_000 + Math.max(4 * tokens + execution, 10 * tokens);
};

const decodeOf = async (envelope: Bytes): Promise<Taken> => {
  const setup = { ...(await setupOf({ accounts: {}, gas: 21_000, to: `0x${"c0".padStart(40, "0")}` })), envelope };
  const { value } = stepsOf(openTransaction(setup), new Map()).next();
  return value as Taken;
};

test("transactions before and behind their frames: the machine's next hash, and none for other evidence", async (t) => {
  const verifier = await startVerifier(t, (inbox) => devnetAt(inbox));
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
  const dearest = Math.max(...own.map((step, i) => transactionGas(step, verdicts[i]?.gas as number)));
  assert.ok(dearest < MOST_GAS_OF_OTHERS, `${dearest} gas`);
  for (const step of own) {
    const taken = (await verifier.judge([...mutantsOf(step, PLACES)])).filter(({ verdict }) => verdict !== "reverted");
    assert.deepEqual(taken, [], step.what);
  }

  // The longest envelopes.
  const full = Object.entries(await longest());
  const decodes = await Promise.all(full.map(([, envelope]) => decodeOf(envelope)));
  for (const [i, { verdict, gas }] of (await verifier.judge(decodes)).entries()) {
    const total = transactionGas(decodes[i] as Taken, gas);
    t.diagnostic(`${full[i]?.[0]}: ${full[i]?.[1].length} bytes, ${total} gas, ${gas} of them execution`);
    assert.equal(verdict, "right", full[i]?.[0]);
    assert.ok(total < MOST_GAS, `${full[i]?.[0]}: ${total} gas`);
  }
});

test("random envelopes are the same transactions in Solidity, here and in @ethereumjs/tx", async (t) => {
  const { findings, kinds, steps, mutants } = await fuzzEnvelopes(t, { count: 250, seed: 7, mutants: 1 });
  assert.deepEqual(findings, []);
  assert.ok(kinds.size >= 12 && mutants === steps, `${kinds.size} kinds, ${mutants} mutants`);
});
