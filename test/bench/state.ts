import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Account, Address } from "@ethereumjs/util";
import {
  createMemoryStore,
  createWorldState,
  type KeyValueStore,
  keccakOf,
  openRocksStore,
  uintBE,
  type WorldState,
} from "../../executor/index.ts";
import { randomOf } from "./load.ts";

const KEYS = 400;
const BLOCKS = 50;
const FILL = 20_000;

const addressOf = (i: number): Address => new Address(keccakOf(uintBE(i, 8)).slice(12));

type Spent = { seal: number; write: number; accept: number };

/** Milliseconds of each part of making the pending changes the head. */
const commit = async (world: WorldState, store: KeyValueStore, spent: Spent): Promise<void> => {
  const start = performance.now();
  const sealed = world.seal();
  const written = performance.now();
  await store.write(sealed.writes);
  const accepted = performance.now();
  sealed.accept();
  spent.seal += written - start;
  spent.write += accepted - written;
  spent.accept += performance.now() - accepted;
};

const measure = async (name: string, store: KeyValueStore, accounts: number, print: (line: string) => void) => {
  const world = createWorldState(store);
  const { manager } = world;
  for (let start = 0; start < accounts; start += FILL) {
    for (let i = start; i < Math.min(accounts, start + FILL); i++)
      await manager.putAccount(addressOf(i), new Account(0n, 10n ** 18n));
    await commit(world, store, { seal: 0, write: 0, accept: 0 });
  }
  const random = randomOf(1);
  const spent: Spent = { seal: 0, write: 0, accept: 0 };
  for (let block = 0; block < BLOCKS; block++) {
    const chosen = new Set<number>();
    while (chosen.size < KEYS) chosen.add(Math.floor(random() * accounts));
    for (const i of chosen) await manager.modifyAccountFields(addressOf(i), { nonce: BigInt(block + 1) });
    await commit(world, store, spent);
  }
  const each = (ms: number): string => ((ms * 1000) / (KEYS * BLOCKS)).toFixed(1);
  const { seal, write, accept } = spent;
  print(
    `${name}: ${each(seal + write + accept)} us a key (root and encoding ${each(seal)}, write and sync ${each(write)}, ` +
      `caches ${each(accept)}), ${accounts} accounts, ${KEYS} keys a block`,
  );
};

/** What a changed account costs between the end of a block and its being on disk. */
export const benchState = async (print: (line: string) => void, accounts = 200_000): Promise<void> => {
  await measure("memory ", createMemoryStore(), accounts, print);
  const directory = mkdtempSync(join(tmpdir(), "assay-bench-"));
  const store = await openRocksStore(directory);
  try {
    await measure("RocksDB", store, accounts, print);
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
};
