import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { createDispute } from "../support/dispute.ts";
import { BOARD, boardRows } from "./board-gas.ts";
import { formatSection, type GasRow, withExecution, writtenExecution } from "./gas-table.ts";
import { batchRows, SETTLEMENT, userRows } from "./settlement-gas.ts";

const written = readFileSync(new URL("GAS.md", import.meta.url), "utf8");

/*
 * To the unit of gas: the contracts, what they are called with and the order of the calls are the same in each run.
 * Of what is long to make ready (blobs, whole disputes, elements) the tables alone tell.
 */
const isAsWritten = (title: string, rows: readonly GasRow[]): void => {
  const table = writtenExecution(written, title);
  const told = rows.filter(({ execution }) => execution !== undefined);
  assert.ok(told.length > 0);
  assert.deepEqual(
    Object.fromEntries(told.map(({ what, execution }) => [what, execution])),
    Object.fromEntries(told.map(({ what }) => [what, table.get(what)])),
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
  const about = "About.";
  const rows = [
    { what: "one", gas: 31_234n, execution: 10_234n },
    { what: "two", gas: 5n },
  ];
  const text = ["One", "Two"].map((title) => formatSection({ title, about, rows })).join("\n");
  assert.deepEqual([...writtenExecution(text, "Two")], [["one", 10_234n]]);
  assert.equal(writtenExecution(text, "Three").size, 0);
});

test("of a transaction's gas, execution is what 21,000 and calldata leave; where the floor is paid nothing is said", () => {
  assert.deepEqual(withExecution(21_000n + 4n + 2n * 16n + 777n, "0x00ff01"), { execution: 777n });
  assert.deepEqual(withExecution(21_000n + 10n + 2n * 40n, "0x00ff01"), {});
});
