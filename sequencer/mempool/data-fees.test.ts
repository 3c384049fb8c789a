import assert from "node:assert/strict";
import { test } from "node:test";
import { OSAKA } from "../batch/append-gas.fixture.ts";
import { bytePrices } from "../batch/data-kind.ts";
import { createDataFees, dataSizeOf, tipInBlock, tipInPool } from "./data-fees.ts";

const GWEI = 10n ** 9n;
const prices = { gas: 30n * GWEI, blobGas: GWEI, append: OSAKA };

test("a byte costs what L1 takes for it in a batch that is worth posting", () => {
  // EIP-7623: 10 gas a zero byte, 40 any other; and a share of the transaction's own gas.
  const { zero, other } = bytePrices("calldata", prices);
  assert.ok(zero > 300n * GWEI && zero < 310n * GWEI, `${zero}`);
  assert.ok(other > 1_200n * GWEI && other < 1_220n * GWEI, `${other}`);
  // Half a blob, 131,072 blob gas, is shared by 63,488 bytes.
  const blobs = bytePrices("blobs", { gas: 0n, blobGas: GWEI, append: OSAKA });
  assert.deepEqual(blobs, { zero: 2_064_516_130n, other: 2_064_516_130n });
  assert.deepEqual(
    bytePrices("auto", { gas: 30n * GWEI, blobGas: 1n, append: OSAKA }),
    bytePrices("blobs", { gas: 30n * GWEI, blobGas: 1n, append: OSAKA }),
  );
  assert.deepEqual(
    bytePrices("auto", { gas: GWEI, blobGas: 1_000n * GWEI, append: OSAKA }),
    bytePrices("calldata", { gas: GWEI, blobGas: 1n, append: OSAKA }),
  );
});

test("without prices nothing is asked; with them more of a new transaction than of one that waits", () => {
  let known: { readonly zero: bigint; readonly other: bigint } | undefined;
  const fees = createDataFees(() => known);
  const size = dataSizeOf(new Uint8Array(1_000));
  assert.deepEqual([fees.costOf(size), fees.ordinaryTip], [0n, 0n]);
  known = { zero: 1n, other: 10n };
  const cost = fees.costOf(size);
  assert.equal(cost, 1_000n + 17n * 10n, "the record and its block's header are paid, too");
  assert.equal(tipInPool(cost, 21_000n), 1n);
  assert.equal(tipInPool(cost, 100n), 18n, "1,170 wei and half of it");
  assert.equal(tipInBlock(cost, 100n), 15n);
  known = { zero: GWEI, other: GWEI };
  const transfer = fees.costOf({ zeros: 0, others: 139 });
  assert.ok(fees.ordinaryTip > tipInPool(transfer, 21_000n));
});
