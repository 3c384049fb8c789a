import { Counter, Gauge, type Registry } from "prom-client";

export const createL1SourceMetrics = (registry: Registry) => ({
  headGauge: new Gauge({
    name: "assay_l1_source_head_block",
    help: "Newest L1 block that was read",
    registers: [registry],
  }),
  behindGauge: new Gauge({
    name: "assay_l1_source_behind_blocks",
    help: "L1 blocks that were read and that the endpoint did not show when it was asked last",
    registers: [registry],
  }),
  reorgs: new Counter({
    name: "assay_l1_source_reorgs_total",
    help: "L1 reorganisations that took back something that was read",
    registers: [registry],
  }),
  failures: new Counter({
    name: "assay_l1_source_failures_total",
    help: "Attempts to read L1 that failed",
    registers: [registry],
  }),
});
