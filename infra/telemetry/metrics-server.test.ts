import assert from "node:assert/strict";
import test from "node:test";
import { pino } from "pino";
import { Counter } from "prom-client";
import { CodedError } from "../../executor/index.ts";
import { createMetricsServer, createRegistry } from "./metrics-server.ts";

const logger = pino({ level: "silent" });

test("metrics, health and readiness with its reasons", async () => {
  const registry = createRegistry();
  new Counter({ name: "assay_test_things_total", help: "things", registers: [registry] }).inc(3);
  let reason: string | undefined = "no L1 head yet";
  const server = await createMetricsServer(
    { logger, registry },
    {
      port: 0,
      checks: [
        { name: "l1", check: () => reason },
        { name: "store", check: () => undefined },
      ],
    },
  );
  try {
    const metrics = await fetch(`${server.url}/metrics`);
    assert.match(metrics.headers.get("content-type") ?? "", /^text\/plain/);
    const text = await metrics.text();
    assert.match(text, /^assay_test_things_total 3$/m);
    assert.match(text, /^assay_process_cpu_seconds_total /m);
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
    const waiting = await fetch(`${server.url}/readyz`);
    assert.equal(waiting.status, 503);
    assert.deepEqual(await waiting.json(), { status: "not ready", checks: { l1: "no L1 head yet", store: "ok" } });
    reason = undefined;
    const ready = await fetch(`${server.url}/readyz`);
    assert.equal(ready.status, 200);
    assert.deepEqual(await ready.json(), { status: "ready", checks: { l1: "ok", store: "ok" } });
    assert.equal((await fetch(`${server.url}/other`)).status, 404);
    await assert.rejects(
      createMetricsServer({ logger, registry }, { port: server.port, checks: [] }),
      (error) => error instanceof CodedError && error.code === "METRICS_LISTEN",
    );
  } finally {
    await server.stop();
  }
  await server.stop();
  await assert.rejects(fetch(`${server.url}/healthz`));
});
