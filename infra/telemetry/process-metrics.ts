import { collectDefaultMetrics, type Registry } from "prom-client";

/** What prom-client tells of any Node.js process: processor, memory, event loop, garbage collection. */
export const createProcessMetrics = (registry: Registry): void =>
  collectDefaultMetrics({ register: registry, prefix: "assay_" });
