import { AUTHORIZATION_REFUND, type ChainTransaction, type DecodedTransaction } from "../../executor/index.ts";
import { type DataFees, type DataSize, dataSizeOf, tipInBlock } from "./data-fees.ts";

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
  readonly data: DataSize;
  /** Gas that it uses whatever happens. */
  readonly leastGas: bigint;
  /** All nonces before it are in the chain or in the pool. */
  ready: boolean;
};

const STORAGE_KEY_GAS = 1_900n;

/**
 * Gas that a transaction uses whatever happens: what is charged before it runs, without its storage keys. Refunds take
 * back no more than the execution paid, for a slot that is cleared what its key in the access list did (EIP-3529), and half
 * of an authorization (EIP-7702).
 */
export const leastGasOf = (
  { accessList = [], authorizationList = [] }: ChainTransaction,
  intrinsicGas: bigint,
): bigint =>
  accessList.reduce(
    (gas, { storageKeys }) => gas - STORAGE_KEY_GAS * BigInt(storageKeys.length),
    intrinsicGas - AUTHORIZATION_REFUND * BigInt(authorizationList.length),
  );

export const createEntry = (
  { transaction, intrinsicGas }: Pick<DecodedTransaction, "transaction" | "intrinsicGas">,
  sequence: number,
  arrived: number,
): Entry => {
  const maxFee = transaction.maxFeePerGas ?? transaction.gasPrice ?? 0n;
  return {
    transaction,
    sequence,
    arrived,
    maxFee,
    maxTip: transaction.maxPriorityFeePerGas ?? maxFee,
    cost: transaction.gasLimit * maxFee + transaction.value,
    bytes: transaction.envelope.length,
    data: dataSizeOf(transaction.envelope),
    leastGas: leastGasOf(transaction, intrinsicGas),
    ready: false,
  };
};

/** What the block's producer earns on a unit of gas; negative when the transaction cannot pay the base fee. */
export const effectiveTip = ({ maxFee, maxTip }: Pick<Entry, "maxFee" | "maxTip">, baseFee: bigint): bigint => {
  const left = maxFee - baseFee;
  return left < maxTip ? left : maxTip;
};

/**
 * Whether a block can take it for this tip: `surely`, whatever it does; `perhaps`, if it uses its gas limit; `not`, because
 * it pays neither for its gas nor for its data.
 */
export const standingOf = (entry: Entry, tip: bigint, fees: DataFees): "surely" | "perhaps" | "not" => {
  if (tip < 0n) return "not";
  const cost = fees.costOf(entry.data);
  if (tip >= tipInBlock(cost, entry.leastGas)) return "surely";
  return tip >= tipInBlock(cost, entry.transaction.gasLimit) ? "perhaps" : "not";
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
