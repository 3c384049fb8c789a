import type { StepRules } from "../../bridge/index.ts";
import { DEVNET_PARAMETERS, type Fork } from "../../executor/index.ts";

/** Of a chain that begins with a fork, and has no inbox. */
export const rulesFrom = (fork: Fork): StepRules => ({
  inbox: `0x${"00".repeat(20)}`,
  parameters: { ...DEVNET_PARAMETERS, forks: { [fork]: 0n } },
});
