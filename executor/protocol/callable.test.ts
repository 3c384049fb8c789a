import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "../foundation/errors.ts";
import { leastCallGas, requireCallable } from "./callable.ts";
import { TRANSACTION_GAS_CAP } from "./parameters.ts";

const NEVER = "MODEL_UNCALLABLE";
const small = { gas: 50_000n, inputBytes: 64, artifactBytes: 1_000 };

/** The greatest price with which a model of such an input can be called. */
const dearest = (inputBytes: number): bigint => {
  let [low, high] = [1n, 2n * TRANSACTION_GAS_CAP];
  while (low + 1n < high) {
    const gas = (low + high) / 2n;
    if (leastCallGas({ gas, inputBytes }) <= TRANSACTION_GAS_CAP) low = gas;
    else high = gas;
  }
  return low;
};

test("a call is refused from the first gas on that no transaction has, by the name of the limit", () => {
  // 21,000 and the data's 4 a byte: a short input is cheapest as data, where nothing keeps a 64th.
  assert.equal(dearest(64), TRANSACTION_GAS_CAP - 21_000n - 4n * 96n);
  for (const inputBytes of [64, 150_528, 1_000_000]) {
    const gas = dearest(inputBytes);
    requireCallable({ ...small, gas, inputBytes });
    assert.throws(
      () => requireCallable({ ...small, gas: gas + 1n, inputBytes }),
      (error) => hasCode(error, NEVER) && /call.*transaction gas cap is 16777216/.test(String(error)),
    );
  }
  assert.throws(() => requireCallable({ ...small, gas: 8_000_000n }, 8_000_000n), /block gas limit is 8000000/);
  requireCallable({ ...small, gas: 8_000_000n }, 8_100_000n);
});

test("a long input comes from a contract's memory, which costs less than data", () => {
  const [gas, inputBytes] = [1_000_000n, 150_528];
  const words = BigInt((inputBytes + 32) / 32);
  assert.equal(
    leastCallGas({ gas, inputBytes }),
    21_000n + 3n * words + (words * words) / 512n + 100n + gas + (gas - 1n) / 63n,
  );
});

test("an artifact is refused from the first byte on whose admission no transaction can pay", () => {
  const artifactBytes = 8 * (Number(TRANSACTION_GAS_CAP) - 26_000);
  requireCallable({ ...small, artifactBytes });
  assert.throws(
    () => requireCallable({ ...small, artifactBytes: artifactBytes + 1 }),
    (error) => hasCode(error, NEVER) && /registering.*transaction gas cap/.test(String(error)),
  );
});
