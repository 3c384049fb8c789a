import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { boardGas } from "./board-gas.ts";
import { disputeGas } from "./dispute-gas.ts";
import { elementGas } from "./element-gas.ts";
import { excesses, executionOf, formatSection, type GasSection, writtenExecution } from "./gas-table.ts";
import { settlementGas } from "./settlement-gas.ts";

const SECTIONS: Readonly<Record<string, () => Promise<GasSection>>> = {
  "the settlement": settlementGas,
  "the board": boardGas,
  "a whole dispute": disputeGas,
  "proofs of elements": elementGas,
};
const WRITTEN = readFileSync(new URL("GAS.md", import.meta.url), "utf8");

/** To the unit: contracts, calls and their order are the same in each run. Only rows that tell of execution are held. */
const assertAsWritten = ({ title, rows }: GasSection): void => {
  const table = writtenExecution(WRITTEN, title);
  const told = rows.filter(({ execution }) => execution !== undefined);
  assert.deepEqual(
    Object.fromEntries(told.map(({ what, execution }) => [what, execution])),
    Object.fromEntries(table),
    "if it is meant: npm run bench:gas -- --write",
  );
};

for (const [what, measure] of Object.entries(SECTIONS))
  test(`${what}: gas is as written, and exceeds its bounds neither under L1's rules of today nor the next fork's`, async () => {
    const section = await measure();
    assert.ok(section.rows.length > 0);
    assert.deepEqual(excesses(section.rows), []);
    assertAsWritten(section);
  });

test("the main calls of L1 are among those whose execution is written", () => {
  const settlement = writtenExecution(WRITTEN, "Settlement");
  for (const what of ["batch in calldata, 1,000 bytes", "deposit of ether (Portal)", "claim", "proof of a withdrawal"])
    assert.ok(settlement.has(what), what);
  assert.ok(writtenExecution(WRITTEN, "The board of a dispute").has("refine"));
});

test("a table that is written is read again", () => {
  const about = "About.";
  const rows = [
    { what: "one", gas: { osaka: 31_234n, amsterdam: 40_000n }, execution: 10_234n },
    { what: "two", gas: { osaka: 5n, amsterdam: 6n } },
  ];
  const text = ["One", "Two"].map((title) => formatSection({ title, about, rows })).join("\n");
  assert.deepEqual([...writtenExecution(text, "Two")], [["one", 10_234n]]);
  assert.equal(writtenExecution(text, "Three").size, 0);
});

test("of a transaction's gas, execution is what base and calldata leave; where the floor is paid nothing is said", () => {
  assert.deepEqual(executionOf(21_000n + 4n + 2n * 16n + 777n, "0x00ff01"), { execution: 777n });
  assert.deepEqual(executionOf(21_000n + 10n + 2n * 40n, "0x00ff01"), {});
});
