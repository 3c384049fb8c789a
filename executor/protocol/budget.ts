import type { BlockAttributes, Origin } from "./origin.ts";
import type { ChainParameters } from "./parameters.ts";
import { type BlockRules, rulesAt } from "./rules.ts";

/** Where a block stands in L1's time and in the budget: a header has these, and a chain state. */
export type Standing = {
  /** Seconds. */
  readonly timestamp: bigint;
  /** L2 gas that L1's time has paid for and that nothing has used yet. */
  readonly budget: bigint;
};

/** What a block begins with. `isPaid`: the budget has the price of a block. `rules`: those of its timestamp. */
export type Opening = Standing & { readonly gasLimit: bigint; readonly isPaid: boolean; readonly rules: BlockRules };

const MAX_U64 = 2n ** 64n - 1n;

const lesser = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const greater = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** What is left of a budget after `gas`; never below zero. */
export const spend = (budget: bigint, gas: bigint): bigint => (budget > gas ? budget - gas : 0n);

/** Gas of the least transaction: 21,000, since refunds never give back what it began with. */
const LEAST_TRANSACTION = 21_000n;

/** What a unit of a block takes at least: half a block, a refusal, a transaction. Delayed messages apart. */
export const leastUnitPrice = ({ block, refusal }: ChainParameters["budget"]): bigint =>
  lesser(lesser(block / 2n, refusal), LEAST_TRANSACTION);

/**
 * Seconds. `max(parent's, origin's - maxLag, min(given, origin's + maxDrift))`: total; never before the parent; within
 * bounds of L1's clock, but where the parent is ahead already.
 */
export const blockTimestamp = (
  parent: bigint,
  given: bigint,
  origin: Pick<Origin, "timestamp">,
  { maxLag, maxDrift }: Pick<ChainParameters, "maxLag" | "maxDrift">,
): bigint => {
  const earliest = greater(parent, origin.timestamp - maxLag);
  return lesser(MAX_U64, greater(earliest, lesser(given, origin.timestamp + maxDrift)));
};

/**
 * The block after `parent`. Each second since the parent adds `budget.rate` of gas, up to `budget.cap` in all, and the
 * block itself takes `budget.block`. Its gas limit is what is left, at most the chain's. A block with delayed messages
 * has the chain's limit whatever the budget: L1 metered them. What they use lowers the budget, not below zero. FORK_UNKNOWN
 * where the timestamp is one whose rules are not here, paid or not.
 */
export const openingOf = (parent: Standing, attributes: BlockAttributes, parameters: ChainParameters): Opening => {
  const timestamp = blockTimestamp(parent.timestamp, attributes.timestamp, attributes.origin, parameters);
  const rules = rulesAt(parameters, timestamp);
  const { rate, cap, block } = rules.budget;
  const accrued = lesser(cap, parent.budget + rate * (timestamp - parent.timestamp));
  const budget = spend(accrued, block);
  const gasLimit = attributes.hasMessages === true ? rules.blockGasLimit : lesser(rules.blockGasLimit, budget);
  return { timestamp, budget, gasLimit, isPaid: accrued >= block, rules };
};
