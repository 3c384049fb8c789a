import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { batchInbox, claimGames, claimRegistry, modelRegistry, portal } from "./contracts.gen.ts";
import { generate } from "./generate.ts";

test("the generated files are what the contracts compile to", () => {
  for (const { path, content } of generate())
    assert.ok(
      readFileSync(new URL(`../../${path}`, import.meta.url), "utf8") === content,
      `${path} is stale: run npm run generate`,
    );
});

test("contracts fit the limits of initcode and code", () => {
  for (const { bytecode } of [batchInbox, portal, modelRegistry, claimRegistry, claimGames])
    assert.ok(bytecode.length / 2 < 24_576);
});
