import assert from "node:assert/strict";
import { test } from "node:test";
import { AMSTERDAM, OSAKA } from "./append-gas.fixture.ts";
import { FEW, gasOfCalldata, MANY, sampleAppendGas } from "./append-gas.ts";

const bytes = (zeros: number, others: number) =>
  Uint8Array.from({ length: zeros + others }, (_, i) => (i < zeros ? 0 : 1));

test("the samples are what the gas is at them, whatever L1's fork", () => {
  for (const gas of [OSAKA, AMSTERDAM]) {
    assert.equal(gasOfCalldata(gas, bytes(0, 0)), gas.empty);
    assert.equal(gasOfCalldata(gas, bytes(FEW, 0)), gas.few.zero);
    assert.equal(gasOfCalldata(gas, bytes(0, FEW)), gas.few.other);
    assert.equal(gasOfCalldata(gas, bytes(MANY, 0)), gas.many.zero);
    assert.equal(gasOfCalldata(gas, bytes(0, MANY)), gas.many.other);
  }
});

test("between them it is the ordinary price or the floor's, the greater", () => {
  // EIP-7623: 21,000 and 4 gas a zero byte, 16 any other; or 10 and 40. Here 84,000 with what appending takes.
  const rule = (zeros: number, others: number) =>
    Math.max(84_000 + 4 * zeros + 16 * others, 29_000 + 10 * zeros + 40 * others);
  for (const [zeros, others] of [
    [100, 100],
    [1_000, 1_500],
    [0, 10_000],
    [30_000, 0],
    [20_000, 30_000],
    [50_000, 50_000],
  ] as const) {
    const ratio = Number(gasOfCalldata(OSAKA, bytes(zeros, others))) / rule(zeros, others);
    assert.ok(ratio > 0.92 && ratio < 1.02, `${zeros} zeros, ${others} others: ${ratio}`);
  }
});

test("the samples are asked of L1: none, few and many bytes, zeros and others", async () => {
  const asked: string[] = [];
  const gas = await sampleAppendGas(async (data) => {
    asked.push(`${data.length} of ${data[0] ?? "nothing"}`);
    return BigInt(asked.length);
  });
  assert.deepEqual(asked, ["0 of nothing", "2000 of 0", "2000 of 1", "100000 of 0", "100000 of 1"]);
  assert.deepEqual(gas, { empty: 1n, few: { zero: 2n, other: 3n }, many: { zero: 4n, other: 5n } });
});
