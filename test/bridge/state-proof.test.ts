import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Bytes,
  CodedError,
  decodeProof,
  encodeProof,
  fromHex,
  type Hex,
  keccakOf,
  type TreeProof,
  toHex,
  uintBE,
  verifyProof,
} from "../../executor/index.ts";
import { createStoredTree } from "../../executor/state/tree.fixture.ts";
import { startHarness } from "../support/solidity.ts";

const harness = startHarness(
  "Harness",
  `
import {StateProof} from "bridge/contracts/libraries/StateProof.sol";
import {RLPReader} from "bridge/contracts/libraries/RLPReader.sol";
contract Harness {
    error ProofMalformed();
    error ProofRoot(bytes32 found, bytes32 expected);
    error RLPEndsEarly();
    error RLPNotCanonical();
    error RLPUnexpectedKind();
    error RLPBytesLeftOver();
    function read(bytes32 root, bytes32 key, bytes memory rlp) external pure returns (bool exists, bytes32 value) {
        return StateProof.read(root, key, StateProof.decode(rlp));
    }
    function slotKey(address account, bytes32 slot) external pure returns (bytes32) {
        return StateProof.slotKey(account, slot);
    }
}`,
);

/** Deterministic numbers (mulberry32). */
const randomOf = (seed: number) => {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return (below: number): number => Math.floor(next() * below);
};
type Random = ReturnType<typeof randomOf>;

const keyOf = (i: number): Bytes => keccakOf(uintBE(i, 4));
const flipped = (bytes: Bytes, bit: number): Bytes => {
  const out = Uint8Array.from(bytes);
  out[bit >>> 3] = (out[bit >>> 3] as number) ^ (0x80 >>> (bit & 7));
  return out;
};

const LEAVES = 2_000;
const plant = () => {
  const tree = createStoredTree();
  const changes = Array.from({ length: LEAVES }, (_, i) => ({ key: keyOf(i), value: uintBE(i + 1, 32) }));
  // Neighbours far down: long paths, with empty siblings on the way.
  for (const bit of [255, 254, 200, 100, 31])
    changes.push({ key: flipped(keyOf(bit), bit), value: uintBE(10_000 + bit, 32) });
  return { root: tree.apply(changes), tree, keys: changes.map(({ key }) => key) };
};

/** Present, absent, or a near neighbour of a present one. */
const pick = (random: Random, keys: readonly Bytes[]): Bytes => {
  const present = keys[random(keys.length)] as Bytes;
  const kind = random(4);
  if (kind < 2) return present;
  return kind === 2 ? keyOf(LEAVES + random(1_000_000)) : flipped(present, random(256));
};

const without = <T>(items: readonly T[], i: number): readonly T[] => items.filter((_, j) => j !== i);

/** One change each to what a proof says; undefined where it changes nothing of this proof. */
const MUTATIONS: readonly [name: string, mutate: (proof: TreeProof, random: Random) => TreeProof | undefined][] = [
  ["another depth", (p, random) => ({ ...p, depth: p.depth + 1 + random(3) })],
  ["a smaller depth", (p) => (p.depth === 0 ? undefined : { ...p, depth: p.depth - 1 })],
  ["a bit of the bitmap", (p, random) => ({ ...p, bitmap: flipped(p.bitmap, random(256)) })],
  ["a bit of the bitmap below the terminal", (p) => ({ ...p, bitmap: flipped(p.bitmap, Math.min(p.depth, 255)) })],
  [
    "a bit of a sibling",
    (p, random) => ({
      ...p,
      siblings: p.siblings.map((sibling, i) => (i === p.siblings.length - 1 ? flipped(sibling, random(256)) : sibling)),
    }),
  ],
  ["a sibling too few", (p, random) => ({ ...p, siblings: without(p.siblings, random(p.siblings.length)) })],
  ["a sibling too many", (p) => ({ ...p, siblings: [...p.siblings, keyOf(1)] })],
  [
    "an empty subtree as a sibling",
    (p) => {
      const gap = Array.from({ length: p.depth }, (_, i) => i).find(
        (i) => !((p.bitmap[i >>> 3] as number) & (0x80 >>> (i & 7))),
      );
      return gap === undefined
        ? undefined
        : { ...p, bitmap: flipped(p.bitmap, gap), siblings: [...p.siblings, new Uint8Array(32)] };
    },
  ],
  ["siblings in another order", (p) => ({ ...p, siblings: [...p.siblings].reverse() })],
  ["no terminal", (p) => (p.terminal === undefined ? undefined : { ...p, terminal: undefined })],
  [
    "another value",
    (p, random) => p.terminal && { ...p, terminal: { ...p.terminal, value: flipped(p.terminal.value, random(256)) } },
  ],
  [
    "another leaf",
    (p, random) => p.terminal && { ...p, terminal: { ...p.terminal, key: flipped(p.terminal.key, random(256)) } },
  ],
  [
    "a leaf where none is",
    (p) => (p.terminal ? undefined : { ...p, terminal: { key: keyOf(1), value: uintBE(1, 32) } }),
  ],
];

