import { DEFAULT_BUDGET, FORKS } from "../../executor/index.ts";
import { address, ether, forkSchedule, integer, whole } from "./config-values.ts";

import type { Setting } from "./setting.ts";

/** What `assay deploy` is told of a new chain, beside its L1 and key. */
export const DEPLOY_SETTINGS = {
  l2ChainId: {
    flag: "--chain-id",
    argument: "id",
    variable: "ASSAY_CHAIN_ID",
    description: "chain id of the new chain",
    parse: integer(1, 2 ** 48),
  },
  sequencerAddress: {
    flag: "--sequencer",
    argument: "address",
    variable: "ASSAY_SEQUENCER",
    description: "account that may append batches, and whose signature nodes take blocks from",
    parse: address,
  },
  feeRecipient: {
    flag: "--fee-recipient",
    argument: "address",
    variable: "ASSAY_FEE_RECIPIENT",
    optional: true,
    description: "account on L1 to which the chain's fee vaults pay, for good; the sequencer's when not given",
    parse: address,
  },
  guardian: {
    flag: "--guardian",
    argument: "address",
    variable: "ASSAY_GUARDIAN",
    description: "account that may pause withdrawals, for the pause duration of any four",
    parse: address,
  },
  forceDelay: {
    flag: "--force-delay",
    argument: "seconds",
    variable: "ASSAY_FORCE_DELAY",
    fallback: "43200",
    description: "after so long a deposit or forced transaction may not be left out",
    parse: whole,
  },
  gasRate: {
    flag: "--gas-rate",
    argument: "gas",
    variable: "ASSAY_GAS_RATE",
    fallback: DEFAULT_BUDGET.rate.toString(),
    description:
      "L2 gas that a second of L1's time pays for: what the slowest node of the chain must be able to execute",
    parse: whole,
  },
  forks: {
    flag: "--fork",
    argument: "name=time",
    variable: "ASSAY_FORK",
    fallback: "osaka=0",
    repeatable: true,
    description: `L2 timestamp in seconds from which a fork's rules hold: ${FORKS.join(", ")}; each contains those before it`,
    parse: forkSchedule,
  },
  challengePeriod: {
    flag: "--challenge-period",
    argument: "blocks",
    variable: "ASSAY_CHALLENGE_PERIOD",
    fallback: "45818",
    description: "L1 blocks after which a claim without a rival is confirmed",
    parse: whole,
  },
  censorship: {
    flag: "--censorship",
    argument: "blocks",
    variable: "ASSAY_CENSORSHIP",
    fallback: "21600",
    description:
      "L1 blocks for which answers in a dispute can be kept out in total; the challenge period must leave room for it",
    parse: whole,
  },
  inclusionDelay: {
    flag: "--inclusion-delay",
    argument: "blocks",
    variable: "ASSAY_INCLUSION_DELAY",
    fallback: "100",
    description: "L1 blocks from a move in a dispute to the inclusion of its answer",
    parse: whole,
  },
  claimSpacing: {
    flag: "--claim-spacing",
    argument: "blocks",
    variable: "ASSAY_CLAIM_SPACING",
    fallback: "225",
    description: "least number of L1 blocks between a claim and the next",
    parse: whole,
  },
  bond: {
    flag: "--bond",
    argument: "ether",
    variable: "ASSAY_BOND",
    fallback: "1",
    description:
      "what a claim puts at stake, trees of a dispute half as much; half of a lost stake goes to the winner, half is burned",
    parse: ether,
  },
  proofMaturityDelay: {
    flag: "--proof-maturity-delay",
    argument: "seconds",
    variable: "ASSAY_PROOF_MATURITY_DELAY",
    fallback: "604800",
    description: "time from the proof of a withdrawal to its finalization, at least; at most 30 days",
    parse: whole,
  },
  finalityDelay: {
    flag: "--finality-delay",
    argument: "seconds",
    variable: "ASSAY_FINALITY_DELAY",
    fallback: "302400",
    description:
      "time from the confirmation of a claim to the finalization of withdrawals by it, at least; at most 30 days",
    parse: whole,
  },
  pauseDuration: {
    flag: "--pause-duration",
    argument: "seconds",
    variable: "ASSAY_PAUSE_DURATION",
    fallback: "604800",
    description: "how long a pause lasts; at most 30 days",
    parse: whole,
  },
} as const satisfies Record<string, Setting<unknown>>;
