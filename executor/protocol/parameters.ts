import type { ForkSchedule } from "./forks.ts";

/** Constants of one chain. Everything here is consensus: a node with other values is on another chain. */
export type ChainParameters = {
  readonly chainId: bigint;
  readonly blockGasLimit: bigint;
  readonly initialBaseFee: bigint;
  /** Wei a gas below which the base fee never falls: what a node executes is paid for on a quiet chain, too. */
  readonly minimumBaseFee: bigint;
  /** Seconds that a block's timestamp may run ahead of its origin's: how long L2 goes on while L1 makes no block. */
  readonly maxDrift: bigint;
  /** Seconds that it may lie behind. */
  readonly maxLag: bigint;
  readonly budget: BudgetParameters;
  /** Which rules a block has, by its timestamp. What lies ahead may change; what blocks were made by may not. */
  readonly forks: ForkSchedule;
};

/** L2 gas that L1's time pays for, whatever is posted: it bounds what every node has to execute. All in gas. */
export type BudgetParameters = {
  /** That one second adds. */
  readonly rate: bigint;
  /** That is saved up at most. */
  readonly cap: bigint;
  /** Price of a block, of its begin and end. */
  readonly block: bigint;
  /** Price of an envelope that is no transaction; at most what the least transaction takes, 21,000. */
  readonly refusal: bigint;
};

/**
 * What a node of one core follows with a factor of three to spare, whatever a hostile sequencer posts: the slowest kind of
 * batch ran at 5.0 Mgas a second there (`npm run bench adversary`). The cap is more than a full block.
 */
export const DEFAULT_BUDGET: BudgetParameters = {
  rate: 1_250_000n,
  cap: 40_000_000n,
  block: 50_000n,
  refusal: 21_000n,
};

export const DEVNET_PARAMETERS: ChainParameters = {
  chainId: 918273n,
  blockGasLimit: 30_000_000n,
  initialBaseFee: 1_000_000_000n,
  // 0.01 gwei: a transfer costs 2.1e11 wei, and all the gas of a block 0.0003 ether.
  minimumBaseFee: 10_000_000n,
  // Fifty slots of L1 in a row without a block have not been seen; a claim's tree has room for what this adds.
  maxDrift: 600n,
  // A sequencer chooses the origin before it makes a block: an honest one is never before it.
  maxLag: 0n,
  // Nobody is hostile here: contracts are deployed, and models called, as fast as the machine goes.
  budget: { ...DEFAULT_BUDGET, rate: 50_000_000n, cap: 100_000_000n },
  forks: { osaka: 0n },
};

/** Addresses with a meaning to the protocol, lower case. */
export const ADDRESS = {
  crossDomainMessenger: "0x4200000000000000000000000000000000000007",
  gasPriceOracle: "0x420000000000000000000000000000000000000f",
  standardBridge: "0x4200000000000000000000000000000000000010",
  sequencerFeeVault: "0x4200000000000000000000000000000000000011",
  tokenFactory: "0x4200000000000000000000000000000000000012",
  l1Block: "0x4200000000000000000000000000000000000015",
  messagePasser: "0x4200000000000000000000000000000000000016",
  baseFeeVault: "0x4200000000000000000000000000000000000019",
  infer: "0x42000000000000000000000000000000000000a1",
  modelRegistry: "0x42000000000000000000000000000000000000a2",
  admit: "0x42000000000000000000000000000000000000a3",
  inference: "0x00000000000000000000000000000000000000f4",
  history: "0x0000f90827f1c53a10cb7a02335b175320002935",
} as const;

/** EIP-7825: no transaction may ask for more. */
export const TRANSACTION_GAS_CAP = 2n ** 24n;

/** Slots of the ring of block hashes: EIP-2935 says 8191. */
export const HISTORY_WINDOW = 8191n;
