import { Counter, type Registry } from "prom-client";

export const createL1BlobsMetrics = (registry: Registry) => ({
  blobs: new Counter({
    name: "assay_l1_blobs_total",
    help: "Blobs that sources gave: kept, or not one that was asked for: strange; sources that could not be asked: failed",
    labelNames: ["source", "outcome"],
    registers: [registry],
  }),
});
