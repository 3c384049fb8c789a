/** Constants of one chain. Everything here is consensus: a node with other values is on another chain. */
export type ChainParameters = {
  readonly chainId: bigint;
  readonly blockGasLimit: bigint;
  readonly initialBaseFee: bigint;
  /** Wei a gas below which the base fee never falls: what a node executes is paid for on a quiet chain, too. */
  readonly minimumBaseFee: bigint;
  /** Seconds that a block's timestamp may run ahead of its origin's. */
  readonly maxDrift: bigint;
};

export const DEVNET_PARAMETERS: ChainParameters = {
  chainId: 918273n,
  blockGasLimit: 30_000_000n,
  initialBaseFee: 1_000_000_000n,
  // 0.01 gwei: a transfer costs 2.1e11 wei, and all the gas of a block 0.0003 ether.
  minimumBaseFee: 10_000_000n,
  maxDrift: 1800n,
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
