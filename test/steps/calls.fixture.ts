import { type Bytes, concat, delegationTo, fromHex, toHex, uintBE } from "../../executor/index.ts";
import {
  assemble,
  callOf,
  type Item,
  initCodeOf,
  OP,
  op,
  storeBytes,
} from "../../executor/machine/bytecode.fixture.ts";
import type { CallSetup } from "../../executor/machine/transaction.fixture.ts";

const hexOf = (address: bigint): string => toHex(uintBE(address, 20));

const MAIN = 0xc0n;
const ECHO = 0xd0n;
const REVERTS = 0xd1n;
const DELEGATES = 0xd2n;
const DELEGATES_TO_PRECOMPILE = 0xd3n;
const NOBODY = 0xd4n;
const IDENTITY = 4n;
const OLDEST = 0xd5n;
const DEEP = 0xd6n;
const POOR = 10n ** 30n;

const CALLS = [OP.call, OP.callcode, OP.delegatecall, OP.staticcall] as const;

/** Gives back what it was given, 40 bytes of it. */
const echo = assemble(op(OP.calldatacopy, 0n, 0n, 40n), op(OP.return, 0n, 40n));

const popped = (...code: readonly Item[]): Bytes => assemble(...code, OP.pop);

/** Accounts whose code is one instruction, so that a call with too little gas, or a static one, halts in it. */
const SINGLES: readonly (readonly [address: bigint, code: Bytes])[] = [
  ...CALLS.map((opcode, i) => [0xe0n + BigInt(i), callOf(opcode, { to: ECHO, value: 1n })] as const),
  [0xe8n, op(OP.create, 0n, 0n, 0n)],
  [0xe9n, op(OP.create2, 0n, 0n, 0n, 0n)],
];

const create = (init: Bytes, value = 0n): Bytes =>
  popped(storeBytes(init), op(OP.create, value, 0n, BigInt(init.length)));
const create2 = (init: Bytes): Bytes => popped(storeBytes(init), op(OP.create2, 0n, 0n, BigInt(init.length), 7n));

const runtime = Uint8Array.of(0x60, 0x01, 0x5b);
const RESERVED = initCodeOf(Uint8Array.of(0xef));
const REVERTING = op(OP.revert, 0n, 5n);
/** An output that is longer than code may be. */
const LONG = op(OP.return, 0n, 24_577n);
const BEGUN = { input: [0n, 40n], output: [3n, 50n] } as const;

const main = concat(
  op(OP.mstore, 0n, OP.caller),
  ...CALLS.map((opcode) => popped(callOf(opcode, { to: ECHO, value: 1n, ...BEGUN }))),
  ...[REVERTS, DELEGATES, DELEGATES_TO_PRECOMPILE, NOBODY, IDENTITY].map((to) =>
    popped(callOf(OP.call, { to, value: 1n, ...BEGUN })),
  ),
  popped(callOf(OP.call, { to: ECHO, value: POOR, ...BEGUN })),
  popped(callOf(OP.call, { to: OLDEST, gas: 100_000n })),
  ...SINGLES.map(([to]) => popped(callOf(OP.call, { to, gas: 50n }))),
  ...SINGLES.map(([to]) => popped(callOf(OP.staticcall, { to, gas: 100_000n }))),
  create(initCodeOf(runtime), 1n),
  create2(initCodeOf(runtime)),
  // Where the first one is, and those that cannot be: each takes all the gas that it has.
  create2(initCodeOf(runtime)),
  ...[REVERTING, new Uint8Array(0), RESERVED, LONG].map((init) => create(init)),
);

/** A transaction that takes every way into a frame and out of it. */
export const EVERY_CALL: CallSetup = {
  accounts: {
    [hexOf(MAIN)]: { nonce: 1n, balance: 10n ** 18n, code: main },
    [hexOf(ECHO)]: { nonce: 1n, code: echo },
    [hexOf(REVERTS)]: { nonce: 1n, code: assemble(op(OP.revert, 0n, 9n)) },
    [hexOf(DELEGATES)]: { nonce: 1n, code: delegationTo(fromHex(hexOf(ECHO))) },
    [hexOf(DELEGATES_TO_PRECOMPILE)]: { nonce: 1n, code: delegationTo(fromHex(hexOf(IDENTITY))) },
    // Its nonce cannot count another creation.
    [hexOf(OLDEST)]: { nonce: 2n ** 64n - 1n, code: op(OP.create, 0n, 0n, 0n) },
    ...Object.fromEntries(SINGLES.map(([address, code]) => [hexOf(address), { nonce: 1n, balance: 9n, code }])),
  },
  to: hexOf(MAIN),
  gas: 16_000_000,
  value: 5n,
};

/** A transaction whose frames begin another until none may, and then try each other way. */
export const DEEPEST: CallSetup = {
  accounts: {
    [hexOf(DEEP)]: {
      nonce: 1n,
      balance: 5n,
      code: concat(
        popped(callOf(OP.call, { to: OP.address })),
        ...CALLS.map((opcode) => popped(callOf(opcode, { to: ECHO, value: 1n, ...BEGUN }))),
        popped(op(OP.create, 1n, 0n, 32n)),
        popped(op(OP.create2, 1n, 0n, 32n, 0n)),
      ),
    },
  },
  to: hexOf(DEEP),
  gas: 2 ** 50,
};

const CREATES = ["f0", "f5"];
/** What of it is judged by the contracts of calls and frames. */
export const CALL_STEPS: readonly string[] = [
  ...["f1", "f2", "f4", "fa", ...CREATES].flatMap((opcode) => [`op ${opcode}`, `op ${opcode} halt`]),
  ...["phase 4", "phase 5", "phase 5 halt", "phase 10", "phase 11", "phase 11 halt"],
];
