import { type Bytes, concat, ZERO_32 } from "./bytes.ts";
import { keccakOf } from "./keccak.ts";
import { hashBatch } from "./keccak-batch.ts";
import { TAG, tagByte } from "./tags.ts";

/** Smallest h with 2^h >= n; `ceilLog2(0) = ceilLog2(1) = 0`. */
export const ceilLog2 = (n: number): number => {
  let h = 0;
  while (2 ** h < n) h++;
  return h;
};

/** `K(0x01 ++ left ++ right)`: the inner node of record, tensor, transaction and receipt trees. */
export const innerNode = (left: Bytes, right: Bytes): Bytes => keccakOf(tagByte(TAG.inner), left, right);

const zeroSubtrees: Bytes[] = [ZERO_32];
/** Root of the complete tree of height `h` over zero leaves (a zero leaf is 32 zero bytes). */
export const zeroSubtree = (h: number): Bytes => {
  for (let i = zeroSubtrees.length; i <= h; i++)
    zeroSubtrees.push(innerNode(zeroSubtrees[i - 1] as Bytes, zeroSubtrees[i - 1] as Bytes));
  return zeroSubtrees[h] as Bytes;
};

/**
 * One level of a tree up: the inner nodes over the first `count` of `nodes` (32 bytes each) are written to `to`, which may
 * be the same bytes; an odd last one is paired with `filler`. Returns how many they are.
 */
export const raiseLevel = (nodes: Bytes, count: number, filler: Bytes, to: Bytes): number => {
  const pairs = count >> 1;
  hashBatch({ tag: TAG.inner, size: 64 }, nodes, pairs, to);
  if (count % 2 === 0) return pairs;
  to.set(innerNode(nodes.slice(32 * (count - 1), 32 * count), filler), 32 * pairs);
  return pairs + 1;
};

/** Root of the complete binary tree of height `height` (default: the smallest that fits), missing leaves zero. */
export const merkleRoot = (leaves: readonly Bytes[], height = ceilLog2(leaves.length)): Bytes => {
  if (leaves.length === 0) return zeroSubtree(height);
  const nodes = concat(...leaves);
  let count = leaves.length;
  for (let h = 0; h < height; h++) count = raiseLevel(nodes, count, zeroSubtree(h), nodes);
  return nodes.slice(0, 32);
};

/** Siblings of leaf `index` in `merkleRoot`'s tree, lowest first. */
export const merklePath = (leaves: readonly Bytes[], index: number, height = ceilLog2(leaves.length)): Bytes[] => {
  const path: Bytes[] = [];
  for (let h = 0; h < height; h++) {
    const first = ((index >>> h) ^ 1) * 2 ** h;
    path.push(merkleRoot(leaves.slice(first, first + 2 ** h), h));
  }
  return path;
};

/** An append-only tree: one peak for each one-bit of `count`, lowest bit first. */
export type Frontier = { readonly count: number; readonly peaks: readonly Bytes[] };
export const EMPTY_FRONTIER: Frontier = { count: 0, peaks: [] };

export const appendLeaf = ({ count, peaks }: Frontier, leaf: Bytes): Frontier => {
  let node = leaf;
  let merged = 0;
  for (let rest = count; rest & 1; rest >>>= 1) node = innerNode(peaks[merged++] as Bytes, node);
  return { count: count + 1, peaks: [node, ...peaks.slice(merged)] };
};

/** Folded to a power of two with zero subtrees; 32 zero bytes when empty. Equals `merkleRoot` of the same leaves. */
export const frontierRoot = ({ count, peaks }: Frontier): Bytes => {
  if (count === 0) return ZERO_32;
  const height = ceilLog2(count);
  if (count === 2 ** height) return peaks[0] as Bytes;
  let node: Bytes | undefined;
  let next = 0;
  for (let h = 0; h < height; h++) {
    if (Math.floor(count / 2 ** h) % 2 === 1) node = innerNode(peaks[next++] as Bytes, node ?? zeroSubtree(h));
    else if (node !== undefined) node = innerNode(node, zeroSubtree(h));
  }
  return node as Bytes;
};
