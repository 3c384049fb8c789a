import { type Bytes, equalBytes, ZERO_32 } from "../foundation/bytes.ts";
import type { NodeSource } from "./node-cache.ts";
import {
  type Branch,
  copyBytes,
  KIND,
  kindOf,
  type Leaf,
  MAX_NODE_BYTES,
  type Ref,
  readChild,
  readId,
  sizeOf,
  writeChild,
} from "./node-codec.ts";
import { hashBranch, hashLeaf, keyBit, type SiblingOpening, type TreeProof } from "./proof.ts";

/** `value` undefined deletes. */
export type TreeChange = { readonly key: Bytes; readonly value: Bytes | undefined };

/** A new node, encoded. */
export type AddedNode = { readonly id: number; readonly bytes: Bytes };

export type TreeUpdate = {
  readonly root: Ref;
  /** Children before parents. */
  readonly added: readonly AddedNode[];
  /** Ids of nodes that the old root reaches and the new one does not. */
  readonly stale: readonly number[];
};

export const hashOf = (ref: Ref): Bytes => {
  if (ref === undefined) return ZERO_32;
  if (!ref.leaf) return ref.hash;
  ref.hash ??= hashLeaf(ref.key, ref.value);
  return ref.hash;
};

/** Memory that is taken at once for the new nodes of an update. */
const BLOCK_BYTES = 16_384;

const UNCHANGED = Symbol("unchanged");
type Visited = Ref | typeof UNCHANGED;

