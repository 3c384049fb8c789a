import { Counter, Gauge, type Registry } from "prom-client";
import type { HaltCode } from "./window.ts";

/** What L1 does not hold yet. `pending`: closed batches. `oldestAge`: L1 blocks since the origin of the oldest batch. */
type Unposted = { readonly pending: number; readonly oldestAge: bigint; readonly halted: HaltCode | undefined };

const HALT_CODES: readonly HaltCode[] = ["BATCH_WINDOW_HALF_GONE", "BATCHES_PENDING_FULL", "BLOCKS_UNSAFE_FULL"];

export const createBatchesMetrics = (registry: Registry, unposted: () => Unposted) => ({
  pending: new Gauge({
    name: "assay_batches_pending",
    help: "Closed batches that L1 does not hold yet",
    registers: [registry],
    collect() {
      this.set(unposted().pending);
    },
  }),
  oldestAge: new Gauge({
    name: "assay_batches_oldest_age_blocks",
    help: "L1 blocks since the origin of the oldest batch that L1 does not hold yet; L1 takes it for a window of them",
    registers: [registry],
    collect() {
      this.set(Number(unposted().oldestAge));
    },
  }),
  halted: new Gauge({
    name: "assay_batches_halted",
    help: "1 for the reason why no block is built because L1 may not take it",
    labelNames: ["code"],
    registers: [registry],
    collect() {
      const { halted } = unposted();
      for (const code of HALT_CODES) this.set({ code }, code === halted ? 1 : 0);
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
