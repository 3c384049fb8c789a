import type { StepRules } from "../../bridge/index.ts";
import { DEVNET_PARAMETERS, type Fork, type Hex, toHex, ZERO_32 } from "../../executor/index.ts";
import { prevRandaoOf } from "../../executor/protocol/block.ts";
import { gasCapOf } from "../conformance/state-chain.ts";

/** What steps are judged by. */
export type Judged = Omit<StepRules, "keccakF">;

export const NOBODY: Hex = `0x${"00".repeat(20)}`;

/** Of Ethereum's mainnet, from a fork on: base fees are burned. */
export const ethereumFrom = (fork: Fork, inbox: Hex): Judged => ({
  inbox,
  parameters: { ...DEVNET_PARAMETERS, chainId: 1n, forks: { [fork]: 0n } },
  gasCap: gasCapOf(fork),
  baseFeeVault: NOBODY,
});

/** Of the fixtures' transactions: the devnet's rules, but that any gas limit is taken and base fees are burned. */
export const devnetAt = (inbox: Hex): Judged => ({
  inbox,
  parameters: DEVNET_PARAMETERS,
  gasCap: 2n ** 52n,
  baseFeeVault: NOBODY,
});

/** As DECODE derives it, of the one transaction behind no block. */
export const ONLY_RANDAO = prevRandaoOf(toHex(ZERO_32), 0n);

/** What the inbox holds where there is but one transaction: a record without bytes. */
export const ONE_RECORD = {
  medium: "calldata",
  data: new Uint8Array(0),
  hashes: [],
  origin: { number: 0n, timestamp: 0n },
  delayedEnd: 0n,
} as const;
