import assert from "node:assert/strict";
import { test } from "node:test";
import { accountOf, authorize } from "../chain/chain.fixture.ts";
import { toHex, uintBE } from "../foundation/bytes.ts";
import { delegationTo } from "../protocol/delegation.ts";
import { DEVNET_PARAMETERS } from "../protocol/parameters.ts";
import { assemble, callOf, OP, op } from "./bytecode.fixture.ts";
import type { AccountSetup } from "./frame.fixture.ts";
import { lockstepOf, openTransaction, SENDER, setupOf } from "./transaction.fixture.ts";

/** EIP-7702 on the machine and in the engine, opcode by opcode. */

const MAIN = 0xc0n;
const CODE = 0xd0n;
const hexOf = (address: bigint): string => toHex(uintBE(address, 20));
const delegating = (to: bigint): AccountSetup => ({ nonce: 1n, balance: 7n, code: delegationTo(uintBE(to, 20)) });

/** Writes who it is, who called, and how long its code is; gives its data back. */
const WITNESS = assemble(
  op(OP.sstore, 0n, OP.address),
  op(OP.sstore, 1n, OP.caller),
  op(OP.sstore, 2n, OP.codesize),
  op(OP.mstore, 0n, OP.callvalue),
  op(OP.return, 0n, 32n),
);
const LOOPS: Readonly<Record<string, AccountSetup>> = {
  [hexOf(CODE)]: { nonce: 1n, code: WITNESS },
  [hexOf(0xe0n)]: delegating(CODE),
  // To a precompile, to itself, to one that delegates, to nobody.
  [hexOf(0xe1n)]: delegating(4n),
  [hexOf(0xe2n)]: delegating(0xe2n),
  [hexOf(0xe3n)]: delegating(0xe0n),
  [hexOf(0xe4n)]: delegating(0xffffn),
};
const DELEGATING = [0xe0n, 0xe1n, 0xe2n, 0xe3n, 0xe4n];

const assertAlike = async (setup: Parameters<typeof lockstepOf>[0], what: string) => {
  const result = await lockstepOf(setup);
  assert.equal(result.difference, undefined, what);
  return result;
};

for (const kind of ["call", "callcode", "delegatecall", "staticcall"] as const)
  test(`${kind} of an account that delegates runs the delegate's code, cold and warm`, async () => {
    for (const to of DELEGATING)
      for (const value of kind === "call" || kind === "callcode" ? [0n, 1n] : [0n]) {
        const once = callOf(OP[kind], { to, gas: 100_000n, value, input: [0n, 5n], output: [64n, 32n] });
        const code = assemble(once, OP.returndatasize, once, OP.add, op(OP.sstore, 9n, OP.gas), OP.stop);
        const accounts = { ...LOOPS, [hexOf(MAIN)]: { nonce: 1n, balance: 10n, code } };
        await assertAlike({ accounts, gas: 600_000, to: hexOf(MAIN) }, `${hexOf(to)} ${value}`);
      }
  });

test("what asks for an account's code sees the delegation", async () => {
  for (const to of DELEGATING) {
    const code = assemble(
      op(OP.extcodecopy, to, 0n, 0n, 40n),
      op(OP.sstore, 0n, op(OP.mload, 0n)),
      op(OP.sstore, 1n, op(OP.extcodesize, to)),
      op(OP.sstore, 2n, op(OP.extcodehash, to)),
    );
    await assertAlike(
      { accounts: { ...LOOPS, [hexOf(MAIN)]: { nonce: 1n, code } }, gas: 200_000, to: hexOf(MAIN) },
      hexOf(to),
    );
  }
});

test("a transaction to an account that delegates runs the delegate's code, whose place is warm", async () => {
  for (const to of DELEGATING)
    await assertAlike({ accounts: LOOPS, gas: 300_000, to: hexOf(to), value: 3n }, hexOf(to));
});

