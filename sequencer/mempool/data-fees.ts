import { type Bytes, batchBlockSize } from "../../executor/index.ts";

/** Bytes of a transaction's record in a batch, by their value. */
export type DataSize = { readonly zeros: number; readonly others: number };

/**
 * What a transaction's bytes cost the sequencer on L1, and the tip that pays for them. Deposits and forced transactions
 * come from L1, where they have been paid for: nobody asks here about them.
 */
export type DataFees = {
  /** Wei. 0 while L1's prices are not known: then no block is built either. */
  costOf(size: DataSize): bigint;
  /** Wei a gas that wallets are told: with it an ordinary transaction pays, and is not refused when prices rise a bit. */
  readonly ordinaryTip: bigint;
};

/** A record's length, and the header of a block that holds this transaction alone. */
const OVERHEAD = batchBlockSize({ timestamp: 0n, envelopes: [] }) + 4;

export const dataSizeOf = (envelope: Bytes): DataSize => {
  let zeros = 0;
  for (let i = 0; i < envelope.length; i++) if (envelope[i] === 0) zeros++;
  return { zeros, others: envelope.length - zeros + OVERHEAD };
};

/** A part of the cost that must be paid: numerator, denominator. */
type Margin = readonly [bigint, bigint];
/**
 * In a block: L1's base fee may rise by an eighth a block, and a batch is there within two. INVARIANT: no transaction of
 * the pool is sealed that does not pay so much, by the gas that it used.
 */
const IN_A_BLOCK: Margin = [5n, 4n];
/** In the pool: what is admitted still pays after some waiting, and when it uses a bit less gas than its limit. */
const IN_THE_POOL: Margin = [3n, 2n];
/** Of the tip that wallets are told, for a plain transfer: more than twice what the pool takes a block for. */
const TOLD: Margin = [2n, 1n];

const upTo = (amount: bigint, part: bigint): bigint => (amount + part - 1n) / part;
const share = (cost: bigint, [numerator, denominator]: Margin): bigint => upTo(cost * numerator, denominator);

/** Least tip, in wei a gas, with which a transaction that uses so much gas goes into a block. */
export const tipInBlock = (cost: bigint, gas: bigint): bigint => upTo(share(cost, IN_A_BLOCK), gas);
/** Least tip, in wei a gas, of a transaction that may use so much gas, to be taken in. */
export const tipInPool = (cost: bigint, gas: bigint): bigint => upTo(share(cost, IN_THE_POOL), gas);

/** A transfer with long numbers in it. */
const TRANSFER: DataSize = { zeros: 0, others: 122 + OVERHEAD };
const TRANSFER_GAS = 21_000n;

/** `prices`: what a byte of a batch costs, in wei, by its value; undefined while that is not known. */
export const createDataFees = (
  prices: () => { readonly zero: bigint; readonly other: bigint } | undefined,
): DataFees => {
  const costOf = ({ zeros, others }: DataSize): bigint => {
    const { zero, other } = prices() ?? { zero: 0n, other: 0n };
    return BigInt(zeros) * zero + BigInt(others) * other;
  };
  return {
    costOf,
    get ordinaryTip() {
      return upTo(share(costOf(TRANSFER), TOLD), TRANSFER_GAS);
    },
  };
};

/** A pool whose operator asks nothing for data. */
export const FREE_DATA: DataFees = { costOf: () => 0n, ordinaryTip: 0n };
