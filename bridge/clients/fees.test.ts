import assert from "node:assert/strict";
import { test } from "node:test";
import { firstFees, raisedFees } from "./fees.ts";

const limits = { maxFeePerGas: 1_000n, maxFeePerBlobGas: 64n, tip: 10n };
const base = { gas: 50n, blobGas: 4n };

test("a first attempt covers base fees that double", () => {
  assert.deepEqual(firstFees(limits, base, "none"), { maxFeePerGas: 110n, maxPriorityFeePerGas: 10n });
  assert.deepEqual(firstFees(limits, base, "blobs"), {
    maxFeePerGas: 110n,
    maxPriorityFeePerGas: 10n,
    maxFeePerBlobGas: 8n,
  });
  const dear = firstFees(limits, { gas: 10_000n, blobGas: 10_000n }, "blobs");
  assert.deepEqual(dear, { maxFeePerGas: 1_000n, maxPriorityFeePerGas: 10n, maxFeePerBlobGas: 64n });
});

test("a replacement with blobs offers at least twice as much of all three, or none is made", () => {
  let fees = firstFees(limits, base, "blobs");
  const seen = [];
  for (let next = raisedFees(limits, base, fees); next !== undefined; next = raisedFees(limits, base, next)) {
    assert.ok(next.maxFeePerGas >= 2n * fees.maxFeePerGas);
    assert.ok(next.maxPriorityFeePerGas >= 2n * fees.maxPriorityFeePerGas);
    assert.ok((next.maxFeePerBlobGas ?? 0n) >= 2n * (fees.maxFeePerBlobGas ?? 0n));
    seen.push(next.maxFeePerBlobGas);
    fees = next;
  }
  assert.deepEqual(seen, [16n, 32n, 64n]);
  const risen = raisedFees(limits, { gas: 400n, blobGas: 30n }, firstFees(limits, base, "blobs"));
  assert.deepEqual(risen, { maxFeePerGas: 810n, maxPriorityFeePerGas: 20n, maxFeePerBlobGas: 60n });
});

test("a replacement without blobs is raised by a quarter, up to the limit", () => {
  const first = firstFees(limits, base, "none");
  assert.deepEqual(raisedFees(limits, base, first), { maxFeePerGas: 138n, maxPriorityFeePerGas: 13n });
  assert.equal(raisedFees(limits, base, { maxFeePerGas: 900n, maxPriorityFeePerGas: 10n }), undefined);
});
