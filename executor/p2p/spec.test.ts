import assert from "node:assert/strict";
import { test } from "node:test";
import { readMarkdown } from "../foundation/markdown.fixture.ts";
import { CONTENT_KINDS } from "./content/kinds.ts";
import { PENALTY } from "./network/reputation.ts";

const SPEC = readMarkdown(new URL("SPEC.md", import.meta.url));

test("the specification's penalties are the code's", () => {
  const written = SPEC.table("Scores").map(([fault, points]) => [fault, Number(points)]);
  assert.deepEqual(Object.fromEntries(written), PENALTY);
});

test("the specification's kinds of content are the code's", () => {
  const rows = SPEC.text.split("\n").filter((line) => /^\| (manifest|chunk|batch|blob|base|state|code) \|/.test(line));
  const written = rows.map((row) => {
    const [kind = "", wire, , most = ""] = row
      .split("|")
      .slice(1)
      .map((cell) => cell.trim());
    return [kind, { wire: Number(wire), maxBytes: Number(most.replaceAll(",", "")) }];
  });
  const known = Object.entries(CONTENT_KINDS).map(([kind, { wire, maxBytes }]) => [kind, { wire, maxBytes }]);
  assert.deepEqual(written, known);
});
