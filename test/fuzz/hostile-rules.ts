import { type ChainParameters, DEVNET_PARAMETERS } from "../../executor/index.ts";

/** Rules of a hostile world. Small: a range's tree is full of what L1's time pays for in half a minute. */
export const CHAIN: ChainParameters = {
  ...DEVNET_PARAMETERS,
  maxDrift: 12n,
  budget: { rate: 60_000n, cap: 1_200_000n, block: 50_000n, refusal: 21_000n },
};

const ETHER = 10n ** 18n;

export const CLAIMS = {
  heights: [8, 14, 18, 29],
  period: 210n,
  censorship: 60n,
  delay: 1n,
  spacing: 3n,
  stakes: [ETHER, ETHER / 2n, ETHER / 2n],
  tariffs: [ETHER / 2n, ETHER / 4n, ETHER / 4n],
} as const;

/** Honest answers on the longest path. */
export const ANSWERS = CLAIMS.heights.reduce((sum, height) => sum + height + 1, 0);
/** L1 blocks from a game's first claim to its verdict, at most: the game's second bound. */
export const BOUND = Number(CLAIMS.period + CLAIMS.censorship + (CLAIMS.delay + 1n) * BigInt(ANSWERS + 1));
/** L1 blocks that a wrong claim gains, at most: the first. */
export const MOST_WRONG = CLAIMS.censorship + CLAIMS.delay * BigInt(ANSWERS);
/** L1 blocks until a record is claimed, at most: two claims, each with the look that makes it and the block that takes it. */
export const MOST_BEHIND = 2 * (Number(CLAIMS.spacing) + 3);

export type WorldTally = {
  /** Right claims on which somebody claimed otherwise. */
  games: number;
  claims: number;
  rivals: number;
  /** Of L1. */
  blocks: number;
  /** What was done, by name. */
  readonly done: Map<string, number>;
  readonly findings: string[];
  /** Most L1 blocks for which a record waited to be claimed, those aside in which the claimant was kept from looking. */
  behind: number;
  /** Most L1 blocks from a game's first claim to the confirmation of the right one. */
  verdict: number;
  /** Most L1 blocks that a wrong claim on a right one gained. */
  wrongTimer: bigint;
};

export const createWorldTally = (): WorldTally => ({
  games: 0,
  claims: 0,
  rivals: 0,
  blocks: 0,
  done: new Map(),
  findings: [],
  behind: 0,
  verdict: 0,
  wrongTimer: 0n,
});
