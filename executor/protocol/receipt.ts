import { type Bytes, fromHex, type Hex, uintBE, ZERO_32 } from "../foundation/bytes.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import { TAG, tagByte } from "../foundation/tags.ts";

export type Log = { readonly address: Hex; readonly topics: readonly Hex[]; readonly data: Hex };

export type Receipt = {
  readonly status: 0 | 1;
  readonly gasUsed: bigint;
  readonly cumulativeGasUsed: bigint;
  readonly effectiveGasPrice: bigint;
  readonly logs: readonly Log[];
  readonly logsBloom: Hex;
  readonly contractAddress: Hex | undefined;
  /** Deposits: the sender's nonce before. */
  readonly depositNonce?: bigint;
};

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
