import { Counter, Gauge, type Registry } from "prom-client";

/** How many transactions wait: for a block, and for one of a lower nonce. */
type Waiting = { readonly ready: number; readonly queued: number };

export const createMempoolMetrics = (registry: Registry, waiting: () => Waiting) => ({
  transactions: new Gauge({
    name: "assay_mempool_transactions",
    help: "Transactions that wait, by readiness",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      const { ready, queued } = waiting();
      this.set({ state: "ready" }, ready);
      this.set({ state: "queued" }, queued);
    },
  }),
  size: new Gauge({
    name: "assay_mempool_size_bytes",
    help: "Bytes of all transactions that wait",
    registers: [registry],
  }),
  admissions: new Counter({
    name: "assay_mempool_admissions_total",
    help: "Transactions offered to the pool, by outcome",
    labelNames: ["outcome"],
    registers: [registry],
  }),
  departures: new Counter({
    name: "assay_mempool_departures_total",
    help: "Transactions that left the pool, by reason",
    labelNames: ["reason"],
    registers: [registry],
  }),
});
