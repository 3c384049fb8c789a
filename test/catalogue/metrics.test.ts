import assert from "node:assert/strict";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { Hex } from "viem";
import { DEVNET_PARAMETERS, toHex } from "../../executor/index.ts";
import {
  type AssayNode,
  COMMAND_SETTINGS,
  createChallengerNode,
  createExecutorNode,
  createSequencerNode,
  type Rollup,
  resolveConfig,
} from "../../infra/index.ts";
import { account } from "../support/anvil.ts";
import { createStage, L2_ACCOUNTS, l2Account, telemetry } from "../support/stage.ts";
import { isOfProcess, METRICS, type Metric, problemsOf, readMetrics } from "./metrics.ts";
import { isSource, ROOMS_OF_PRODUCTION, ROOT, written } from "./page.ts";

test("the table of metrics in the repository is the one that the sources make", async () => {
  assert.equal(written(METRICS), await METRICS.make(), `run ${METRICS.command}`);
});

test("metrics are named as Prometheus asks, each once", async () => {
  assert.deepEqual(problemsOf(await readMetrics()), []);
});

test("a name that breaks a convention is found", () => {
  const metric: Metric = {
    name: "assay_things_total",
    type: "counter",
    labels: ["kind"],
    help: "Things",
    file: "x.ts",
  };
  const broken: readonly Metric[] = [
    metric,
    { ...metric, name: "assay_things" },
    { ...metric, type: "gauge", name: "assay_things_count" },
    { ...metric, type: "histogram", name: "assay_things_ms" },
    { ...metric, name: "things_total", help: "things." },
    { ...metric, name: "assay_other_total", labels: ["peerId"] },
    metric,
  ];
  assert.deepEqual(problemsOf(broken), [
    "assay_things in x.ts: a counter ends in _total",
    "assay_things_count in x.ts: what is no counter does not end as one, or as a part of a histogram",
    "assay_things_ms in x.ts: a histogram ends in its unit",
    "assay_things_ms in x.ts: units are base units",
    "things_total in x.ts: a name is assay_ and words in lower case",
    "things_total in x.ts: a help begins in upper case and ends without a full stop",
    "assay_other_total in x.ts: a label is a word in lower case",
    "assay_things_total in x.ts is declared before",
  ]);
});

test("metrics are made in a file beside the module that moves them, and nowhere else", () => {
  const files = globSync(`{${ROOMS_OF_PRODUCTION.join()}}/**/*.ts`, { cwd: ROOT }).filter(isSource);
  const textOf = (file: string) => readFileSync(path.join(ROOT, file), "utf8");
  const makers = files.filter((file) =>
    (/import (\{[^}]*\}) from "prom-client"/.exec(textOf(file))?.[1] ?? "")
      .split(/[{},]/)
      .some((name) => /^\s*(Counter|Gauge|Histogram|Summary|collectDefaultMetrics)\b/.test(name)),
  );
  assert.deepEqual(makers.sort(), files.filter((file) => file.endsWith("-metrics.ts")).sort());
  for (const file of makers) {
    const beside = files.filter((other) => path.dirname(other) === path.dirname(file));
    assert.ok(
      beside.some((other) => textOf(other).includes(`"./${path.basename(file)}"`)),
      `nothing beside ${file} imports it`,
    );
  }
});

/** The names that a node serves. */
const served = async ({ metrics }: AssayNode): Promise<readonly string[]> => {
  const text = await (await fetch(`${metrics}/metrics`)).text();
  return Array.from(text.matchAll(/^# TYPE (\S+) /gm), ([, name]) => name as string);
};

test("the nodes of a chain together serve the metrics of the table, and no other", async (t) => {
  const stage = await createStage(t);
  const rollup: Rollup = {
    version: 1,
    l1: { chainId: 31337, ...stage.deployment },
    chain: DEVNET_PARAMETERS,
    genesis: {
      accounts: Array.from({ length: L2_ACCOUNTS }, (_, i) => ({
        address: l2Account(i).address.toLowerCase() as Hex,
        balance: 10n ** 21n,
      })),
    },
  };
  const directory = mkdtempSync(path.join(tmpdir(), "assay-metrics-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const keyOf = (index: number): Hex => toHex(account(index).getHdKey().privateKey as Uint8Array);
  const flags = (name: string) => ({
    l1Rpc: stage.anvil.url,
    rollup: "given",
    dataDir: path.join(directory, name),
    rpcPort: "0",
    metricsPort: "0",
    p2pListen: "/ip4/127.0.0.1/tcp/0",
    p2pScope: "private",
  });
  const started = async (node: Promise<AssayNode>): Promise<AssayNode> => {
    t.after(async () => (await node.catch(() => undefined))?.stop());
    return node;
  };
  const { sequencer, executor, challenger } = COMMAND_SETTINGS;
  const nodes = [
    await started(
      createSequencerNode(
        telemetry(),
        resolveConfig(sequencer, { ...flags("sequencer"), batcherKey: keyOf(1), signerKey: keyOf(1) }, {}),
        rollup,
      ),
    ),
    await started(
      createExecutorNode(
        telemetry(),
        resolveConfig(executor, { ...flags("executor"), claimKey: keyOf(2), snapshotServe: true }, {}),
        rollup,
      ),
    ),
    await started(
      createChallengerNode(
        telemetry(),
        resolveConfig(challenger, { ...flags("challenger"), challengeKey: keyOf(3) }, {}),
        rollup,
      ),
    ),
  ];
  const names = (await Promise.all(nodes.map(served))).flat().filter((name) => !isOfProcess(name));
  const known = (await readMetrics()).map(({ name }) => name);
  assert.deepEqual([...new Set(names)].sort(), known);
});
