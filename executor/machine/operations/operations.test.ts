import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bytes, concat, fromHex, uintBE } from "../../foundation/bytes.ts";
import { type CallSetup, differenceIn, openFrame, runFrame, stepFrame } from "../frame.fixture.ts";
import { push } from "../state/stack.ts";
import { PHASE, RESULT } from "../state/state.ts";
import { OPERATIONS } from "./opcodes.ts";

const PLENTY = 3_000_000;
const FIRST_CALL = 0xf0;
const RETURNING = new Set([0xf3, 0xfd]);
/** Opcodes of this folder: all but calls, creations and SELFDESTRUCT, which need more than a frame. */
const OPCODES = OPERATIONS.osaka.flatMap((operation, opcode) =>
  operation === undefined || (opcode >= FIRST_CALL && !RETURNING.has(opcode)) ? [] : [opcode],
);

const push32 = (value: bigint): Bytes => concat(Uint8Array.of(0x7f), uintBE(value, 32));

const TARGET = 0xc0;

/** Pushes the operands, the first on top, runs the opcode and stops; a jump may go to 0xc0. */
const programOf = (opcode: number, operands: readonly bigint[]): Bytes => {
  const start = concat(...operands.toReversed().map(push32), Uint8Array.of(opcode));
  return concat(start, new Uint8Array(Math.max(0, TARGET - start.length)), Uint8Array.of(0x5b, 0x00));
};

const OTHER = "0x00000000000000000000000000000000000000d0";
const accounts: CallSetup["accounts"] = { [OTHER]: { nonce: 1n, balance: 5n, code: new Uint8Array(100).fill(0x5b) } };
const calldata = Uint8Array.from({ length: 100 }, (_, i) => i + 1);

const MAX = 2n ** 256n - 1n;
/** Operands for any opcode: as numbers, offsets, lengths, addresses, slots and block numbers. */
const OPERANDS: readonly (readonly bigint[])[] = [
  [0n, 0n, 0n, 0n, 0n, 0n],
  [1n, 33n, 65n, 7n, 8n, 9n],
  [0xd0n, 0xc0n, 31n, 200n, 5n, 6n],
  [0xc0n, 1n, MAX, 3n, MAX, 2n],
  [MAX, MAX, 2n, 0n, 1n, MAX],
  [2n ** 255n + 5n, 3n, 2n ** 32n, 1n, 2n, 3n],
  [744n, 2n ** 32n - 1n, 1n, 0n, 0n, 0n],
  [999n, 1000n, 1001n, 100n, 0n, 0n],
];

const nameOf = (opcode: number): string => `0x${opcode.toString(16).padStart(2, "0")}`;

test("every opcode does what the library's does, with exactly enough gas and with one less", async () => {
  for (const opcode of OPCODES) {
    const pops = OPERATIONS.osaka[opcode]?.pops ?? 0;
    // What moves words of the stack is all one: seventeen operands tell where they go.
    const vectors = opcode >= 0x80 && opcode < 0xa0 ? [Array.from({ length: 17 }, (_, i) => BigInt(i + 1))] : OPERANDS;
    const seen = new Set<string>();
    for (const vector of vectors) {
      const operands = vector.slice(0, pops);
      if (seen.has(operands.join())) continue;
      seen.add(operands.join());
      const setup: CallSetup = {
        code: programOf(opcode, operands),
        calldata,
        accounts,
        slots: [[1n, 5n]],
        gas: PLENTY,
      };
      const { state } = runFrame(setup);
      const name = `${nameOf(opcode)} of ${operands.join(", ")}`;
      assert.equal(await differenceIn(setup), undefined, name);
      const used = setup.gas - state.gas;
      if (state.result === RESULT.halt || used === 0) continue;
      const exact = { ...setup, gas: used };
      if (opcode !== 0x5a && opcode !== 0x55)
        assert.equal(runFrame(exact).state.result, state.result, `${name} at its price`);
      assert.equal(await differenceIn({ ...setup, gas: used - 1 }), undefined, `${name} at one less`);
    }
  }
});

test("opcodes that are not defined halt", () => {
  const defined = new Set(OPERATIONS.osaka.flatMap((operation, opcode) => (operation === undefined ? [] : [opcode])));
  for (let opcode = 0; opcode < 256; opcode++) {
    if (defined.has(opcode)) continue;
    const { state, steps } = runFrame({ code: Uint8Array.of(0x60, 1, opcode), gas: 1000 });
    assert.deepEqual(
      [state.result, state.gas, state.pc, state.stack.size, steps],
      [RESULT.halt, 0, 2, 1, 2],
      nameOf(opcode),
    );
  }
});

