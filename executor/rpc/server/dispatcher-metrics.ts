import { Counter, Histogram, type Registry } from "prom-client";

export const createDispatcherMetrics = (registry: Registry) => ({
  requests: new Counter({
    name: "assay_rpc_requests_total",
    help: "JSON-RPC calls by method and outcome",
    labelNames: ["method", "outcome"],
    registers: [registry],
  }),
  latency: new Histogram({
    name: "assay_rpc_request_seconds",
    help: "Time from a call's arrival to its answer, by method",
    labelNames: ["method"],
    buckets: [0.0005, 0.002, 0.01, 0.05, 0.2, 1, 5, 20],
    registers: [registry],
  }),
});
