import { type Bytes, concat, delegationTo, toHex, uintBE } from "../../executor/index.ts";
import { assemble, callOf, type Item, initCodeOf, OP, op } from "../../executor/machine/bytecode.fixture.ts";
import type { AccountSetup } from "../../executor/machine/frame.fixture.ts";
import type { CallSetup } from "../../executor/machine/transaction.fixture.ts";
import type { Random } from "./random-program.ts";

const CONTRACTS = [0xc0n, 0xd0n, 0xe0n] as const;
/** Accounts that delegate: to a contract, to a precompile, to themselves, to one of these. */
const DELEGATES: readonly (readonly [bigint, bigint])[] = [
  [0xb0n, 0xd0n],
  [0xb1n, 4n],
  [0xb2n, 0xb2n],
  [0xb3n, 0xb0n],
];
/** Nobody, precompiles, what is nearly one, a contract with dirty high bits, and those. */
const OTHERS = [
  ...[0xf0n, 0n, 1n, 2n, 3n, 4n, 5n, 6n, 9n, 11n, 15n, 16n, 17n, 18n, 0x100n, 0x101n, 2n ** 200n + 0xd0n],
  ...DELEGATES.map(([account]) => account),
];
const MAX = 2n ** 256n - 1n;
const WORDS = [0n, 1n, 2n, 5n, 31n, 32n, 33n, 255n, 256n, 2n ** 32n, 2n ** 64n - 1n, 2n ** 128n, 2n ** 255n, MAX];
const LENGTHS = [0n, 0n, 1n, 31n, 32n, 33n, 64n, 135n, 136n, 137n, 1000n, 1024n, 1025n, 2100n];
const HUGE = [2n ** 32n - 1n, 2n ** 32n, MAX];

const hexOf = (address: bigint): string => toHex(uintBE(address, 20));

const word = (random: Random): bigint => (random.chance(0.7) ? random.pick(WORDS) : BigInt(random.below(2 ** 31)));
const offset = (random: Random): bigint => (random.chance(0.01) ? random.pick(HUGE) : BigInt(random.below(300)));
const length = (random: Random): bigint => (random.chance(0.01) ? random.pick(HUGE) : random.pick(LENGTHS));
const slot = (random: Random): bigint => BigInt(random.below(4));
const address = (random: Random): Item =>
  random.chance(0.1) ? random.pick([OP.address, OP.caller]) : random.pick([...CONTRACTS, ...CONTRACTS, ...OTHERS]);

/** A word, mostly small, that is computed. */
const value = (random: Random): Item =>
  random.pick<Item>([word(random), word(random), OP.gas, OP.returndatasize, OP.callvalue, op(OP.sload, slot(random))]);

/** Blobs of code that a program can create from: place and length. */
type Blob = readonly [place: bigint, length: bigint];
type Context = { readonly random: Random; readonly blobs: readonly Blob[] };

const popped = (code: Bytes): Bytes => assemble(code, OP.pop);

/** One to three operands and one opcode that gives a word: 0x01 to 0x1e. */
const arithmetic = ({ random }: Context): Bytes => {
  const opcode = random.pick([
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x10, 0x12, 0x16, 0x1a, 0x1d, 0x1e,
  ]);
  const operands = [0x08, 0x09].includes(opcode) ? 3 : 2;
  return popped(op(opcode, ...Array.from({ length: operands }, () => word(random))));
};

const environment = ({ random }: Context): Bytes =>
  popped(
    assemble(
      random.pick([
        0x30, 0x32, 0x36, 0x38, 0x3a, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x4a, 0x58, 0x59, 0x5a,
      ]),
    ),
  );

const aboutAccount = ({ random }: Context): Bytes =>
  popped(op(random.pick([OP.balance, OP.extcodesize, OP.extcodehash]), address(random)));

const memory = ({ random }: Context): Bytes =>
  random.pick([
    () => op(OP.mstore, offset(random), value(random)),
    () => op(OP.mstore8, offset(random), word(random)),
    () => popped(op(OP.mload, offset(random))),
    () => popped(op(OP.keccak256, offset(random), length(random))),
    () => popped(op(OP.calldataload, random.pick([offset(random), word(random)]))),
  ])();

const copy = ({ random }: Context): Bytes =>
  random.pick([
    () => op(random.pick([OP.calldatacopy, OP.codecopy, OP.mcopy]), offset(random), offset(random), length(random)),
    () => op(OP.extcodecopy, address(random), offset(random), offset(random), length(random)),
    () => op(OP.returndatacopy, offset(random), 0n, random.pick<Item>([OP.returndatasize, 0n, 1n])),
    () => op(random.pick([OP.calldatacopy, OP.codecopy]), offset(random), word(random), length(random)),
  ])();

const storage = ({ random }: Context): Bytes =>
  random.pick([
    () => op(OP.sstore, slot(random), random.pick<Item>([0n, 1n, 2n, value(random)])),
    () => popped(op(OP.sload, slot(random))),
    () => op(OP.tstore, slot(random), value(random)),
    () => popped(op(OP.tload, slot(random))),
  ])();

const log = ({ random }: Context): Bytes => {
  const topics = random.below(5);
  return op(OP.log0 + topics, offset(random), length(random), ...Array.from({ length: topics }, () => word(random)));
};

