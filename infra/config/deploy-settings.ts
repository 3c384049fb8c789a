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
  owner: {
    flag: "--owner",
    argument: "address",
    variable: "ASSAY_OWNER",
    optional: true,
    description:
      "who may announce other rules for claims, and other keys: a timelock or a multisig; without one nothing of the deployment can ever change",
    parse: address,
  },
  batcher: {
    flag: "--batcher",
    argument: "address",
    variable: "ASSAY_BATCHER",
    description: "account that may append batches",
    parse: address,
  },
  signer: {
    flag: "--signer",
    argument: "address",
    variable: "ASSAY_SIGNER",
    description: "account whose signature nodes take blocks from before they are on L1",
    parse: address,
  },
  feeRecipient: {
    flag: "--fee-recipient",
    argument: "address",
    variable: "ASSAY_FEE_RECIPIENT",
    optional: true,
    description: "account on L1 to which the chain's fee vaults pay, for good; the batcher's when not given",
    parse: address,
  },
  guardian: {
    flag: "--guardian",
    argument: "address",
    variable: "ASSAY_GUARDIAN",
    description: "account that may pause withdrawals, for the pause duration of any four",
    parse: address,
  },
  upgradeDelay: {
    flag: "--upgrade-delay",
    argument: "seconds",
    variable: "ASSAY_UPGRADE_DELAY",
    fallback: "2592000",
    description:
      "time from the announcement of other rules for claims until they can take over, at least; with an owner it must be longer than the longest exit",
    parse: whole,
  },
  rotationDelay: {
    flag: "--rotation-delay",
    argument: "seconds",
    variable: "ASSAY_ROTATION_DELAY",
    fallback: "86400",
    description: "time from the announcement of a key until it is in effect; not longer than the upgrade delay",
    parse: whole,
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
