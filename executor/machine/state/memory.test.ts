import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Bytes, concat, readUintBE, uintBE, ZERO_32 } from "../../foundation/bytes.ts";
import { keccakOf } from "../../foundation/keccak.ts";
import {
  encodeReference,
  expandTo,
  hashWords,
  NO_WORDS,
  readBytes,
  readReference,
  readWord,
  referTo,
  type Words,
  wordsOf,
  writeBytes,
} from "./memory.ts";
import { proveRange, rangeRoot } from "./range.ts";

const treeRoot = ({ root }: Words): Bytes => hashWords(root);

/** The definition: words, filled up with zero words to a power of two, folded by `K(l ++ r)`. */
const definition = (bytes: Bytes): Bytes => {
  const words = Math.ceil(bytes.length / 32);
  let size = 1;
  while (size < words) size *= 2;
  const padded = new Uint8Array(size * 32);
  padded.set(bytes);
  let level: Bytes[] = Array.from({ length: size }, (_, i) => padded.slice(32 * i, 32 * i + 32));
  while (level.length > 1)
    level = Array.from({ length: level.length / 2 }, (_, i) =>
      keccakOf(level[2 * i] as Bytes, level[2 * i + 1] as Bytes),
    );
  return level[0] as Bytes;
};

const pattern = (length: number, seed = 1): Bytes =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7 + 1) & 255);

test("no words have the root zero, one word is its own root", () => {
  assert.deepEqual(treeRoot(NO_WORDS), ZERO_32);
  assert.deepEqual(treeRoot(wordsOf(pattern(32))), pattern(32));
  assert.deepEqual(treeRoot(wordsOf(Uint8Array.of(9))), concat(Uint8Array.of(9), new Uint8Array(31)));
  for (const length of [33, 64, 65, 96, 97, 128, 129, 1000]) {
    assert.deepEqual(treeRoot(wordsOf(pattern(length))), definition(pattern(length)));
    assert.deepEqual(readBytes(wordsOf(pattern(length)), 0, length), pattern(length));
  }
});

test("expansion from any number of words to any other is the tree of the zeros behind", () => {
  for (let from = 0; from <= 17; from++)
    for (let to = from; to <= 34; to++) {
      const tree = expandTo(wordsOf(pattern(32 * from)), to);
      assert.equal(tree.count, to);
      assert.deepEqual(treeRoot(tree), definition(concat(pattern(32 * from), new Uint8Array(32 * (to - from)))));
    }
  const tree = wordsOf(pattern(96));
  assert.deepEqual(expandTo(tree, 3), tree);
  assert.deepEqual(expandTo(tree, 1), tree);
});

test("the largest memory is expanded without being written out", () => {
  const words = 2 ** 17 - 1;
  const tree = writeBytes(expandTo(NO_WORDS, words), 32 * (words - 1), pattern(32));
  assert.deepEqual(readBytes(tree, 32 * (words - 1) - 1, 33), concat(Uint8Array.of(0), pattern(32)));
  assert.equal(treeRoot(tree).length, 32);
});

type Write = readonly [grow: number, at: number, length: number];
const writes = fc.array(fc.tuple(fc.nat(9), fc.nat(4000), fc.nat(1100)), { maxLength: 12 });

test("any series of writes and expansions reads and hashes like plain memory, and leaves older trees as they were", () => {
  fc.assert(
    fc.property(writes, (series: readonly Write[]) => {
      let tree = NO_WORDS;
      let plain = new Uint8Array(0);
      const snapshots: { readonly tree: Words; readonly plain: Bytes }[] = [];
      series.forEach(([grow, at, length], i) => {
        tree = expandTo(tree, tree.count + grow);
        plain = new Uint8Array(concat(plain, new Uint8Array(32 * grow)));
        const offset = plain.length === 0 ? 0 : at % (plain.length + 1);
        const bytes = pattern(Math.min(length, plain.length - offset), i);
        tree = writeBytes(tree, offset, bytes);
        plain.set(bytes, offset);
        snapshots.push({ tree, plain: plain.slice() });
        assert.deepEqual(readBytes(tree, offset, bytes.length), bytes);
      });
      for (const { tree: old, plain: bytes } of snapshots) {
        assert.deepEqual(readBytes(old, 0, bytes.length), bytes);
        assert.deepEqual(treeRoot(old), bytes.length === 0 ? ZERO_32 : definition(bytes));
      }
    }),
    { numRuns: 60, seed: 5 },
  );
});

test("a word is read at every offset, and zeros stand behind the last", () => {
  const bytes = pattern(200);
  const tree = wordsOf(bytes);
  for (let offset = 0; offset < 7 * 32; offset++) {
    const expected = new Uint8Array(32);
    expected.set(bytes.subarray(offset, offset + 32));
    assert.equal(readWord(tree, offset), readUintBE(expected), `offset ${offset}`);
  }
});

test("a reference gives its bytes, then zeros, and an empty one is 44 zero bytes wherever it points", () => {
  const tree = wordsOf(pattern(100));
  const reference = referTo(tree, 33, 40);
  assert.deepEqual(readReference(reference, 0, 40), pattern(100).slice(33, 73));
  assert.deepEqual(readReference(reference, 30, 20), concat(pattern(100).slice(63, 73), new Uint8Array(10)));
  assert.deepEqual(readReference(reference, 40, 3), new Uint8Array(3));
  assert.deepEqual(readReference(reference, 1000, 3), new Uint8Array(3));
  const fields = [4, 33, 40].map((value) => uintBE(value, 4));
  assert.deepEqual(encodeReference(reference), concat(treeRoot(tree), ...fields));
  assert.deepEqual(encodeReference(referTo(tree, 33, 0)), new Uint8Array(44));
});

test("every range of every tree is proven, and the same siblings give the root after it is written", () => {
  for (let words = 1; words <= 18; words++) {
    const tree = wordsOf(pattern(32 * words));
    for (let first = 0; first < words; first++)
      for (let count = 1; first + count <= words; count++) {
        const proof = proveRange(tree, first, count);
        assert.deepEqual(rangeRoot(proof, words), treeRoot(tree));
        const after = writeBytes(tree, 32 * first, pattern(32 * count, 9));
        const opened = proveRange(after, first, count);
        assert.deepEqual(opened.left, proof.left);
        assert.deepEqual(opened.right, proof.right);
        assert.deepEqual(rangeRoot({ ...proof, words: opened.words }, words), treeRoot(after));
      }
  }
});

test("a proof with a sibling too many, or of words that are not there, is refused", () => {
  const tree = wordsOf(pattern(32 * 5));
  const proof = proveRange(tree, 1, 2);
  assert.throws(() => rangeRoot({ ...proof, left: [...proof.left, ZERO_32] }, 5), RangeError);
  assert.throws(() => rangeRoot({ ...proof, right: [...proof.right, ZERO_32] }, 5), RangeError);
  assert.throws(() => rangeRoot({ ...proof, first: 4 }, 5), RangeError);
  assert.throws(() => rangeRoot({ ...proof, words: [] }, 5), RangeError);
  assert.throws(() => proveRange(tree, 4, 2), RangeError);
  assert.throws(() => proveRange(tree, 4, 0), RangeError);
});
