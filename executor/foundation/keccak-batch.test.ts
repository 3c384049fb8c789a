import assert from "node:assert/strict";
import test from "node:test";
import { type Bytes, concat, toHex } from "./bytes.ts";
import { keccak256 } from "./keccak.ts";
import { hashBatch, type MessageForm, plainHash, vectorHash } from "./keccak-batch.ts";
import { TAG, tagByte } from "./tags.ts";

const FORMS: readonly MessageForm[] = [
  { size: 32 },
  { size: 64 },
  { size: 128 },
  { tag: TAG.tensorWord, size: 32 },
  { tag: TAG.inner, size: 64 },
];

/** Bytes without a pattern that a shifted or swapped lane would keep. */
const scrambled = (length: number): Bytes => {
  const out = new Uint8Array(length);
  for (let i = 0, x = 1; i < length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    out[i] = x >>> 24;
  }
  return out;
};

/** The definition: one hash a message. */
const expected = ({ tag, size }: MessageForm, from: Bytes, count: number): string[] =>
  Array.from({ length: count }, (_, i) => {
    const body = from.subarray(size * i, size * (i + 1));
    return toHex(keccak256(tag === undefined ? body : concat(tagByte(tag), body)));
  });
const hashesIn = (to: Bytes, count: number): string[] =>
  Array.from({ length: count }, (_, i) => toHex(to.subarray(32 * i, 32 * (i + 1))));

test("the processor of this test has vectors: it is they that are tested and used", () => {
  assert.ok(vectorHash !== undefined);
  assert.equal(hashBatch, vectorHash);
});

for (const [name, hash] of Object.entries({ vectors: hashBatch, plain: plainHash }))
  for (const form of FORMS) {
    const label = `${name}: ${form.tag === undefined ? "" : "a tag and "}${form.size} bytes`;

    test(`${label} hash as one by one, for every count to 9`, () => {
      for (let count = 0; count <= 9; count++) {
        const from = scrambled(form.size * count);
        const to = new Uint8Array(32 * count + 32).fill(7);
        hash(form, from, count, to);
        assert.deepEqual(hashesIn(to, count), expected(form, from, count), `${count}`);
        assert.deepEqual([...to.subarray(32 * count)], Array(32).fill(7), "nothing behind them is written");
      }
    });

    test(`${label} in place, and over the end of the module's memory`, () => {
      const count = 131_072 / form.size + 3;
      const nodes = scrambled(form.size * count);
      const hashes = expected(form, nodes, count);
      hash(form, nodes, count, nodes);
      assert.deepEqual(hashesIn(nodes, count), hashes);
    });

    test(`${label} of all zeros and all ones`, () => {
      const from = concat(new Uint8Array(form.size), new Uint8Array(form.size).fill(0xff));
      const to = new Uint8Array(64);
      hash(form, from, 2, to);
      assert.deepEqual(hashesIn(to, 2), expected(form, from, 2));
    });
  }
