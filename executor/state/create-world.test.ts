import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { Account, createAddressFromString } from "@ethereumjs/util";
import fc from "fast-check";
import { type Bytes, toHex, uintBE, word, ZERO_32 } from "../foundation/bytes.ts";
import { COLUMN, type KeyValueStore } from "../store/key-value-store.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { openRocksStore } from "../store/rocks-store.ts";
import { accountKey, accountValue, slotKey } from "./account.ts";
import { codeInfo, EMPTY_CODE } from "./code.ts";
import { createWorldState } from "./create-world.ts";
import { decodeIds, readChild, sizeOf } from "./node-codec.ts";
import { verifyProof } from "./proof.ts";
import { naiveRoot } from "./tree.fixture.ts";
import type { SealedState, WorldState } from "./world.ts";

const directory = await mkdtemp(join(tmpdir(), "assay-world-"));
after(() => rm(directory, { recursive: true, force: true }));

const address = (i: number) => createAddressFromString(`0x${i.toString(16).padStart(40, "0")}`);
const slot = (i: number): Bytes => uintBE(i, 32);

const write = async (store: KeyValueStore, sealed: SealedState): Promise<SealedState> => {
  await store.write(sealed.writes);
  sealed.accept();
  return sealed;
};
const commit = (world: WorldState, store: KeyValueStore) => write(store, world.seal());

test("a sealed version is visible after it is accepted, and survives reopening", async () => {
  const store = createMemoryStore();
  const world = createWorldState(store);
  assert.equal(world.version, -1);
  assert.deepEqual(world.root, ZERO_32);
  await world.manager.putAccount(address(1), new Account(1n, 5n));
  await world.manager.putCode(address(2), Uint8Array.of(0x60, 0x01));
  await world.manager.putStorage(address(2), slot(7), Uint8Array.of(9));
  const sealed = world.seal();
  await store.write(sealed.writes);
  assert.equal(world.version, -1);
  assert.equal(await world.view(-1).getAccount(address(1)), undefined);
  sealed.accept();
  assert.equal(world.version, 0);
  assert.equal((await world.view(0).getAccount(address(1)))?.balance, 5n);
  const again = createWorldState(store);
  assert.equal(toHex(again.root), toHex(sealed.root));
  assert.deepEqual([...(await again.manager.getStorage(address(2), slot(7)))], [9]);
  assert.deepEqual([...(await again.manager.getCode(address(2)))], [0x60, 1]);
  const [own, codeProof, slotProof, absent] = again.prove(0, [
    accountKey(address(1).bytes),
    accountKey(address(2).bytes),
    slotKey(address(2).bytes, slot(7)),
    accountKey(address(3).bytes),
  ]);
  assert.ok(own && codeProof && slotProof && absent);
  assert.deepEqual(
    verifyProof(again.root, accountKey(address(1).bytes), own),
    accountValue({ nonce: 1n, balance: 5n, code: EMPTY_CODE }),
  );
  assert.deepEqual(
    verifyProof(again.root, accountKey(address(2).bytes), codeProof),
    accountValue({ nonce: 0n, balance: 0n, code: codeInfo(Uint8Array.of(0x60, 0x01)) }),
  );
  assert.deepEqual(verifyProof(again.root, slotKey(address(2).bytes, slot(7)), slotProof), slot(9));
  assert.equal(verifyProof(again.root, accountKey(address(3).bytes), absent), undefined);
});

test("between write and acceptance readers still see the version before, and discard returns to it", async () => {
  const store = createMemoryStore();
  const world = createWorldState(store, { accountCache: 2, slotCache: 2 });
  await world.manager.putAccount(address(1), new Account(1n, 1n));
  await world.manager.putStorage(address(1), slot(1), Uint8Array.of(1));
  await world.manager.putAccount(address(2), new Account(1n, 1n));
  const { root } = await commit(world, store);
  await world.manager.putAccount(address(1), new Account(1n, 2n));
  await world.manager.putStorage(address(1), slot(1), Uint8Array.of(2));
  await world.manager.putStorage(address(1), slot(2), Uint8Array.of(2));
  await world.manager.putAccount(address(2), undefined);
  const reader = world.view(0);
  const sealed = world.seal();
  assert.throws(() => world.seal(), { code: "STATE_SEALED" });
  assert.throws(() => world.revertTo(0), { code: "STATE_SEALED" });
  await store.write(sealed.writes);
  for (const view of [reader, world.view(0)]) {
    // What was cached before the write is forgotten.
    for (let i = 10; i < 20; i++) {
      await view.getStorage(address(1), slot(i));
      await view.getAccount(address(i));
    }
    assert.equal((await view.getAccount(address(1)))?.balance, 1n);
    assert.equal((await view.getAccount(address(2)))?.balance, 1n);
    assert.deepEqual([...(await view.getStorage(address(1), slot(1)))], [1]);
    assert.equal((await view.getStorage(address(1), slot(2))).length, 0);
    assert.deepEqual(await view.getStateRoot(), root);
  }
  sealed.accept();
  assert.throws(() => sealed.accept(), { code: "STATE_SEALED" });
  assert.equal((await reader.getAccount(address(2)))?.balance, 1n);
  assert.equal(await world.view(1).getAccount(address(2)), undefined);

  const { root: head } = world;
  await world.manager.putAccount(address(3), new Account(1n, 1n));
  const dropped = world.seal();
  world.discard();
  assert.throws(() => dropped.accept(), { code: "STATE_SEALED" });
  assert.equal(await world.manager.getAccount(address(3)), undefined);
  assert.equal(world.version, 1);
  assert.equal(toHex((await commit(world, store)).root), toHex(head));
});

