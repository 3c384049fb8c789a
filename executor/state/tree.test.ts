import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type Bytes, toHex, uintBE, ZERO_32 } from "../foundation/bytes.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import { hashBranch, hashLeaf } from "./proof.ts";
import { createModel, createStoredTree, naiveRoot } from "./tree.fixture.ts";
import type { TreeChange } from "./tree.ts";

/** Few different keys, many of which share all but their last bits. */
const closeKey = fc
  .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 7 }), fc.constantFrom(0, 1, 15, 16, 31))
  .map(([pattern, low, at]) => {
    const key = new Uint8Array(32).fill([0x00, 0xff, 0x80, 0x7f][pattern] as number);
    key[at] = (key[at] as number) ^ low;
    return key;
  });
const wideKey = fc.integer({ min: 0, max: 60 }).map((i) => keccak256(uintBE(i, 4)));
const value = fc.integer({ min: 1, max: 40 }).map((i) => uintBE(i, 32));
const change = fc.record({
  key: fc.oneof(closeKey, wideKey),
  value: fc.option(value, { nil: undefined, freq: 2 }),
});
const batch = fc.uniqueArray(change, { maxLength: 24, selector: ({ key }) => toHex(key) });

test("leaf, branch and empty tree are hashed as specified", () => {
  const key = keccak256(Uint8Array.of(1));
  const tree = createStoredTree();
  assert.deepEqual(tree.root, ZERO_32);
  const leaf = keccakOf(Uint8Array.of(0x08), key, uintBE(5, 32));
  assert.deepEqual(tree.apply([{ key, value: uintBE(5, 32) }]), leaf);
  assert.deepEqual(hashLeaf(key, uintBE(5, 32)), leaf);
  assert.deepEqual(hashBranch(leaf, ZERO_32), keccakOf(leaf, ZERO_32));
  const far = Uint8Array.from(key);
  far[0] = (far[0] as number) ^ 0x80;
  const pair = [leaf, hashLeaf(far, uintBE(6, 32))];
  if ((key[0] as number) >= 0x80) pair.reverse();
  assert.deepEqual(tree.apply([{ key: far, value: uintBE(6, 32) }]), keccakOf(...pair));
});

test("two keys that differ in their last bit stand 256 branches deep", () => {
  const low = new Uint8Array(32);
  const high = new Uint8Array(32);
  high[31] = 1;
  const tree = createStoredTree();
  const root = tree.apply([
    { key: low, value: uintBE(1, 32) },
    { key: high, value: uintBE(2, 32) },
  ]);
  assert.equal(tree.reachableIds().size, 256);
  assert.deepEqual(
    root,
    naiveRoot([
      [low, uintBE(1, 32)],
      [high, uintBE(2, 32)],
    ]),
  );
  assert.equal(tree.prove(low).depth, 256);
  assert.deepEqual(tree.apply([{ key: high, value: undefined }]), hashLeaf(low, uintBE(1, 32)));
  assert.equal(tree.storedIds().size, 0);
});

test("any sequence of batches gives the root of the definition, and keeps exactly the reachable nodes", () => {
  fc.assert(
    fc.property(fc.array(batch, { minLength: 1, maxLength: 8 }), (batches) => {
      const tree = createStoredTree();
      const model = createModel();
      for (const changes of batches) {
        model.apply(changes);
        assert.equal(toHex(tree.apply(changes)), toHex(naiveRoot(model.leaves())));
        assert.deepEqual(tree.storedIds(), tree.reachableIds());
      }
    }),
    { numRuns: 150, seed: 21 },
  );
});

test("one batch equals its changes one by one, in any order", () => {
  fc.assert(
    fc.property(batch, batch, fc.infiniteStream(fc.nat()), (first, second, order) => {
      const whole = createStoredTree();
      whole.apply(first);
      whole.apply(second);
      const single = createStoredTree();
      for (const changes of [first, second]) {
        const shuffled = changes.map((entry) => [order.next().value, entry] as const).sort(([a], [b]) => a - b);
        for (const [, entry] of shuffled) single.apply([entry]);
      }
      assert.equal(toHex(single.root), toHex(whole.root));
    }),
    { numRuns: 150, seed: 22 },
  );
});

test("a batch that changes nothing adds no node and keeps the root", () => {
  const keys = Array.from({ length: 50 }, (_, i) => keccak256(uintBE(i, 4)));
  const tree = createStoredTree();
  const write = (from: readonly Bytes[]): TreeChange[] => from.map((key) => ({ key, value: key }));
  const root = tree.apply(write(keys));
  const before = tree.storedIds();
  assert.deepEqual(tree.apply(write(keys.slice(10, 20))), root);
  assert.deepEqual(tree.apply([{ key: keccak256(uintBE(99, 4)), value: undefined }]), root);
  assert.deepEqual(tree.apply([]), root);
  assert.deepEqual(tree.storedIds(), before);
});
