import { Counter, Gauge } from "prom-client";
import type { Telemetry } from "../../executor/index.ts";

/** What the claimant does to L1. */
export type ClaimAction = "propose" | "settle" | "withdraw";

export const createClaimantMetrics = (registry: Telemetry["registry"]) => {
  const registers = [registry];
  return {
    right: new Gauge({
      name: "assay_claims_right_block",
      help: "Newest block under a claim on L1 that this node computed alike",
      registers,
    }),
    confirmed: new Gauge({
      name: "assay_claims_confirmed_block",
      help: "Newest block under a confirmed claim that this node computed alike",
      registers,
    }),
    rangeUnits: new Gauge({
      name: "assay_claims_range_units",
      help: "Units of the range that was executed again last",
      registers,
    }),
    rangeSeconds: new Gauge({
      name: "assay_claims_range_seconds",
      help: "Time that it took to execute the last range again",
      registers,
    }),
    sent: new Counter({
      name: "assay_claims_transactions_total",
      help: "L1 transactions for claims, by what they do and how they ended",
      labelNames: ["action", "outcome"],
      registers,
    }),
    failures: new Counter({
      name: "assay_claims_failures_total",
      help: "Looks at the claims that failed",
      registers,
    }),
    lost: new Gauge({
      name: "assay_claims_lost",
      help: "1 while L1 confirms another claim where this node computed its own: the chain and L1 have parted",
      registers,
    }),
  };
};
