import assert from "node:assert/strict";
import test from "node:test";
import { Account, createAddressFromString, equalsBytes, KECCAK256_RLP } from "@ethereumjs/util";
import { type Bytes, toHex, uintBE } from "../foundation/bytes.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createWorldState } from "./create-world.ts";

const address = (i: number) => createAddressFromString(`0x${i.toString(16).padStart(40, "0")}`);
const slot = (i: number): Bytes => uintBE(i, 32);
const numbers = (bytes: Bytes): readonly number[] => [...bytes];

const open = () => {
  const memory = createMemoryStore();
  let scans = 0;
  const store = {
    ...memory,
    get syncs() {
      return memory.syncs;
    },
    scan(range: Parameters<typeof memory.scan>[0]) {
      scans++;
      return memory.scan(range);
    },
  };
  const world = createWorldState(store);
  return {
    world,
    manager: world.manager,
    scans: () => scans,
    commit: async () => {
      const sealed = world.seal();
      await store.write(sealed.writes);
      sealed.accept();
      return sealed;
    },
  };
};

const A = address(0xa);
const B = address(0xb);
const CODE = Uint8Array.of(0x60, 1, 0x60, 2);

test("trap 1: the original value of a slot is the one at the start of the transaction, in every transaction", async () => {
  const { manager, commit } = open();
  const original = async () => numbers(await manager.originalStorageCache.get(A, slot(1)));
  await manager.putAccount(A, new Account(1n, 1n));
  await manager.putStorage(A, slot(1), Uint8Array.of(5));
  manager.originalStorageCache.clear();
  await commit();

  await manager.checkpoint();
  await manager.putStorage(A, slot(1), Uint8Array.of(6));
  await manager.putStorage(A, slot(1), Uint8Array.of(7));
  assert.deepEqual(await original(), [5]);
  await manager.revert();
  assert.deepEqual(await original(), [5]);
  await manager.putStorage(A, slot(1), Uint8Array.of(8));
  assert.deepEqual(await original(), [5]);
  manager.originalStorageCache.clear();

  // The second transaction of the block begins with what the first left, though nothing is committed yet.
  assert.deepEqual(await original(), [8]);
  await manager.putStorage(A, slot(1), Uint8Array.of(9));
  assert.deepEqual(await original(), [8]);
});

test("trap 2: slots go with their account, committed ones too, and come back with a revert", async () => {
  const { world, manager, commit } = open();
  await manager.putAccount(A, new Account(1n, 1n));
  await manager.putAccount(B, new Account(1n, 1n));
  for (let i = 0; i < 5; i++) await manager.putStorage(A, slot(i), Uint8Array.of(i + 1));
  await manager.putStorage(B, slot(0), Uint8Array.of(9));
  await commit();
  await manager.checkpoint();
  await manager.putStorage(A, slot(7), Uint8Array.of(7));
  await manager.clearStorage(A);
  assert.equal((await manager.getStorage(A, slot(1))).length, 0);
  assert.equal((await manager.getStorage(A, slot(7))).length, 0);
  await manager.putStorage(A, slot(2), Uint8Array.of(20));
  await manager.revert();
  assert.deepEqual(numbers(await manager.getStorage(A, slot(1))), [2]);
  assert.equal((await manager.getStorage(A, slot(7))).length, 0);
  await manager.deleteAccount(A);
  await commit();
  assert.deepEqual(
    [...world.dump()].map(({ address: at, slots }) => [toHex(at), slots.length]),
    [[B.toString(), 1]],
  );
  // The tree holds B and its slot only: the root is that of a state where A never was.
  const other = open();
  await other.manager.putAccount(B, new Account(1n, 1n));
  await other.manager.putStorage(B, slot(0), Uint8Array.of(9));
  assert.equal(toHex((await other.commit()).root), toHex(world.root));
});

test("trap 3: an account without nonce and code says whether it has slots", async () => {
  const { manager, commit } = open();
  await manager.putAccount(A, new Account(0n, 1n));
  const hasStorage = async () => {
    const account = await manager.getAccount(A);
    assert.ok(account);
    return !equalsBytes(account.storageRoot, KECCAK256_RLP);
  };
  assert.equal(await hasStorage(), false);
  await manager.putStorage(A, slot(1), Uint8Array.of(1));
  assert.equal(await hasStorage(), true);
  await commit();
  assert.equal(await hasStorage(), true);
  await manager.putStorage(A, slot(1), new Uint8Array(0));
  assert.equal(await hasStorage(), false);
});

