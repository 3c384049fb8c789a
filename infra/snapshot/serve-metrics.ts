import { Gauge, type Registry } from "prom-client";

export const createServeMetrics = (registry: Registry) => ({
  served: new Gauge({
    name: "assay_snapshot_served_block",
    help: "Block whose state peers can begin with here; 0 without one",
    registers: [registry],
  }),
});
