import { Counter, type Registry } from "prom-client";

export const createClaimViewMetrics = (registry: Registry) => ({
  reads: new Counter({
    name: "assay_claims_reads_total",
    help: "Times that L1 was asked about claims for an answer of the RPC, by how it ended",
    labelNames: ["outcome"],
    registers: [registry],
  }),
});
