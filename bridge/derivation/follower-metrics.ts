import { Counter, Gauge, type Registry } from "prom-client";

export const createFollowerMetrics = (registry: Registry) => ({
  safeGauge: new Gauge({
    name: "assay_follower_safe_block",
    help: "Newest block that was derived from L1",
    registers: [registry],
  }),
  derived: new Counter({
    name: "assay_follower_blocks_total",
    help: "Blocks derived from L1: executed here, or compared with a block that was there already",
    labelNames: ["how"],
    registers: [registry],
  }),
  rollbacks: new Counter({
    name: "assay_follower_rollbacks_total",
    help: "Times that blocks were removed because L1 says otherwise",
    registers: [registry],
  }),
  failures: new Counter({
    name: "assay_follower_failures_total",
    help: "Attempts to derive that failed",
    registers: [registry],
  }),
  rulesEnded: new Gauge({
    name: "assay_follower_rules_ended",
    help: "1 where L1 holds a next block whose fork this version does not have: derivation ends before it",
    registers: [registry],
  }),
});
