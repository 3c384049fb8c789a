import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import type { Bytes } from "../foundation/bytes.ts";
import { createNodeCache } from "./node-cache.ts";
import { encodeIds, KIND } from "./node-codec.ts";

/** A node with one branch below, whose id is the node's own: so that a mixed-up entry shows. */
const nodeOf = (id: number): Bytes => {
  const bytes = new Uint8Array(41);
  bytes[0] = KIND.branch;
  bytes.set(encodeIds([id]), 1);
  return bytes;
};

const open = (capacity: number) => {
  const fetched: number[] = [];
  const cache = createNodeCache(capacity, (id) => {
    fetched.push(id);
    return nodeOf(id);
  });
  const read = (id: number): void => {
    const at = cache.locate(id);
    assert.deepEqual(cache.bytes.slice(at, at + 41), nodeOf(id), `node ${id}`);
  };
  return { cache, read, fetched };
};

test("whatever is put, dropped and evicted, every id gives its own node", () => {
  // Ids of many versions, some of which meet in the table.
  const id = fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 30 })).map(([version, index]) => version * 2 ** 22 + index);
  const action = fc.record({ kind: fc.constantFrom("read", "read", "put", "drop", "clear"), id });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 700 }),
      fc.array(action, { minLength: 50, maxLength: 2000 }),
      (size, actions) => {
        const { cache, read } = open(size);
        actions.forEach((step, i) => {
          if (step.kind === "read") read(step.id);
          else if (step.kind === "put") cache.put(step.id, nodeOf(step.id));
          else if (step.kind === "drop") cache.drop(step.id);
          else if (i % 50 === 0) cache.clear();
        });
        for (const step of actions) read(step.id);
      },
    ),
    { numRuns: 40, seed: 41 },
  );
});

test("what fits is fetched once, through every growth", () => {
  const { read, fetched } = open(5000);
  for (let round = 0; round < 2; round++) for (let id = 1; id <= 5000; id++) read(id * 4099);
  assert.equal(fetched.length, 5000);
});

test("a full cache keeps what is read again and again", () => {
  const { read, fetched } = open(300);
  for (let id = 1; id <= 10_000; id++) {
    read(2 ** 40 + (id % 7));
    read(id);
  }
  assert.equal(fetched.filter((id) => id >= 2 ** 40).length, 7);
  assert.equal(fetched.length, 10_007);
});

test("a dropped node makes room for another", () => {
  const { cache, read, fetched } = open(4);
  for (let id = 1; id <= 4; id++) read(id);
  cache.drop(2);
  cache.drop(2);
  read(5);
  for (const id of [1, 3, 4, 5]) read(id);
  assert.deepEqual(fetched, [1, 2, 3, 4, 5]);
});
