import assert from "node:assert/strict";
import test from "node:test";
import { toHex, uintBE, ZERO_32 } from "./bytes.ts";
import { keccakOf } from "./keccak.ts";
import {
  appendLeaf,
  EMPTY_FRONTIER,
  type Frontier,
  frontierRoot,
  innerNode,
  merklePath,
  merkleRoot,
} from "./merkle.ts";

const leaf = (i: number) => keccakOf(uintBE(i, 4));

test("a frontier's root equals the root of the same leaves, for every count to 70", () => {
  let frontier: Frontier = EMPTY_FRONTIER;
  assert.deepEqual(frontierRoot(frontier), ZERO_32);
  for (let n = 1; n <= 70; n++) {
    frontier = appendLeaf(frontier, leaf(n - 1));
    const whole = merkleRoot(Array.from({ length: n }, (_, i) => leaf(i)));
    assert.equal(toHex(frontierRoot(frontier)), toHex(whole), `${n} leaves`);
  }
});

test("missing leaves are 32 zero bytes", () => {
  assert.deepEqual(
    merkleRoot([leaf(0), leaf(1), leaf(2)]),
    innerNode(innerNode(leaf(0), leaf(1)), innerNode(leaf(2), ZERO_32)),
  );
});

test("a path folds to the root, for every leaf of every count to 20", () => {
  for (let n = 1; n <= 20; n++) {
    const leaves = Array.from({ length: n }, (_, i) => leaf(i));
    for (let i = 0; i < n; i++) {
      const folded = merklePath(leaves, i).reduce(
        (node, sibling, h) => ((i >>> h) & 1 ? innerNode(sibling, node) : innerNode(node, sibling)),
        leaf(i),
      );
      assert.deepEqual(folded, merkleRoot(leaves), `leaf ${i} of ${n}`);
    }
  }
});