test("views stay at their version while the head moves and goes back", async () => {
  const store = createMemoryStore();
  const world = createWorldState(store, { keep: 4 });
  const roots: string[] = [];
  for (let i = 0; i < 6; i++) {
    await world.manager.putAccount(address(1), new Account(0n, BigInt(i + 1)));
    await world.manager.putAccount(address(100 + i), new Account(0n, 1n));
    roots.push(toHex((await commit(world, store)).root));
  }
  assert.equal(world.oldest, 1);
  for (const version of [0, 6, -1, 1.5]) assert.throws(() => world.view(version), { code: "STATE_PRUNED" });
  assert.throws(() => world.revertTo(0), { code: "STATE_PRUNED" });
  assert.throws(() => world.prove(0, []), { code: "STATE_PRUNED" });
  const old = world.view(2);
  const newer = world.view(4);
  assert.equal((await old.getAccount(address(1)))?.balance, 3n);
  assert.equal(await old.getAccount(address(103)), undefined);
  assert.equal(toHex(await old.getStateRoot()), roots[2]);
  await old.putAccount(address(7), new Account(0n, 7n));
  assert.notEqual(toHex(await old.getStateRoot()), roots[2]);
  const back = world.revertTo(3);
  await store.write(back.writes);
  assert.equal((await newer.getAccount(address(1)))?.balance, 5n);
  back.accept();
  assert.equal(toHex(world.root), roots[3]);
  await assert.rejects(newer.getAccount(address(1)), { code: "STATE_PRUNED" });
  await world.manager.putAccount(address(1), new Account(0n, 99n));
  await commit(world, store);
  assert.equal((await old.getAccount(address(1)))?.balance, 3n);
  assert.equal((await old.getAccount(address(7)))?.balance, 7n);
  assert.equal((await world.view(4).getAccount(address(1)))?.balance, 99n);
  assert.equal((await world.view(3).getAccount(address(1)))?.balance, 4n);
  await assert.rejects(newer.getAccount(address(1)), { code: "STATE_PRUNED" });
  for (let i = 0; i < 3; i++) await commit(world, store);
  await assert.rejects(old.getAccount(address(1)), { code: "STATE_PRUNED" });
});

// ---- a random history against a model

type Contents = ReadonlyMap<
  string,
  { readonly balance: bigint; readonly code: number; readonly slots: readonly number[] }
>;

const ADDRESSES = 6;
const SLOTS = 4;

const action = fc.oneof(
  fc.record({ kind: fc.constant("balance" as const), at: fc.nat(ADDRESSES - 1), value: fc.nat(3) }),
  fc.record({
    kind: fc.constant("slot" as const),
    at: fc.nat(ADDRESSES - 1),
    slot: fc.nat(SLOTS - 1),
    value: fc.nat(3),
  }),
  fc.record({ kind: fc.constant("code" as const), at: fc.nat(ADDRESSES - 1), value: fc.nat(3) }),
  fc.record({ kind: fc.constant("delete" as const), at: fc.nat(ADDRESSES - 1) }),
);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("block" as const), actions: fc.array(action, { maxLength: 12 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("revert" as const), by: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "reopen" as const }) },
);

const codeFor = (value: number): Bytes => new Uint8Array(value * 20).fill(0x60 + value);

