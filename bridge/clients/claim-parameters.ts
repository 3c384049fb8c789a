import type { Hex, Wei } from "../../executor/index.ts";

/** Times in L1 blocks, amounts in wei. The contract refuses a period that is too short for an honest answer. */
export type ClaimParameters = {
  /** Of the trees of chain, execution, inference and tensor. */
  readonly heights: readonly [number, number, number, number];
  /** After so many blocks without a rival a claim is confirmed. */
  readonly period: bigint;
  /** Blocks for which moves can be kept out, in total. */
  readonly censorship: bigint;
  /** Blocks from an event to the inclusion of its answer. */
  readonly delay: bigint;
  /** Least number of blocks between a claim and its child. */
  readonly spacing: bigint;
  /** Of roots at levels 0 (a claim's bond), 1 and 2. */
  readonly stakes: readonly [Wei, Wei, Wei];
  /** What a lost stake pays to the winner; the rest is burned. */
  readonly tariffs: readonly [Wei, Wei, Wei];
};

/** Seconds. Withdrawals can be paused for `pauseDuration` of any four. */
export type WithdrawalParameters = {
  readonly proofMaturityDelay: bigint;
  readonly finalityDelay: bigint;
  readonly pauseDuration: bigint;
};

/** Who has which role on L1 from the start, and for how long changes are announced, in seconds. */
export type SystemParameters = {
  /** Who may schedule other rules for claims, and other keys: a timelock or a multisig. Zero: nobody, ever. */
  readonly owner: Hex;
  /** Who may append batches. */
  readonly batcher: Hex;
  /** Whose signature nodes take blocks from. */
  readonly signer: Hex;
  /** Who may pause withdrawals. */
  readonly guardian: Hex;
  /** Before another claim registry takes over. With an owner the contract refuses what is shorter than the longest exit. */
  readonly upgradeDelay: bigint;
  /** Before another key is in effect. */
  readonly rotationDelay: bigint;
};

const ETHER = 10n ** 18n;

export const DEVNET_CLAIMS: ClaimParameters = {
  heights: [20, 25, 18, 29],
  period: 240n,
  censorship: 20n,
  delay: 1n,
  spacing: 5n,
  stakes: [ETHER, ETHER / 2n, ETHER / 2n],
  tariffs: [ETHER / 2n, ETHER / 4n, ETHER / 4n],
};

export const DEVNET_WITHDRAWALS: WithdrawalParameters = {
  proofMaturityDelay: 12n,
  finalityDelay: 6n,
  pauseDuration: 3_600n,
};

export const DEVNET_DELAYS: Pick<SystemParameters, "upgradeDelay" | "rotationDelay"> = {
  upgradeDelay: 14_400n,
  rotationDelay: 60n,
};
