import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzMemory } from "./memory.ts";

test("an answered call, estimate or replay leaves nothing in memory", async (t) => {
  assert.deepEqual(await fuzzMemory({ count: 300, seed: 1, print: (line) => t.diagnostic(line) }), []);
});
