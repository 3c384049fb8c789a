import { Counter, Histogram, type Registry } from "prom-client";

export const createProducerMetrics = (registry: Registry) => ({
  blocks: new Counter({
    name: "assay_producer_blocks_total",
    help: "Blocks built",
    registers: [registry],
  }),
  transactions: new Counter({
    name: "assay_producer_transactions_total",
    help: "Transactions of the pool by what the block made of them",
    labelNames: ["outcome"],
    registers: [registry],
  }),
  seconds: new Histogram({
    name: "assay_producer_block_seconds",
    help: "Time to build and write one block",
    buckets: [0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
    registers: [registry],
  }),
  failures: new Counter({
    name: "assay_producer_failures_total",
    help: "Attempts to build a block that failed",
    registers: [registry],
  }),
});
