import { Counter, Gauge, type Registry } from "prom-client";

export const createBatchesMetrics = (registry: Registry, pending: () => number) => ({
  pending: new Gauge({
    name: "assay_batches_pending",
    help: "Closed batches that L1 does not hold yet",
    registers: [registry],
    collect() {
      this.set(pending());
    },
  }),
  sizes: new Counter({
    name: "assay_batches_closed_bytes_total",
    help: "Bytes of all batches that were closed",
    registers: [registry],
  }),
  closings: new Counter({
    name: "assay_batches_closed_total",
    help: "Batches that were closed, by where they lie on L1",
    labelNames: ["data"],
    registers: [registry],
  }),
});
