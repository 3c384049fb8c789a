import assert from "node:assert/strict";
import { test } from "node:test";
import { accountOf, authorize } from "../../executor/chain/chain.fixture.ts";
import { ADDRESS, type Bytes, concat, delegationTo, fromHex, toHex, uintBE } from "../../executor/index.ts";
import { callOf, initCodeOf, OP } from "../../executor/machine/bytecode.fixture.ts";
import { putLeaf, type Tree } from "../../executor/machine/state/tree.ts";
import { addressMark } from "../../executor/machine/state/world.ts";
import { type CallSetup, openTransaction, SENDER, setupOf } from "../../executor/machine/transaction.fixture.ts";
import { accountKey } from "../../executor/state/account.ts";
import { stepsOf, type Taken } from "./collect.ts";
import { devnetAt } from "./contracts.ts";
import { l1Gas, MOST_EVIDENCE } from "./l1-gas.ts";
import { startVerifier } from "./verifier.ts";

const JUMPDEST = 0x5b;
const ONE_BYTE_OPCODES = (size: number): Bytes => new Uint8Array(size).fill(JUMPDEST);

/** A state of a thousand million leaves, and a transaction that has touched a thousand addresses. */
const STATE_DEPTH = 30;
const MARKS_DEPTH = 10;

/** The tree with a leaf on the other side of each of the first branches on the key's path. */
const deepen = (tree: Tree, key: Bytes, depth: number): Tree => {
  let deep = tree;
  for (let bit = 0; bit < depth; bit++) {
    const other = key.slice();
    other[bit >>> 3] = (other[bit >>> 3] as number) ^ (0x80 >>> (bit & 7));
    deep = putLeaf(deep, other, new Uint8Array(32).fill(1));
  }
  return deep;
};

const hexOf = (address: bigint): string => toHex(uintBE(address, 20));
const CALLER = hexOf(0xc0n);
const CALLEE = hexOf(0xd0n);
const AUTHORITY = accountOf(1).address;

/** The step of this kind of a transaction in deep trees. */
const stepOf = async (what: string, setup: CallSetup): Promise<Taken> => {
  const machine = openTransaction(await setupOf(setup));
  const { state } = machine;
  for (const address of [CALLER, CALLEE, SENDER, AUTHORITY, ADDRESS.sequencerFeeVault].map((hex) => fromHex(hex))) {
    state.stateRoot = deepen(state.stateRoot, accountKey(address), STATE_DEPTH);
    state.txTree = deepen(state.txTree, addressMark(address), MARKS_DEPTH);
  }
  for (const step of stepsOf(machine, new Map())) if (step.what === what) return step;
  throw new Error(`the transaction has no ${what}`);
};

/** Code of the greatest size, whose first instruction's chunk is beside as many others as there are. */
const PAYS: CallSetup = {
  accounts: {
    [CALLER]: {
      nonce: 1n,
      balance: 10n ** 18n,
      code: concat(callOf(OP.call, { to: BigInt(CALLEE), value: 1n, input: [0n, 640n] }), ONE_BYTE_OPCODES(24_500)),
    },
    [CALLEE]: { nonce: 1n, balance: 1n, code: delegationTo(fromHex(CALLER)) },
  },
  to: CALLER,
  gas: 1_000_000,
};

const ADDS: CallSetup = {
  accounts: {
    [CALLER]: {
      nonce: 1n,
      code: concat(fromHex(`0x7f${"a5".repeat(32)}7f${"5a".repeat(32)}01`), ONE_BYTE_OPCODES(24_500)),
    },
  },
  to: CALLER,
  gas: 1_000_000,
};

const DELEGATES: CallSetup = {
  accounts: {},
  to: CALLER,
  gas: 1_000_000,
  authorizations: [await authorize(1, { address: CALLER, nonce: 0 })],
};

/** Whole transactions on L1, but for what board and rules add. */
const ROWS: readonly { readonly what: string; readonly setup: CallSetup; readonly most: number }[] = [
  { what: "op 01", setup: ADDS, most: 60_000 },
  { what: "op f1", setup: PAYS, most: 200_000 },
  { what: "phase 2", setup: DELEGATES, most: 250_000 },
  { what: "phase 16", setup: DELEGATES, most: 150_000 },
  { what: "phase 12", setup: DELEGATES, most: 150_000 },
  { what: "phase 14", setup: DELEGATES, most: 100_000 },
  { what: "phase 4", setup: { accounts: {}, data: ONE_BYTE_OPCODES(49_152), gas: 20_000_000 }, most: 8_000_000 },
  {
    what: "phase 11",
    setup: { accounts: {}, data: initCodeOf(ONE_BYTE_OPCODES(24_576)), gas: 20_000_000 },
    most: 4_000_000,
  },
];
test("the dearest steps of calls, code and transactions are within the gas and the bytes of a transaction on L1", async (t) => {
  const verifier = await startVerifier(t, devnetAt);
  const steps: Taken[] = [];
  for (const { what, setup } of ROWS) steps.push(await stepOf(what, setup));
  const verdicts = await verifier.judge(steps);
  for (const [i, { what, most }] of ROWS.entries()) {
    const { evidence } = steps[i] as Taken;
    const { verdict, gas } = verdicts[i] as (typeof verdicts)[number];
    const whole = l1Gas(evidence, gas);
    t.diagnostic(`${what}: ${gas} gas, ${evidence.length} bytes, whole transaction ${whole}`);
    assert.equal(verdict, "right", what);
    assert.ok(whole <= most, `${what} takes ${whole}`);
    assert.ok(evidence.length <= MOST_EVIDENCE, `${what} takes ${evidence.length} bytes`);
  }
});
