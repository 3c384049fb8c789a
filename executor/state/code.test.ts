import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type Bytes, concat, toHex, ZERO_32 } from "../foundation/bytes.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import { codeChunks, codeInfo, codeRoot, EMPTY_CODE } from "./code.ts";

/** For every position, past the end included: is it data of a push that began before? */
const isPushData = (code: Bytes): readonly boolean[] => {
  const data = new Array<boolean>(code.length + 64).fill(false);
  for (let at = 0; at < code.length; at++) {
    const opcode = code[at] as number;
    if (opcode < 0x60 || opcode > 0x7f) continue;
    const size = opcode - 0x5f;
    for (let i = 1; i <= size; i++) data[at + i] = true;
    at += size;
  }
  return data;
};

/** The chunks by their definition, byte by byte. */
const naiveChunks = (code: Bytes): readonly string[] => {
  const data = isPushData(code);
  const chunks: string[] = [];
  for (let start = 0; start < code.length; start += 31) {
    let count = 0;
    while (count < 31 && data[start + count] === true) count++;
    const chunk = new Uint8Array(32);
    chunk[0] = count;
    for (let i = 0; i < 31; i++) chunk[1 + i] = code[start + i] ?? 0;
    chunks.push(toHex(chunk));
  }
  return chunks;
};

const counts = (code: Bytes): readonly number[] => codeChunks(code).map((chunk) => chunk[0] as number);
const push32At = (position: number, length: number): Bytes => {
  const code = new Uint8Array(length).fill(0x5b);
  code[position] = 0x7f;
  return code;
};

test("the first byte of a chunk counts the push data that it begins with", () => {
  assert.deepEqual(counts(push32At(0, 31)), [0]);
  assert.deepEqual(counts(push32At(0, 62)), [0, 2]);
  assert.deepEqual(counts(push32At(30, 93)), [0, 31, 1]);
  assert.deepEqual(counts(push32At(29, 93)), [0, 31, 0]);
  // The data of the last push reaches past the code: the count is what the code asks for.
  assert.deepEqual(counts(push32At(30, 31)), [0]);
  assert.deepEqual(counts(push32At(30, 32)), [0, 31]);
  // A push inside push data is data.
  assert.deepEqual(counts(concat(push32At(30, 31), new Uint8Array(62).fill(0x7f))), [0, 31, 1]);
});

test("chunks are as their definition says, for any code", () => {
  const opcode = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0x60, 0x7e, 0x7f, 0x5f, 0x80));
  fc.assert(
    fc.property(fc.array(opcode, { maxLength: 200 }), (values) => {
      const code = Uint8Array.from(values);
      assert.deepEqual(codeChunks(code).map(toHex), naiveChunks(code));
    }),
    { numRuns: 300, seed: 5 },
  );
});

test("the root is the untagged tree of chunks, padded with zero words", () => {
  assert.deepEqual(codeRoot(new Uint8Array(0)), ZERO_32);
  const chunk = (code: Bytes, i: number) => codeChunks(code)[i] as Bytes;
  const one = Uint8Array.of(0x60, 1);
  assert.deepEqual(codeRoot(one), chunk(one, 0));
  const two = new Uint8Array(32).fill(0x5b);
  assert.deepEqual(codeRoot(two), keccakOf(chunk(two, 0), chunk(two, 1)));
  const three = new Uint8Array(63).fill(0x5b);
  assert.deepEqual(
    codeRoot(three),
    keccakOf(keccakOf(chunk(three, 0), chunk(three, 1)), keccakOf(chunk(three, 2), ZERO_32)),
  );
  const five = new Uint8Array(31 * 5).fill(1);
  const empty = keccakOf(ZERO_32, ZERO_32);
  const left = keccakOf(keccakOf(chunk(five, 0), chunk(five, 1)), keccakOf(chunk(five, 2), chunk(five, 3)));
  assert.deepEqual(codeRoot(five), keccakOf(left, keccakOf(keccakOf(chunk(five, 4), ZERO_32), empty)));
});

test("code is known by its hash, size and root; empty code is one object", () => {
  assert.equal(codeInfo(new Uint8Array(0)), EMPTY_CODE);
  assert.equal(toHex(EMPTY_CODE.hash), "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
  const code = new Uint8Array(24_576).fill(0x7f);
  const info = codeInfo(code);
  assert.deepEqual(
    [info.size, toHex(info.hash), toHex(info.root)],
    [24_576, toHex(keccak256(code)), toHex(codeRoot(code))],
  );
  assert.equal(codeChunks(code).length, 793);
});
