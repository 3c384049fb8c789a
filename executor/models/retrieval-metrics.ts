import { Counter, type Registry } from "prom-client";

export const createRetrievalMetrics = (registry: Registry) => ({
  outcomes: new Counter({
    name: "assay_models_retrievals_total",
    help: "Artifacts that were not whole on disk, by the source that completed them; none when no source did",
    labelNames: ["source"] as const,
    registers: [registry],
  }),
});
