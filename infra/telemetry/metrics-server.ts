import { fastify } from "fastify";
import { Registry } from "prom-client";
import { CodedError, messageOf, type Service, type Telemetry } from "../../executor/index.ts";
import { createProcessMetrics } from "./process-metrics.ts";

export type MetricsErrorCode =
  /** Metrics cannot be served on that port: see the cause. Give another --metrics-port. */
  "METRICS_LISTEN";

/** One condition of readiness. A text says why it does not hold; undefined: it holds. `notice`: what is to be known meanwhile. */
export type ReadinessCheck = {
  readonly name: string;
  readonly check: () => string | undefined;
  readonly notice?: () => string | undefined;
};

export type MetricsServer = Service & { readonly url: string; readonly port: number };

/** The registry of one process, with the process's own figures in it. */
export const createRegistry = (): Registry => {
  const registry = new Registry();
  createProcessMetrics(registry);
  return registry;
};

/**
 * `/metrics` (Prometheus text), `/healthz` (200 while the event loop turns), `/readyz` (503 and the reasons until every
 * check holds), on loopback. METRICS_LISTEN when the port is taken.
 */
export const createMetricsServer = async (
  { logger, registry }: Telemetry,
  { port, checks }: { readonly port: number; readonly checks: readonly ReadinessCheck[] },
): Promise<MetricsServer> => {
  const app = fastify({ bodyLimit: 1024, requestTimeout: 10_000, forceCloseConnections: true });
  app.get("/metrics", async (_request, reply) => {
    reply.header("content-type", registry.contentType);
    return registry.metrics();
  });
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (_request, reply) => {
    const results = checks.map(({ name, check, notice }) => ({ name, reason: check(), notice: notice?.() }));
    const ready = results.every(({ reason }) => reason === undefined);
    reply.code(ready ? 200 : 503);
    return {
      status: ready ? "ready" : "not ready",
      checks: Object.fromEntries(results.map(({ name, reason, notice }) => [name, reason ?? notice ?? "ok"])),
    };
  });
  try {
    await app.listen({ host: "127.0.0.1", port });
  } catch (error) {
    await app.close();
    throw new CodedError<MetricsErrorCode>(
      "METRICS_LISTEN",
      `cannot serve metrics on 127.0.0.1:${port}: ${messageOf(error)}`,
      { port },
      error,
    );
  }
  const address = app.server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  logger.info({ port: bound }, "metrics are served");
  return {
    name: "metrics",
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    stop: () => app.close(),
  };
};