test("authorizations take effect, are passed over, and give back", async () => {
  const { chainId } = DEVNET_PARAMETERS;
  const signer = (index: number) => accountOf(index).address.toLowerCase();
  const good = await authorize(1, { address: hexOf(CODE), nonce: 0 });
  const again = await authorize(1, { address: hexOf(0xe0n), nonce: 1 });
  const cleared = await authorize(1, { address: hexOf(0n), nonce: 2 });
  const lists: Readonly<Record<string, readonly (typeof good)[]>> = {
    one: [good],
    "one thrice, and cleared": [good, again, good, cleared],
    "of every chain": [await authorize(1, { address: hexOf(CODE), nonce: 0, chainId: 0 })],
    "of another chain": [await authorize(1, { address: hexOf(CODE), nonce: 0, chainId: Number(chainId) + 1 })],
    "of another nonce": [await authorize(1, { address: hexOf(CODE), nonce: 1 })],
    "of the sender, whose nonce counted this": [await authorize(0, { address: hexOf(CODE), nonce: 1 })],
    "of the sender, too early": [await authorize(0, { address: hexOf(CODE), nonce: 0 })],
    "of a contract": [await authorize(2, { address: hexOf(CODE), nonce: 1 })],
    "of an account that exists": [await authorize(3, { address: hexOf(CODE), nonce: 4 })],
    "with a high s": [{ ...good, s: toHex(uintBE(2n ** 256n - 1n, 32)) }],
    "with r zero": [{ ...good, r: "0x0" }],
    "with a parity of 2": [{ ...good, yParity: 2 }],
    "by nobody's key": [{ ...good, r: toHex(uintBE(5n, 32)) }],
  };
  const accounts = {
    ...LOOPS,
    [signer(2)]: { nonce: 1n, code: WITNESS },
    [signer(3)]: { nonce: 4n, balance: 1n },
  };
  const reverting = hexOf(0xf7n);
  for (const [what, authorizations] of Object.entries(lists))
    for (const to of [signer(1), SENDER, hexOf(CODE), reverting])
      await assertAlike(
        {
          accounts: { ...accounts, [reverting]: { nonce: 1n, code: op(OP.revert, 0n, 0n) } },
          gas: 400_000,
          to,
          value: 1n,
          authorizations,
        },
        `${what}, to ${to}`,
      );
  const given = await assertAlike(
    { accounts, gas: 300_000, to: hexOf(0x99n), authorizations: lists["of an account that exists"] ?? [] },
    "refund",
  );
  // A fifth of 46,000 and not 12,500.
  assert.equal(given.gasUsed, 46_000 - 9_200);
});

test("an authorization is one step, whatever comes of it", async () => {
  const authorizations = await Promise.all([0, 1, 2, 3].map((nonce) => authorize(1, { address: hexOf(CODE), nonce })));
  const stepsOf = async (count: number): Promise<number> => {
    const setup = await setupOf({
      accounts: LOOPS,
      gas: 300_000,
      to: hexOf(0x99n),
      authorizations: authorizations.slice(0, count),
    });
    const machine = openTransaction(setup);
    while (machine.ended === undefined) machine.step();
    return machine.steps;
  };
  assert.equal((await stepsOf(4)) - (await stepsOf(1)), 3);
});

test("who delegates may send, before and after; who is a contract may not", async () => {
  const sender = { nonce: 0n, balance: 10n ** 40n };
  for (const [code, isTaken] of [
    [delegationTo(uintBE(CODE, 20)), true],
    [WITNESS, false],
  ] as const) {
    const { gasUsed } = await assertAlike(
      { accounts: { ...LOOPS, [SENDER]: { ...sender, code } }, gas: 300_000, to: hexOf(CODE) },
      "send",
    );
    assert.equal(gasUsed > 0, isTaken);
  }
});

test("before Prague there is none of this", async () => {
  const authorizations = [await authorize(1, { address: hexOf(CODE), nonce: 0 })];
  const setup = await setupOf({ accounts: LOOPS, gas: 300_000, to: hexOf(0xe0n), authorizations });
  const machine = openTransaction({ ...setup, block: { ...setup.block, fork: "cancun" } });
  while (machine.ended === undefined) machine.step();
  assert.equal(machine.ended.chain.receipts.count, 0);
});

test("data pays its least price (EIP-7623): no less gas is used, and a limit below it is refused", async () => {
  const data = new Uint8Array(1_000).fill(1);
  const least = 21_000 + 40 * data.length;
  for (const gas of [least - 1, least, 2 * least]) {
    const { gasUsed } = await assertAlike({ accounts: {}, gas, to: hexOf(0x99n), data }, `${gas}`);
    assert.equal(gasUsed, gas < least ? 0 : least);
  }
});
