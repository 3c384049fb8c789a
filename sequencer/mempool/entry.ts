import type { ChainTransaction } from "../../executor/index.ts";

/** One transaction that waits. */
export type Entry = {
  readonly transaction: ChainTransaction;
  /** Order of arrival. */
  readonly sequence: number;
  /** Milliseconds, of the pool's clock. */
  readonly arrived: number;
  readonly maxFee: bigint;
  readonly maxTip: bigint;
  /** The most that it can take from its sender, in wei. */
  readonly cost: bigint;
  readonly bytes: number;
  /** All nonces before it are in the chain or in the pool. */
  ready: boolean;
};

export const createEntry = (transaction: ChainTransaction, sequence: number, arrived: number): Entry => {
  const maxFee = transaction.maxFeePerGas ?? transaction.gasPrice ?? 0n;
  return {
    transaction,
    sequence,
    arrived,
    maxFee,
    maxTip: transaction.maxPriorityFeePerGas ?? maxFee,
    cost: transaction.gasLimit * maxFee + transaction.value,
    bytes: transaction.envelope.length,
    ready: false,
  };
};

/** What the block's producer earns on a unit of gas; negative when the transaction cannot pay the base fee. */
export const effectiveTip = ({ maxFee, maxTip }: Entry, baseFee: bigint): bigint => {
  const left = maxFee - baseFee;
  return left < maxTip ? left : maxTip;
};

/** Whether `a` leaves before `b` when the pool is full: the lower offer, then the later arrival. */
export const cheaper = (a: Entry, b: Entry): boolean => {
  if (a.maxFee !== b.maxFee) return a.maxFee < b.maxFee;
  if (a.maxTip !== b.maxTip) return a.maxTip < b.maxTip;
  return a.sequence > b.sequence;
};

/** Whether an offer is better by price alone: an equal one does not push another out. */
export const offersMore = (a: Entry, b: Entry): boolean =>
  a.maxFee !== b.maxFee ? a.maxFee > b.maxFee : a.maxTip > b.maxTip;

/** Whether both prices rise by at least `percent`, rounded up. */
export const outbids = (a: Entry, b: Entry, percent: bigint): boolean => {
  const raised = (price: bigint) => price + (price * percent + 99n) / 100n;
  return a.maxFee >= raised(b.maxFee) && a.maxTip >= raised(b.maxTip) && offersMore(a, b);
};
