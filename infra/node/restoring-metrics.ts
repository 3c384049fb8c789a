import { Gauge, type Registry } from "prom-client";

export const createRestoringMetrics = (registry: Registry) => ({
  restored: new Gauge({
    name: "assay_snapshot_restored_ratio",
    help: "Share of the state that is restored from the snapshot which the node begins with; 1 when it is whole, or begins with none",
    registers: [registry],
  }),
  downloaded: new Gauge({
    name: "assay_snapshot_downloaded_bytes",
    help: "Bytes of the snapshot which the node begins with that have come over HTTP",
    registers: [registry],
  }),
});
