import type { Gas, L2BlockNumber, Wei } from "../foundation/brand.ts";
import { type Bytes, EMPTY_BYTES, fromHex, type Hex, toHex, uintBE, ZERO_32 } from "../foundation/bytes.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import type { Frontier } from "../foundation/merkle.ts";
import { encodeRlp, type RlpItem, rlpUint } from "../foundation/rlp.ts";
import { TAG, tagByte } from "../foundation/tags.ts";
import type { Origin } from "./origin.ts";
import { ADDRESS } from "./parameters.ts";
import type { BlockRules } from "./rules.ts";
import type { ChainTransaction } from "./transaction.ts";

export type Header = {
  readonly number: L2BlockNumber;
  readonly parentHash: Hex;
  readonly timestamp: bigint;
  readonly coinbase: Hex;
  readonly stateRoot: Hex;
  /** Binary keccak Merkle roots, not tries. */
  readonly transactionsRoot: Hex;
  readonly receiptsRoot: Hex;
  readonly logsBloom: Hex;
  readonly gasLimit: Gas;
  readonly gasUsed: Gas;
  /** Gas that L1's time pays for, as the block leaves it: in the extra data, 8 bytes. */
  readonly budget: Gas;
  readonly baseFeePerGas: Wei;
  readonly prevRandao: Hex;
};

export type Block = {
  readonly hash: Hex;
  readonly header: Header;
  readonly origin: Origin;
  readonly transactions: readonly ChainTransaction[];
  /** Length of the block's RLP header plus envelopes, in bytes. */
  readonly size: number;
};

/** What the transactions of a block came to so far, and what they leave of the budget. `transactions`, `receipts`: of their trees. */
export type BlockTally = {
  readonly gasUsed: Gas;
  readonly budget: Gas;
  readonly bloom: Bytes;
  readonly transactions: Frontier;
  readonly receipts: Frontier;
};

/** K(rlp([])): no ommers. */
const EMPTY_LIST_HASH = keccak256(Uint8Array.of(0xc0));
/** Root of the empty Patricia trie, K(rlp("")): no withdrawals. */
const EMPTY_TRIE_ROOT = keccak256(Uint8Array.of(0x80));
const ZERO_NONCE = new Uint8Array(8);

const ELASTICITY = 2n;
const MAX_CHANGE_DENOMINATOR = 8n;

/** Base fee of the block behind `parent`, by its own rules: EIP-1559's, or the least one where that is more. */
export const nextBaseFee = (
  parent: Pick<Header, "gasLimit" | "gasUsed" | "baseFeePerGas">,
  { minimumBaseFee }: BlockRules,
): bigint => {
  const fee = marketBaseFee(parent);
  return fee > minimumBaseFee ? fee : minimumBaseFee;
};

const marketBaseFee = (parent: Pick<Header, "gasLimit" | "gasUsed" | "baseFeePerGas">): bigint => {
  const target = parent.gasLimit / ELASTICITY;
  const { gasUsed, baseFeePerGas } = parent;
  // A budget that is used up leaves a block no gas: it says nothing about demand.
  if (gasUsed === target || target === 0n) return baseFeePerGas;
  const distance = gasUsed > target ? gasUsed - target : target - gasUsed;
  const change = (baseFeePerGas * distance) / target / MAX_CHANGE_DENOMINATOR;
  return gasUsed < target ? baseFeePerGas - change : baseFeePerGas + (change > 0n ? change : 1n);
};

/** PREVRANDAO of a block: predictable, distinct. `K(0x52 ++ parentHash ++ u64 originNumber)`. */
export const prevRandaoOf = (parentHash: Hex, origin: bigint): Bytes =>
  keccakOf(tagByte(TAG.prevRandao), fromHex(parentHash), uintBE(origin, 8));

/** The 20 fields of a Cancun header: no ommers, no withdrawals, no blobs, no beacon root. Extra data: the budget. */
export const encodeBlockHeader = (header: Header): Bytes =>
  encodeRlp([
    fromHex(header.parentHash),
    EMPTY_LIST_HASH,
    fromHex(header.coinbase),
    fromHex(header.stateRoot),
    fromHex(header.transactionsRoot),
    fromHex(header.receiptsRoot),
    fromHex(header.logsBloom),
    EMPTY_BYTES,
    rlpUint(header.number),
    rlpUint(header.gasLimit),
    rlpUint(header.gasUsed),
    rlpUint(header.timestamp),
    uintBE(header.budget, 8),
    fromHex(header.prevRandao),
    ZERO_NONCE,
    rlpUint(header.baseFeePerGas),
    EMPTY_TRIE_ROOT,
    EMPTY_BYTES,
    EMPTY_BYTES,
    ZERO_32,
  ] satisfies RlpItem);

export const hashBlockHeader = (header: Header): Hex => toHex(keccak256(encodeBlockHeader(header)));

export const COINBASE: Hex = ADDRESS.sequencerFeeVault;
