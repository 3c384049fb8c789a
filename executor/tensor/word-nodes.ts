import type { Bytes } from "../foundation/bytes.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { hashBatch } from "../foundation/keccak-batch.ts";
import { innerNode, raiseLevel } from "../foundation/merkle.ts";
import { TAG, tagByte } from "../foundation/tags.ts";

/** Nodes of a tensor's tree from its words up: leaves are `K(0x13 ++ word)`, and zero words fill a power of two. */

export const wordLeaf = (word: Bytes): Bytes => keccakOf(tagByte(TAG.tensorWord), word);

const zeroRoots: Bytes[] = [wordLeaf(new Uint8Array(32))];
/** Root of the tree of 2^height zero words. */
export const zeroRoot = (height: number): Bytes => {
  for (let h = zeroRoots.length; h <= height; h++) {
    const below = zeroRoots[h - 1] as Bytes;
    zeroRoots.push(innerNode(below, below));
  }
  return zeroRoots[height] as Bytes;
};

/** Nodes `height` above the words, one for each 2^height of them. `words`: whole ones, at least one. */
export const nodesOver = (words: Bytes, height: number): Bytes => {
  const nodes = new Uint8Array(words.length);
  let count = words.length / 32;
  hashBatch({ tag: TAG.tensorWord, size: 32 }, words, count, nodes);
  for (let h = 0; h < height; h++) count = raiseLevel(nodes, count, zeroRoot(h), nodes);
  return nodes.slice(0, 32 * count);
};

/** All nodes above `nodes`, which stand `from` above the words, up to `height` above them; `nodes` first. */
export const levelsOver = (nodes: Bytes, from: number, height: number): readonly Bytes[] => {
  const levels = [nodes];
  for (let h = 0, count = nodes.length / 32; h < height; h++) {
    const next = new Uint8Array(32 * Math.ceil(count / 2));
    count = raiseLevel(levels[h] as Bytes, count, zeroRoot(from + h), next);
    levels.push(next);
  }
  return levels;
};
