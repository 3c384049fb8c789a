import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** Bytes in memory: of opened models, and of remembered outputs. */
type Held = { readonly engines: number; readonly outputs: number };

export const createRuntimeMetrics = (registry: Registry, held: () => Held) => ({
  runs: new Counter({
    name: "assay_models_runs_total",
    help: "Inferences by how they ended: answered, remembered, refused, failed",
    labelNames: ["outcome"] as const,
    registers: [registry],
  }),
  seconds: new Histogram({
    name: "assay_models_run_seconds",
    help: "Time of one inference that was computed",
    buckets: [0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1, 5],
    registers: [registry],
  }),
  opened: new Counter({
    name: "assay_models_engine_lookups_total",
    help: "Lookups of a ready engine: hit, or miss when the model had to be opened",
    labelNames: ["outcome"] as const,
    registers: [registry],
  }),
  admissions: new Counter({
    name: "assay_models_admissions_total",
    help: "Judged artifacts by the constraint that refused them; admitted ones as none",
    labelNames: ["constraint"] as const,
    registers: [registry],
  }),
  cacheBytes: new Gauge({
    name: "assay_models_engine_cache_bytes",
    help: "Bytes of opened models",
    registers: [registry],
    collect() {
      this.set(held().engines);
    },
  }),
  memoBytes: new Gauge({
    name: "assay_models_memo_bytes",
    help: "Bytes of remembered outputs",
    registers: [registry],
    collect() {
      this.set(held().outputs);
    },
  }),
});
