import { type Bytes, EMPTY_BYTES, fromHex, type Hex, toHex, uintBE, ZERO_32 } from "../foundation/bytes.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import { encodeRlp, type RlpItem, rlpUint } from "../foundation/rlp.ts";
import { TAG, tagByte } from "../foundation/tags.ts";
import type { Header, Log, Receipt } from "./chain.ts";
import { ADDRESS, type ChainParameters } from "./parameters.ts";

/** K(rlp([])): no ommers. */
const EMPTY_LIST_HASH = keccak256(Uint8Array.of(0xc0));
/** Root of the empty Patricia trie, K(rlp("")): no withdrawals. */
const EMPTY_TRIE_ROOT = keccak256(Uint8Array.of(0x80));
const ZERO_NONCE = new Uint8Array(8);

const ELASTICITY = 2n;
const MAX_CHANGE_DENOMINATOR = 8n;

/** Base fee after a block: EIP-1559's, or the chain's least one where that is more. */
export const nextBaseFee = (
  parent: Pick<Header, "gasLimit" | "gasUsed" | "baseFeePerGas">,
  { minimumBaseFee }: Pick<ChainParameters, "minimumBaseFee">,
): bigint => {
  const fee = marketBaseFee(parent);
  return fee > minimumBaseFee ? fee : minimumBaseFee;
};

const marketBaseFee = (parent: Pick<Header, "gasLimit" | "gasUsed" | "baseFeePerGas">): bigint => {
  const target = parent.gasLimit / ELASTICITY;
  const { gasUsed, baseFeePerGas } = parent;
  if (gasUsed === target) return baseFeePerGas;
  const distance = gasUsed > target ? gasUsed - target : target - gasUsed;
  const change = (baseFeePerGas * distance) / target / MAX_CHANGE_DENOMINATOR;
  return gasUsed < target ? baseFeePerGas - change : baseFeePerGas + (change > 0n ? change : 1n);
};

/** PREVRANDAO of a block: predictable, distinct. `K(0x52 ++ parentHash ++ u64 originNumber)`. */
export const prevRandaoOf = (parentHash: Hex, origin: bigint): Bytes =>
  keccakOf(tagByte(TAG.prevRandao), fromHex(parentHash), uintBE(origin, 8));

/** The 20 fields of a Cancun header: no ommers, no withdrawals, no blobs, no beacon root, no extra data. */
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
    EMPTY_BYTES,
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

/** Leaf of transactionsRoot: `K(0x53 ++ K(envelope))`. `hash`: K(envelope), Ethereum's transaction hash. */
export const transactionLeaf = (hash: Bytes): Bytes => keccakOf(tagByte(TAG.transaction), hash);

const logEntry = ({ address, topics, data }: Log): Bytes => {
  const bytes = fromHex(data);
  const what = keccakOf(fromHex(address), Uint8Array.of(topics.length), ...topics.map(fromHex));
  return keccakOf(tagByte(TAG.logEntry), what, uintBE(bytes.length, 4), keccak256(bytes));
};

/** The chain over a transaction's logs; zero for none. Link: `K(0x47 ++ previous ++ entry)`. */
export const logsChain = (logs: readonly Log[]): Bytes =>
  logs.reduce<Bytes>((previous, log) => keccakOf(tagByte(TAG.logsLink), previous, logEntry(log)), ZERO_32);

/** What a receipt's leaf commits to. */
type ReceiptFields = {
  /** Leaf of transactionsRoot. */
  readonly transaction: Bytes;
  readonly status: 0 | 1;
  readonly cumulativeGasUsed: bigint;
  readonly gasUsed: bigint;
  /** Head and length of the logs' chain. */
  readonly logsChain: Bytes;
  readonly logs: number;
  readonly bloom: Bytes;
  /** The new contract of a creation that succeeded. */
  readonly created: Bytes | undefined;
};

/** Leaf of receiptsRoot. */
export const hashReceipt = (receipt: ReceiptFields): Bytes =>
  keccakOf(
    tagByte(TAG.receipt),
    receipt.transaction,
    Uint8Array.of(receipt.status),
    uintBE(receipt.cumulativeGasUsed, 8),
    uintBE(receipt.gasUsed, 8),
    receipt.logsChain,
    uintBE(receipt.logs, 4),
    keccakOf(tagByte(TAG.bloom), receipt.bloom),
    receipt.created ?? new Uint8Array(20),
  );

export const receiptLeaf = (transaction: Bytes, receipt: Receipt): Bytes => {
  const { status, contractAddress, logs } = receipt;
  return hashReceipt({
    transaction,
    status,
    cumulativeGasUsed: receipt.cumulativeGasUsed,
    gasUsed: receipt.gasUsed,
    logsChain: logsChain(logs),
    logs: logs.length,
    bloom: fromHex(receipt.logsBloom),
    created: status === 1 && contractAddress !== undefined ? fromHex(contractAddress) : undefined,
  });
};
