import { Counter, Gauge } from "prom-client";
import type { Telemetry } from "../executor/index.ts";

export const createChallengerMetrics = (registry: Telemetry["registry"]) => ({
  disputes: new Gauge({
    name: "assay_challenger_disputes",
    help: "Games with a claim that is not the right one, by what the challenger does there",
    labelNames: ["state"],
    registers: [registry],
  }),
  wrongClaims: new Gauge({
    name: "assay_challenger_wrong_claims",
    help: "Claims on right ones that are not the right one and not decided yet: zero is agreement",
    registers: [registry],
  }),
  unjudgedClaims: new Gauge({
    name: "assay_challenger_unjudged_claims",
    help: "Claims that are not decided, of which the challenger does not know whether they are right",
    registers: [registry],
  }),
  oldestUnjudged: new Gauge({
    name: "assay_challenger_oldest_unjudged_seconds",
    help: "Age of the oldest of them by L1's clock; 0: there is none",
    registers: [registry],
  }),
  heldBack: new Gauge({
    name: "assay_challenger_held_back",
    help: "1 while moves that were found are not sent, by the error that holds them back",
    labelNames: ["error"],
    registers: [registry],
  }),
  rivalClock: new Gauge({
    name: "assay_challenger_rival_clock_blocks",
    help: "L1 blocks that the wrong claim with the most time is short of the challenge period",
    registers: [registry],
  }),
  atStake: new Gauge({
    name: "assay_challenger_stakes_ether",
    help: "Ether of the account's own stakes that are not decided yet, in disputes",
    registers: [registry],
  }),
  moves: new Counter({
    name: "assay_challenger_moves_total",
    help: "Moves by the rule that asked for them, and by what became of the transaction",
    labelNames: ["rule", "outcome"],
    registers: [registry],
  }),
  gas: new Counter({
    name: "assay_challenger_gas_total",
    help: "L1 gas that moves took",
    registers: [registry],
  }),
  refusals: new Counter({
    name: "assay_challenger_refusals_total",
    help: "Moves that L1 would have refused, and which were not sent, by the contract's error",
    labelNames: ["error"],
    registers: [registry],
  }),
  failures: new Counter({
    name: "assay_challenger_failures_total",
    help: "Looks at the disputes of which a part failed, by the part; the others went on",
    labelNames: ["part"],
    registers: [registry],
  }),
});
export type ChallengerMetrics = ReturnType<typeof createChallengerMetrics>;
