import assert from "node:assert/strict";
import { before, test } from "node:test";
import { telemetry } from "../../chain/chain.fixture.ts";
import type { Hex } from "../../foundation/bytes.ts";
import type { KeyValueStore } from "../../store/key-value-store.ts";
import { createMemoryStore } from "../../store/memory-store.ts";
import { createEvidence } from "./evidence.ts";
import { createSealStore } from "./seal-store.ts";
import { headerOf, openSealer, SEQUENCER } from "./sealed.fixture.ts";
import type { SealedBlock } from "./sealed-block.ts";
import { createWitness } from "./witness.ts";

let genesisHash: Hex;
/** Blocks of height 1, each on a branch of its own; the later ones of revisions 1 to 10. */
let first: SealedBlock;
let other: SealedBlock;
const later: SealedBlock[] = [];
before(async () => {
  const sealer = await openSealer();
  genesisHash = sealer.chain.genesisHash;
  const branch = async (value: bigint, revision: bigint) => {
    await sealer.back(0n);
    return sealer.build({ value, revision });
  };
  first = await branch(1n, 0n);
  other = await branch(2n, 0n);
  for (let i = 1n; i <= 10n; i++) later.push(await branch(10n + i, i));
});

const open = (store: KeyValueStore = createMemoryStore(), now = { ms: 0, l1: 0 }) => {
  const seals = createSealStore(store);
  const evidence = createEvidence(store);
  const witness = createWitness(
    { ...telemetry(), seals, evidence },
    { genesisHash, isSigner: (account) => account === SEQUENCER, clock: () => now.ms, l1Advances: () => now.l1 },
  );
  return { store, seals, evidence, witness };
};

test("a block is new, then known; nothing is held against anybody", () => {
  const { witness, evidence } = open();
  assert.equal(witness.see(first), "new");
  assert.equal(witness.see(first), "known");
  assert.deepEqual(witness.at(1n), headerOf(first));
  assert.deepEqual(evidence.records, []);
  assert.equal(evidence.halted, false);
});

test("two blocks of one height and revision are evidence, on disk, and halt", async () => {
  const { witness, evidence, store } = open(undefined, { ms: 5_000, l1: 0 });
  witness.see(first);
  assert.equal(witness.see(other), "equivocation");
  assert.equal(evidence.halted, true);
  assert.equal(witness.see(other), "equivocation");
  const [record, ...more] = evidence.records;
  assert.deepEqual(more, []);
  assert.deepEqual(record, {
    kind: "equivocation",
    number: 1n,
    first: headerOf(first),
    second: headerOf(other),
    seenAt: 5_000,
  });
  assert.ok([first, other].every((block) => witness.isSigned(block)));
  const reopened = createEvidence(store);
  assert.deepEqual(reopened.records, evidence.records);
  assert.equal(reopened.halted, true);
  await reopened.resume();
  assert.equal(createEvidence(store).halted, false);
  assert.equal(createEvidence(store).records.length, 1);
});

test("what was kept on disk is remembered after a restart", async () => {
  const { seals, store } = open();
  await seals.put(headerOf(first));
  const { witness, evidence } = open(store);
  assert.equal(witness.see(first), "known");
  assert.equal(witness.see(other), "equivocation");
  assert.equal(evidence.halted, true);
});

test("a higher revision takes a block back; a lower one comes too late", () => {
  const { witness, evidence } = open();
  const [second] = later as [SealedBlock];
  witness.see(first);
  assert.equal(witness.see(second), "rebuilt");
  assert.equal(witness.see(first), "stale");
  assert.equal(witness.see(other), "stale");
  assert.equal(witness.see(second), "known");
  assert.equal(evidence.halted, false);
  assert.deepEqual(
    evidence.records.map(({ kind, first: one, second: two }) => [kind, one.hash, two.hash]),
    [["rebuilt", first.hash, second.hash]],
  );
});

test("a sequencer that takes blocks back more often than L1 can be the cause is not followed", () => {
  const now = { ms: 0, l1: 3 };
  const { witness, evidence } = open(undefined, now);
  const take = (from: number, to: number) => later.slice(from, to).map((block) => witness.see(block));
  witness.see(first);
  assert.deepEqual(take(0, 8), Array(8).fill("rebuilt"));
  now.ms = 3_600_000;
  now.l1++;
  assert.deepEqual(take(8, 9), ["rebuilt"]);
  assert.equal(evidence.halted, false);
  assert.deepEqual(take(9, 10), ["excess"]);
  assert.equal(evidence.halted, true);
  assert.deepEqual(
    evidence.records.map(({ kind }) => kind),
    [...Array(9).fill("rebuilt"), "excess"],
  );
});

test("what L1 makes the sequencer build again at once, however many blocks, is one rebuilding", async () => {
  const sealer = await openSealer();
  const { witness, evidence } = open();
  for (const block of await sealer.buildMany(20)) assert.equal(witness.see(block), "new");
  await sealer.back(0n);
  for (const block of await sealer.buildMany(20, { revision: 1n, value: 2n }))
    assert.equal(witness.see(block), "rebuilt");
  assert.equal(evidence.halted, false);
  assert.deepEqual(
    evidence.records.map(({ kind, number }) => [kind, number]),
    [["rebuilt", 1n]],
  );
});

test("the revision on disk is the highest that was kept", async () => {
  const { seals, store } = open();
  assert.equal(seals.revision, 0n);
  await seals.put(headerOf(later[2] as SealedBlock));
  await seals.put(headerOf(first));
  assert.equal(seals.revision, 3n);
  assert.equal(createSealStore(store).revision, 3n);
  assert.deepEqual(createSealStore(store).get(1n), headerOf(first));
});
