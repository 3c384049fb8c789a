import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export const createChainMetrics = (registry: Registry) => ({
  head: new Gauge({ name: "assay_chain_head_block", help: "Number of the newest block", registers: [registry] }),
  safe: new Gauge({ name: "assay_chain_safe_block", help: "Newest block that L1 holds", registers: [registry] }),
  retained: new Gauge({
    name: "assay_chain_retained_block",
    help: "Oldest block whose state something at stake needs: final on L1, and begun with by no undecided claim",
    registers: [registry],
  }),
  oldest: new Gauge({
    name: "assay_chain_oldest_state_block",
    help: "Oldest block whose state is kept",
    registers: [registry],
  }),
  rulesEnd: new Gauge({
    name: "assay_chain_rules_end_timestamp_seconds",
    help: "L2 timestamp from which a fork holds that this version does not have; +Inf when there is none",
    registers: [registry],
  }),
  transactions: new Counter({
    name: "assay_chain_transactions_total",
    help: "Transactions in sealed blocks",
    registers: [registry],
  }),
  gas: new Counter({ name: "assay_chain_gas_total", help: "Gas used by sealed blocks", registers: [registry] }),
  refused: new Counter({
    name: "assay_chain_refused_total",
    help: "Envelopes that were no transaction of the block, by code",
    labelNames: ["code"],
    registers: [registry],
  }),
  execution: new Histogram({
    name: "assay_chain_execution_seconds",
    help: "From the begin of a block to its seal",
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  }),
  seal: new Histogram({
    name: "assay_chain_seal_seconds",
    help: "Roots, header and the synced write of a block",
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  }),
  rollbacks: new Counter({
    name: "assay_chain_rolled_back_blocks_total",
    help: "Blocks that were removed",
    registers: [registry],
  }),
});