const applyAction = async (
  manager: WorldState["manager"],
  model: Map<string, { balance: bigint; code: number; slots: number[] }>,
  change: typeof action extends fc.Arbitrary<infer A> ? A : never,
): Promise<void> => {
  const at = address(change.at + 1);
  const key = at.toString();
  if (change.kind === "delete") {
    await manager.deleteAccount(at);
    model.delete(key);
    return;
  }
  const entry = model.get(key) ?? { balance: 0n, code: 0, slots: new Array<number>(SLOTS).fill(0) };
  if (change.kind === "balance") {
    // Never empty: nonce 1.
    entry.balance = BigInt(change.value);
    await manager.modifyAccountFields(at, { nonce: 1n, balance: entry.balance });
  } else {
    await manager.modifyAccountFields(at, { nonce: 1n });
    if (change.kind === "code") {
      entry.code = change.value;
      await manager.putCode(at, codeFor(change.value));
    } else {
      entry.slots = entry.slots.with(change.slot, change.value);
      await manager.putStorage(at, slot(change.slot), Uint8Array.of(change.value));
    }
  }
  model.set(key, entry);
};

const leavesOf = (contents: Contents): readonly (readonly [Bytes, Bytes])[] =>
  [...contents].flatMap(([key, { balance, code, slots }]) => {
    const at = createAddressFromString(key).bytes;
    return [
      [accountKey(at), accountValue({ nonce: 1n, balance, code: codeInfo(codeFor(code)) })] as const,
      ...slots.flatMap((value, i) => (value === 0 ? [] : [[slotKey(at, slot(i)), slot(value)] as const])),
    ];
  });

const assertContents = async (view: WorldState["manager"], contents: Contents): Promise<void> => {
  for (let i = 0; i < ADDRESSES; i++) {
    const at = address(i + 1);
    const expected = contents.get(at.toString());
    const account = await view.getAccount(at);
    assert.equal(account?.balance, expected?.balance);
    assert.equal(await view.getCodeSize(at), (expected?.code ?? 0) * 20);
    for (let k = 0; k < SLOTS; k++)
      assert.equal(Number((await view.getStorage(at, slot(k)))[0] ?? 0), expected?.slots[k] ?? 0);
  }
};

const idsIn = (store: KeyValueStore, column: number): Set<number> =>
  new Set(
    [...store.scan({ gte: Uint8Array.of(column), lt: Uint8Array.of(column + 1) })].map(
      ([key]) => decodeIds(key.subarray(1))[0] as number,
    ),
  );

/** Ids of nodes below a root hash, found by walking the store alone. */
const reachable = (store: KeyValueStore, rootIds: readonly number[]): Set<number> => {
  const ids = new Set<number>();
  const visit = (id: number): void => {
    if (ids.has(id)) return;
    ids.add(id);
    const bytes = store.get(Uint8Array.of(COLUMN.treeNode, ...uintBE(id, 8)));
    assert.ok(bytes, `node ${id} is missing`);
    const kinds = bytes[0] as number;
    const children = [readChild(bytes, 1, kinds & 15), readChild(bytes, 1 + sizeOf(kinds & 15), kinds >>> 4)];
    for (const child of children) if (child !== undefined && !child.leaf) visit(child.id);
  };
  for (const id of rootIds) visit(id);
  return ids;
};

/** Ids of the roots of served versions, where they are branches. */
const rootIdsOf = (store: KeyValueStore, oldest: number, version: number): readonly number[] => {
  const ids: number[] = [];
  for (let of = oldest; of <= version; of++) {
    const record = store.get(Uint8Array.of(COLUMN.undo, ...uintBE(of, 8)));
    assert.ok(record, `record ${of} is missing`);
    if (record[0] === 1) ids.push(decodeIds(record.subarray(1, 9))[0] as number);
  }
  return ids;
};

test("any history of blocks, reverts and reopenings reads and proves as the model says, and leaves no garbage", async () => {
  const keep = 3;
  const options = { keep, accountCache: 4, slotCache: 4, nodeCache: 4, codeCache: 2 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
      const store = createMemoryStore();
      let world = createWorldState(store, options);
      const versions: Contents[] = [];
      for (const next of steps) {
        if (next.kind === "reopen") world = createWorldState(store, options);
        else if (next.kind === "revert") {
          const target = Math.max(world.oldest, world.version - next.by);
          if (target < 0) continue;
          await write(store, world.revertTo(target));
          versions.length = target + 1;
        } else {
          const model = structuredClone(new Map(versions.at(-1))) as Parameters<typeof applyAction>[1];
          await world.manager.checkpoint();
          for (const change of next.actions) await applyAction(world.manager, model, change);
          await world.manager.commit();
          await commit(world, store);
          versions.push(model);
        }
        const head = versions.length - 1;
        assert.equal(world.version, head);
        if (head < 0) continue;
        assert.ok(world.oldest <= Math.max(0, head - keep + 5));
        for (let version = world.oldest; version <= head; version++) {
          const contents = versions[version] as Contents;
          await assertContents(world.view(version), contents);
          assert.equal(toHex(world.rootAt(version)), toHex(naiveRoot(leavesOf(contents))), `root of ${version}`);
          for (const [key, value] of leavesOf(contents)) {
            const [proof] = world.prove(version, [key]);
            assert.ok(proof);
            assert.deepEqual(verifyProof(world.rootAt(version), key, proof), word(value));
          }
        }
        const served = Array.from({ length: head - world.oldest + 1 }, (_, i) => world.oldest + i);
        assert.deepEqual([...idsIn(store, COLUMN.undo)], served);
        assert.deepEqual(
          idsIn(store, COLUMN.treeNode),
          reachable(store, rootIdsOf(store, world.oldest, head)),
          "exactly the nodes of served versions are stored",
        );
        for (const stale of idsIn(store, COLUMN.staleNodes)) assert.ok(stale > world.oldest && stale <= head);
      }
    }),
    { numRuns: 60, seed: 31 },
  );
});

