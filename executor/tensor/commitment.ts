import { type Bytes, concat } from "../foundation/bytes.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { ceilLog2 } from "../foundation/merkle.ts";
import { TAG, tagByte } from "../foundation/tags.ts";
import { packTensor } from "./elements.ts";
import { DTYPES, type Dtype } from "./program.ts";
import { hashInThreads } from "./tree-threads.ts";
import { levelsOver, nodesOver, zeroRoot } from "./word-nodes.ts";

/**
 * A tensor's tree. Leaves are the 32-byte words of its packed data, zero words fill a power of two; below a
 * word, parts go on down to single elements, so that a dispute ends at one element.
 */

/** Part of a word: `K(0x14 ++ u8 height ++ 2^height packed elements)`. */
export const partHash = (height: number, packed: Bytes): Bytes =>
  keccakOf(tagByte(TAG.tensorPart), Uint8Array.of(height), packed);

/** Data with zero bytes up to whole words. */
const padded = (packed: Bytes): Bytes => {
  if (packed.length % 32 === 0) return packed;
  const out = new Uint8Array(Math.ceil(packed.length / 32) * 32);
  out.set(packed);
  return out;
};

/** Root over packed data (little-endian elements, without padding; at least one byte). */
export const tensorRootOf = (packed: Bytes): Bytes => {
  const words = padded(packed);
  return nodesOver(words, ceilLog2(words.length / 32));
};

/** Root of a tensor in memory; -0 is committed as +0. */
export const tensorRoot = (dtype: Dtype, data: ArrayLike<number>): Bytes => tensorRootOf(packTensor(dtype, data));

/**
 * A tensor's tree keeps the data and the nodes from this height above the words on: what lies below is hashed again, 2^8
 * words at a time.
 */
const KEPT_FROM = 8;

/** All nodes of a tensor's tree. */
export type TensorTree = {
  readonly root: Bytes;
  /** Height in elements: a word is at height k of its dtype, the root at k + h. */
  readonly height: number;
  /** Height in words. */
  readonly wordHeight: number;
  /** Bytes held. */
  readonly bytes: number;
  /** Hash of the node at `height` (in elements) whose first element is `position`, a multiple of 2^height. */
  node(height: number, position: number): Bytes;
  /** The packed elements below such a node at a height up to k; zero beyond the data. */
  elements(height: number, position: number): Bytes;
  /** Siblings of word `index`, lowest first. */
  pathOfWord(index: number): Bytes[];
};

/** `kept`: the nodes that stand `from` above the words. */
const treeOf = (dtype: Dtype, data: Bytes, kept: { readonly from: number; readonly nodes: Bytes }): TensorTree => {
  const { bytes: size, wordExponent: k } = DTYPES[dtype];
  const wordHeight = ceilLog2(data.length / 32);
  const levels = levelsOver(kept.nodes, kept.from, wordHeight - kept.from);
  let chunk: { readonly index: number; readonly levels: readonly Bytes[] } | undefined;

  /** Nodes below those that are kept; the last chunk asked for is asked for again. */
  const levelsOfChunk = (index: number): readonly Bytes[] => {
    if (chunk?.index !== index) {
      const bytes = 32 * 2 ** kept.from;
      const words = data.subarray(bytes * index, bytes * (index + 1));
      chunk = { index, levels: levelsOver(nodesOver(words, 0), 0, kept.from) };
    }
    return chunk.levels;
  };
  const inner = (level: number, index: number): Bytes => {
    if (level > wordHeight || index >= 2 ** (wordHeight - level)) throw new RangeError(`no node ${level}/${index}`);
    if (32 * 2 ** level * index >= data.length) return zeroRoot(level);
    if (level >= kept.from) return (levels[level - kept.from] as Bytes).slice(32 * index, 32 * index + 32);
    const perChunk = 2 ** (kept.from - level);
    const nodes = levelsOfChunk(Math.floor(index / perChunk))[level] as Bytes;
    const at = 32 * (index % perChunk);
    return nodes.slice(at, at + 32);
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
    bytes: data.length + 2 * kept.nodes.length,
    elements,
    node(height, position) {
      if (position % 2 ** height !== 0 || position >= 2 ** (k + wordHeight))
        throw new RangeError(`no node of height ${height} starts at element ${position}`);
      return height < k ? partHash(height, elements(height, position)) : inner(height - k, position / 2 ** height);
    },
    pathOfWord: (index) =>
      Array.from({ length: wordHeight }, (_, level) => inner(level, Math.floor(index / 2 ** level) ^ 1)),
  };
};

/** Height above the words from which nodes are kept. */
const keptFrom = (words: Bytes): number => Math.min(KEPT_FROM, ceilLog2(words.length / 32));

export const createTensorTree = (dtype: Dtype, packed: Bytes): TensorTree => {
  const words = padded(packed);
  const from = keptFrom(words);
  return treeOf(dtype, words, { from, nodes: nodesOver(words, from) });
};

/** The same on other threads. TREE_FAILED. */
export const buildTensorTree = async (dtype: Dtype, packed: Bytes): Promise<TensorTree> => {
  const words = padded(packed);
  const from = keptFrom(words);
  return treeOf(dtype, words, { from, nodes: await hashInThreads(words, from) });
};
