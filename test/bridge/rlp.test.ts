import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromHex, toHex } from "../../executor/index.ts";
import { rewriteRlp } from "../support/rlp-harness.ts";

test("the readers agree: items at the borders of each form, and every other way to write them", async () => {
  const long = (bytes: number) => "61".repeat(bytes);
  const good = ["80", "00", "7f", "8180", "c0", "c180", "c7c0c1c0c3c0c1c0", `b7${long(55)}`, `b838${long(56)}`];
  good.push(`f7${long(55)}`, `f838${long(56)}`, `b90100${long(256)}`, `f90100${long(256)}`);
  for (const hex of good)
    assert.deepEqual(await rewriteRlp(fromHex(`0x${hex}`)), { typescript: `0x${hex}`, solidity: `0x${hex}` }, hex);
  const bad = ["", "8100", "817f", "b800", "b80161", `b837${long(55)}`, `f837${long(55)}`, `b90038${long(56)}`, "bb00"];
  bad.push("81", "c1", "c28161", "c1c1", "8080", "c0c0", "c161c0", `b838${long(55)}`, "bfffffffffffffffff", "ff00");
  for (const hex of bad) assert.deepEqual(await rewriteRlp(fromHex(`0x${hex}`)), {}, hex);
});

test("the readers agree on random bytes", async () => {
  let read = 0;
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 6 }), async (bytes) => {
      const { typescript, solidity } = await rewriteRlp(bytes);
      assert.equal(solidity, typescript);
      if (typescript === undefined) return;
      assert.equal(typescript, toHex(bytes));
      read++;
    }),
    { seed: 3, numRuns: 500 },
  );
  assert.ok(read > 20, `${read}`);
});
