import { type Bytes, equalBytes, ZERO_32 } from "../../foundation/bytes.ts";
import type { NodeSource } from "../../state/node-cache.ts";
import { type Ref, readChild, sizeOf } from "../../state/node-codec.ts";
import { hashBranch, hashLeaf, keyBit } from "../../state/proof.ts";

/**
 * The compact sparse Merkle tree of the state once more, as immutable nodes in memory above a committed version: so a revert
 * is the old root, and what nobody refers to is the garbage collector's. Same hashes as executor/state/tree.ts.
 */
export type TreeLeaf<V = unknown> = {
  readonly leaf: true;
  readonly key: Bytes;
  readonly value: Bytes;
  hash: Bytes | undefined;
  /** What the value stands for, where it is known. */
  content: V | undefined;
};
export type TreeBranch = {
  readonly leaf: false;
  left: Tree;
  right: Tree;
  hash: Bytes | undefined;
  /** A committed node whose children were not needed so far. */
  stored: { readonly nodes: NodeSource; readonly id: number } | undefined;
};
/** Undefined is the empty tree. */
export type Tree = TreeLeaf | TreeBranch | undefined;

/** The tree below a node of a committed version. */
export const committedTree = (nodes: NodeSource, ref: Ref): Tree => {
  if (ref === undefined) return undefined;
  if (ref.leaf) return { leaf: true, key: ref.key, value: ref.value, hash: ref.hash, content: undefined };
  return { leaf: false, left: undefined, right: undefined, hash: ref.hash, stored: { nodes, id: ref.id } };
};

/** The branch with its children at hand. */
export const openBranch = (branch: TreeBranch): TreeBranch => {
  if (branch.stored === undefined) return branch;
  const { nodes, id } = branch.stored;
  const at = nodes.locate(id);
  const { bytes } = nodes;
  const kinds = bytes[at] as number;
  const left = readChild(bytes, at + 1, kinds & 15);
  const right = readChild(bytes, at + 1 + sizeOf(kinds & 15), kinds >>> 4);
  branch.left = committedTree(nodes, left);
  branch.right = committedTree(nodes, right);
  branch.stored = undefined;
  return branch;
};

export const hashTree = (tree: Tree): Bytes => {
  if (tree === undefined) return ZERO_32;
  tree.hash ??= tree.leaf ? hashLeaf(tree.key, tree.value) : hashBranch(hashTree(tree.left), hashTree(tree.right));
  return tree.hash;
};

/** The leaf of `key`, if there is one. */
export const findLeaf = (tree: Tree, key: Bytes): TreeLeaf | undefined => {
  let node = tree;
  for (let depth = 0; node !== undefined && !node.leaf; depth++) {
    const { left, right } = openBranch(node);
    node = keyBit(key, depth) === 1 ? right : left;
  }
  return node !== undefined && equalBytes(node.key, key) ? node : undefined;
};

const branchOf = (left: Tree, right: Tree): TreeBranch => ({
  leaf: false,
  left,
  right,
  hash: undefined,
  stored: undefined,
});

const split = (old: TreeLeaf, added: TreeLeaf, depth: number): TreeBranch => {
  const bit = keyBit(added.key, depth);
  if (bit !== keyBit(old.key, depth)) return bit === 1 ? branchOf(old, added) : branchOf(added, old);
  const below = split(old, added, depth + 1);
  return bit === 1 ? branchOf(undefined, below) : branchOf(below, undefined);
};

const insert = (tree: Tree, added: TreeLeaf, depth: number): Tree => {
  if (tree === undefined) return added;
  if (tree.leaf) return equalBytes(tree.key, added.key) ? added : split(tree, added, depth);
  const { left, right } = openBranch(tree);
  return keyBit(added.key, depth) === 1
    ? branchOf(left, insert(right, added, depth + 1))
    : branchOf(insert(left, added, depth + 1), right);
};

/** The tree with `value`, 32 bytes, under `key`. */
export const putLeaf = (tree: Tree, key: Bytes, value: Bytes, content?: unknown): Tree =>
  insert(tree, { leaf: true, key, value, hash: undefined, content }, 0);

const remove = (tree: Tree, key: Bytes, depth: number): Tree => {
  if (tree === undefined) return undefined;
  if (tree.leaf) return equalBytes(tree.key, key) ? undefined : tree;
  const { left, right } = openBranch(tree);
  const isRight = keyBit(key, depth) === 1;
  const before = isRight ? right : left;
  const after = remove(before, key, depth + 1);
  if (after === before) return tree;
  const other = isRight ? left : right;
  // A lone leaf rises.
  if (after === undefined && (other === undefined || other.leaf)) return other;
  if (other === undefined && after?.leaf === true) return after;
  return isRight ? branchOf(other, after) : branchOf(after, other);
};

/** The tree without `key`; the same object if it had none. */
export const deleteLeaf = (tree: Tree, key: Bytes): Tree => remove(tree, key, 0);
