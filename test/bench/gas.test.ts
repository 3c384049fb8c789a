import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { createDispute } from "../support/dispute.ts";
import { BOARD, boardRows } from "./board-gas.ts";
import { formatGas, type GasRow, writtenGas } from "./gas-table.ts";
import { batchRows, SETTLEMENT, userRows } from "./settlement-gas.ts";

const written = readFileSync(new URL("GAS.md", import.meta.url), "utf8");

/*
 * To the unit of gas: the contracts, what they are called with and the order of the calls are the same in each run.
 * Of what is long to make ready (blobs, whole disputes, elements) the table alone tells.
 */
const isAsWritten = (title: string, rows: readonly GasRow[]): void => {
  assert.ok(rows.length > 0);
  const table = writtenGas(written, title);
  const gas = (of: (row: GasRow) => string | undefined) => Object.fromEntries(rows.map((row) => [row.what, of(row)]));
  assert.deepEqual(
    gas(formatGas),
    gas(({ what }) => table.get(what)),
    "if it is meant: npm run bench:gas -- --write",
  );
};

test("settlement takes the gas that GAS.md says", async (t: TestContext) => {
  isAsWritten(SETTLEMENT, [...(await batchRows(t, [])), ...(await userRows(t))]);
});

test("moves on the board of a dispute take the gas that GAS.md says", async (t: TestContext) => {
  isAsWritten(BOARD, await boardRows(await createDispute(t)));
});

test("a table that is written is read again", () => {
  const text = `# Gas\n\n## One\n\nAbout.\n\n| call | gas | each |\n| --- | --- | --- |\n| a | 1,234 |  |\n\n## Two\n`;
  assert.deepEqual([...writtenGas(text, "One")], [["a", "1,234"]]);
  assert.equal(writtenGas(text, "Three").size, 0);
});
