import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bytes, concat, uintBE } from "./bytes.ts";
import { keccakOf } from "./keccak.ts";
import { innerNode, merkleRoot } from "./merkle.ts";
import { appendPadded, type PaddedLeaves, paddedNodes, paddedTree, paddingWith } from "./padded-tree.ts";

const START = keccakOf(uintBE(99, 4));
const leafOf = (i: number): Bytes => keccakOf(uintBE(i, 4));
const leavesOf = (count: number): PaddedLeaves =>
  Array.from({ length: count }, (_, i) => leafOf(i)).reduce(appendPadded, paddingWith(START));

test("root and last path are those of the tree with every leaf in place", () => {
  for (let height = 0; height <= 6; height++)
    for (let count = 0; count <= 2 ** height; count++) {
      const leaves = Array.from({ length: 2 ** height }, (_, i) =>
        count === 0 ? START : leafOf(Math.min(i, count - 1)),
      );
      const { root, path } = paddedTree(leavesOf(count), height);
      assert.deepEqual(root, merkleRoot(leaves), `${count} leaves, height ${height}`);
      const siblings = Array.from({ length: height }, (_, h) => {
        const end = 2 ** height - 2 ** h;
        return merkleRoot(leaves.slice(end - 2 ** h, end));
      });
      assert.deepEqual(path, siblings, `${count} leaves, height ${height}`);
      assert.deepEqual(
        path.reduce((node, sibling) => innerNode(sibling, node), leaves.at(-1) as Bytes),
        root,
      );
    }
});

test("more leaves than the tree has are refused; a full tree is not", () => {
  for (const height of [0, 1, 3]) {
    paddedTree(leavesOf(2 ** height), height);
    assert.throws(() => paddedTree(leavesOf(2 ** height + 1), height), RangeError);
  }
});

test("a tree of 2^63 leaves costs as much as its height", () => {
  const { root, path } = paddedTree(leavesOf(3), 63);
  assert.equal(path.length, 63);
  assert.deepEqual(
    path.reduce((node, sibling) => innerNode(sibling, node), leafOf(2)),
    root,
  );
});

test("every node is that of the tree with every leaf in place", () => {
  for (let height = 0; height <= 4; height++)
    for (let count = 1; count <= 2 ** height; count++) {
      const given = Array.from({ length: count }, (_, i) => leafOf(i));
      const tree = paddedNodes(concat(...given), height);
      const leaves = Array.from({ length: 2 ** height }, (_, i) => leafOf(Math.min(i, count - 1)));
      for (let h = 0; h <= height; h++)
        for (let i = 0; i < 2 ** (height - h); i++)
          assert.deepEqual(tree.node(h, i), merkleRoot(leaves.slice(i * 2 ** h, (i + 1) * 2 ** h)), `${h}/${i}`);
      assert.deepEqual(tree.node(height, 0), paddedTree(leavesOf(count), height).root);
      for (const [h, i] of [
        [height + 1, 0],
        [0, 2 ** height],
        [0, -1],
      ] as const)
        assert.throws(() => tree.node(h, i), RangeError);
    }
  assert.throws(() => paddedNodes(concat(leafOf(0), leafOf(1), leafOf(2)), 1), RangeError);
});
