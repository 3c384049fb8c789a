import assert from "node:assert/strict";
import test from "node:test";
import { Account, createAddressFromString } from "@ethereumjs/util";
import { type Bytes, fromHex, type Hex, toHex, uintBE } from "../foundation/bytes.ts";
import { COLUMN, type KeyValueStore } from "../store/key-value-store.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createWorldState } from "./create-world.ts";
import { decodePiece, isPieceOf, MAX_PIECE_BYTES } from "./piece.ts";
import { restoreState, type StateSource } from "./restore.ts";
import { createSnapshots } from "./snapshot.ts";
import type { WorldState } from "./world.ts";

const address = (i: number) => createAddressFromString(`0x${i.toString(16).padStart(40, "0")}`);
const { signal } = new AbortController();
const codeOf = (i: number): Bytes => new Uint8Array(40).fill(0x60 + (i % 5));

const block = async (world: WorldState, store: KeyValueStore, from: number, count: number): Promise<void> => {
  const { manager } = world;
  for (let i = from; i < from + count; i++) {
    await manager.putAccount(address(i + 1), new Account(1n, BigInt(world.version + 2)));
    if (i % 3 !== 0) continue;
    await manager.putCode(address(i + 1), codeOf(i));
    for (let k = 0; k < 4; k++)
      await manager.putStorage(address(i + 1), uintBE(k, 32), uintBE((i + k + world.version + 2) % 3, 1));
  }
  const sealed = world.seal();
  await store.write(sealed.writes);
  sealed.accept();
};

const sourceOf = (store: KeyValueStore, spoil: (bytes: Bytes) => Bytes = (bytes) => bytes): StateSource => {
  const snapshots = createSnapshots(store);
  return {
    pieces: async (hashes) => hashes.map((hash) => spoil(snapshots.piece(fromHex(hash)) as Bytes)),
    codes: async (hashes) => hashes.map((hash) => store.get(Uint8Array.of(COLUMN.code, ...fromHex(hash))) as Bytes),
  };
};

const flatOf = (store: KeyValueStore) =>
  [COLUMN.account, COLUMN.slot].flatMap((column) =>
    [...store.scan({ gte: Uint8Array.of(column), lt: Uint8Array.of(column + 1) })].map(([key, value]) => [
      toHex(key),
      toHex(value),
    ]),
  );

test("a version is taken while the head goes on, cut into pieces that prove themselves, and restored elsewhere", async () => {
  const store = createMemoryStore();
  const world = createWorldState(store);
  const N = 4_000;
  await block(world, store, 0, N);
  const expected = flatOf(store);
  const { root } = world;
  await block(world, store, 0, 40);
  await world.manager.deleteAccount(address(5));
  await block(world, store, N, 50);
  const taking = createSnapshots(store).take(world, 0, signal);
  for (let i = 0; i < 6; i++) {
    await block(world, store, i * 500, 30);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await taking;

  const elsewhere = createMemoryStore();
  const shares: number[] = [];
  const hashes: Hex[] = [];
  const source = sourceOf(store);
  const watched: StateSource = {
    ...source,
    async pieces(wanted, signal) {
      hashes.push(...wanted);
      const pieces = await source.pieces(wanted, signal);
      for (const [i, bytes] of pieces.entries()) {
        assert.ok(bytes.length <= MAX_PIECE_BYTES);
        assert.ok(isPieceOf(fromHex(wanted[i] as Hex), bytes));
      }
      return pieces;
    },
  };
  const writes = await restoreState(elsewhere, watched, {
    root,
    version: 7,
    signal,
    onProgress: (share) => shares.push(share),
  });
  assert.equal(createWorldState(elsewhere).version, -1, "it is none before its last write");
  await elsewhere.write(writes);
  const restored = createWorldState(elsewhere);
  assert.deepEqual([restored.version, restored.oldest, toHex(restored.root)], [7, 7, toHex(root)]);
  assert.deepEqual(flatOf(elsewhere), expected);
  assert.ok(hashes.length > 3, `${hashes.length} pieces`);
  assert.deepEqual(
    shares.toSorted((a, b) => a - b),
    shares,
  );
  assert.equal(shares.at(-1), 1);
  // It goes on like a state that was never restored.
  const grown = async (world: WorldState, on: KeyValueStore) => {
    await world.manager.putAccount(address(3), new Account(2n, 2n));
    await world.manager.putStorage(address(4), uintBE(9, 32), Uint8Array.of(1));
    await world.manager.deleteAccount(address(8));
    const sealed = world.seal();
    await on.write(sealed.writes);
    sealed.accept();
    return toHex(world.root);
  };
  const reference = createMemoryStore();
  const same = createWorldState(reference);
  await block(same, reference, 0, N);
  assert.equal(await grown(restored, elsewhere), await grown(same, reference));
});

test("a piece with a changed byte is never taken, and what was half restored is begun anew", async () => {
  const store = createMemoryStore();
  const world = createWorldState(store);
  await block(world, store, 0, 2_000);
  await createSnapshots(store).take(world, 0, signal);
  const { root } = world;
  const top = createSnapshots(store).piece(root) as Bytes;
  const { length } = top;
  for (let i = 0; i < 200; i++) {
    const bytes = top.slice();
    const at = (i * 7_919) % length;
    bytes[at] = (bytes[at] as number) ^ (1 + (i % 255));
    assert.ok(!isPieceOf(root, bytes), `byte ${at}`);
  }
  assert.ok(!isPieceOf(root, top.subarray(0, -1)));
  assert.equal(decodePiece(top).kind, "shape");

  const elsewhere = createMemoryStore();
  let pieces = 0;
  const spoilt = sourceOf(store, (bytes) => {
    if (++pieces < 3) return bytes;
    const copy = bytes.slice();
    copy[30] = (copy[30] as number) ^ 1;
    return copy;
  });
  await assert.rejects(restoreState(elsewhere, spoilt, { root, version: 3, signal }), { code: "STATE_PIECE" });
  assert.ok(flatOf(elsewhere).length > 0);
  await elsewhere.write(await restoreState(elsewhere, sourceOf(store), { root, version: 3, signal }));
  assert.deepEqual(flatOf(elsewhere), flatOf(store));
});
