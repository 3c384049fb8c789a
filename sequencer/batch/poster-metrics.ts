import { Counter, type Registry } from "prom-client";

export const createPosterMetrics = (registry: Registry) => ({
  posted: new Counter({
    name: "assay_poster_batches_total",
    help: "Batches brought to L1, by outcome: what L1's record, its refusal, or the transaction came to",
    labelNames: ["outcome"],
    registers: [registry],
  }),
  rebuilds: new Counter({
    name: "assay_poster_rebuilds_total",
    help: "Times that unposted blocks were removed because L1 will not take their batch",
    registers: [registry],
  }),
});