type Verdict = { readonly exists: boolean; readonly value: Hex } | { readonly error: string };

const inTypeScript = (root: Bytes, key: Bytes, rlp: Bytes): Verdict => {
  try {
    const value = verifyProof(root, key, decodeProof(rlp));
    return { exists: value !== undefined, value: toHex(value ?? new Uint8Array(32)) };
  } catch (error) {
    assert.ok(error instanceof CodedError);
    return { error: error.code };
  }
};

/** Solidity tells more errors apart: all of the encoding's are one here. */
const ERRORS: Readonly<Record<string, string>> = { ProofRoot: "PROOF_ROOT" };
const inSolidity = async (root: Bytes, key: Bytes, rlp: Bytes): Promise<Verdict> => {
  const answer = await (await harness).call<readonly [boolean, Hex]>("read", [toHex(root), toHex(key), toHex(rlp)]);
  if ("error" in answer)
    return { error: ERRORS[answer.error] ?? (/^(Proof|RLP)/.test(answer.error) ? "PROOF_MALFORMED" : answer.error) };
  return { exists: answer.result[0], value: answer.result[1] };
};

test("2,000 random proofs, half of them mutated: both languages agree, and every mutation is refused", async (t) => {
  const random = randomOf(7);
  const { root, tree, keys } = plant();
  const seen = new Map<string, number>();
  const count = (name: string) => seen.set(name, (seen.get(name) ?? 0) + 1);
  for (let i = 0; i < 1_000; i++) {
    const key = pick(random, keys);
    const proof = tree.prove(key);
    const good = encodeProof(proof);
    const verdict = inTypeScript(root, key, good);
    assert.deepEqual(await inSolidity(root, key, good), verdict, `proof ${i}`);
    assert.ok("exists" in verdict);
    count(verdict.exists ? "present" : "absent");

    let bad: Bytes | undefined;
    let name = "a bit of the encoding";
    if (random(3) === 0) bad = flipped(good, random(8 * good.length));
    while (bad === undefined) {
      const [named, mutate] = MUTATIONS[random(MUTATIONS.length)] as (typeof MUTATIONS)[number];
      const changed = mutate(proof, random);
      if (changed === undefined || Buffer.compare(encodeProof(changed), good) === 0) continue;
      [name, bad] = [named, encodeProof(changed)];
    }
    const refusal = inTypeScript(root, key, bad);
    assert.ok("error" in refusal, `${name} of proof ${i} passes`);
    assert.deepEqual(await inSolidity(root, key, bad), refusal, `${name} of proof ${i}`);
    count(name);
    count(refusal.error);
  }
  for (const name of ["present", "absent", "PROOF_ROOT", "PROOF_MALFORMED", ...MUTATIONS.map(([named]) => named)])
    assert.ok((seen.get(name) ?? 0) >= 3, `${name}: ${seen.get(name)}`);
  t.diagnostic([...seen].map(([name, times]) => `${name}: ${times}`).join(", "));
});

test("the edges: an empty tree, one leaf, depths 256 and beyond, keys of slots", async (t) => {
  const [a, b] = [keyOf(1), flipped(keyOf(1), 255)];
  const empty = createStoredTree();
  const one = createStoredTree();
  one.apply([{ key: a, value: uintBE(5, 32) }]);
  const deep = createStoredTree();
  deep.apply([a, b].map((key) => ({ key, value: uintBE(6, 32) })));
  assert.equal(deep.prove(b).depth, 256);
  for (const [tree, key, exists] of [
    [empty, a, false],
    [one, a, true],
    [one, b, false],
    [deep, a, true],
    [deep, b, true],
    [deep, flipped(a, 254), false],
  ] as const) {
    const rlp = encodeProof(tree.prove(key));
    const verdict = inTypeScript(tree.root, key, rlp);
    assert.ok("exists" in verdict && verdict.exists === exists);
    assert.deepEqual(await inSolidity(tree.root, key, rlp), verdict);
    for (const depth of [257, 2 ** 32]) {
      const beyond = encodeProof({ ...tree.prove(key), depth });
      assert.deepEqual(inTypeScript(tree.root, key, beyond), { error: "PROOF_MALFORMED" });
      assert.deepEqual(await inSolidity(tree.root, key, beyond), { error: "PROOF_MALFORMED" });
    }
  }
  const { root, tree, keys } = plant();
  const gas = await Promise.all(
    keys.slice(0, 20).map(async (key) => {
      const answer = await (await harness).call("read", [toHex(root), toHex(key), toHex(encodeProof(tree.prove(key)))]);
      assert.ok("gas" in answer);
      return Number(answer.gas);
    }),
  );
  t.diagnostic(`a proof among ${LEAVES} leaves, from its RLP: ${Math.max(...gas)} gas at most`);
  const [account, slot] = [fromHex(`0x${"42".repeat(20)}`), uintBE(9, 32)];
  const found = await (await harness).call<Hex>("slotKey", [toHex(account), toHex(slot)]);
  assert.ok("result" in found && found.result === toHex(keccakOf(Uint8Array.of(0x0a), account, slot)));
});
