import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bytes, concat, equalBytes, uintBE } from "../../foundation/bytes.ts";
import { keccak256 } from "../../foundation/keccak.ts";
import { type CallSetup, differenceIn, openFrame, runFrame, stepFrame } from "../frame.fixture.ts";
import { readBytes, referTo, wordsOf, writeBytes } from "../state/memory.ts";
import { EMPTY_STACK, push } from "../state/stack.ts";
import { encodeRegisters, type MachineState, PHASE, RESULT, type Registers } from "../state/state.ts";

const pattern = (length: number, seed: number): Bytes =>
  Uint8Array.from({ length }, (_, i) => (Math.imul(i + seed, 2654435761) >>> 24) | 1);

const MEMORY = pattern(5 * 1024, 5);
const SOURCE = pattern(3000, 9);

/** The bytes that stand at `from`, zeros behind the end. */
const slice = (bytes: Bytes, from: number, length: number): Bytes => {
  const out = new Uint8Array(length);
  out.set(bytes.subarray(from, from + length));
  return out;
};

type Copy = { readonly opcode: number; readonly source: Bytes };
const COPIES: Readonly<Record<string, Copy>> = {
  CALLDATACOPY: { opcode: 0x37, source: SOURCE },
  CODECOPY: { opcode: 0x39, source: concat(Uint8Array.of(0x39), SOURCE) },
  RETURNDATACOPY: { opcode: 0x3e, source: SOURCE },
  MCOPY: { opcode: 0x5e, source: MEMORY },
};

/** Frames whose next opcode copies, above memory that is all written. A copy of a state is a state. */
const frames = new Map<number, MachineState>();
const frameBefore = ({ opcode }: Copy, operands: readonly bigint[]): MachineState => {
  let base = frames.get(opcode);
  if (base === undefined) {
    const code = opcode === 0x39 ? concat(Uint8Array.of(opcode), SOURCE) : Uint8Array.of(opcode);
    base = openFrame({ code, gas: 1_000_000, calldata: SOURCE });
    base.memory = wordsOf(MEMORY);
    base.returndata = referTo(wordsOf(concat(new Uint8Array(7), SOURCE)), 7, SOURCE.length);
    frames.set(opcode, base);
  }
  return { ...base, stack: operands.toReversed().reduce(push, EMPTY_STACK) };
};

/** Runs the opcode and its copy; checks what each step may touch, and how many there are. */
const runCopy = (state: MachineState, length: number): number => {
  stepFrame(state);
  let steps = 0;
  while (state.phase === PHASE.bulk) {
    const { destination, cursor } = state.registers as Registers;
    assert.equal(encodeRegisters(state.registers as Registers).length, 342);
    stepFrame(state);
    const end = (state.registers?.cursor ?? length) + destination;
    const start = destination + cursor;
    assert.ok(end > start);
    // INVARIANT: 32 words of destination, 33 of source, 34 chunks.
    assert.ok(Math.ceil(end / 32) - Math.floor(start / 32) <= 32);
    if (state.registers !== undefined) assert.equal(end % 32, 0);
    steps++;
  }
  assert.ok(steps <= Math.ceil(length / 993) + 1);
  return steps;
};

const LENGTHS = [0, 1, 31, 32, 33, 992, 993, 1024, 1025, 1056];

for (const [name, copy] of Object.entries(COPIES))
  test(`${name} at every alignment of source and destination`, () => {
    for (let from = 0; from < 32; from++)
      for (let to = 0; to < 32; to++) {
        const length = LENGTHS[(7 * from + to) % LENGTHS.length] as number;
        const destination = 1000 + to;
        const state = frameBefore(copy, [BigInt(destination), BigInt(from), BigInt(length)]);
        runCopy(state, length);
        const expected = MEMORY.slice();
        expected.set(slice(copy.source, from, length), destination);
        assert.ok(equalBytes(readBytes(state.memory, 0, MEMORY.length), expected));
        assert.deepEqual([state.phase, state.pc, state.stack.size], [PHASE.op, 1, 0]);
        assert.equal(state.registers, undefined);
      }
  });

test("copies of every length around the size of a step", () => {
  for (const copy of Object.values(COPIES))
    for (const length of [...LENGTHS, 994, 1023, 1055, 2016, 2017, 2048, 2049, 3000])
      for (const [from, to] of [
        [0, 0],
        [0, 31],
        [1, 1],
        [31, 0],
      ] as const) {
        if (copy.opcode === 0x3e && from + length > SOURCE.length) continue;
        const state = frameBefore(copy, [BigInt(to), BigInt(from), BigInt(length)]);
        const steps = runCopy(state, length);
        const expected = MEMORY.slice();
        expected.set(slice(copy.source, from, length), to);
        assert.ok(equalBytes(readBytes(state.memory, 0, MEMORY.length), expected));
        if (to === 0) assert.equal(steps, Math.ceil(length / 1024));
      }
});

