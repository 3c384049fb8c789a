import type { Bytes } from "../../foundation/bytes.ts";
import { ceilLog2 } from "../../foundation/merkle.ts";
import { hashBranch } from "../../state/proof.ts";
import { hashWords, type WordNode, type Words } from "./memory.ts";

/** A contiguous part of a word tree: its words from `first` on, and the siblings beside them, lowest first. */
export type RangeProof = {
  readonly first: number;
  readonly words: readonly Bytes[];
  readonly left: readonly Bytes[];
  readonly right: readonly Bytes[];
};

/** The node at `height` that is the `index`-th of its level. */
export const nodeAt = ({ root, count }: Words, height: number, index: number): WordNode => {
  let node = root;
  for (let h = ceilLog2(count) - 1; h >= height; h--)
    node = ((index >>> (h - height)) & 1 ? node.right : node.left) as WordNode;
  return node;
};

/** Opens `size` > 0 words from `first` on: a RangeError when they are not all inside. */
export const proveRange = (tree: Words, first: number, size: number): RangeProof => {
  if (size < 1 || first < 0 || first + size > tree.count)
    throw new RangeError(`${size} words from ${first} of ${tree.count}`);
  const words = Array.from({ length: size }, (_, i) => hashWords(nodeAt(tree, 0, first + i)));
  const left: Bytes[] = [];
  const right: Bytes[] = [];
  const depth = ceilLog2(tree.count);
  for (let h = 0, from = first, last = first + size - 1; h < depth; h++, from >>>= 1, last >>>= 1) {
    if (from & 1) left.push(hashWords(nodeAt(tree, h, from - 1)));
    if ((last & 1) === 0) right.push(hashWords(nodeAt(tree, h, last + 1)));
  }
  return { first, words, left, right };
};

const malformed = () => new RangeError("a range proof has words inside its tree and exactly the siblings beside them");

/** Root that the proof shows for a tree of `count` words; with other words in it, the root after they are written. */
export const rangeRoot = ({ first, words, left, right }: RangeProof, count: number): Bytes => {
  if (words.length === 0 || first + words.length > count) throw malformed();
  let level = words;
  let from = first;
  let lefts = 0;
  let rights = 0;
  for (let h = ceilLog2(count); h > 0; h--) {
    const before = from & 1 ? left[lefts++] : undefined;
    const after = (from + level.length) & 1 ? right[rights++] : undefined;
    const whole = [...(before === undefined ? [] : [before]), ...level, ...(after === undefined ? [] : [after])];
    if (whole.length % 2 === 1) throw malformed();
    level = Array.from({ length: whole.length / 2 }, (_, i) =>
      hashBranch(whole[2 * i] as Bytes, whole[2 * i + 1] as Bytes),
    );
    from >>>= 1;
  }
  if (lefts !== left.length || rights !== right.length) throw malformed();
  return level[0] as Bytes;
};
