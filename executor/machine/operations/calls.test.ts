import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bytes, concat, fromHex, toHex, uintBE } from "../../foundation/bytes.ts";
import { keccak256, keccakOf } from "../../foundation/keccak.ts";
import { createAddress } from "../../protocol/contract-address.ts";
import { assemble, callOf, initCodeOf, OP, op, storeBytes } from "../bytecode.fixture.ts";
import type { AccountSetup } from "../frame.fixture.ts";
import { type CallSetup, lockstepOf, openTransaction, setupOf } from "../transaction.fixture.ts";

const MAIN = "0x00000000000000000000000000000000000000c0";
const OTHER = "0x00000000000000000000000000000000000000d0";
const ABSENT = "0x00000000000000000000000000000000000000e0";
const other = BigInt(OTHER);
const absent = BigInt(ABSENT);

const CALLS = { CALL: OP.call, CALLCODE: OP.callcode, DELEGATECALL: OP.delegatecall, STATICCALL: OP.staticcall };

/** Runs to the end and says how deep it went, what it used and what MAIN stores in slot `slot`. */
const outcomeOf = async (setup: CallSetup, slot = 0n) => {
  const machine = openTransaction(await setupOf(setup));
  const { state } = machine;
  let deepest = 0;
  while (machine.ended === undefined) {
    machine.step();
    deepest = Math.max(deepest, state.depth);
  }
  const { tree, chain } = machine.ended;
  return {
    deepest,
    used: Number(chain.gasUsed),
    stored: state.world.slot(tree, fromHex(MAIN), uintBE(slot, 32)),
    account: (address: string) => state.world.findAccount(tree, fromHex(address)),
  };
};

/** In lockstep with plenty of gas, with what it used, and with one and some less. */
const assertAlike = async (setup: CallSetup, name: string): Promise<void> => {
  const plenty = await lockstepOf(setup);
  assert.equal(plenty.difference, undefined, name);
  assert.ok(plenty.steps <= setup.gas + 3200);
  const { used } = await outcomeOf(setup);
  for (const less of [0, 1, 2, 100, 2300])
    assert.equal((await lockstepOf({ ...setup, gas: used - less })).difference, undefined, `${name}, ${less} less`);
};

const mainOf = (code: Bytes, rest: AccountSetup = {}): CallSetup => ({
  accounts: { [MAIN]: { nonce: 1n, balance: 1000n, code, ...rest } },
  to: MAIN,
  gas: 400_000,
});

/** Stores the word on the stack in slot 0. */
const STORE = assemble(0n, OP.sstore);

/** Code that gives back the first 8 bytes of its calldata, its caller, its value and the gas it has. */
const ECHO = assemble(
  op(OP.mstore, 0n, op(OP.calldataload, 0n)),
  op(OP.mstore, 32n, OP.caller),
  op(OP.mstore, 64n, OP.callvalue),
  op(OP.mstore, 96n, OP.gas),
  op(OP.return, 0n, 128n),
);

for (const [name, opcode] of Object.entries(CALLS)) {
  test(`${name}: warm and cold, with value and without, to code, to nobody, to a precompile, with any gas`, async () => {
    for (const to of [other, absent, BigInt(MAIN), 4n, 2n ** 255n + other])
      for (const value of [0n, 1n])
        for (const gas of [0n, 2300n, 2n ** 256n - 1n]) {
          const one = callOf(opcode, { to, gas, value, input: [1n, 33n], output: [3n, 70n] });
          const code = assemble(op(OP.mstore, 0n, 2n ** 250n + 5n), one, one, OP.add, STORE, op(OP.mload, 0n), OP.pop);
          // The call of itself branches for as long as there is gas.
          const setup = { ...mainOf(code), gas: 150_000 };
          const accounts = { ...setup.accounts, [OTHER]: { nonce: 1n, code: ECHO } };
          assert.equal((await lockstepOf({ ...setup, accounts })).difference, undefined, `${to} ${value} ${gas}`);
        }
  });

  test(`${name}: at its exact price and below`, async () => {
    const setup = mainOf(assemble(callOf(opcode, { to: other, value: 1n, output: [0n, 200n] }), STORE));
    await assertAlike({ ...setup, accounts: { ...setup.accounts, [OTHER]: { nonce: 1n, code: ECHO } } }, name);
    await assertAlike(mainOf(assemble(callOf(opcode, { to: absent, value: 1n }), STORE)), `${name} to nobody`);
  });

  test(`${name}: frames go down to 1024, where the next one is refused`, async () => {
    const code = assemble(callOf(opcode, { to: BigInt(MAIN) }), STORE);
    const quiet = opcode === OP.staticcall ? assemble(callOf(opcode, { to: BigInt(MAIN) }), OP.pop) : code;
    const setup = { ...mainOf(quiet), gas: 2 ** 42 };
    assert.equal((await lockstepOf(setup)).difference, undefined);
    assert.equal((await outcomeOf(setup)).deepest, 1024);
  });
}

