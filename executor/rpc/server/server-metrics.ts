import { Gauge, type Registry } from "prom-client";

export const createServerMetrics = (registry: Registry) => ({
  connections: new Gauge({
    name: "assay_rpc_connections",
    help: "Open WebSocket connections",
    registers: [registry],
  }),
});
