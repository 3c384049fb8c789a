import assert from "node:assert/strict";
import test from "node:test";
import { Account, createAddressFromString } from "@ethereumjs/util";
import { toHex, word, ZERO_32 } from "../foundation/bytes.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { accountKey, accountValue } from "./account.ts";
import { EMPTY_CODE } from "./code.ts";
import { verifyProof } from "./proof.ts";
import { createWorldState, type WorldState } from "./world.ts";

const address = (i: number) => createAddressFromString(`0x${i.toString(16).padStart(40, "0")}`);

const commit = async (world: WorldState, store: ReturnType<typeof createMemoryStore>) => {
  const sealed = world.seal();
  await store.write(sealed.writes);
  sealed.accept();
  return sealed;
};

test("a sealed version is visible after it is accepted, and survives reopening", async () => {
  const store = createMemoryStore();
  const world = createWorldState(store);
  assert.equal(world.version, -1);
  assert.deepEqual(world.root, ZERO_32);
  await world.manager.putAccount(address(1), new Account(1n, 5n));
  await world.manager.putCode(address(2), Uint8Array.of(0x60, 0x01));
  await world.manager.putStorage(address(2), word(Uint8Array.of(7)), Uint8Array.of(9));
  const sealed = world.seal();
  await store.write(sealed.writes);
  assert.equal(world.version, -1);
  assert.equal(await world.view(-1).getAccount(address(1)), undefined);
  sealed.accept();
  assert.equal(world.version, 0);
  assert.equal((await world.view(0).getAccount(address(1)))?.balance, 5n);
  const again = createWorldState(store);
  assert.equal(toHex(again.root), toHex(sealed.root));
  assert.deepEqual([...(await again.manager.getStorage(address(2), word(Uint8Array.of(7))))], [9]);
  assert.deepEqual([...(await again.manager.getCode(address(2)))], [0x60, 1]);
  const [proof] = again.prove(0, [accountKey(address(1).bytes)]);
  assert.ok(proof);
  assert.deepEqual(
    verifyProof(again.root, accountKey(address(1).bytes), proof),
    accountValue({ nonce: 1n, balance: 5n, code: EMPTY_CODE }),
  );
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
  assert.throws(() => world.view(0), { code: "STATE_PRUNED" });
  const old = world.view(2);
  const newer = world.view(4);
  assert.equal((await old.getAccount(address(1)))?.balance, 3n);
  assert.equal(await old.getAccount(address(103)), undefined);
  assert.equal(toHex(await old.getStateRoot()), roots[2]);
  const back = world.revertTo(3);
  await store.write(back.writes);
  assert.equal((await newer.getAccount(address(1)))?.balance, 5n);
  back.accept();
  assert.equal(toHex(world.root), roots[3]);
  await assert.rejects(newer.getAccount(address(1)), { code: "STATE_PRUNED" });
  await world.manager.putAccount(address(1), new Account(0n, 99n));
  await commit(world, store);
  assert.equal((await old.getAccount(address(1)))?.balance, 3n);
  assert.equal((await world.view(4).getAccount(address(1)))?.balance, 99n);
  assert.equal((await world.view(3).getAccount(address(1)))?.balance, 4n);
});
