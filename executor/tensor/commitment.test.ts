import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Bytes, concat, equalBytes, toHex } from "../foundation/bytes.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { buildTensorTree, createTensorTree, partHash, tensorRoot, tensorRootOf } from "./commitment.ts";
import { packTensor, unpackTensor } from "./elements.ts";
import { DTYPES, type Dtype } from "./program.ts";

/** The root by recursion on the definition: halves of a padded byte string. */
const naiveRoot = (data: Bytes): Bytes => {
  if (data.length === 32) return keccak256(concat(Uint8Array.of(0x13), data));
  const half = data.length / 2;
  return keccak256(concat(Uint8Array.of(0x01), naiveRoot(data.subarray(0, half)), naiveRoot(data.subarray(half))));
};
const padToPower = (data: Bytes): Bytes => {
  let size = 32;
  while (size < data.length) size *= 2;
  return concat(data, new Uint8Array(size - data.length));
};
const numbered = (length: number): Bytes => Uint8Array.from({ length }, (_, i) => (i * 7 + 1) % 256);

describe("tensor commitment", () => {
  it("is the tree of the definition at every size", () => {
    for (const length of [1, 31, 32, 33, 64, 65, 96, 97, 128, 160, 161, 255, 256, 257, 1000, 4096, 4100])
      assert.equal(toHex(tensorRootOf(numbered(length))), toHex(naiveRoot(padToPower(numbered(length)))), `${length}`);
  });

  it("commits to elements in little-endian, and to one zero", () => {
    assert.deepEqual([...packTensor("i32", [1, -2])], [1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff]);
    assert.deepEqual([...packTensor("i64", [-1])], new Array(8).fill(0xff));
    assert.deepEqual([...packTensor("i64", [2 ** 32 + 5])], [5, 0, 0, 0, 1, 0, 0, 0]);
    assert.deepEqual([...packTensor("f32", [-0, 1])], [0, 0, 0, 0, 0, 0, 0x80, 0x3f]);
    assert.ok(equalBytes(tensorRoot("f32", [-0]), tensorRoot("f32", [0])));
    assert.ok(!equalBytes(tensorRoot("f32", [1]), tensorRoot("f32", [0])));
  });

  it("unpacks what it packed", () => {
    const value = (dtype: Dtype) =>
      dtype === "f32"
        ? fc.float({ noNaN: true, noDefaultInfinity: true }).map((v) => v + 0)
        : fc.oneof(
            fc.maxSafeInteger().map((v) => Math.min(Math.max(v, DTYPES[dtype].lo), DTYPES[dtype].hi)),
            fc.constantFrom(DTYPES[dtype].lo, DTYPES[dtype].hi, 0, 1),
          );
    for (const dtype of Object.keys(DTYPES) as Dtype[])
      fc.assert(
        fc.property(fc.array(value(dtype), { minLength: 1, maxLength: 20 }), (values) => {
          const back = unpackTensor(dtype, values.length, packTensor(dtype, values));
          assert.deepEqual([...back], values);
        }),
        { seed: 1, numRuns: 100 },
      );
  });

  it("has every node of the tree, down to single elements and beyond the data", () => {
    for (const [dtype, count] of [
      ["u8", 33],
      ["i32", 20],
      ["f32", 8],
      ["i64", 21],
      ["i8", 300],
    ] as const) {
      const { bytes: size, wordExponent: k } = DTYPES[dtype];
      const packed = numbered(count * size);
      const data = padToPower(packed);
      const tree = createTensorTree(dtype, packed);
      assert.equal(2 ** tree.height * size, data.length);
      assert.ok(equalBytes(tree.root, naiveRoot(data)));
      assert.ok(equalBytes(tree.node(tree.height, 0), tree.root));
      for (let height = 0; height <= tree.height; height++)
        for (let position = 0; position < 2 ** tree.height; position += 2 ** height) {
          const below = data.slice(position * size, (position + 2 ** height) * size);
          const expected = height < k ? keccak256(concat(Uint8Array.of(0x14, height), below)) : naiveRoot(below);
          assert.equal(toHex(tree.node(height, position)), toHex(expected));
          if (height <= k) assert.deepEqual(tree.elements(height, position), below);
        }
    }
  });

  it("opens words", () => {
    const packed = numbered(32 * 5);
    const tree = createTensorTree("u8", packed);
    assert.equal(tree.wordHeight, 3);
    const data = padToPower(packed);
    for (let index = 0; index < 8; index++) {
      let node = naiveRoot(data.slice(32 * index, 32 * index + 32));
      for (const [h, sibling] of tree.pathOfWord(index).entries())
        node = keccak256(
          (index >> h) % 2 === 0
            ? concat(Uint8Array.of(0x01), node, sibling)
            : concat(Uint8Array.of(0x01), sibling, node),
        );
      assert.ok(equalBytes(node, tree.root));
    }
    assert.throws(() => tree.node(5, 16), RangeError);
    assert.throws(() => tree.node(5, 256), RangeError);
  });

  it("keeps few nodes and finds all of a tree of many chunks", () => {
    const packed = numbered(32 * 1000 + 5);
    const data = padToPower(packed);
    const tree = createTensorTree("u8", packed);
    assert.ok(tree.bytes < 1.1 * packed.length);
    for (let height = 5; height <= tree.height; height++)
      for (let position = 0; position < data.length; position += Math.max(2 ** height, 32 * 37 * 2 ** height)) {
        const expected = naiveRoot(data.subarray(position, position + 2 ** height));
        assert.equal(toHex(tree.node(height, position)), toHex(expected), `${height} ${position}`);
      }
  });

  it("leaves nothing behind that keeps the process alive", async () => {
    // One piece: all threads but one have nothing to do.
    await buildTensorTree("u8", numbered(2 ** 15));
    assert.ok(!process.getActiveResourcesInfo().includes("MessagePort"));
  });

  it("hashes on other threads what it hashes here", async () => {
    for (const length of [40, 2 ** 14, 2 ** 14 + 1, 2 ** 20, 2 ** 20 + 33, 5 * 2 ** 19 + 1]) {
      const packed = numbered(length);
      const [here, there] = [createTensorTree("i8", packed), await buildTensorTree("i8", packed)];
      assert.equal(toHex(there.root), toHex(here.root), `${length}`);
      const beyond = 2 ** there.height - 2 ** 13;
      if (beyond > 0) assert.deepEqual(there.node(13, beyond), here.node(13, beyond));
    }
  });

  it("tells a part from a word and parts of other heights apart", () => {
    const word = numbered(32);
    const hashes = [tensorRootOf(word), partHash(5, word), partHash(4, word)].map(toHex);
    assert.equal(new Set(hashes).size, 3);
  });
});