const call = ({ random }: Context): Bytes => {
  const code = callOf(random.pick([OP.call, OP.call, OP.callcode, OP.delegatecall, OP.staticcall]), {
    to: address(random),
    gas: random.pick<Item>([OP.gas, OP.gas, 0n, 100n, 2300n, 30_000n, MAX]),
    value: random.pick([0n, 0n, 0n, 1n, 10n ** 18n]),
    input: [offset(random), length(random)],
    output: [offset(random), length(random)],
  });
  return random.chance(0.8) ? popped(code) : op(OP.sstore, slot(random), code);
};

const create = ({ random, blobs }: Context): Bytes => {
  const [place, size] = random.chance(0.8) && blobs.length > 0 ? random.pick(blobs) : [offset(random), 7n];
  const given = random.pick([0n, 0n, 1n, 10n ** 18n]);
  const made = random.chance(0.5)
    ? op(OP.create, given, 0n, size)
    : op(OP.create2, given, 0n, size, BigInt(random.below(3)));
  // Called with and without data: a contract that is as old as the transaction writes and ends.
  const called = random.chance(0.6)
    ? popped(callOf(random.pick([OP.call, OP.delegatecall]), { to: made, input: [0n, random.pick([0n, 64n])] }))
    : popped(made);
  return assemble(op(OP.codecopy, 0n, place, size), called);
};

const end = ({ random }: Context): Bytes =>
  random.pick([
    () => op(OP.return, offset(random), length(random)),
    () => op(OP.revert, offset(random), length(random)),
    () => op(OP.selfdestruct, address(random)),
    () => assemble(random.pick([OP.stop, OP.invalid, 0x0c, OP.jump, OP.add])),
  ])();

/** Anything at all: opcodes as they come. */
const noise = ({ random }: Context): Bytes =>
  Uint8Array.from({ length: random.between(1, 4) }, () => random.below(256));

const STATEMENTS: readonly (readonly [weight: number, make: (context: Context) => Bytes])[] = [
  [4, arithmetic],
  [2, environment],
  [3, aboutAccount],
  [5, memory],
  [5, copy],
  [6, storage],
  [2, log],
  [7, call],
  [4, create],
  [1, end],
  [1, noise],
];
const DRAWN = STATEMENTS.flatMap(([weight, make]) => new Array<typeof make>(weight).fill(make));

const statements = (context: Context, count: number): Bytes =>
  concat(...Array.from({ length: count }, () => context.random.pick(DRAWN)(context)));

/** Init code that ends at once, or gives code that writes when it is called with data and ends itself when it is not. */
const blob = (random: Random): Bytes => {
  const context = { random, blobs: [] };
  const destroy = op(OP.selfdestruct, address(random));
  const write = assemble(OP.jumpdest, op(OP.sstore, slot(random), OP.gas), statements(context, random.below(3)));
  const runtime = assemble(op(OP.jumpi, BigInt(4 + destroy.length), OP.calldatasize), destroy, write);
  return random.pick([
    () => initCodeOf(runtime),
    () => initCodeOf(runtime),
    () => statements(context, random.between(1, 4)),
    () => new Uint8Array(0),
    () => assemble(op(OP.sstore, slot(random), 1n), initCodeOf(runtime)),
  ])();
};

/** Jumps over its blobs, then runs statements once, or again and again for as long as it has gas. */
const program = (random: Random): Bytes => {
  const data: Bytes[] = [];
  const blobs: Blob[] = [];
  let place = 4;
  for (let i = random.below(3); i > 0; i--) {
    const bytes = blob(random);
    data.push(bytes);
    blobs.push([BigInt(place), BigInt(bytes.length)]);
    place += bytes.length;
  }
  const head = concat(
    Uint8Array.of(0x61),
    uintBE(place, 2),
    Uint8Array.of(OP.jump),
    ...data,
    Uint8Array.of(OP.jumpdest),
  );
  const isLoop = random.chance(0.4);
  const body = statements({ random, blobs }, random.between(1, isLoop ? 3 : 12));
  const enough = random.pick([500n, 5000n, 30_000n]);
  const again = op(OP.jumpi, concat(Uint8Array.of(0x61), uintBE(place, 2)), op(OP.gt, OP.gas, enough));
  return concat(
    head,
    body,
    isLoop ? again : new Uint8Array(0),
    random.chance(0.7) ? end({ random, blobs }) : new Uint8Array(0),
  );
};

/** A transaction among a few contracts that call, create, write, end and fail as they were drawn. */
export const randomTransaction = (random: Random): CallSetup => {
  const accounts: Record<string, AccountSetup> = {};
  for (const contract of CONTRACTS)
    accounts[hexOf(contract)] = {
      nonce: 1n,
      balance: random.pick([0n, 5n, 10n ** 18n]),
      code: program(random),
      slots: [
        [0n, 1n],
        [1n, 2n],
      ],
    };
  for (const [account, delegate] of DELEGATES)
    accounts[hexOf(account)] = { nonce: 1n, balance: 3n, code: delegationTo(uintBE(delegate, 20)) };
  const data = Uint8Array.from({ length: random.pick([0, 4, 68, 1200]) }, () => random.below(256));
  const gas = random.pick([80_000, 200_000, 600_000]);
  const given = random.pick([0n, 0n, 3n]);
  return random.chance(0.15)
    ? { accounts, gas, data: blob(random), value: given }
    : { accounts, gas, data, value: given, to: hexOf(random.chance(0.8) ? CONTRACTS[0] : random.pick(DELEGATES)[0]) };
};
