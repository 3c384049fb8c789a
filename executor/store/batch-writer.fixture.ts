import { writeSync } from "node:fs";
import type { Bytes } from "../foundation/bytes.ts";
import type { Write } from "./key-value-store.ts";
import { openRocksStore } from "./rocks-store.ts";

/** Keys of one batch; every value of batch n begins with n. */
export const BATCH_KEYS = 40;
const VALUE_BYTES = 4096;

export const batchKey = (i: number): Bytes => Uint8Array.of(1, i);
/** Exists for the newest batch only: each batch deletes the one before. */
export const markerKey = (n: number): Bytes => Uint8Array.of(2, n >>> 16, n >>> 8, n);
export const markers = { gte: Uint8Array.of(2), lt: Uint8Array.of(3) };

const valueFor = (n: number): Bytes => {
  const value = Buffer.alloc(VALUE_BYTES, n);
  value.writeUInt32BE(n);
  return value;
};

const batch = (n: number): readonly Write[] => [
  ...Array.from({ length: BATCH_KEYS }, (_, i): Write => ({ type: "put", key: batchKey(i), value: valueFor(n) })),
  { type: "put", key: markerKey(n), value: new Uint8Array(0) },
  { type: "del", key: markerKey(n - 1) },
];

/** Writes batch after batch, and says each number when its batch is acknowledged, until it is killed. */
const [directory, first] = process.argv.slice(2);
if (directory !== undefined && first !== undefined) {
  const store = await openRocksStore(directory);
  for (let n = Number(first); ; n++) {
    await store.write(batch(n));
    writeSync(1, `${n}\n`);
  }
}
