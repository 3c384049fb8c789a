import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { CodedError, DEVNET_PARAMETERS } from "../../executor/index.ts";
import { type Rollup, readRollup, writeRollup } from "./rollup.ts";

const directory = mkdtempSync(join(tmpdir(), "assay-rollup-"));
after(() => rmSync(directory, { recursive: true }));
const file = join(directory, "rollup.json");
const at = (byte: string) => `0x${byte.repeat(20)}` as const;
const rollup: Rollup = {
  version: 1,
  l1: {
    chainId: 31337,
    startBlock: 2n ** 63n,
    contracts: {
      batchInbox: at("01"),
      portal: at("02"),
      modelRegistry: at("03"),
      claimRegistry: at("04"),
      claimGames: at("05"),
      l1CrossDomainMessenger: at("06"),
      l1StandardBridge: at("07"),
      stepVerifier: at("0a"),
      tensorStepVerifier: at("08"),
      admissionVerifier: at("18"),
      leafRules: at("09"),
      systemConfig: at("0a"),
    },
  },
  chain: DEVNET_PARAMETERS,
  genesis: { accounts: [{ address: at("aa"), balance: 2n ** 200n }], feeRecipient: at("bb") },
};

test("what is written is read again", () => {
  writeRollup(file, rollup);
  assert.deepEqual(readRollup(file), rollup);
});

test("a file that is absent, no JSON, or wrong in a field is refused with the field's name", () => {
  const refused = (mentioned: string) =>
    assert.throws(
      () => readRollup(file),
      (error) => error instanceof CodedError && error.code === "ROLLUP_FILE" && error.message.includes(mentioned),
    );
  writeFileSync(file, "{");
  refused(file);
  const portal = rollup.l1.contracts.portal;
  const broken: readonly [field: string, from: string, to: string][] = [
    ["l1.contracts.portal", portal, "0x12"],
    ["l1.contracts.portal", portal, portal.replace("02", "0A")],
    ["chain.chainId", '"918273"', "918273"],
    ["genesis.accounts.0.balance", String(2n ** 200n), "-1"],
    ["version", '"version": 1', '"version": 2'],
    ["surprise", '"version": 1', '"version": 1, "surprise": true'],
  ];
  for (const [field, from, to] of broken) {
    writeRollup(file, rollup);
    const text = readFileSync(file, "utf8");
    assert.ok(text.includes(from));
    writeFileSync(file, text.replace(from, to));
    refused(field);
  }
  rmSync(file);
  refused(file);
});
