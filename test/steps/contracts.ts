import type { StepRules } from "../../bridge/index.ts";
import { DEVNET_PARAMETERS, type Fork } from "../../executor/index.ts";
import type { Anvil } from "../support/anvil.ts";
import { deployInbox, type KeptRecord } from "../support/inbox-storage.ts";

/** Without bytes, of L1's first block. */
const RECORD: KeptRecord = {
  medium: "forced",
  data: new Uint8Array(0),
  hashes: [],
  origin: { number: 0n, timestamp: 0n },
  delayedEnd: 0n,
};

/** Of a chain that begins with a fork, and burns base fees; its inbox has one record. */
export const rulesOn = async (l1: Anvil, fork: Fork): Promise<StepRules> => ({
  inbox: await deployInbox(l1, [RECORD], []),
  parameters: { ...DEVNET_PARAMETERS, forks: { [fork]: 0n } },
  baseFeeVault: `0x${"00".repeat(20)}`,
});