test("trap 4: an account that was read is a copy", async () => {
  const { manager, commit } = open();
  await manager.putAccount(A, new Account(1n, 10n));
  for (let round = 0; round < 2; round++) {
    const account = await manager.getAccount(A);
    assert.ok(account);
    account.balance += 5n;
    account.nonce += 1n;
    assert.equal((await manager.getAccount(A))?.balance, 10n);
    assert.equal((await manager.getAccount(A))?.nonce, 1n);
    await commit();
  }
  const own = new Account(2n, 20n);
  await manager.putAccount(A, own);
  own.balance = 99n;
  assert.equal((await manager.getAccount(A))?.balance, 20n);
});

test("trap 5: deleting or clearing what never was touches no disk and changes nothing", async () => {
  const { world, manager, commit, scans } = open();
  await manager.putAccount(A, new Account(1n, 1n));
  await commit();
  const root = toHex(world.root);
  for (let i = 0; i < 50; i++) {
    await manager.deleteAccount(address(1000 + i));
    await manager.clearStorage(address(2000 + i));
    await manager.putAccount(address(3000 + i), new Account());
    await manager.deleteAccount(address(3000 + i));
  }
  assert.equal(scans(), 0);
  assert.equal(toHex((await commit()).root), root);
});

test("trap 6: sealing and asking for the root are refused with an open checkpoint", async () => {
  const { world, manager } = open();
  await manager.checkpoint();
  assert.throws(() => world.seal(), { code: "STATE_OPEN_CHECKPOINT" });
  await assert.rejects(manager.getStateRoot(), { code: "STATE_OPEN_CHECKPOINT" });
  await manager.commit();
  assert.deepEqual(await manager.getStateRoot(), world.seal().root);
});

test("trap 7: checkpoints nest; a commit keeps, a revert drops, down to the last one", async () => {
  const { world, manager } = open();
  await manager.putAccount(A, new Account(1n, 1n));
  await manager.checkpoint();
  await manager.putAccount(A, new Account(1n, 2n));
  await manager.checkpoint();
  await manager.putAccount(A, new Account(1n, 3n));
  await manager.putStorage(A, slot(1), Uint8Array.of(1));
  await manager.putAccount(B, new Account(1n, 1n));
  await manager.commit();
  await manager.checkpoint();
  await manager.deleteAccount(A);
  await manager.putCode(B, CODE);
  await manager.revert();
  assert.equal((await manager.getAccount(A))?.balance, 3n);
  assert.deepEqual(numbers(await manager.getStorage(A, slot(1))), [1]);
  assert.equal(await manager.getCodeSize(B), 0);
  await manager.revert();
  assert.equal((await manager.getAccount(A))?.balance, 1n);
  assert.equal(await manager.getAccount(B), undefined);
  assert.equal((await manager.getStorage(A, slot(1))).length, 0);
  // Nothing is committed by a commit at depth 0.
  assert.equal(world.version, -1);
});

test("trap 9: code may be put to a missing account, is copied, and keeps its size through putAccount", async () => {
  const { manager, commit } = open();
  const code = CODE.slice();
  await manager.putCode(A, code);
  code.fill(0);
  assert.deepEqual(numbers(await manager.getCode(A)), numbers(CODE));
  const account = await manager.getAccount(A);
  assert.ok(account);
  assert.equal(account.codeSize, CODE.length);
  account.codeSize = 0;
  account.nonce = 5n;
  await manager.putAccount(A, account);
  assert.equal(await manager.getCodeSize(A), CODE.length);
  // The same code of another account is found by its hash.
  await manager.putAccount(B, new Account(0n, 1n, undefined, account.codeHash));
  assert.deepEqual(numbers(await manager.getCode(B)), numbers(CODE));
  await commit();
  await manager.modifyAccountFields(A, { balance: 7n });
  assert.equal((await manager.getAccount(A))?.nonce, 5n);
  assert.equal(await manager.getCodeSize(A), CODE.length);
  assert.equal((await manager.getCode(address(0xc))).length, 0);
  await assert.rejects(manager.putAccount(A, new Account(0n, 0n, undefined, new Uint8Array(32).fill(3))), {
    code: "STATE_UNKNOWN_CODE",
  });
});

