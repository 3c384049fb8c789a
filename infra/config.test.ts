import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import fc from "fast-check";
import { CodedError } from "../executor/index.ts";
import {
  COMMAND_SETTINGS,
  keyOf,
  notesOf,
  resolveConfig,
  SETTINGS,
  type Setting,
  type SettingName,
  secretsOf,
  settingsTable,
  usageOf,
} from "./config.ts";
import { configurationGuide } from "./config-guide.ts";

const rows = Object.entries(SETTINGS) as [SettingName, Setting<unknown>][];
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
  return "no error";
};

test("within a command no flag and no variable occurs twice", () => {
  for (const names of Object.values(COMMAND_SETTINGS)) {
    const settings: Setting<unknown>[] = names.map((name) => SETTINGS[name]);
    assert.equal(new Set(settings.map(({ flag }) => flag)).size, settings.length);
    assert.equal(new Set(settings.map(({ variable }) => variable)).size, settings.length);
  }
});

test("variables are named after their flags, and every default parses", () => {
  for (const [name, setting] of rows) {
    assert.equal(setting.variable, `ASSAY_${setting.flag.slice(2).toUpperCase().replaceAll("-", "_")}`, name);
    if (setting.fallback !== undefined) setting.parse(setting.fallback);
  }
});

test("a flag wins over its variable, the variable over the default", () => {
  const names = ["rpcPort"] as const;
  assert.equal(resolveConfig(names, { rpcPort: "1" }, { ASSAY_RPC_PORT: "2" }).rpcPort, 1);
  assert.equal(resolveConfig(names, {}, { ASSAY_RPC_PORT: "2" }).rpcPort, 2);
  assert.equal(resolveConfig(names, {}, {}).rpcPort, 9545);
});

test("switches, optional settings and missing ones", () => {
  assert.equal(resolveConfig(["json"], { json: true }, {}).json, true);
  assert.equal(resolveConfig(["json"], {}, { ASSAY_JSON: "1" }).json, true);
  assert.equal(resolveConfig(["json"], {}, {}).json, false);
  assert.equal(resolveConfig(["logFile"], {}, {}).logFile, undefined);
  assert.equal(
    codeOf(() => resolveConfig(["l1Rpc"], {}, {})),
    "CONFIG_MISSING",
  );
});

test("what is out of range is refused, and a secret is not repeated", () => {
  const refused: [SettingName, string][] = [
    ["rpcPort", "65536"],
    ["rpcPort", "-1"],
    ["rpcPort", "1.5"],
    ["rpcPort", ""],
    ["logLevel", "loud"],
    ["l1Rpc", "ftp://127.0.0.1"],
    ["l1Rpc", "127.0.0.1:8545"],
    ["l1BlockTime", "0"],
    ["sequencerKey", "0x12"],
    ["sequencerKey", `0x${"00".repeat(32)}`],
    ["sequencerKey", `0x${"ff".repeat(32)}`],
    ["json", "yes"],
  ];
  for (const [name, value] of refused)
    assert.equal(
      codeOf(() => resolveConfig([name], { [keyOf(SETTINGS[name])]: value }, {})),
      "CONFIG_INVALID",
      `${name}=${value}`,
    );
  const secret = `0x${"ab".repeat(31)}`;
  try {
    resolveConfig(["sequencerKey"], {}, { ASSAY_SEQUENCER_KEY: secret });
    assert.fail("accepted");
  } catch (error) {
    assert.ok(error instanceof CodedError);
    assert.ok(!error.message.includes(secret));
    assert.ok(error.message.includes("ASSAY_SEQUENCER_KEY"));
  }
});

test("any port comes through every door unchanged", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 65535 }), (port) => {
      assert.equal(resolveConfig(["l1Port"], { l1Port: String(port) }, {}).l1Port, port);
      assert.equal(resolveConfig(["l1Port"], {}, { ASSAY_L1_PORT: String(port) }).l1Port, port);
    }),
    { seed: 7, numRuns: 200 },
  );
});

test("help and documentation name every setting", () => {
  assert.equal(usageOf(SETTINGS.rpcPort), "--rpc-port <port>");
  assert.equal(usageOf(SETTINGS.json), "--json");
  assert.equal(notesOf(SETTINGS.rpcPort), "(env: ASSAY_RPC_PORT, default: 9545)");
  assert.equal(notesOf(SETTINGS.l1Rpc), "(env: ASSAY_L1_RPC, required)");
  const table = settingsTable("sequencer");
  for (const name of COMMAND_SETTINGS.sequencer) assert.ok(table.includes(`\`${usageOf(SETTINGS[name])}\``), name);
});

test("secrets are known by their setting", () => {
  const key = `0x${"cd".repeat(32)}`;
  assert.deepEqual(secretsOf(resolveConfig(["sequencerKey", "rpcPort"], { sequencerKey: key }, {})), [key]);
});

test("the guide in the repository is the one that the table makes", () => {
  assert.equal(readFileSync(new URL("README.md", import.meta.url), "utf8"), configurationGuide());
});
