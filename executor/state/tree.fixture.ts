import { type Bytes, toHex } from "../foundation/bytes.ts";
import { createNodeCache } from "./node-cache.ts";
import type { Ref } from "./node-codec.ts";
import { hashBranch, hashLeaf, keyBit } from "./proof.ts";
import { createTree, hashOf, type TreeChange } from "./tree.ts";

/** The tree by its definition: a leaf at the shortest unique prefix, an empty subtree is zero. */
export const naiveRoot = (leaves: readonly (readonly [key: Bytes, value: Bytes])[], depth = 0): Bytes => {
  const [first] = leaves;
  if (first === undefined) return new Uint8Array(32);
  if (leaves.length === 1) return hashLeaf(first[0], first[1]);
  const side = (bit: 0 | 1) => leaves.filter(([key]) => keyBit(key, depth) === bit);
  return hashBranch(naiveRoot(side(0), depth + 1), naiveRoot(side(1), depth + 1));
};

/** One tree whose nodes are in a map, as a store would hold them: stale ones go at once. */
export const createStoredTree = (cached = 8) => {
  const stored = new Map<number, Bytes>();
  const cache = createNodeCache(cached, (id) => {
    const bytes = stored.get(id);
    if (bytes === undefined) throw new Error(`node ${id} is not stored`);
    return bytes;
  });
  const tree = createTree(cache);
  let root: Ref;
  let next = 1;

  const reachable = (ref: Ref, ids: Set<number> = new Set()): Set<number> => {
    if (ref === undefined || ref.leaf) return ids;
    ids.add(ref.id);
    const { left, right } = tree.open(ref);
    return reachable(right, reachable(left, ids));
  };

  return {
    apply(changes: readonly TreeChange[]): Bytes {
      const update = tree.update(root, changes, next);
      next += update.added.length;
      for (const { id, bytes } of update.added) {
        stored.set(id, bytes);
        cache.put(id, bytes);
      }
      for (const id of update.stale) cache.drop(id);
      for (const id of update.stale) if (!stored.delete(id)) throw new Error(`node ${id} went stale twice`);
      root = update.root;
      return hashOf(root);
    },
    get root(): Bytes {
      return hashOf(root);
    },
    prove: (key: Bytes) => tree.prove(root, key),
    openSibling: (key: Bytes) => tree.openSibling(root, key),
    storedIds: () => new Set(stored.keys()),
    reachableIds: () => reachable(root),
  };
};

/** The same changes to a plain map. */
export const createModel = () => {
  const values = new Map<string, readonly [Bytes, Bytes]>();
  return {
    apply(changes: readonly TreeChange[]): void {
      for (const { key, value } of changes) {
        if (value === undefined) values.delete(toHex(key));
        else values.set(toHex(key), [key, value]);
      }
    },
    leaves: () => [...values.values()],
    get: (key: Bytes) => values.get(toHex(key))?.[1],
  };
};
