import assert from "node:assert/strict";
import { test } from "node:test";
import { readMarkdown } from "../foundation/markdown.fixture.ts";
import { CONSTRAINTS } from "./constraints.ts";
import { DTYPES, KINDS } from "./program.ts";
import { INSTRUCTIONS } from "./scalar.ts";

const SPEC = readMarkdown(new URL("SPEC.md", import.meta.url));

test("the specification's instructions are the code's: codes, types, gas", () => {
  const written = SPEC.table("Instructions").map(([code, name, operands, result, , gas]) => ({
    code: Number(code),
    name,
    operands: operands?.split(" "),
    result,
    gas: Number(gas),
  }));
  assert.deepEqual(
    written,
    INSTRUCTIONS.map(({ code, name, operands, result, gas }) => ({ code, name, operands: [...operands], result, gas })),
  );
});

test("the specification's dtypes and kinds of operators are the code's", () => {
  const dtypes = SPEC.table("Dtypes").map(([dtype, ...numbers]) => [dtype, ...numbers.slice(0, 3).map(Number)]);
  assert.deepEqual(
    dtypes,
    Object.entries(DTYPES).map(([dtype, { code, bytes, wordExponent }]) => [dtype, code, bytes, wordExponent]),
  );
  const kinds = SPEC.table("Operators").map(([kind, code]) => [kind, Number(code)]);
  assert.deepEqual(
    kinds,
    KINDS.map((kind, code) => [kind, code]),
  );
});

test("every constraint has its section, and the table says what it looks at", () => {
  const sections = SPEC.headings(3).filter((heading) => /^C\d+$/.test(heading));
  assert.deepEqual(
    sections,
    CONSTRAINTS.map(({ id }) => id),
  );
  const told = SPEC.table("Well-formedness").map(([what, rules = ""]) => [
    what,
    [...rules.matchAll(/C\d+/g)].map(([id]) => id),
  ]);
  const looked = (["header", "constant", "operator", "output", "end"] as const).map((what) => [
    what,
    CONSTRAINTS.filter((constraint) => constraint[what] !== undefined).map(({ id }) => id),
  ]);
  assert.deepEqual(told, looked);
});