const compareKeys = (a: Bytes, b: Bytes): number => {
  for (let i = 0; i < 32; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
};

/** First index in [low, high) whose key has bit `depth` set; the items are sorted. */
const split = (items: readonly { readonly key: Bytes }[], low: number, high: number, depth: number): number => {
  let start = low;
  let end = high;
  while (start < end) {
    const middle = (start + end) >>> 1;
    if (keyBit((items[middle] as { readonly key: Bytes }).key, depth) === 1) end = middle;
    else start = middle + 1;
  }
  return start;
};

/** One batch of changes on its way through the tree. */
const createUpdate = (nodes: NodeSource, changes: readonly TreeChange[], firstId: number) => {
  const sorted = [...changes].sort((a, b) => compareKeys(a.key, b.key));
  const added: AddedNode[] = [];
  const stale: number[] = [];
  const draft = new Uint8Array(MAX_NODE_BYTES);
  /** New nodes are cut from blocks: an allocation each would cost more than their hash. */
  let block = new Uint8Array(0);
  let filled = 0;

  const add = (length: number, left: Bytes, right: Bytes): Branch => {
    if (filled + length > block.length) {
      block = new Uint8Array(BLOCK_BYTES);
      filled = 0;
    }
    const id = firstId + added.length;
    const bytes = block.subarray(filled, filled + length);
    copyBytes(draft, 0, bytes, 0, length);
    filled += length;
    added.push({ id, bytes });
    return { leaf: false, hash: hashBranch(left, right), id };
  };

  /** A lone leaf rises; everything else needs a branch. */
  const join = (left: Ref, right: Ref): Ref => {
    if (left === undefined && (right === undefined || right.leaf)) return right;
    if (right === undefined && left?.leaf === true) return left;
    draft[0] = kindOf(left) | (kindOf(right) << 4);
    return add(writeChild(draft, writeChild(draft, 1, left), right), hashOf(left), hashOf(right));
  };

  const build = (leaves: readonly Leaf[], low: number, high: number, depth: number): Ref => {
    if (high - low <= 1) return low === high ? undefined : leaves[low];
    const middle = split(leaves, low, high, depth);
    return join(build(leaves, low, middle, depth + 1), build(leaves, middle, high, depth + 1));
  };

  /** The changes [low, high) merged with the one leaf that stood here, if any. */
  const replace = (ref: Leaf | undefined, low: number, high: number, depth: number): Visited => {
    const leaves: Leaf[] = [];
    let rest = ref;
    for (let i = low; i < high; i++) {
      const { key, value } = sorted[i] as TreeChange;
      const order = rest === undefined ? 1 : compareKeys(rest.key, key);
      if (rest !== undefined && order < 0) leaves.push(rest);
      const kept = rest !== undefined && order === 0 && value !== undefined && equalBytes(rest.value, value);
      if (value !== undefined) leaves.push(kept ? (rest as Leaf) : { leaf: true, key, value, hash: undefined });
      if (order <= 0) rest = undefined;
    }
    if (rest !== undefined) leaves.push(rest);
    const result = build(leaves, 0, leaves.length, depth);
    return result === ref ? UNCHANGED : result;
  };

  const visit = (ref: Ref, low: number, high: number, depth: number): Visited => {
    if (low === high) return UNCHANGED;
    return ref === undefined || ref.leaf ? replace(ref, low, high, depth) : descend(ref.id, low, high, depth);
  };

  const descend = (id: number, low: number, high: number, depth: number): Visited => {
    const middle = split(sorted, low, high, depth);
    // What is needed of the node is read before the visit below: its place in memory does not outlive it.
    const at = nodes.locate(id);
    const { bytes } = nodes;
    const kinds = bytes[at] as number;
    const rightAt = at + 1 + sizeOf(kinds & 15);
    const before = (from: number, kind: number, touched: boolean): Ref => {
      if (!touched || kind === KIND.empty) return undefined;
      return kind === KIND.branch
        ? { leaf: false, hash: ZERO_32, id: readId(bytes, from) }
        : readChild(bytes, from, kind);
    };
    const oldLeft = before(at + 1, kinds & 15, low < middle);
    const oldRight = before(rightAt, kinds >>> 4, middle < high);
    const left = visit(oldLeft, low, middle, depth + 1);
    const right = visit(oldRight, middle, high, depth + 1);
    if (left === UNCHANGED && right === UNCHANGED) return UNCHANGED;
    stale.push(id);
    return rejoin(id, left, right);
  };

  /** The node again, with the sides that changed. */
  const rejoin = (id: number, left: Visited, right: Visited): Ref => {
    const at = nodes.locate(id);
    const { bytes } = nodes;
    const kinds = bytes[at] as number;
    const rightAt = at + 1 + sizeOf(kinds & 15);
    const oneSided = left === UNCHANGED || right === UNCHANGED;
    const changed = left === UNCHANGED ? right : left;
    if (!oneSided || changed === UNCHANGED || changed === undefined || changed.leaf)
      return join(
        left === UNCHANGED ? readChild(bytes, at + 1, kinds & 15) : left,
        right === UNCHANGED ? readChild(bytes, rightAt, kinds >>> 4) : right,
      );
    // A branch took the place of one side: the other is copied as it stands.
    const isLeft = right === UNCHANGED;
    const [from, kind] = isLeft ? [rightAt, kinds >>> 4] : [at + 1, kinds & 15];
    const size = sizeOf(kind);
    draft[0] = isLeft ? KIND.branch | (kind << 4) : kind | (KIND.branch << 4);
    writeChild(draft, isLeft ? 1 : 1 + size, changed);
    copyBytes(bytes, from, draft, isLeft ? 41 : 1, size);
    const sibling = kind === KIND.branch ? bytes.subarray(from + 8, from + 40) : hashOf(readChild(bytes, from, kind));
    return isLeft ? add(41 + size, changed.hash, sibling) : add(41 + size, sibling, changed.hash);
  };

  return {
    run(from: Ref): TreeUpdate {
      const root = visit(from, 0, sorted.length, 0);
      return { root: root === UNCHANGED ? from : root, added, stale };
    },
  };
};

/** The compact sparse Merkle tree over immutable nodes. */
export const createTree = (nodes: NodeSource) => {
  const open = ({ id }: Branch): { readonly left: Ref; readonly right: Ref } => {
    const at = nodes.locate(id);
    const { bytes } = nodes;
    const kinds = bytes[at] as number;
    const left = readChild(bytes, at + 1, kinds & 15);
    return { left, right: readChild(bytes, at + 1 + sizeOf(kinds & 15), kinds >>> 4) };
  };

  const walk = (root: Ref, key: Bytes) => {
    const path: Ref[] = [];
    let ref = root;
    while (ref !== undefined && !ref.leaf) {
      const { left, right } = open(ref);
      const isRight = keyBit(key, path.length) === 1;
      path.push(isRight ? left : right);
      ref = isRight ? right : left;
    }
    return { terminal: ref, path };
  };

  return {
    open,
    /** `changes` name each key once; new nodes get the ids from `firstId` on. Nothing is stored. */
    update: (from: Ref, changes: readonly TreeChange[], firstId: number): TreeUpdate =>
      createUpdate(nodes, changes, firstId).run(from),

    prove(root: Ref, key: Bytes): TreeProof {
      const { terminal, path } = walk(root, key);
      const bitmap = new Uint8Array(32);
      const siblings: Bytes[] = [];
      path.forEach((sibling, i) => {
        if (sibling === undefined) return;
        bitmap[i >>> 3] = (bitmap[i >>> 3] as number) | (0x80 >>> (i & 7));
        siblings.push(hashOf(sibling));
      });
      return {
        depth: path.length,
        bitmap,
        siblings: siblings.reverse(),
        terminal: terminal === undefined ? undefined : { key: terminal.key, value: terminal.value },
      };
    },

    /** The deepest sibling of the key's path opened; undefined where it is empty or the path has no branch. */
    openSibling(root: Ref, key: Bytes): SiblingOpening | undefined {
      const sibling = walk(root, key).path.at(-1);
      if (sibling === undefined) return undefined;
      if (sibling.leaf) return { kind: "leaf", key: sibling.key, value: sibling.value };
      const { left, right } = open(sibling);
      return { kind: "branch", left: hashOf(left), right: hashOf(right) };
    },
  };
};