test("MCOPY over itself, either way, moves what memory was", () => {
  for (const [to, from] of [
    [0, 1],
    [1, 0],
    [100, 1100],
    [1100, 100],
    [0, 2048],
    [33, 33],
  ] as const)
    for (const length of [31, 1025, 3000]) {
      const state = frameBefore(COPIES["MCOPY"] as Copy, [BigInt(to), BigInt(from), BigInt(length)]);
      runCopy(state, length);
      const expected = MEMORY.slice();
      expected.copyWithin(to, from, from + length);
      assert.ok(equalBytes(readBytes(state.memory, 0, MEMORY.length), expected));
    }
});

test("a source that begins at its end or anywhere behind is none: its reference is empty, and zeros are copied", () => {
  for (const opcode of [0x37, 0x39])
    for (const from of [BigInt(SOURCE.length) + 1n, 2n ** 32n, 2n ** 64n, 2n ** 256n - 1n]) {
      const state = frameBefore({ opcode, source: SOURCE }, [5n, from, 1030n]);
      stepFrame(state);
      assert.deepEqual(encodeRegisters(state.registers as Registers).subarray(2, 46), new Uint8Array(44));
      while (state.phase === PHASE.bulk) stepFrame(state);
      const expected = MEMORY.slice().fill(0, 5, 1035);
      assert.ok(equalBytes(readBytes(state.memory, 0, MEMORY.length), expected));
    }
});

test("RETURNDATACOPY past the end halts, even for no byte, and at the end it copies none", () => {
  const copy = COPIES["RETURNDATACOPY"] as Copy;
  const end = BigInt(SOURCE.length);
  for (const [from, length, halts] of [
    [end, 0n, false],
    [end, 1n, true],
    [end + 1n, 0n, true],
    [end - 1n, 1n, false],
    [2n ** 256n - 1n, 1n, true],
    [1n, 2n ** 256n - 1n, true],
  ] as const) {
    const state = frameBefore(copy, [0n, from, length]);
    stepFrame(state);
    assert.equal(state.phase === PHASE.exit && state.result === RESULT.halt, halts);
  }
});

test("a copy of 64 KiB takes 64 steps and its opcode's", () => {
  const state = openFrame({ code: Uint8Array.of(0x37), gas: 1_000_000, calldata: pattern(2 ** 16, 3) });
  for (const operand of [65_536n, 0n, 0n]) state.stack = push(state.stack, operand);
  assert.equal(runCopy(state, 2 ** 16), 64);
  assert.ok(equalBytes(readBytes(state.memory, 0, 2 ** 16), pattern(2 ** 16, 3)));
});

test("KECCAK256 absorbs 136 bytes a step, one step more than it has whole blocks", () => {
  for (const length of [1, 31, 32, 135, 136, 137, 271, 272, 273, 1000])
    for (const offset of [0, 1, 31, 64]) {
      const state = openFrame({ code: Uint8Array.of(0x20), gas: 100_000 });
      state.memory = writeBytes(wordsOf(new Uint8Array(2048)), offset, pattern(length, 1));
      state.stack = push(push(state.stack, BigInt(length)), BigInt(offset));
      stepFrame(state);
      assert.equal(state.stack.size, 0);
      let steps = 0;
      for (; state.phase === PHASE.bulk; steps++) stepFrame(state);
      assert.equal(steps, Math.floor(length / 136) + 1);
      assert.deepEqual(uintBE(state.stack.value, 32), keccak256(pattern(length, 1)));
    }
});

test("what bulk steps leave is what the library's opcodes leave, at lengths of many steps", async () => {
  const word = (value: number): Bytes => concat(Uint8Array.of(0x61), uintBE(value, 2));
  for (const length of [0, 1, 136, 1024, 2500]) {
    const program = concat(
      // calldatacopy(5, 3, length)
      ...[length, 3, 5].map(word),
      Uint8Array.of(0x37),
      // codecopy(2700, 0, 20), mcopy(1, 2, length)
      ...[20, 0, 2700].map(word),
      Uint8Array.of(0x39),
      ...[length, 2, 1].map(word),
      Uint8Array.of(0x5e),
      // log3(7, length, 3, 2, 1), mstore(0, keccak256(9, length))
      ...[1, 2, 3, length, 7].map(word),
      Uint8Array.of(0xa3),
      ...[length, 9].map(word),
      Uint8Array.of(0x20, 0x5f, 0x52),
      // log0(0, 0), return(0, length)
      Uint8Array.of(0x5f, 0x5f, 0xa0),
      ...[length, 0].map(word),
      Uint8Array.of(0xf3),
    );
    const setup: CallSetup = { code: program, calldata: SOURCE, gas: 1_000_000 };
    assert.equal(await differenceIn(setup), undefined, `${length} bytes`);
    const used = setup.gas - runFrame(setup).state.gas;
    assert.equal(await differenceIn({ ...setup, gas: used }), undefined);
    assert.equal(await differenceIn({ ...setup, gas: used - 1 }), undefined);
  }
});
