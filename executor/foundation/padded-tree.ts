import type { Bytes } from "./bytes.ts";
import { appendLeaf, EMPTY_FRONTIER, type Frontier, innerNode, raiseLevel } from "./merkle.ts";

/** Leaves of a tree from the left on, folded but for the newest. None yet: `last` is what the tree is filled up with. */
export type PaddedLeaves = { readonly count: number; readonly before: Frontier; readonly last: Bytes };

export const paddingWith = (start: Bytes): PaddedLeaves => ({ count: 0, before: EMPTY_FRONTIER, last: start });

export const appendPadded = ({ count, before, last }: PaddedLeaves, leaf: Bytes): PaddedLeaves => ({
  count: count + 1,
  before: count === 0 ? before : appendLeaf(before, last),
  last: leaf,
});

/** `path`: siblings of the right-most leaf, lowest first. */
export type PaddedTree = { readonly root: Bytes; readonly path: readonly Bytes[] };

/**
 * The complete binary tree of height `height` over these leaves, filled up with the newest one, in time and memory that
 * grow with its height alone. RangeError when it is too low for the leaves.
 */
export const paddedTree = ({ before: { count, peaks }, last }: PaddedLeaves, height: number): PaddedTree => {
  if (count >= 2 ** height) throw new RangeError(`${count + 1} leaves in a tree of height ${height}`);
  const path: Bytes[] = [];
  /** A subtree of `last` alone. */
  let padding = last;
  /** The subtree that begins with leaves and ends with padding: peaks lie left of it, padding right of it. */
  let mixed = last;
  let used = 0;
  for (let h = 0; h < height; h++) {
    const place = Math.floor(count / 2 ** h);
    const peak = place % 2 === 1 ? (peaks[used++] as Bytes) : undefined;
    const sibling = 2 ** (height - h) - 2;
    if (sibling > place) path.push(padding);
    else path.push(sibling === place ? mixed : (peak as Bytes));
    mixed = peak === undefined ? innerNode(mixed, padding) : innerNode(peak, mixed);
    padding = innerNode(padding, padding);
  }
  return { root: mixed, path };
};

/** All nodes of such a tree: `node(height, index)` is the root over the leaves from `index * 2^height` on. */
export type PaddedNodes = {
  readonly height: number;
  node(height: number, index: number): Bytes;
};

/**
 * The same tree with every node at hand: 64 bytes for each leaf. `leaves`: 32 bytes each, at least one. RangeError when it
 * is too low for them, and for a node that it does not have.
 */
export const paddedNodes = (leaves: Bytes, height: number): PaddedNodes => {
  let count = leaves.length / 32;
  if (count > 2 ** height) throw new RangeError(`${count} leaves in a tree of height ${height}`);
  let padding: Bytes = leaves.slice(-32);
  const paddings = [padding];
  const levels = [leaves];
  for (let h = 0; h < height; h++) {
    const next = new Uint8Array(32 * Math.ceil(count / 2));
    count = raiseLevel(levels[h] as Bytes, count, padding, next);
    levels.push(next);
    padding = innerNode(padding, padding);
    paddings.push(padding);
  }
  return {
    height,
    node(h, index) {
      const nodes = levels[h];
      if (nodes === undefined || !(index >= 0 && index < 2 ** (height - h)))
        throw new RangeError(`no node ${h}/${index} in a tree of height ${height}`);
      return 32 * index < nodes.length ? nodes.slice(32 * index, 32 * index + 32) : (paddings[h] as Bytes);
    },
  };
};
