import assert from "node:assert/strict";
import { test } from "node:test";
import {
  batchInbox,
  claimGames,
  claimRegistry,
  l1CrossDomainMessenger,
  l1StandardBridge,
  modelRegistry,
  portal,
  systemConfig,
} from "./contracts.gen.ts";
import { staleOutputs } from "./generate.ts";

test("the generated files are those of the contracts as they stand", () => {
  assert.deepEqual(staleOutputs(), [], "run npm run generate");
});

test("contracts fit the limits of initcode and code", () => {
  const all = [
    batchInbox,
    portal,
    modelRegistry,
    claimRegistry,
    claimGames,
    l1CrossDomainMessenger,
    l1StandardBridge,
    systemConfig,
  ];
  for (const { bytecode } of all) assert.ok(bytecode.length / 2 < 24_576);
});
