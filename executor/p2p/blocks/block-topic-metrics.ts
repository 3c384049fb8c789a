import { Counter, Histogram, type Registry } from "prom-client";

export const createBlockTopicMetrics = (registry: Registry) => ({
  heard: new Counter({
    name: "assay_p2p_blocks_heard_total",
    help: "Gossiped blocks by what became of them",
    labelNames: ["outcome"],
    registers: [registry],
  }),
  latency: new Histogram({
    name: "assay_p2p_block_heard_seconds",
    help: "From the sealing of a block, by the sequencer's clock, until it was heard and judged",
    buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 30],
    registers: [registry],
  }),
});
