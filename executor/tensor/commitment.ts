import { type Bytes, concat } from "../foundation/bytes.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { hashBatch } from "../foundation/keccak-batch.ts";
import { ceilLog2, innerNode, raiseLevel } from "../foundation/merkle.ts";
import { TAG, tagByte } from "../foundation/tags.ts";
import { packTensor } from "./elements.ts";
import { DTYPES, type Dtype } from "./program.ts";

/**
 * A tensor's tree. Leaves are the 32-byte words of its packed data, zero words fill a power of two; below a
 * word, parts go on down to single elements, so that a dispute ends at one element.
 */

/** `K(0x13 ++ word)`. */
export const wordLeaf = (word: Bytes): Bytes => keccakOf(tagByte(TAG.tensorWord), word);

/** Part of a word: `K(0x14 ++ u8 height ++ 2^height packed elements)`. */
export const partHash = (height: number, packed: Bytes): Bytes =>
  keccakOf(tagByte(TAG.tensorPart), Uint8Array.of(height), packed);

/** Writes the leaves of whole words to `to`, which may be the same bytes. */
const hashWords = (words: Bytes, to: Bytes): void =>
  hashBatch({ tag: TAG.tensorWord, size: 32 }, words, words.length / 32, to);

const zeroRoots: Bytes[] = [wordLeaf(new Uint8Array(32))];
/** Root of the tree of 2^height zero words. */
const zeroRoot = (height: number): Bytes => {
  for (let h = zeroRoots.length; h <= height; h++) {
    const below = zeroRoots[h - 1] as Bytes;
    zeroRoots.push(innerNode(below, below));
  }
  return zeroRoots[height] as Bytes;
};

/** Data with zero bytes up to whole words. */
const padded = (packed: Bytes): Bytes => {
  if (packed.length % 32 === 0) return packed;
  const out = new Uint8Array(Math.ceil(packed.length / 32) * 32);
  out.set(packed);
  return out;
};

/** Root over packed data (little-endian elements, without padding; at least one byte). */
export const tensorRootOf = (packed: Bytes): Bytes => {
  const data = padded(packed);
  let count = data.length / 32;
  const height = ceilLog2(count);
  const nodes = new Uint8Array(data.length);
  hashWords(data, nodes);
  for (let h = 0; h < height; h++) count = raiseLevel(nodes, count, zeroRoot(h), nodes);
  return nodes.slice(0, 32);
};

/** Root of a tensor in memory; -0 is committed as +0. */
export const tensorRoot = (dtype: Dtype, data: ArrayLike<number>): Bytes => tensorRootOf(packTensor(dtype, data));

/** All nodes of a tensor's tree. */
export type TensorTree = {
  readonly root: Bytes;
  /** Height in elements: a word is at height k of its dtype, the root at k + h. */
  readonly height: number;
  /** Height in words. */
  readonly wordHeight: number;
  /** Hash of the node at `height` (in elements) whose first element is `position`, a multiple of 2^height. */
  node(height: number, position: number): Bytes;
  /** The packed elements below such a node at a height up to k; zero beyond the data. */
  elements(height: number, position: number): Bytes;
  /** Siblings of word `index`, lowest first. */
  pathOfWord(index: number): Bytes[];
};

export const createTensorTree = (dtype: Dtype, packed: Bytes): TensorTree => {
  const { bytes: size, wordExponent: k } = DTYPES[dtype];
  const data = padded(packed);
  const words = data.length / 32;
  const wordHeight = ceilLog2(words);
  const leaves = new Uint8Array(32 * words);
  hashWords(data, leaves);
  const levels = [leaves];
  for (let h = 0, count = words; h < wordHeight; h++) {
    const next = new Uint8Array(32 * Math.ceil(count / 2));
    count = raiseLevel(levels[h] as Bytes, count, zeroRoot(h), next);
    levels.push(next);
  }

  const inner = (level: number, index: number): Bytes => {
    const nodes = levels[level];
    if (nodes === undefined || index >= 2 ** (wordHeight - level)) throw new RangeError(`no node ${level}/${index}`);
    return 32 * index < nodes.length ? nodes.slice(32 * index, 32 * index + 32) : zeroRoot(level);
  };
  const elements = (height: number, position: number): Bytes => {
    const length = size * 2 ** height;
    const slice = data.subarray(position * size, position * size + length);
    return slice.length === length ? slice.slice() : concat(slice, new Uint8Array(length - slice.length));
  };
  return {
    root: inner(wordHeight, 0),
    height: k + wordHeight,
    wordHeight,
    elements,
    node(height, position) {
      if (position % 2 ** height !== 0 || position >= 2 ** (k + wordHeight))
        throw new RangeError(`no node of height ${height} starts at element ${position}`);
      return height < k ? partHash(height, elements(height, position)) : inner(height - k, position / 2 ** height);
    },
    pathOfWord: (index) => levels.slice(0, -1).map((_, level) => inner(level, Math.floor(index / 2 ** level) ^ 1)),
  };
};
