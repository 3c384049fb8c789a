import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bytes, concat, readUintBE, uintBE } from "../../foundation/bytes.ts";
import { codeChunks } from "../../state/code.ts";
import { differenceIn, openFrame, runFrame, stepFrame } from "../frame.fixture.ts";
import { RESULT } from "../state/state.ts";
import { codeFrom } from "../state/world.ts";

const CHUNK = 31;

/** The rule as the verifier has it: one chunk, walked from behind the push data that it begins with. */
const isTargetByChunk = (chunks: readonly Bytes[], target: number): boolean => {
  const chunk = chunks[Math.floor(target / CHUNK)];
  if (chunk === undefined || chunk[1 + (target % CHUNK)] !== 0x5b) return false;
  let next = chunk[0] as number;
  while (next < target % CHUNK) {
    const opcode = chunk[1 + next] as number;
    next += opcode >= 0x60 && opcode <= 0x7f ? opcode - 0x5e : 1;
  }
  return next === target % CHUNK;
};

const assertTargets = (code: Bytes): void => {
  const { targets } = codeFrom(code);
  const chunks = codeChunks(code);
  for (let target = 0; target < code.length; target++)
    assert.equal(targets[target] === 1, isTargetByChunk(chunks, target), `target ${target} of ${code.length} bytes`);
};

/** A linear congruential generator: the same bytes in every run. */
const randomBytes = (seed: number, length: number): Bytes => {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  });
};

test("PUSH0 to PUSH32 at all 31 positions of a chunk push their bytes, across one border and two, and zeros behind the end", () => {
  for (let size = 0; size <= 32; size++)
    for (let position = 0; position < CHUNK; position++) {
      const data = randomBytes(size * CHUNK + position + 1, size);
      const code = concat(new Uint8Array(position).fill(0x5b), Uint8Array.of(0x5f + size), data);
      for (const cut of [0, Math.ceil(size / 2), size]) {
        const state = openFrame({ code: code.subarray(0, code.length - cut), gas: 1000 });
        for (let i = 0; i <= position; i++) stepFrame(state);
        const expected = data.slice().fill(0, size - cut);
        assert.deepEqual([state.stack.value, state.pc], [readUintBE(expected), position + 1 + size]);
        stepFrame(state);
        assert.equal(state.result, RESULT.success);
      }
    }
});

test("whichever push stands at whichever position, the scan from the first byte and the walk of one chunk agree on targets", () => {
  for (let size = 1; size <= 32; size++)
    for (let position = 0; position < CHUNK; position++)
      assertTargets(
        concat(new Uint8Array(position).fill(0x5b), Uint8Array.of(0x5f + size), new Uint8Array(70).fill(0x5b)),
      );
  for (let seed = 1; seed <= 40; seed++) {
    const bytes = randomBytes(seed, 200);
    assertTargets(bytes);
    // Half of the bytes JUMPDEST, most of the rest pushes.
    assertTargets(bytes.map((byte) => (byte & 1 ? 0x5b : 0x60 + (byte >>> 3))));
  }
});

test("a jump to every byte of a code lands where the library lands", async () => {
  const tail = concat(Uint8Array.of(0x61, 0x5b, 0x5b, 0x5b, 0x00), randomBytes(77, 60), new Uint8Array(4).fill(0x5b));
  for (const conditional of [false, true])
    for (let target = 0; target <= tail.length + 8; target++) {
      const jump = conditional ? Uint8Array.of(0x60, 1, 0x60, target, 0x57) : Uint8Array.of(0x60, target, 0x56);
      assert.equal(await differenceIn({ code: concat(jump, tail), gas: 5000 }), undefined, `to ${target}`);
    }
});

test("a target of 2^32, 2^64 or more is none, even if its low bits are; a condition of zero jumps nowhere", () => {
  for (const high of [2n ** 32n, 2n ** 64n, 2n ** 255n]) {
    const target = concat(Uint8Array.of(0x7f), uintBE(high + 36n, 32));
    const landing = Uint8Array.of(0x5b, 0x00);
    assert.equal(
      runFrame({ code: concat(target, Uint8Array.of(0x56, 0, 0), landing), gas: 100 }).state.result,
      RESULT.halt,
    );
    const { state } = runFrame({
      code: concat(Uint8Array.of(0x5f), target, Uint8Array.of(0x57, 0), landing),
      gas: 100,
    });
    assert.equal(state.result, RESULT.success);
  }
});
