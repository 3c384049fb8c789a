import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { createMemoryStore } from "../executor/index.ts";
import { createSpending } from "./spending.ts";

const DAY = 86_400n;

test("what was sent counts for a day, as reserved until it is known what it took, over restarts", async () => {
  const store = createMemoryStore();
  const open = () => createSpending({ store, registry: new Registry() }, { cap: 100n });
  let spending = open();
  assert.equal(spending.left(1_000n), 100n);
  const first = await spending.reserve(60n, 1_000n);
  const second = await spending.reserve(30n, 1_000n);
  assert.equal(spending.left(1_000n), 10n);
  await first.settle(20n);
  assert.equal(spending.left(1_001n), 50n);
  spending = open();
  assert.equal(spending.left(1_001n), 50n, "what was not settled stays reserved");
  await spending.reserve(50n, 1_000n + DAY - 1n);
  assert.equal(spending.left(1_000n + DAY - 1n), 0n);
  assert.equal(spending.left(1_000n + DAY), 50n, "a day later the first two count no more");
  await second.settle(5n);
  await spending.reserve(10n, 1_000n + DAY);
  assert.equal(open().spent(1_000n + DAY), 60n);
});

test("without a cap there is no bound, and what was spent is known all the same", async () => {
  const spending = createSpending({ store: createMemoryStore(), registry: new Registry() }, { cap: undefined });
  await spending.reserve(7n, 5n);
  assert.equal(spending.left(5n), undefined);
  assert.equal(spending.spent(5n), 7n);
});
