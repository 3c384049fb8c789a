import assert from "node:assert/strict";
import { test } from "node:test";
import { readMarkdown } from "../foundation/markdown.fixture.ts";
import { FLAG, PHASE, REGISTERS } from "./state/state.ts";

const SPEC = readMarkdown(new URL("SPEC.md", import.meta.url));

const byName = (rows: readonly (readonly string[])[], name: number, value: number) =>
  Object.fromEntries(rows.map((row) => [(row[name] ?? "").toLowerCase(), Number(row[value])]));

test("the specification's phases are the code's, and each has its section", () => {
  const rows = SPEC.table("Phases");
  assert.deepEqual(byName(rows, 1, 0), PHASE);
  const sections = SPEC.headings(3).filter((heading) => heading.startsWith("Phase "));
  assert.deepEqual(
    sections,
    rows.map(([value, name]) => `Phase ${value}: ${name}`),
  );
});

test("the specification's kinds of registers and flags of frames are the code's", () => {
  const kinds = SPEC.table("Registers").map(([kind, name]) => [name, Number(kind)]);
  assert.deepEqual(Object.fromEntries(kinds), REGISTERS);
  assert.deepEqual(byName(SPEC.table("Frame"), 0, 1), FLAG);
});
