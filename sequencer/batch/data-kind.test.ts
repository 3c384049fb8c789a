import assert from "node:assert/strict";
import { test } from "node:test";
import { AMSTERDAM, OSAKA } from "./append-gas.fixture.ts";
import { DATA_LIMITS, growthLimit, kindOf } from "./data-kind.ts";

const GWEI = 10n ** 9n;
const bytes = (length: number) => new Uint8Array(length).fill(1);

test("a batch lies where it costs less", () => {
  // 30 gwei of gas, blobs as good as free: even a small batch is cheaper in a blob.
  assert.equal(kindOf(bytes(2_000), "auto", { gas: 30n * GWEI, blobGas: 1n, append: OSAKA }), "blobs");
  // One blob costs 131,072 blob gas whatever is in it; 2,000 bytes of calldata cost 80,000 gas at most.
  assert.equal(kindOf(bytes(2_000), "auto", { gas: GWEI, blobGas: GWEI, append: OSAKA }), "calldata");
  assert.equal(kindOf(bytes(50_000), "auto", { gas: GWEI, blobGas: GWEI, append: OSAKA }), "blobs");
  // 100,000 bytes of calldata cost 4 M gas: blobs cost as much at 30 times the price.
  assert.equal(kindOf(bytes(100_000), "auto", { gas: GWEI, blobGas: 29n * GWEI, append: OSAKA }), "blobs");
  assert.equal(kindOf(bytes(100_000), "auto", { gas: GWEI, blobGas: 32n * GWEI, append: OSAKA }), "calldata");
  // At the next fork's floor, 64 gas a byte whatever it is, calldata is dearer.
  assert.equal(kindOf(bytes(100_000), "auto", { gas: GWEI, blobGas: 32n * GWEI, append: AMSTERDAM }), "blobs");
  // Zero bytes cost a quarter in calldata.
  const zeros = new Uint8Array(100_000);
  assert.equal(kindOf(zeros, "auto", { gas: GWEI, blobGas: 9n * GWEI, append: OSAKA }), "calldata");
});

test("what was chosen is kept, unless calldata cannot hold it; without prices it is calldata", () => {
  const prices = { gas: 1n, blobGas: 1_000_000n, append: OSAKA };
  assert.equal(kindOf(bytes(10), "blobs", prices), "blobs");
  assert.equal(kindOf(bytes(10), "calldata", { gas: 1_000n, blobGas: 1n, append: OSAKA }), "calldata");
  assert.equal(kindOf(bytes(10), "auto", undefined), "calldata");
  assert.equal(kindOf(bytes(100_001), "calldata", prices), "blobs");
  assert.equal(kindOf(bytes(100_001), "auto", undefined), "blobs");
});

test("a batch grows as long as the cheaper kind takes", () => {
  assert.equal(growthLimit("calldata", { gas: 1_000n, blobGas: 1n, append: OSAKA }), DATA_LIMITS.calldata);
  assert.equal(growthLimit("blobs", undefined), 6 * 126_976);
  assert.equal(growthLimit("auto", undefined), DATA_LIMITS.calldata);
  assert.equal(growthLimit("auto", { gas: GWEI, blobGas: 1n, append: OSAKA }), DATA_LIMITS.blobs);
  assert.equal(growthLimit("auto", { gas: 1n, blobGas: GWEI, append: OSAKA }), DATA_LIMITS.calldata);
});
