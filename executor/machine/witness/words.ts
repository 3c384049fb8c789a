import type { Bytes } from "../../foundation/bytes.ts";
import { concat } from "../../foundation/bytes.ts";
import { ceilLog2 } from "../../foundation/merkle.ts";
import { codeChunks } from "../../state/code.ts";
import { hashWords, type Reference, type Words, wordsOf } from "../state/memory.ts";
import { nodeAt } from "../state/range.ts";
import type { Code } from "../state/world.ts";

/** Words `first` to `first + size` of a tree, then what surrounds them: of each level left before right, lowest first. */
export const openWords = (tree: Words, first: number, size: number): readonly Bytes[] => {
  const hash = (height: number, index: number): Bytes => hashWords(nodeAt(tree, height, index));
  const items = Array.from({ length: size }, (_, i) => hash(0, first + i));
  let from = first;
  let last = first + size - 1;
  for (let height = 0; height < ceilLog2(tree.count); height++) {
    if (from & 1) items.push(hash(height, from - 1));
    if ((last & 1) === 0) items.push(hash(height, last + 1));
    from >>>= 1;
    last >>>= 1;
  }
  return items;
};

/** The words in which `length` > 0 bytes from `offset` on lie. */
export const openBytes = (tree: Words, offset: number, length: number): readonly Bytes[] => {
  const first = Math.floor(offset / 32);
  return openWords(tree, first, Math.ceil((offset + length) / 32) - first);
};

/** What a reference has of `size` bytes from its byte `from` on; nothing behind its end. */
export const openReference = ({ words, offset, length }: Reference, from: bigint, size: number): readonly Bytes[] => {
  if (from >= BigInt(length)) return [];
  const start = Number(from);
  return openBytes(words, offset + start, Math.min(size, length - start));
};

const trees = new WeakMap<Code, Words>();

/** The tree of a code's chunks, made once for each code. */
export const chunksOf = (code: Code): Words => {
  let tree = trees.get(code);
  if (tree === undefined) {
    tree = wordsOf(concat(...codeChunks(code.bytes)));
    trees.set(code, tree);
  }
  return tree;
};

const CHUNK = 31;

/** The chunks of code bytes `from` to `to`, as far as the code has them. `from` lies in the code. */
export const openCode = (code: Code, from: number, to: number): readonly Bytes[] => {
  const tree = chunksOf(code);
  const first = Math.floor(from / CHUNK);
  const last = Math.min(Math.floor((to - 1) / CHUNK), tree.count - 1);
  return openWords(tree, first, last - first + 1);
};