test("the dump holds the whole state: a tree rebuilt from it has the same root", async () => {
  const store = createMemoryStore();
  const world = createWorldState(store);
  for (let block = 0; block < 5; block++) {
    for (let i = 0; i < 20; i++) {
      const at = address(1 + ((i * 7 + block) % 40));
      await world.manager.putCode(at, codeFor(1 + (i % 3)));
      for (let k = 0; k < 5; k++) await world.manager.putStorage(at, slot(k * 300), Uint8Array.of((i + k + block) % 4));
      if (i % 6 === 5) await world.manager.deleteAccount(at);
    }
    await commit(world, store);
  }
  const leaves = [...world.dump()].flatMap(({ address: at, account, slots }) => [
    [accountKey(at), accountValue(account)] as const,
    ...slots.map(([key, value]) => [slotKey(at, key), value] as const),
  ]);
  assert.ok(leaves.length > 100);
  assert.equal(toHex(naiveRoot(leaves)), toHex(world.root));
});

test("on disk: reopened after blocks and a revert, it goes on where it was", async () => {
  const memory = createMemoryStore();
  const path = join(directory, "state");
  let disk = await openRocksStore(path);
  const reference = createWorldState(memory, { keep: 4 });
  let world = createWorldState(disk, { keep: 4, nodeCache: 8 });
  for (let block = 0; block < 12; block++) {
    for (const manager of [reference.manager, world.manager])
      for (let i = 0; i < 10; i++) {
        await manager.putCode(address(1 + ((block * 3 + i) % 25)), codeFor(1 + (i % 3)));
        await manager.putStorage(address(1 + ((block * 3 + i) % 25)), slot(i), Uint8Array.of(block % 3));
      }
    await commit(reference, memory);
    await commit(world, disk);
    if (block % 4 === 3) {
      await write(memory, reference.revertTo(reference.version - 2));
      await write(disk, world.revertTo(world.version - 2));
      await disk.close();
      disk = await openRocksStore(path);
      world = createWorldState(disk, { keep: 4, nodeCache: 8 });
    }
    assert.equal(toHex(world.root), toHex(reference.root));
  }
  assert.equal(world.version, reference.version);
  await disk.close();
});

test("a lowered number of kept versions is caught up with, a few versions a block", async () => {
  const store = createMemoryStore();
  const wide = createWorldState(store, { keep: 30 });
  for (let i = 0; i < 20; i++) {
    await wide.manager.putAccount(address(1), new Account(0n, BigInt(i + 1)));
    await commit(wide, store);
  }
  const narrow = createWorldState(store, { keep: 2 });
  assert.equal(narrow.oldest, 0);
  const oldest: number[] = [];
  for (let i = 0; i < 7; i++) {
    await commit(narrow, store);
    oldest.push(narrow.oldest);
  }
  assert.deepEqual(oldest, [4, 8, 12, 16, 20, 23, 24]);
});

test("a damaged or foreign store is refused", async () => {
  const store = createMemoryStore();
  const world = createWorldState(store, { nodeCache: 2 });
  for (let i = 0; i < 40; i++) await world.manager.putAccount(address(i + 1), new Account(0n, 1n));
  await commit(world, store);
  const nodes = [...store.scan({ gte: Uint8Array.of(COLUMN.treeNode), lt: Uint8Array.of(COLUMN.treeNode + 1) })];
  await store.write(nodes.map(([key]) => ({ type: "del", key })));
  assert.throws(() => createWorldState(store, {}).prove(0, [accountKey(address(1).bytes)]), { code: "STATE_CORRUPT" });
  await store.write(nodes.map(([key, value]) => ({ type: "put", key, value: value.subarray(1) })));
  assert.throws(() => createWorldState(store, {}).prove(0, [accountKey(address(1).bytes)]), { code: "STATE_CORRUPT" });
  await store.write([{ type: "del", key: Uint8Array.of(COLUMN.undo, ...uintBE(0, 8)) }]);
  assert.throws(() => createWorldState(store), { code: "STATE_CORRUPT" });
});
