import assert from "node:assert/strict";
import test from "node:test";
import { type Bytes, toHex, uintBE, ZERO_32 } from "../foundation/bytes.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { type TreeProof, updateRoot, verifyProof } from "./proof.ts";
import { createModel, createStoredTree, naiveRoot } from "./tree.fixture.ts";

const LEAVES = 300;
const keyOf = (i: number): Bytes => keccak256(uintBE(i, 4));
const near = (key: Bytes, bit: number): Bytes => {
  const other = Uint8Array.from(key);
  other[bit >>> 3] = (other[bit >>> 3] as number) ^ (0x80 >>> (bit & 7));
  return other;
};

const filled = () => {
  const tree = createStoredTree();
  const model = createModel();
  const changes = Array.from({ length: LEAVES }, (_, i) => ({ key: keyOf(i), value: uintBE(i + 1, 32) }));
  // Neighbours far down: long paths, with empty siblings on the way.
  changes.push(
    { key: near(keyOf(1), 255), value: uintBE(1001, 32) },
    { key: near(keyOf(2), 200), value: uintBE(1002, 32) },
    { key: near(keyOf(2), 201), value: uintBE(1003, 32) },
  );
  tree.apply(changes);
  model.apply(changes);
  return { tree, model, keys: changes.map(({ key }) => key) };
};

/** Keys of every kind: present, absent beside another leaf, absent where nothing is. */
const probes = (keys: readonly Bytes[]): readonly Bytes[] => [
  ...keys,
  ...Array.from({ length: 100 }, (_, i) => keyOf(10_000 + i)),
  ...keys.slice(0, 40).map((key) => near(key, 128)),
  near(keyOf(2), 100),
  near(keyOf(1), 254),
];

test("a proof shows the value of a key, or its absence, of both kinds", () => {
  const { tree, model, keys } = filled();
  const terminals = new Set<string>();
  for (const key of probes(keys)) {
    const proof = tree.prove(key);
    const value = verifyProof(tree.root, key, proof);
    assert.deepEqual(value && toHex(value), model.get(key) && toHex(model.get(key) as Bytes));
    terminals.add(value !== undefined ? "own" : proof.terminal === undefined ? "empty" : "other");
  }
  assert.deepEqual(terminals, new Set(["own", "other", "empty"]));
});

test("a proof of the empty tree and of one leaf has no siblings", () => {
  const tree = createStoredTree();
  assert.equal(verifyProof(ZERO_32, keyOf(1), tree.prove(keyOf(1))), undefined);
  tree.apply([{ key: keyOf(1), value: uintBE(1, 32) }]);
  const proof = tree.prove(keyOf(2));
  assert.equal(proof.depth, 0);
  assert.equal(verifyProof(tree.root, keyOf(2), proof), undefined);
  assert.throws(() => verifyProof(ZERO_32, keyOf(2), proof), { code: "PROOF_ROOT" });
});

const flip = (bytes: Bytes, bit: number): Bytes => near(bytes, bit % (bytes.length * 8));

/** Every way to spoil one proof a little. */
function* mutations(proof: TreeProof, seed: number): Iterable<TreeProof> {
  const { depth, siblings, terminal, bitmap } = proof;
  for (const other of [depth - 1, depth + 1, -1, 257, 0.5]) if (other !== depth) yield { ...proof, depth: other };
  for (const bit of [0, depth - 1, depth, 255, seed % 256]) if (bit >= 0) yield { ...proof, bitmap: flip(bitmap, bit) };
  for (let i = 0; i < siblings.length; i++) {
    yield { ...proof, siblings: siblings.map((s, j) => (j === i ? flip(s, seed + i) : s)) };
    yield { ...proof, siblings: siblings.filter((_, j) => j !== i) };
    yield { ...proof, siblings: siblings.map((s, j) => (j === i ? ZERO_32 : s)) };
  }
  yield { ...proof, siblings: [...siblings, keyOf(seed)] };
  yield { ...proof, siblings: [keyOf(seed), ...siblings] };
  const [first, second] = siblings;
  if (first !== undefined && second !== undefined) yield { ...proof, siblings: [second, first, ...siblings.slice(2)] };
  if (terminal === undefined) yield { ...proof, terminal: { key: keyOf(seed), value: uintBE(seed + 1, 32) } };
  else {
    yield { ...proof, terminal: undefined };
    yield { ...proof, terminal: { ...terminal, value: flip(terminal.value, seed) } };
    yield { ...proof, terminal: { ...terminal, key: flip(terminal.key, seed) } };
    yield { ...proof, terminal: { ...terminal, value: terminal.value.subarray(1) } };
  }
}

test("every spoilt proof is refused", () => {
  const { tree, keys } = filled();
  let count = 0;
  probes(keys).forEach((key, i) => {
    if (i % 5 !== 0) return;
    for (const proof of mutations(tree.prove(key), i)) {
      assert.throws(
        () => verifyProof(tree.root, key, proof),
        (error: { code: string }) => ["PROOF_ROOT", "PROOF_MALFORMED"].includes(error.code),
      );
      count++;
    }
  });
  assert.ok(count > 2000, `${count} mutations`);
});

test("a proof of one key says nothing of another", () => {
  const { tree } = filled();
  const proof = tree.prove(keyOf(7));
  assert.throws(() => verifyProof(tree.root, near(keyOf(7), 0), proof));
  // Where the path is shared, the other key's absence is what is proved.
  const sibling = near(keyOf(7), 255);
  assert.equal(verifyProof(tree.root, sibling, proof), undefined);
});

test("the root after an update, an insertion or a deletion follows from a proof against the root before", () => {
  const { tree, model, keys } = filled();
  const kinds = new Set<string>();
  probes(keys).forEach((key, i) => {
    const before = tree.root;
    const proof = tree.prove(key);
    const value = i % 2 === 0 ? undefined : uintBE(5000 + i, 32);
    const opening = value === undefined ? tree.openSibling(key) : undefined;
    const expected = tree.apply([{ key, value }]);
    assert.equal(toHex(updateRoot(before, { key, value }, proof, opening)), toHex(expected));
    model.apply([{ key, value }]);
    kinds.add(`${value === undefined ? "delete" : "put"} ${opening?.kind ?? "-"}`);
  });
  assert.equal(toHex(tree.root), toHex(naiveRoot(model.leaves())));
  assert.ok(kinds.has("delete leaf") && kinds.has("delete branch") && kinds.has("put -"));
  // Down to nothing: the last leaf rises to the root, then goes.
  for (const [key] of model.leaves()) {
    const before = tree.root;
    const change = { key, value: undefined };
    const next = updateRoot(before, change, tree.prove(key), tree.openSibling(key));
    assert.equal(toHex(tree.apply([change])), toHex(next));
  }
  assert.deepEqual(tree.root, ZERO_32);
});

test("a deletion needs the true opening of the deepest sibling", () => {
  const { tree } = filled();
  const key = near(keyOf(1), 255);
  const proof = tree.prove(key);
  const opening = tree.openSibling(key);
  assert.equal(opening?.kind, "leaf");
  const change = { key, value: undefined };
  assert.throws(() => updateRoot(tree.root, change, proof), { code: "PROOF_OPENING" });
  assert.throws(() => updateRoot(tree.root, change, proof, { kind: "branch", left: ZERO_32, right: ZERO_32 }), {
    code: "PROOF_OPENING",
  });
});
