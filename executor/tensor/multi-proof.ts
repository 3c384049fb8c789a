import type { Bytes } from "../foundation/bytes.ts";
import type { TensorTree } from "./commitment.ts";

/** A tree over 32-byte words, as far as opening it asks. */
export type OpenableTree = {
  /** Above the words. */
  readonly height: number;
  /** The 32 bytes of word `index`. */
  word(index: number): Bytes;
  /** Hash of the node at `height` that is the `index`-th of its level. */
  node(height: number, index: number): Bytes;
};

/** A tensor's tree, seen from its words up. */
export const wordsOfTensor = ({ height, wordHeight, elements, node }: TensorTree): OpenableTree => {
  const k = height - wordHeight;
  return {
    height: wordHeight,
    word: (index) => elements(k, index * 2 ** k),
    node: (h, index) => node(k + h, index * 2 ** (k + h)),
  };
};

/**
 * Opens many words at once. Twin of bridge/contracts/libraries/TensorOpening.sol: the words, each once, ascending; then
 * the siblings that do not follow from them, level by level from the leaves on, ascending.
 */
export const openWords = (tree: OpenableTree, words: Iterable<number>): Bytes[] => {
  let indices = [...new Set(words)].sort((a, b) => a - b);
  const items = indices.map((index) => tree.word(index));
  for (let h = 0; h < tree.height; h++) {
    const present = new Set(indices);
    for (const index of indices) {
      const sibling = index % 2 === 0 ? index + 1 : index - 1;
      if (!present.has(sibling)) items.push(tree.node(h, sibling));
    }
    indices = [...new Set(indices.map((index) => Math.floor(index / 2)))];
  }
  return items;
};
