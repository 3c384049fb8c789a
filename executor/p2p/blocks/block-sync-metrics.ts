import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export const createBlockSyncMetrics = (registry: Registry, pending: () => number) => ({
  imported: new Counter({
    name: "assay_p2p_blocks_imported_total",
    help: "Signed blocks by what became of them on this node",
    labelNames: ["outcome"],
    registers: [registry],
  }),
  latency: new Histogram({
    name: "assay_p2p_block_executed_seconds",
    help: "From the sealing of a block, by the sequencer's clock, until it was this node's head",
    buckets: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 30],
    registers: [registry],
  }),
  pending: new Gauge({
    name: "assay_p2p_blocks_pending",
    help: "Signed blocks that wait for their parents",
    registers: [registry],
    collect() {
      this.set(pending());
    },
  }),
  ranges: new Counter({
    name: "assay_p2p_ranges_total",
    help: "Ranges of blocks asked of peers, by outcome",
    labelNames: ["outcome"],
    registers: [registry],
  }),
});