test("trap 10: padded, short and empty slot values are one; a slot needs an account", async () => {
  const { world, manager, commit } = open();
  await assert.rejects(manager.putStorage(A, slot(1), Uint8Array.of(1)), { code: "STATE_NO_ACCOUNT" });
  assert.equal((await manager.getStorage(A, slot(1))).length, 0);
  await manager.putAccount(A, new Account(1n, 1n));
  await manager.putStorage(A, slot(1), Uint8Array.of(0, 0, 7));
  await manager.putStorage(A, Uint8Array.of(2), uintBE(7, 32));
  await commit();
  assert.deepEqual(numbers(await manager.getStorage(A, slot(1))), numbers(await manager.getStorage(A, slot(2))));
  assert.deepEqual(
    [...world.dump()].flatMap(({ slots }) => slots.map(([, value]) => toHex(value))),
    [toHex(uintBE(7, 32)), toHex(uintBE(7, 32))],
  );
  await manager.putStorage(A, slot(1), new Uint8Array(32));
  await manager.putStorage(A, slot(2), new Uint8Array(0));
  await commit();
  assert.deepEqual(
    [...world.dump()].map(({ slots }) => slots.length),
    [0],
  );
});

test("trap 10: a value that is put is copied", async () => {
  const { manager } = open();
  await manager.putAccount(A, new Account(1n, 1n));
  const value = uintBE(2n ** 255n, 32);
  await manager.putStorage(A, slot(1), value);
  value.fill(1);
  assert.equal(toHex(await manager.getStorage(A, slot(1))), toHex(uintBE(2n ** 255n, 32)));
});

test("trap 11: writing what is there already writes nothing", async () => {
  const { world, manager, commit } = open();
  await manager.putAccount(A, new Account(1n, 1n));
  await manager.putStorage(A, slot(1), Uint8Array.of(5));
  await commit();
  const idle = await commit();
  await manager.putAccount(A, new Account(1n, 2n));
  await manager.putAccount(A, new Account(1n, 1n));
  await manager.putStorage(A, slot(1), Uint8Array.of(6));
  await manager.putStorage(A, slot(1), Uint8Array.of(0, 5));
  const sealed = world.seal();
  assert.equal(toHex(sealed.root), toHex(idle.root));
  assert.equal(sealed.writes.length, idle.writes.length);
});

test("trap 12: a shallow copy sees the committed state only, and keeps its own writes", async () => {
  const { world, manager, commit } = open();
  await manager.putAccount(A, new Account(1n, 1n));
  await commit();
  await manager.putAccount(A, new Account(1n, 2n));
  const copy = manager.shallowCopy();
  assert.equal((await copy.getAccount(A))?.balance, 1n);
  await copy.putAccount(B, new Account(1n, 1n));
  assert.equal(await manager.getAccount(B), undefined);
  await commit();
  assert.equal((await copy.getAccount(A))?.balance, 1n);
  assert.equal((await copy.shallowCopy().getAccount(A))?.balance, 1n);
  assert.equal((await manager.shallowCopy().getAccount(A))?.balance, 2n);
  assert.equal(await world.view(1).getAccount(B), undefined);
});

test("an empty account is never stored", async () => {
  const { world, manager, commit } = open();
  await manager.putAccount(A, new Account());
  await manager.putCode(B, new Uint8Array(0));
  await commit();
  assert.deepEqual([...world.dump()], []);
  await manager.putAccount(A, new Account(0n, 5n));
  await commit();
  assert.equal([...world.dump()].length, 1);
  await manager.putAccount(A, new Account(0n, 0n));
  const { root } = await commit();
  assert.deepEqual([...world.dump()], []);
  assert.deepEqual(root, new Uint8Array(32));
});

test("the root is not set by the engine", async () => {
  const { manager } = open();
  await manager.putAccount(A, new Account(1n, 1n));
  const root = await manager.getStateRoot();
  assert.equal(await manager.hasStateRoot(root), true);
  await manager.setStateRoot(root);
  await assert.rejects(manager.setStateRoot(new Uint8Array(32)), { code: "STATE_READ_ONLY" });
});