test("a value above the balance fails softly: what the child was given comes back, the stipend as well", async () => {
  for (const opcode of [OP.call, OP.callcode]) {
    const setup = mainOf(assemble(callOf(opcode, { to: other, gas: 50_000n, value: 1001n }), OP.gas, STORE));
    assert.equal((await lockstepOf(setup)).difference, undefined);
    const whole = mainOf(assemble(callOf(opcode, { to: other, gas: 50_000n, value: 1000n }), OP.gas, STORE));
    // The transfer to an empty account costs 25,000 whether it is made or not; the stipend is kept either way.
    assert.equal((await outcomeOf(setup)).stored, (await outcomeOf(whole)).stored);
  }
});

test("what returns is copied into the window that was asked for, no further, and is there for RETURNDATACOPY", async () => {
  for (const [offset, length] of [
    [0n, 0n],
    [5n, 20n],
    [31n, 100n],
    [64n, 2000n],
    [1n, 3000n],
  ] as const)
    for (const size of [0n, 1n, 33n, 1500n, 2500n])
      for (const end of [OP.return, OP.revert, OP.invalid]) {
        const callee = assemble(op(OP.calldatacopy, 0n, 0n, 2500n), op(OP.not, 7n), 0n, OP.mstore, op(end, 0n, size));
        const code = assemble(
          op(OP.codecopy, 0n, 0n, 200n),
          callOf(OP.call, { to: other, output: [offset, length] }),
          OP.returndatasize,
          OP.add,
          op(OP.returndatacopy, 3100n, 0n, OP.returndatasize),
          STORE,
          op(OP.return, 0n, 5600n),
        );
        const setup = mainOf(code);
        const accounts = { ...setup.accounts, [OTHER]: { nonce: 1n, code: callee } };
        assert.equal((await lockstepOf({ ...setup, accounts })).difference, undefined, `${offset} ${length} ${size}`);
      }
});

/** Runtime: `sstore(calldataload(0), calldataload(32))`, or, when called with nothing, SELFDESTRUCT to the caller. */
const RUNTIME = (() => {
  const store = assemble(OP.jumpdest, op(OP.sstore, op(OP.calldataload, 0n), op(OP.calldataload, 32n)), OP.stop);
  const destroy = op(OP.selfdestruct, OP.caller);
  return assemble(op(OP.jumpi, BigInt(4 + destroy.length), OP.calldatasize), destroy, store);
})();

/** Puts `code` into memory at 0, from behind the end of the program that is given its own length. */
const withData = (data: Bytes, program: (place: bigint) => Bytes): Bytes => {
  const { length } = program(255n);
  const code = program(BigInt(length));
  assert.equal(code.length, length, "places have one byte");
  return concat(code, data);
};

const CREATES = { CREATE: [], CREATE2: [7n] } as const;

