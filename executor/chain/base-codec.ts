import { type Bytes, equalBytes } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import type { Frontier } from "../foundation/merkle.ts";
import { decodeRlp, encodeRlp, type RlpItem, readRlpUint, rlpUint } from "../foundation/rlp.ts";
import { hashChainState } from "../protocol/chain-state.ts";
import { bareBlock, baseState, type ChainBase } from "./base.ts";
import { decodeBlock, encodeBlock } from "./codec.ts";

export type BaseErrorCode =
  /** Bytes that are no beginning of a chain, or of another one. Take the snapshot from elsewhere. */
  "CHAIN_BASE_INVALID";

/** Bytes of a base at most: two frontiers of 32 peaks, a header with a full bloom. */
export const MAX_BASE_BYTES = 4_096;

const encodeFrontier = ({ count, peaks }: Frontier): RlpItem => [rlpUint(BigInt(count)), [...peaks]];

export const encodeBase = ({ block, position, transactions, receipts }: ChainBase): Bytes =>
  encodeRlp([
    encodeBlock(bareBlock(block)),
    [rlpUint(position.batch), rlpUint(BigInt(position.cursor)), rlpUint(position.delayed)],
    encodeFrontier(transactions),
    encodeFrontier(receipts),
  ]);

const invalid = (cause?: unknown) =>
  new CodedError<BaseErrorCode>("CHAIN_BASE_INVALID", "these are not the bytes of a block to begin with", {}, cause);

const list = (item: RlpItem | undefined): readonly RlpItem[] => {
  if (item === undefined || item instanceof Uint8Array) throw invalid();
  return item;
};
const bytes = (item: RlpItem | undefined): Bytes => {
  if (!(item instanceof Uint8Array)) throw invalid();
  return item;
};

const decodeFrontier = (item: RlpItem | undefined): Frontier => {
  const [count, peaks] = list(item);
  return { count: Number(readRlpUint(count, 4)), peaks: list(peaks).map(bytes) };
};

/** The only bytes of a base are the codec's own. CHAIN_BASE_INVALID. */
export const decodeBase = (wire: Bytes, chainId = 0n): ChainBase => {
  if (wire.length > MAX_BASE_BYTES) throw invalid();
  let base: ChainBase;
  try {
    const [block, place, transactions, receipts] = list(decodeRlp(wire));
    const [batch, cursor, delayed] = list(place);
    base = {
      block: bareBlock(decodeBlock(bytes(block), chainId)),
      position: {
        batch: readRlpUint(batch, 8),
        cursor: Number(readRlpUint(cursor, 4)),
        delayed: readRlpUint(delayed, 8),
      },
      transactions: decodeFrontier(transactions),
      receipts: decodeFrontier(receipts),
    };
  } catch (error) {
    throw error instanceof CodedError || error instanceof RangeError ? invalid(error) : error;
  }
  if (!equalBytes(encodeBase(base), wire)) throw invalid();
  return base;
};

/** Whether these are the bytes of the base whose chain state has this hash. */
export const isBaseOf = (hash: Bytes, wire: Bytes): boolean => {
  try {
    return equalBytes(hashChainState(baseState(decodeBase(wire))), hash);
  } catch (error) {
    if (error instanceof CodedError) return false;
    throw error;
  }
};
