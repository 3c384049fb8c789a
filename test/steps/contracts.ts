import { DEVNET_PARAMETERS, type Fork } from "../../executor/index.ts";
import type { Judged } from "./verifier.ts";

/** Of a chain that begins with a fork, and has no inbox. */
export const rulesFrom = (fork: Fork): Judged => ({
  inbox: `0x${"00".repeat(20)}`,
  parameters: { ...DEVNET_PARAMETERS, forks: { [fork]: 0n } },
});