for (const [name, salt] of Object.entries(CREATES)) {
  const opcode = name === "CREATE" ? OP.create : OP.create2;
  /** Creates from `initcode` with `value`; leaves the address. */
  const creating =
    (initcode: Bytes, value = 0n) =>
    (place: bigint) =>
      assemble(
        op(OP.codecopy, 0n, place, BigInt(initcode.length)),
        op(opcode, value, 0n, BigInt(initcode.length), ...salt),
      );
  const createCode = (initcode: Bytes, after: Bytes, value = 0n): Bytes =>
    withData(initcode, (place) => assemble(creating(initcode, value)(place), after, OP.stop));

  test(`${name}: code is stored, refused, too dear, reverted; at its exact price and below`, async () => {
    const inits: Readonly<Record<string, Bytes>> = {
      runtime: initCodeOf(RUNTIME),
      nothing: new Uint8Array(0),
      stop: Uint8Array.of(0),
      "reserved byte": initCodeOf(Uint8Array.of(0xef, 0x00)),
      "reserved initcode": Uint8Array.of(0xef, 0x00),
      revert: assemble(op(OP.mstore, 0n, 77n), op(OP.revert, 0n, 32n)),
      invalid: Uint8Array.of(OP.invalid),
      "24,576 bytes": op(OP.return, 0n, 24_576n),
      "24,577 bytes": op(OP.return, 0n, 24_577n),
      "slots and end": assemble(op(OP.sstore, 1n, 2n), op(OP.selfdestruct, OP.caller)),
    };
    for (const [what, init] of Object.entries(inits)) {
      const setup = mainOf(createCode(init, assemble(OP.returndatasize, OP.add, STORE), 1n));
      await assertAlike({ ...setup, gas: 8_000_000 }, `${name} of ${what}`);
    }
  });

  test(`${name} fails softly on balance, nonce and depth, and burns its gas on a collision`, async () => {
    const init = initCodeOf(RUNTIME);
    const code = createCode(init, assemble(STORE));
    for (const rest of [{ balance: 0n }, { nonce: 2n ** 64n - 1n }, { nonce: 2n ** 64n - 2n }]) {
      const setup = mainOf(createCode(init, assemble(STORE, OP.gas, 1n, OP.sstore), 1n), rest);
      assert.equal((await lockstepOf(setup)).difference, undefined);
      const soft = rest.nonce !== 2n ** 64n - 2n;
      assert.equal((await outcomeOf(setup)).stored === 0n, soft);
    }
    const address =
      opcode === OP.create
        ? createAddress(fromHex(MAIN), 1n)
        : toHex(keccakOf(Uint8Array.of(0xff), fromHex(MAIN), uintBE(7n, 32), keccak256(init)).subarray(12));
    for (const there of [{ nonce: 1n }, { nonce: 0n, code: Uint8Array.of(0) }, { balance: 5n }]) {
      const setup = mainOf(code);
      const accounts = { ...setup.accounts, [address]: there };
      assert.equal((await lockstepOf({ ...setup, accounts })).difference, undefined);
      const { stored, used } = await outcomeOf({ ...setup, accounts });
      const collides = there.balance === undefined;
      assert.equal(stored === 0n, collides);
      if (collides) assert.ok(used > 390_000);
    }
    const recursive = assemble(op(OP.codecopy, 0n, 0n, 40n), op(opcode, 0n, 0n, 40n, ...salt), OP.pop);
    const deep = { ...mainOf(recursive), gas: 2 ** 47 };
    assert.equal((await lockstepOf(deep)).difference, undefined);
    assert.equal((await outcomeOf(deep)).deepest, 1024);
  });

  test(`${name}: slots and ends of an account that is as old as the transaction, with reverts between`, async () => {
    const write = (slot: bigint, value: bigint): Bytes =>
      assemble(
        op(OP.mstore, 0n, slot),
        op(OP.mstore, 32n, value),
        callOf(OP.call, { to: op(OP.sload, 9n), input: [0n, 64n] }),
        OP.pop,
      );
    const end = assemble(callOf(OP.call, { to: op(OP.sload, 9n) }), OP.pop);
    /** Calls OTHER, which calls the new account with what it is given, and reverts. */
    const inVain = (length: bigint): Bytes =>
      assemble(
        op(OP.mstore, 0n, 3n),
        op(OP.mstore, 32n, 4n),
        op(OP.mstore, 64n, op(OP.sload, 9n)),
        callOf(OP.call, { to: other, input: [64n - length, 32n + length] }),
        OP.pop,
      );
    const passOn = assemble(
      op(OP.calldatacopy, 0n, 0n, OP.calldatasize),
      callOf(OP.call, { to: op(OP.mload, op(OP.sub, OP.calldatasize, 32n)), input: [0n, 0n] }),
      op(OP.revert, 0n, 0n),
    );
    const sequences: Readonly<Record<string, readonly Bytes[]>> = {
      "writes and ends": [write(1n, 2n), write(5n, 6n), end],
      "writes, clears and ends": [write(1n, 2n), write(1n, 0n), write(1n, 3n), end, end],
      "ends in vain": [write(1n, 2n), inVain(0n)],
      "ends in vain, then ends": [write(1n, 2n), inVain(0n), write(2n, 2n), end],
      "writes after its end": [end, write(1n, 2n), write(1n, 0n), write(1n, 7n)],
      stays: [write(1n, 2n), write(3n, 4n)],
    };
    for (const [what, parts] of Object.entries(sequences)) {
      const code = createCode(initCodeOf(RUNTIME), assemble(9n, OP.sstore, ...parts), 3n);
      const setup = { ...mainOf(code), gas: 2_000_000 };
      const accounts = { ...setup.accounts, [OTHER]: { nonce: 1n, code: passOn } };
      const result = await lockstepOf({ ...setup, accounts });
      assert.equal(result.difference, undefined, what);
      const { stored, account } = await outcomeOf({ ...setup, accounts }, 9n);
      const gone = !["stays", "ends in vain"].includes(what);
      assert.equal(account(toHex(uintBE(stored, 20))) === undefined, gone, what);
    }
  });
}

