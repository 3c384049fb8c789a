import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  batchInbox,
  claimGames,
  claimRegistry,
  l1CrossDomainMessenger,
  l1StandardBridge,
  modelRegistry,
  portal,
} from "./contracts.gen.ts";
import { generate } from "./generate.ts";

test("the generated files are what the contracts compile to", () => {
  for (const { path, content } of generate())
    assert.ok(
      readFileSync(new URL(`../../${path}`, import.meta.url), "utf8") === content,
      `${path} is stale: run npm run generate`,
    );
});

test("contracts fit the limits of initcode and code", () => {
  const all = [batchInbox, portal, modelRegistry, claimRegistry, claimGames, l1CrossDomainMessenger, l1StandardBridge];
  for (const { bytecode } of all) assert.ok(bytecode.length / 2 < 24_576);
});
