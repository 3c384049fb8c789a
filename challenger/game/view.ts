import type { Hex } from "../../executor/index.ts";

/** What the board holds, by id. Times are L1 block numbers, amounts wei. */

export type ContextRecord = {
  readonly firstAt: bigint;
  /** 0: no rival yet. */
  readonly secondAt: bigint;
  readonly settled: boolean;
};

export type EdgeRecord = {
  readonly exists: boolean;
  readonly isFirst: boolean;
  readonly proven: boolean;
  readonly cached: bigint;
};

export type RootRecord = {
  readonly staker: Hex;
  /** 0 after payout. */
  readonly stake: bigint;
  /** Edge of the leaf that the level refines; 0 at level 0. */
  readonly claimed: Hex;
};

export type ClaimStatus = "none" | "open" | "confirmed" | "forfeited";
export type ClaimRecord = {
  readonly status: ClaimStatus;
  readonly parent: Hex;
  readonly endState: Hex;
  /** Inbox records that claims on this one must derive. */
  readonly limitBatch: bigint;
  readonly madeAt: bigint;
};

/** An edge, its place, and its stake where it is the root of a level. */
export type Spot = {
  readonly context: ContextRecord;
  /** Edge that won the context, where it is that of a level's root; 0: none. */
  readonly winner: Hex;
  readonly edge: EdgeRecord;
  readonly root: RootRecord;
};

/** A root that events told of: rivals of a level's root are known by no other way. */
export type RivalRoot = { readonly edge: Hex; readonly node: Hex };

/** The board at one L1 block. What is not at hand yet is undefined; what the board does not hold is a record of zeros. */
export type BoardView = {
  readonly now: bigint;
  readonly period: bigint;
  readonly spacing: bigint;
  spot(context: Hex, edge: Hex): Spot | undefined;
  claim(id: Hex): ClaimRecord | undefined;
  /** Roots that were ever staked in a context. */
  rootsIn(context: Hex): readonly RivalRoot[] | undefined;
};

export const INFINITE = 2n ** 64n - 1n;

export const isRivalled = ({ context }: Spot): boolean => context.secondAt !== 0n;

/** Blocks that an edge gains by being alone. Only the first edge of a context ever has any. */
export const ownTime = ({ context, edge }: Pick<Spot, "context" | "edge">, now: bigint): bigint =>
  edge.isFirst ? (context.secondAt === 0n ? now : context.secondAt) - context.firstAt : 0n;

const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** What the contract takes an edge's timer to be, without a look below it. */
export const cheapTimer = (spot: Pick<Spot, "context" | "edge">, now: bigint): bigint =>
  spot.edge.proven ? INFINITE : most(spot.edge.cached, ownTime(spot, now));

export const saturatedSum = (a: bigint, b: bigint): bigint => (a + b > INFINITE ? INFINITE : a + b);

const NO_ID: Hex = `0x${"00".repeat(32)}`;
export const NO_CONTEXT: ContextRecord = { firstAt: 0n, secondAt: 0n, settled: false };
export const NO_EDGE: EdgeRecord = {
  exists: false,
  isFirst: false,
  proven: false,
  cached: 0n,
};
export const NO_ROOT: RootRecord = { staker: `0x${"00".repeat(20)}`, stake: 0n, claimed: NO_ID };
export const NO_CLAIM: ClaimRecord = {
  status: "none",
  parent: NO_ID,
  endState: NO_ID,
  limitBatch: 0n,
  madeAt: 0n,
};
