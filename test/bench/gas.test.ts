import assert from "node:assert/strict";
import { test } from "node:test";
import { disputeGas } from "./dispute-gas.ts";
import { elementGas } from "./element-gas.ts";
import { excesses, type GasSection } from "./gas-table.ts";
import { settlementGas } from "./settlement-gas.ts";

const SECTIONS: Readonly<Record<string, () => Promise<GasSection>>> = {
  "the settlement": settlementGas,
  "a whole dispute": disputeGas,
  "proofs of elements": elementGas,
};

// The board's own calls are held to the same beside their other tests.
for (const [what, measure] of Object.entries(SECTIONS))
  test(`${what}: no call exceeds its gas, under L1's rules of today and under the next fork's`, async () => {
    const { rows } = await measure();
    assert.ok(rows.length > 0);
    assert.deepEqual(excesses(rows), []);
  });
