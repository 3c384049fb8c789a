import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import { createModel, naiveRoot } from "../../state/tree.fixture.ts";
import { createTree, type TreeChange } from "../../state/tree.ts";
import { committedTree, deleteLeaf, findLeaf, hashTree, putLeaf, type Tree } from "./tree.ts";

/** Keys that share long prefixes: a few bits of the first byte and of the last one. */
const keyOf = (seed: number): Bytes => {
  const key = new Uint8Array(32);
  key[0] = (seed & 3) << 6;
  key[31] = seed >> 2;
  return key;
};
const filled = (n: number): Bytes => new Uint8Array(32).fill(n);

const change = fc.record({ key: fc.integer({ min: 0, max: 31 }), value: fc.integer({ min: 0, max: 3 }) });
const changes = fc.array(change, { maxLength: 40 });

const applyTo = (tree: Tree, { key, value }: TreeChange): Tree =>
  value === undefined ? deleteLeaf(tree, key) : putLeaf(tree, key, value);

/** A committed version of these leaves, nodes by their ids. */
const commit = (given: readonly TreeChange[]) => {
  const stored: Bytes[] = [];
  let bytes: Bytes = new Uint8Array(0);
  const nodes = {
    get bytes() {
      return bytes;
    },
    locate(id: number) {
      bytes = stored[id - 1] as Bytes;
      return 0;
    },
  };
  const { root, added } = createTree(nodes).update(undefined, given, 1);
  for (const node of added) stored.push(node.bytes);
  return committedTree(nodes, root);
};

test("the tree above a committed one has the root of the definition after every change, and keeps the old ones", () => {
  fc.assert(
    fc.property(changes, changes, (below, above) => {
      const asChange = ({ key, value }: { key: number; value: number }): TreeChange => ({
        key: keyOf(key),
        value: value === 0 ? undefined : filled(value),
      });
      const model = createModel();
      model.apply(below.map(asChange));
      let tree = commit(model.leaves().map(([key, value]) => ({ key, value })));
      const past: (readonly [Tree, string])[] = [];
      for (const next of above.map(asChange)) {
        past.push([tree, toHex(naiveRoot(model.leaves()))]);
        model.apply([next]);
        tree = applyTo(tree, next);
        for (let seed = 0; seed < 32; seed += 5)
          assert.deepEqual(findLeaf(tree, keyOf(seed))?.value, model.get(keyOf(seed)));
      }
      past.push([tree, toHex(naiveRoot(model.leaves()))]);
      for (const [version, root] of past) assert.equal(toHex(hashTree(version)), root);
    }),
    { seed: 3, numRuns: 60 },
  );
});