test("an opcode halts with one operand too few, and with one word too many above a full stack", () => {
  for (const [opcode, operation] of OPERATIONS.osaka.entries()) {
    if (operation === undefined) continue;
    const { pops, pushes } = operation;
    for (const size of [pops - 1, pops, 1024 + pops - pushes, 1025 + pops - pushes]) {
      if (size < 0 || size > 1024) continue;
      const state = openFrame({ code: Uint8Array.of(opcode, 0x5b), gas: PLENTY, calldata });
      for (let i = 0; i < size; i++) state.stack = push(state.stack, 0n);
      const before = state.stack;
      stepFrame(state);
      const fits = size >= pops && size - pops + pushes <= 1024;
      const halted = state.phase === PHASE.exit && state.result === RESULT.halt;
      // Zero is no place to jump to, and a transfer's stipend is all that SSTORE minds here.
      if (opcode === 0x56) assert.ok(halted);
      else assert.equal(halted, !fits, `${nameOf(opcode)} above ${size} words`);
      if (halted) assert.deepEqual([state.stack, state.gas, state.pc], [before, 0, 0]);
    }
  }
});

test("what writes state halts in a static frame, and nothing else does", async () => {
  const writing = new Set([0x55, 0x5d, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4]);
  for (const opcode of OPCODES) {
    const pops = OPERATIONS.osaka[opcode]?.pops ?? 0;
    const operands = Array.from({ length: pops }, () => (opcode === 0x56 ? 0xc0n : 0n));
    const setup: CallSetup = { code: programOf(opcode, operands), gas: PLENTY, calldata, isStatic: true } as const;
    assert.equal(runFrame(setup).state.result === RESULT.halt, writing.has(opcode), nameOf(opcode));
    if (writing.has(opcode)) assert.equal(await differenceIn(setup), undefined);
  }
});

const sstore = (value: bigint): Bytes => concat(push32(value), Uint8Array.of(0x5f, 0x55));

test("SSTORE: every way from an original value over a current one to a new one, cold and warm, in gas and refund", async () => {
  for (const original of [0n, 1n, 2n])
    for (const current of [0n, 1n, 2n])
      for (const value of [0n, 1n, 2n])
        for (const warm of [EMPTY_PREFIX, fromHex("0x5f5450")]) {
          const slots = original === 0n ? [] : ([[0n, original]] as const);
          const code = concat(warm, sstore(current), sstore(value), fromHex("0x5f545f5260205ff3"));
          const setup = { code, slots, gas: 100_000 };
          const name = `${original} to ${current} to ${value}`;
          assert.equal(await differenceIn(setup), undefined, name);
          const used = setup.gas - runFrame(setup).state.gas;
          assert.equal(await differenceIn({ ...setup, gas: used - 1 }), undefined, `${name} with one less`);
        }
});
const EMPTY_PREFIX = new Uint8Array(0);

test("SSTORE: with 2300 gas nothing is written, however cheap it would be", async () => {
  // The slot is warm and stays what it is: 100 gas.
  const code = concat(fromHex("0x5f5450"), push32(0n), fromHex("0x5f55"));
  const before = 2 + 2100 + 2 + 3 + 2;
  for (const [left, result] of [
    [2300, RESULT.halt],
    [2301, RESULT.success],
  ] as const) {
    const setup = { code, gas: before + left };
    assert.equal(runFrame(setup).state.result, result);
    assert.equal(await differenceIn(setup), undefined);
  }
});

test("addresses are the low 20 bytes of a word", async () => {
  for (const opcode of [0x31, 0x3b, 0x3f]) {
    const dirty = 2n ** 200n + BigInt(OTHER);
    const code = concat(
      push32(dirty),
      Uint8Array.of(opcode),
      push32(BigInt(OTHER)),
      Uint8Array.of(opcode),
      fromHex("0x145f5260205ff3"),
    );
    const setup: CallSetup = { code, accounts, gas: 100_000 };
    assert.equal(await differenceIn(setup), undefined);
    assert.equal(runFrame(setup).state.gas, 100_000 - 2 * 3 - 2600 - 100 - 3 - 2 - 6 - 3 - 2);
  }
});
