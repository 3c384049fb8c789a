import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import fc from "fast-check";
import { CodedError } from "../../executor/index.ts";
import {
  COMMAND_SETTINGS,
  keyOf,
  notesOf,
  resolveConfig,
  type SettingName,
  secretsOf,
  settingsTable,
  usageOf,
} from "./config.ts";
import { configurationGuide } from "./config-guide.ts";
import { SETTINGS, type Setting } from "./settings.ts";

const PEER = "/p2p/12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq";
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

test("a node without peers has no bootnodes: both settings are named", () => {
  const names = ["p2pOff", "p2pBootnodes"] as const;
  const bootnodes = `/ip4/10.0.0.1/tcp/9222${PEER}`;
  assert.equal(resolveConfig(names, { p2pOff: false, p2pBootnodes: bootnodes }, {}).p2pBootnodes?.length, 1);
  for (const [flags, variables] of [
    [{ p2pOff: true, p2pBootnodes: bootnodes }, {}],
    [{ p2pOff: true }, { ASSAY_P2P_BOOTNODES: bootnodes }],
  ] as const)
    assert.throws(
      () => resolveConfig(names, flags, variables),
      ({ code, data }: CodedError) => {
        assert.deepEqual([code, data["settings"]], ["CONFIG_INVALID", ["--p2p-off", "--p2p-bootnodes"]]);
        return true;
      },
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
    ["batcherKeys", "0x12"],
    ["signerKeys", `0x${"00".repeat(32)}`],
    ["batcherKeys", `0x${"ff".repeat(32)}`],
    ["batcherKeys", [1, 2, 3].map((n) => `0x${String(n).repeat(64)}`).join()],
    ["json", "yes"],
    ["p2pListen", ""],
    ["p2pListen", "127.0.0.1:9222"],
    ["p2pListen", "/ip4/256.0.0.1/tcp/9222"],
    ["p2pListen", "/ip4/127.0.0.1/tcp/65536"],
    ["p2pListen", "/ip4/127.0.0.1/udp/9222"],
    ["p2pListen", "/ip6/127.0.0.1/tcp/9222"],
    ["p2pListen", "/ip4/127.0.0.1/tcp/1,"],
    ["p2pListen", `/ip4/127.0.0.1/tcp/1${PEER}`],
    ["p2pListen", "/dns4/node.example/tcp/1"],
    ["p2pBootnodes", "/ip4/127.0.0.1/tcp/9222"],
    ["p2pBootnodes", `/ip4/127.0.0.1/tcp/0${PEER}`],
    ["p2pBootnodes", "/ip4/127.0.0.1/tcp/9222/p2p/0OIl"],
    ["p2pBootnodes", `/unix/socket/tcp/9222${PEER}`],
    ["p2pBootnodes", `/ip4/127.0.0.1/tcp/9222/ws${PEER}`],
    ["p2pScope", "open"],
    ["p2pMaxPeers", "0"],
  ];
  for (const [name, value] of refused)
    assert.equal(
      codeOf(() => resolveConfig([name], { [keyOf(SETTINGS[name])]: value }, {})),
      "CONFIG_INVALID",
      `${name}=${value}`,
    );
  const secret = `0x${"ab".repeat(31)}`;
  try {
    resolveConfig(["batcherKeys"], {}, { ASSAY_BATCHER_KEY: secret });
    assert.fail("accepted");
  } catch (error) {
    assert.ok(error instanceof CodedError);
    assert.ok(!error.message.includes(secret));
    assert.ok(error.message.includes("ASSAY_BATCHER_KEY"));
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

test("addresses of peers come as a list, in order", () => {
  const { p2pListen } = resolveConfig(["p2pListen"], { p2pListen: "/ip4/127.0.0.1/tcp/0, /ip6/::1/tcp/9222" }, {});
  assert.deepEqual(p2pListen, ["/ip4/127.0.0.1/tcp/0", "/ip6/::1/tcp/9222"]);
  const given = [`/ip4/192.0.2.1/tcp/9222${PEER}`, `/dns4/node.example/tcp/1${PEER}`, `/ip6/2001:db8::1/tcp/2${PEER}`];
  assert.deepEqual(resolveConfig(["p2pBootnodes"], { p2pBootnodes: given.join(",") }, {}).p2pBootnodes, given);
  assert.equal(resolveConfig(["p2pBootnodes"], {}, {}).p2pBootnodes, undefined);
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
  const [key, next] = [`0x${"cd".repeat(32)}`, `0x${"ef".repeat(32)}`];
  assert.deepEqual(secretsOf(resolveConfig(["signerKeys", "rpcPort"], { signerKey: key }, {})), [key]);
  assert.deepEqual(secretsOf(resolveConfig(["batcherKeys"], { batcherKey: `${key}, ${next}` }, {})), [key, next]);
  assert.deepEqual(secretsOf(resolveConfig(["claimKey"], {}, {})), []);
});

test("the guide in the repository is the one that the table makes", () => {
  assert.equal(readFileSync(new URL("../README.md", import.meta.url), "utf8"), configurationGuide());
});
