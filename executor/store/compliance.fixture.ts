import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type Bytes, concat, toHex, uintBE } from "../foundation/bytes.ts";
import type { KeyValueStore, Range, Write } from "./key-value-store.ts";

const put = (key: Bytes, value: Bytes): Write => ({ type: "put", key, value });
const del = (key: Bytes): Write => ({ type: "del", key });
const bytes = (...values: readonly number[]): Bytes => Uint8Array.from(values);

const rows = (store: KeyValueStore, range: Range) => [...store.scan(range)].map(([k, v]) => [toHex(k), toHex(v)]);

/** What every store must do. `open` gives an empty store each time; the suite closes it. */
export const storeCompliance = (name: string, open: () => Promise<KeyValueStore>): void => {
  const withStore = (title: string, work: (store: KeyValueStore) => Promise<void>): void => {
    test(`${name}: ${title}`, async () => {
      const store = await open();
      try {
        await work(store);
      } finally {
        await store.close();
      }
    });
  };

  withStore("reads what was written, and nothing else", async (store) => {
    assert.equal(store.get(bytes(1)), undefined);
    await store.write([put(bytes(1), bytes(7)), put(bytes(1, 0), bytes()), put(bytes(0xff), bytes(8, 9))]);
    assert.deepEqual([...(store.get(bytes(1)) ?? [])], [7]);
    assert.equal(store.get(bytes(1, 0))?.length, 0);
    assert.equal(store.get(bytes(1, 0, 0)), undefined);
    await store.write([del(bytes(1)), del(bytes(2)), put(bytes(0xff), bytes(1))]);
    assert.equal(store.get(bytes(1)), undefined);
    assert.deepEqual([...(store.get(bytes(0xff)) ?? [])], [1]);
  });

  withStore("the last entry of a batch wins, and every batch is one sync", async (store) => {
    const before = store.syncs;
    await store.write([put(bytes(1), bytes(1)), del(bytes(1)), put(bytes(2), bytes(1)), put(bytes(2), bytes(2))]);
    assert.equal(store.get(bytes(1)), undefined);
    assert.deepEqual([...(store.get(bytes(2)) ?? [])], [2]);
    assert.equal(store.syncs, before + 1);
  });

  withStore("keeps its own copy of keys and values", async (store) => {
    const key = bytes(1, 2);
    const value = bytes(3, 4);
    await store.write([put(key, value)]);
    key.fill(9);
    value.fill(9);
    assert.deepEqual([...(store.get(bytes(1, 2)) ?? [])], [3, 4]);
  });

  withStore("scans [gte, lt) in the order of bytes, both ways, limited", async (store) => {
    await store.write([1, 3, 0x7f, 0x80, 0xff].map((first) => put(bytes(first), bytes(first))));
    const all = { gte: bytes(), lt: bytes(0xff, 0) };
    assert.deepEqual(
      rows(store, all).map(([key]) => key),
      ["0x01", "0x03", "0x7f", "0x80", "0xff"],
    );
    assert.deepEqual(
      rows(store, { gte: bytes(3), lt: bytes(0x80) }).map(([key]) => key),
      ["0x03", "0x7f"],
    );
    assert.deepEqual(
      rows(store, { gte: bytes(2), lt: bytes(0xff), reverse: true, limit: 2 }).map(([key]) => key),
      ["0x80", "0x7f"],
    );
    assert.deepEqual(rows(store, { ...all, limit: 0 }), []);
    assert.deepEqual(rows(store, { gte: bytes(4), lt: bytes(4) }), []);
    assert.deepEqual(rows(store, { gte: bytes(9), lt: bytes(4) }), []);
  });

  withStore("scans more rows than any page or bucket holds, and stands writes in between", async (store) => {
    const count = 3000;
    const key = (i: number) => uintBE(i, 4);
    await store.write(Array.from({ length: count }, (_, i) => put(key((i * 7919) % count), uintBE(i, 2))));
    const range = { gte: key(0), lt: key(count) };
    const keys = [...store.scan(range)].map(([k]) => toHex(k));
    assert.equal(keys.length, count);
    assert.deepEqual(keys, [...keys].sort());
    assert.deepEqual(
      [...store.scan({ ...range, reverse: true })].map(([k]) => toHex(k)),
      keys.toReversed(),
    );
    let seen = 0;
    for (const [k] of store.scan(range)) {
      if (seen++ % 500 === 0) await store.write([del(k)]);
    }
    assert.equal(seen, count);
    assert.equal([...store.scan(range)].length, count - 6);
  });

  withStore("agrees with a sorted list of what was written", async (store) => {
    const key = fc.uint8Array({ maxLength: 3, minLength: 1 });
    const entry = fc.record({ key, value: fc.option(fc.uint8Array({ maxLength: 4 }), { nil: undefined }) });
    const scan = fc.record({ gte: key, lt: key, reverse: fc.boolean(), limit: fc.integer({ min: 0, max: 40 }) });
    const model = new Map<string, string>();
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 60 }), scan, async (batch, range) => {
        await store.write(batch.map((e) => (e.value === undefined ? del(e.key) : put(e.key, e.value))));
        for (const e of batch) {
          if (e.value === undefined) model.delete(toHex(e.key));
          else model.set(toHex(e.key), toHex(e.value));
        }
        const expected = [...model]
          .filter(([k]) => k >= toHex(range.gte) && k < toHex(range.lt))
          .sort(([a], [b]) => (a < b ? -1 : 1));
        if (range.reverse) expected.reverse();
        assert.deepEqual(rows(store, range), expected.slice(0, range.limit));
      }),
      { numRuns: 60, seed: 11 },
    );
  });

  test(`${name}: refuses everything after close, which may be repeated`, async () => {
    const store = await open();
    await store.write([put(bytes(1), bytes(1)), put(bytes(2), bytes(1))]);
    const range = { gte: bytes(0), lt: concat(bytes(9)) };
    const running = store.scan(range)[Symbol.iterator]();
    await store.close();
    await store.close();
    assert.throws(() => store.get(bytes(1)), { code: "STORE_CLOSED" });
    assert.throws(() => [...store.scan(range)], { code: "STORE_CLOSED" });
    assert.throws(() => running.next(), { code: "STORE_CLOSED" });
    await assert.rejects(store.write([put(bytes(1), bytes(1))]), { code: "STORE_CLOSED" });
  });
};