test("SELFDESTRUCT: an old account only gives its balance away; to itself it keeps it, a new one burns it", async () => {
  for (const beneficiary of [OTHER, ABSENT, MAIN])
    for (const balance of [0n, 5n]) {
      const setup = mainOf(op(OP.selfdestruct, BigInt(beneficiary)), { balance, slots: [[1n, 2n]] });
      await assertAlike({ ...setup, accounts: { ...setup.accounts, [OTHER]: { nonce: 1n } } }, `to ${beneficiary}`);
      const { account } = await outcomeOf(setup);
      assert.notEqual(account(MAIN), undefined);
    }
  const burning = op(OP.selfdestruct, OP.address);
  const code = assemble(storeBytes(burning), op(OP.create, 5n, 0n, BigInt(burning.length)), STORE);
  assert.equal((await lockstepOf(mainOf(code))).difference, undefined);
});

test("in a static frame whatever writes halts, at any depth; CALLCODE with a value does not", async () => {
  const writers: readonly Bytes[] = [
    op(OP.sstore, 1n, 1n),
    op(OP.tstore, 1n, 1n),
    op(OP.log0, 0n, 0n),
    op(OP.create, 0n, 0n, 0n),
    op(OP.create2, 0n, 0n, 0n, 0n),
    op(OP.selfdestruct, OP.caller),
    callOf(OP.call, { to: absent, value: 1n }),
    callOf(OP.callcode, { to: absent, value: 1n }),
    callOf(OP.call, { to: absent }),
  ];
  for (const [i, writer] of writers.entries())
    for (const opcode of [OP.call, OP.delegatecall, OP.callcode, OP.staticcall]) {
      const setup = mainOf(assemble(callOf(OP.staticcall, { to: other, gas: 100_000n }), STORE));
      const inner = "0x00000000000000000000000000000000000000f1";
      const accounts = {
        ...setup.accounts,
        [OTHER]: {
          nonce: 1n,
          balance: 9n,
          code: assemble(
            callOf(opcode, { to: BigInt(inner), gas: 50_000n }),
            op(OP.mstore, 0n),
            op(OP.return, 0n, 32n),
          ),
        },
        [inner]: { nonce: 1n, balance: 9n, code: writer },
      };
      assert.equal((await lockstepOf({ ...setup, accounts })).difference, undefined, `writer ${i} by ${opcode}`);
    }
});

test("a creation by transaction is a frame like others: code, collision, failure, a value", async () => {
  const inits = [
    initCodeOf(RUNTIME),
    new Uint8Array(0),
    Uint8Array.of(OP.invalid),
    op(OP.revert, 0n, 32n),
    Uint8Array.of(0xef),
  ];
  for (const data of inits)
    for (const value of [0n, 3n]) await assertAlike({ accounts: {}, data, value, gas: 300_000 }, `init ${toHex(data)}`);
});

test("precompiles are called with any gas, a value and any length", async () => {
  for (let address = 1n; address <= 18n; address++)
    for (const length of [0n, 128n, 192n, 213n])
      for (const gas of [15n, 200_000n]) {
        const setup = mainOf(
          assemble(
            op(OP.mstore, 31n, 1n),
            callOf(OP.call, { to: address, gas, value: 1n, input: [0n, length], output: [7n, 100n] }),
            OP.returndatasize,
            OP.add,
            STORE,
          ),
        );
        assert.equal((await lockstepOf(setup)).difference, undefined, `${address} ${length} ${gas}`);
      }
});
