import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bytes, toHex } from "../foundation/bytes.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { innerNode } from "../foundation/merkle.ts";
import { TAG, tagByte } from "../foundation/tags.ts";
import { createTensorTree } from "./commitment.ts";
import { openWords, wordsOfTensor } from "./multi-proof.ts";

/** The root that these items show, and how many of them it took. */
const fold = (items: readonly Bytes[], indices: readonly number[], height: number) => {
  let nodes = new Map(indices.map((index, i) => [index, keccakOf(tagByte(TAG.tensorWord), items[i] as Bytes)]));
  let used = indices.length;
  for (let h = 0; h < height; h++) {
    const above = new Map<number, Bytes>();
    for (const [index, node] of nodes) {
      if (above.has(index >> 1)) continue;
      const sibling = nodes.get(index ^ 1) ?? (items[used++] as Bytes);
      above.set(index >> 1, index % 2 === 0 ? innerNode(node, sibling) : innerNode(sibling, node));
    }
    nodes = above;
  }
  return { root: nodes.get(0) as Bytes, used };
};

test("every choice of words of a tensor opens to its root, and no item is left over", () => {
  for (const words of [1, 2, 3, 5, 8, 9]) {
    const tensor = createTensorTree(
      "u8",
      Uint8Array.from({ length: 32 * words - 3 }, (_, i) => (i * 7 + 1) & 0xff),
    );
    const tree = wordsOfTensor(tensor);
    for (let choice = 1; choice < 2 ** words; choice++) {
      const indices = Array.from({ length: words }, (_, i) => i).filter((i) => (choice >> i) & 1);
      // Given in any order, and twice.
      const items = openWords(tree, [...indices.toReversed(), ...indices]);
      const { root, used } = fold(items, indices, tree.height);
      assert.equal(toHex(root), toHex(tensor.root), `words ${indices} of ${words}`);
      assert.equal(used, items.length);
    }
  }
});
