import assert from "node:assert/strict";
import { test } from "node:test";
import type { StateManagerInterface } from "@ethereumjs/common";
import { Account, createAddressFromString } from "@ethereumjs/util";
import fc from "fast-check";
import { toHex, uintBE } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createWorldState } from "./create-world.ts";
import type { WorldState } from "./world.ts";

const address = (i: number) => createAddressFromString(`0x${i.toString(16).padStart(40, "0")}`);

type Change = readonly [what: "account" | "empty" | "delete" | "code" | "slot" | "clear", who: number, value: number];

const apply = async (state: StateManagerInterface, [what, who, value]: Change): Promise<void> => {
  const at = address(who);
  if (what === "account") await state.modifyAccountFields(at, { balance: BigInt(value), nonce: 1n });
  if (what === "clear" || what === "empty") await state.clearStorage(at);
  // An account that has slots is never empty.
  if (what === "empty") await state.putAccount(at, new Account());
  if (what === "delete") await state.deleteAccount(at);
  if (what === "code") await state.putCode(at, Uint8Array.of(value, who));
  if (what === "slot" && (await state.getAccount(at)) !== undefined)
    await state.putStorage(at, uintBE(value % 4, 32), Uint8Array.of(value));
};

const change: fc.Arbitrary<Change> = fc.tuple(
  fc.constantFrom("account", "empty", "delete", "code", "slot", "slot", "slot", "clear"),
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 0, max: 20 }),
);
const steps = fc.array(fc.array(change, { maxLength: 6 }), { minLength: 1, maxLength: 6 });

const openWorld = async (keep = 16) => {
  const store = createMemoryStore();
  const world = createWorldState(store, { keep });
  const commit = async () => {
    const sealed = world.seal();
    await store.write(sealed.writes);
    sealed.accept();
  };
  return { store, world, commit };
};

const view = async (state: StateManagerInterface) =>
  Promise.all(
    [1, 2, 3, 4, 5].map(async (i) => {
      const account = await state.getAccount(address(i));
      const slots = await Promise.all([0, 1, 2, 3].map((slot) => state.getStorage(address(i), uintBE(slot, 32))));
      return [account?.balance, account?.nonce, toHex(await state.getCode(address(i))), slots.map(toHex)];
    }),
  );

test("after each step a fork has the root and the values of a world that sealed it", async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, async (before, after) => {
      const one = await openWorld();
      const other = await openWorld();
      for (const changes of before)
        for (const { world, commit } of [one, other]) {
          for (const change of changes) await apply(world.manager, change);
          await commit();
        }
      const fork = one.world.fork(one.world.version);
      const base = toHex(one.world.root);
      for (const changes of after) {
        for (const change of changes) {
          await apply(fork.manager, change);
          await apply(other.world.manager, change);
        }
        fork.manager.originalStorageCache.clear();
        await other.commit();
        assert.equal(toHex(await fork.manager.getStateRoot()), toHex(other.world.root));
        assert.equal(toHex(fork.commit()), toHex(other.world.root));
        assert.equal(toHex(fork.commit()), toHex(other.world.root), "nothing was written since");
        const empty = (values: unknown) => JSON.stringify(values, (_, v) => (typeof v === "bigint" ? String(v) : v));
        assert.equal(empty(await view(fork.manager)), empty(await view(other.world.manager)));
      }
      assert.equal(toHex(one.world.root), base);
    }),
    { seed: 31, numRuns: 150 },
  );
});

test("a fork stays where it began while the world goes on, until that is reverted or pruned", async () => {
  const isPruned = (error: unknown) => error instanceof CodedError && error.code === "STATE_PRUNED";
  const { world, commit, store } = await openWorld(3);
  const write = async (on: WorldState["manager"], i: number) => apply(on, ["account", 1 + (i % 5), i + 1]);
  for (let i = 0; i < 4; i++) {
    await write(world.manager, i);
    await commit();
  }
  const fork = world.fork(2);
  const reverted = world.fork(3);
  await write(fork.manager, 9);
  const root = toHex(fork.commit());
  const sealed = world.revertTo(2);
  await store.write(sealed.writes);
  sealed.accept();
  assert.throws(() => reverted.commit(), isPruned);
  assert.equal(toHex(fork.commit()), root);
  await write(world.manager, 9);
  await commit();
  assert.equal(toHex(world.root), root);
  for (let i = 10; i < 14; i++) {
    await write(world.manager, i);
    await commit();
  }
  assert.throws(() => fork.commit(), isPruned);
  assert.throws(() => world.fork(2), isPruned);
});
