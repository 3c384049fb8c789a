import { type Fork, forkAt } from "./forks.ts";
import type { ChainParameters } from "./parameters.ts";

/** What holds in one block: of the chain's parameters those that a block reads, and the fork whose rules its EVM has. */
export type BlockRules = Pick<ChainParameters, "chainId" | "blockGasLimit" | "minimumBaseFee" | "budget"> & {
  readonly fork: Fork;
};

/** The rules of a block of this timestamp, in seconds of L2. The only way to them. FORK_UNKNOWN. */
export const rulesAt = (
  { chainId, blockGasLimit, minimumBaseFee, budget, forks }: ChainParameters,
  timestamp: bigint,
): BlockRules => ({ fork: forkAt(forks, timestamp), chainId, blockGasLimit, minimumBaseFee, budget });
