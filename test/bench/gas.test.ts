import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { elementCases } from "../support/element-cases.ts";
import { boardGas } from "./board-gas.ts";
import { disputeGas } from "./dispute-gas.ts";
import { elementGas } from "./element-gas.ts";
import { deviations, excesses, executionOf, formatSection, type GasSection, writtenExecution } from "./gas-table.ts";
import { settlementGas } from "./settlement-gas.ts";

/** The dear ones take most of a minute: `npm run bench:gas` compares them all. */
const isCheap = ({ name }: { readonly name: string }): boolean => /^(input|map|gather)|K = 1024|corner/.test(name);

const SECTIONS: Readonly<Record<string, () => Promise<GasSection>>> = {
  "the settlement": settlementGas,
  "the board": boardGas,
  "a whole dispute": disputeGas,
  "proofs of elements": () => elementGas(elementCases().filter(isCheap)),
};
const WRITTEN = readFileSync(new URL("GAS.md", import.meta.url), "utf8");

for (const [what, measure] of Object.entries(SECTIONS))
  test(`${what}: gas is as written, and exceeds its bounds neither under L1's rules of today nor the next fork's`, async () => {
    const section = await measure();
    assert.ok(section.rows.length > 0);
    assert.deepEqual(excesses(section.rows), []);
    assert.deepEqual(deviations(WRITTEN, section), [], "if it is meant: npm run bench:gas -- --write");
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

test("a call whose execution is not the written one is told, and one that is not written", () => {
  const rowOf = (what: string, execution: bigint) => ({ what, gas: execution, execution });
  const sectionOf = (...rows: readonly ReturnType<typeof rowOf>[]) => ({ title: "T", about: "About.", rows });
  const written = formatSection(sectionOf(rowOf("one", 10n), rowOf("two", 20n)));
  assert.deepEqual(deviations(written, sectionOf(rowOf("one", 10n), rowOf("two", 20n))), []);
  assert.deepEqual(deviations(written, sectionOf(rowOf("two", 21n), rowOf("three", 3n))), [
    "two: execution 21, written 20",
    "three: execution 3, written nothing",
  ]);
});

test("of a transaction's gas, execution is what base and calldata leave; where the floor is paid nothing is said", () => {
  assert.deepEqual(executionOf(21_000n + 4n + 2n * 16n + 777n, "0x00ff01"), { execution: 777n });
  assert.deepEqual(executionOf(21_000n + 10n + 2n * 40n, "0x00ff01"), {});
});
