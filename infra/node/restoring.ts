import { fastify } from "fastify";
import { CodedError, messageOf, type Service, type Telemetry } from "../../executor/index.ts";
import type { Progress } from "../snapshot/restore.ts";
import { createMetricsServer } from "../telemetry/metrics-server.ts";
import type { createRestoringMetrics } from "./restoring-metrics.ts";

export type RestoringErrorCode =
  /** The node begins with a snapshot and has no state yet. Wait: the message says how far it is. */
  | "NODE_RESTORING"
  /** The port of the RPC is taken. Stop what listens there, or give another --rpc-port. */
  | "NODE_RPC_LISTEN";

/** JSON-RPC's code for errors of the server, as all of the node's own. */
const SERVER_ERROR = -32_000;

const idsIn = (body: unknown): unknown => (body as { readonly id?: unknown } | null)?.id ?? null;

/**
 * Stands at the ports of a node that has no chain yet: each call, `/readyz` and `/metrics` tell how far the snapshot is.
 * NODE_RPC_LISTEN, METRICS_LISTEN.
 */
export const showProgress = async (
  telemetry: Telemetry & { readonly metrics: ReturnType<typeof createRestoringMetrics> },
  { rpcPort, metricsPort }: { readonly rpcPort: number; readonly metricsPort: number },
): Promise<Service & { readonly progress: Progress }> => {
  const { metrics } = telemetry;
  let state = "the snapshot is looked for";
  const app = fastify({ requestTimeout: 10_000, forceCloseConnections: true });
  app.post("/", async ({ body }) => {
    const error = { code: SERVER_ERROR, message: state, data: { code: "NODE_RESTORING" satisfies RestoringErrorCode } };
    const answer = (call: unknown) => ({ jsonrpc: "2.0", id: idsIn(call), error });
    return Array.isArray(body) ? body.map(answer) : answer(body);
  });
  const server = await createMetricsServer(telemetry, {
    port: metricsPort,
    checks: [{ name: "snapshot", check: () => state }],
  });
  try {
    await app.listen({ host: "127.0.0.1", port: rpcPort });
  } catch (error) {
    await Promise.all([app.close(), server.stop()]);
    throw new CodedError<RestoringErrorCode>(
      "NODE_RPC_LISTEN",
      `cannot answer on 127.0.0.1:${rpcPort}: ${messageOf(error)}`,
      { port: rpcPort },
      error,
    );
  }
  return {
    name: "snapshot-progress",
    progress: {
      downloaded(bytes) {
        metrics.downloaded.set(bytes);
        state = `the snapshot is downloaded: ${(bytes / 1e6).toFixed(1)} MB are here`;
      },
      restored(share) {
        metrics.restored.set(share);
        state = `the state is restored from a snapshot: ${Math.floor(share * 100)} %`;
      },
    },
    async stop() {
      await Promise.all([app.close(), server.stop()]);
    },
  };
};
