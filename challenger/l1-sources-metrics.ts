import { Counter, Gauge, type Registry } from "prom-client";

export const createL1SourcesMetrics = (registry: Registry) => ({
  refusals: new Counter({
    name: "assay_challenger_l1_refusals_total",
    help: "Times that nothing was sent because sources of L1 did not agree, by the error",
    labelNames: ["error"],
    registers: [registry],
  }),
  disagree: new Gauge({
    name: "assay_challenger_l1_disagreement",
    help: "1 while sources of L1 do not agree, and nothing is sent",
    registers: [registry],
  }),
});
