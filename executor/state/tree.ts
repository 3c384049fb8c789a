import { type Bytes, compareBytes, equalBytes, ZERO_32 } from "../foundation/bytes.ts";
import { hashBranch, hashLeaf, keyBit, type SiblingOpening, type TreeProof } from "./proof.ts";

/** A leaf stands at the shortest prefix that no other key shares. Its hash is computed when first asked for. */
export type Leaf = { readonly leaf: true; readonly key: Bytes; readonly value: Bytes; hash: Bytes | undefined };

/** An inner node: `id` names it in the store (0 until it is sealed), `node` holds it until then. */
export type Branch = { readonly leaf: false; readonly hash: Bytes; id: number; node: TreeNode | undefined };

/** A subtree; undefined is the empty one. */
export type Ref = Leaf | Branch | undefined;

export type TreeNode = { readonly left: Ref; readonly right: Ref };

/** `value` undefined deletes. */
export type TreeChange = { readonly key: Bytes; readonly value: Bytes | undefined };

export type TreeUpdate = {
  readonly root: Ref;
  /** Branches that are new, children before parents; none has an id yet. */
  readonly added: readonly Branch[];
  /** Ids of branches that the old root reaches and the new one does not. */
  readonly stale: readonly number[];
};

export const hashOf = (ref: Ref): Bytes => {
  if (ref === undefined) return ZERO_32;
  if (!ref.leaf) return ref.hash;
  ref.hash ??= hashLeaf(ref.key, ref.value);
  return ref.hash;
};

export const newLeaf = (key: Bytes, value: Bytes): Leaf => ({ leaf: true, key, value, hash: undefined });

/** The compact sparse Merkle tree over immutable nodes that `load` fetches by id. */
export const createTree = (load: (id: number) => TreeNode) => {
  const open = (branch: Branch): TreeNode => branch.node ?? load(branch.id);

  const update = (from: Ref, changes: readonly TreeChange[]): TreeUpdate => {
    const sorted = [...changes].sort((a, b) => compareBytes(a.key, b.key));
    const added: Branch[] = [];
    const stale: number[] = [];

    /** A lone leaf rises; everything else needs a branch. */
    const join = (left: Ref, right: Ref): Ref => {
      if (left === undefined && (right === undefined || right.leaf)) return right;
      if (right === undefined && left?.leaf === true) return left;
      const branch: Branch = {
        leaf: false,
        hash: hashBranch(hashOf(left), hashOf(right)),
        id: 0,
        node: { left, right },
      };
      added.push(branch);
      return branch;
    };

    /** First index in [low, high) whose key has bit `depth` set. */
    const split = (items: readonly { readonly key: Bytes }[], low: number, high: number, depth: number): number => {
      let start = low;
      let end = high;
      while (start < end) {
        const middle = (start + end) >>> 1;
        if (keyBit((items[middle] as { key: Bytes }).key, depth) === 1) end = middle;
        else start = middle + 1;
      }
      return start;
    };

    const build = (leaves: readonly Leaf[], low: number, high: number, depth: number): Ref => {
      if (high - low <= 1) return low === high ? undefined : leaves[low];
      const middle = split(leaves, low, high, depth);
      return join(build(leaves, low, middle, depth + 1), build(leaves, middle, high, depth + 1));
    };

    /** The changes [low, high) merged with the one leaf that stood here, if any. */
    const replace = (ref: Leaf | undefined, low: number, high: number, depth: number): Ref => {
      const leaves: Leaf[] = [];
      let rest = ref;
      for (let i = low; i < high; i++) {
        const { key, value } = sorted[i] as TreeChange;
        const order = rest === undefined ? 1 : compareBytes(rest.key, key);
        if (rest !== undefined && order < 0) leaves.push(rest);
        const unchanged = rest !== undefined && order === 0 && value !== undefined && equalBytes(rest.value, value);
        if (value !== undefined) leaves.push(unchanged ? (rest as Leaf) : newLeaf(key, value));
        if (order <= 0) rest = undefined;
      }
      if (rest !== undefined) leaves.push(rest);
      return build(leaves, 0, leaves.length, depth);
    };

    const visit = (ref: Ref, low: number, high: number, depth: number): Ref => {
      if (low === high) return ref;
      if (ref === undefined || ref.leaf) return replace(ref, low, high, depth);
      const node = open(ref);
      const middle = split(sorted, low, high, depth);
      const left = visit(node.left, low, middle, depth + 1);
      const right = visit(node.right, middle, high, depth + 1);
      if (left === node.left && right === node.right) return ref;
      stale.push(ref.id);
      return join(left, right);
    };

    return { root: visit(from, 0, sorted.length, 0), added, stale };
  };

  const walk = (root: Ref, key: Bytes) => {
    const path: Ref[] = [];
    let ref = root;
    while (ref !== undefined && !ref.leaf) {
      const node = open(ref);
      const right = keyBit(key, path.length) === 1;
      path.push(right ? node.left : node.right);
      ref = right ? node.right : node.left;
    }
    return { terminal: ref, path };
  };

  const prove = (root: Ref, key: Bytes): TreeProof => {
    const { terminal, path } = walk(root, key);
    const bitmap = new Uint8Array(32);
    const siblings: Bytes[] = [];
    path.forEach((sibling, i) => {
      if (sibling === undefined) return;
      bitmap[i >>> 3] = (bitmap[i >>> 3] as number) | (0x80 >>> (i & 7));
      siblings.unshift(hashOf(sibling));
    });
    return {
      depth: path.length,
      bitmap,
      siblings,
      terminal: terminal === undefined ? undefined : { key: terminal.key, value: terminal.value },
    };
  };

  /** The deepest sibling of the key's path opened; undefined where it is empty or the path has no branch. */
  const openSibling = (root: Ref, key: Bytes): SiblingOpening | undefined => {
    const sibling = walk(root, key).path.at(-1);
    if (sibling === undefined) return undefined;
    if (sibling.leaf) return { kind: "leaf", key: sibling.key, value: sibling.value };
    const { left, right } = open(sibling);
    return { kind: "branch", left: hashOf(left), right: hashOf(right) };
  };

  return { update, prove, openSibling, open };
};
export type Tree = ReturnType<typeof createTree>;
