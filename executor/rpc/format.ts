import { type Hex, toHex, uintBE } from "../foundation/bytes.ts";
import type { Block } from "../protocol/block.ts";
import type { Log, Receipt } from "../protocol/receipt.ts";
import type { Authorization, ChainTransaction } from "../protocol/transaction.ts";

/** Blocks, transactions, receipts and logs as Ethereum's JSON-RPC writes them. */

export const quantity = (value: bigint | number): Hex => `0x${value.toString(16)}`;

const ZERO_HASH: Hex = `0x${"00".repeat(32)}`;
const EMPTY_UNCLES: Hex = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347";
/** Root of an empty Patricia trie: what a Cancun header holds without withdrawals. */
const EMPTY_TRIE: Hex = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";
const DEPOSIT = 0x7e;

export type Json = Readonly<Record<string, unknown>>;

export const formatHeader = (block: Block): Json => {
  const { header } = block;
  return {
    number: quantity(header.number),
    hash: block.hash,
    parentHash: header.parentHash,
    nonce: "0x0000000000000000",
    sha3Uncles: EMPTY_UNCLES,
    logsBloom: header.logsBloom,
    transactionsRoot: header.transactionsRoot,
    stateRoot: header.stateRoot,
    receiptsRoot: header.receiptsRoot,
    miner: header.coinbase,
    difficulty: "0x0",
    extraData: toHex(uintBE(header.budget, 8)),
    gasLimit: quantity(header.gasLimit),
    gasUsed: quantity(header.gasUsed),
    timestamp: quantity(header.timestamp),
    mixHash: header.prevRandao,
    baseFeePerGas: quantity(header.baseFeePerGas),
    withdrawalsRoot: EMPTY_TRIE,
    blobGasUsed: "0x0",
    excessBlobGas: "0x0",
    parentBeaconBlockRoot: ZERO_HASH,
  };
};

/** `receipts`: for the nonces of deposits and effective prices, when transactions are given in full. */
export const formatBlock = (block: Block, receipts: readonly Receipt[] | undefined, full: boolean): Json => ({
  ...formatHeader(block),
  size: quantity(block.size),
  uncles: [],
  withdrawals: [],
  transactions: full
    ? block.transactions.map((transaction, index) => formatTransaction(transaction, { block, index, receipts }))
    : block.transactions.map((transaction) => transaction.hash),
});

export type Inclusion = {
  readonly block: Block;
  readonly index: number;
  readonly receipts: readonly Receipt[] | undefined;
};

const formatAuthorization = ({ chainId, address, nonce, yParity, r, s }: Authorization): Json => ({
  chainId: quantity(chainId),
  address,
  nonce: quantity(nonce),
  yParity: quantity(yParity),
  r: quantity(r),
  s: quantity(s),
});

/** Without `inclusion` it waits in the pool. */
export const formatTransaction = (transaction: ChainTransaction, inclusion?: Inclusion): Json => {
  const receipt = inclusion?.receipts?.[inclusion.index];
  const common = {
    blockHash: inclusion?.block.hash ?? null,
    blockNumber: inclusion === undefined ? null : quantity(inclusion.block.header.number),
    blockTimestamp: inclusion === undefined ? null : quantity(inclusion.block.header.timestamp),
    transactionIndex: inclusion === undefined ? null : quantity(inclusion.index),
    hash: transaction.hash,
    type: quantity(transaction.type),
    from: transaction.from,
    to: transaction.to ?? null,
    gas: quantity(transaction.gasLimit),
    value: quantity(transaction.value),
    input: toHex(transaction.data),
  };
  if (transaction.type === DEPOSIT)
    return {
      ...common,
      nonce: quantity(receipt?.depositNonce ?? transaction.nonce),
      gasPrice: "0x0",
      sourceHash: transaction.deposit?.sourceHash ?? ZERO_HASH,
      mint: quantity(transaction.deposit?.mint ?? 0n),
      isSystemTx: false,
      depositReceiptVersion: "0x1",
      v: "0x0",
      r: "0x0",
      s: "0x0",
    };
  const { signature } = transaction;
  const fees =
    transaction.maxFeePerGas !== undefined
      ? {
          maxFeePerGas: quantity(transaction.maxFeePerGas ?? 0n),
          maxPriorityFeePerGas: quantity(transaction.maxPriorityFeePerGas ?? 0n),
          gasPrice: quantity(receipt?.effectiveGasPrice ?? transaction.maxFeePerGas ?? 0n),
        }
      : { gasPrice: quantity(transaction.gasPrice ?? 0n) };
  return {
    ...common,
    ...fees,
    nonce: quantity(transaction.nonce),
    ...(transaction.chainId === undefined ? {} : { chainId: quantity(transaction.chainId) }),
    ...(transaction.type === 0 ? {} : { accessList: transaction.accessList ?? [] }),
    ...(transaction.authorizationList === undefined
      ? {}
      : { authorizationList: transaction.authorizationList.map(formatAuthorization) }),
    v: quantity(signature?.v ?? 0n),
    r: quantity(signature?.r ?? 0n),
    s: quantity(signature?.s ?? 0n),
    ...(transaction.type === 0 ? {} : { yParity: quantity(signature?.v ?? 0n) }),
  };
};

/** Where a log stands. `logIndex` counts in the block. */
export type LogPlace = { readonly block: Block; readonly transaction: number; readonly logIndex: number };

export const formatLog = (log: Log, place: LogPlace, removed = false): Json => ({
  address: log.address,
  topics: log.topics,
  data: log.data,
  blockHash: place.block.hash,
  blockNumber: quantity(place.block.header.number),
  blockTimestamp: quantity(place.block.header.timestamp),
  transactionHash: place.block.transactions[place.transaction]?.hash ?? ZERO_HASH,
  transactionIndex: quantity(place.transaction),
  logIndex: quantity(place.logIndex),
  removed,
});

export const formatReceipt = (
  block: Block,
  receipts: readonly Receipt[],
  index: number,
  firstLog = receipts.slice(0, index).reduce((sum, { logs }) => sum + logs.length, 0),
): Json => {
  const transaction = block.transactions[index] as ChainTransaction;
  const receipt = receipts[index] as Receipt;
  return {
    type: quantity(transaction.type),
    status: quantity(receipt.status),
    transactionHash: transaction.hash,
    transactionIndex: quantity(index),
    blockHash: block.hash,
    blockNumber: quantity(block.header.number),
    from: transaction.from,
    to: transaction.to ?? null,
    cumulativeGasUsed: quantity(receipt.cumulativeGasUsed),
    gasUsed: quantity(receipt.gasUsed),
    effectiveGasPrice: quantity(receipt.effectiveGasPrice),
    contractAddress: receipt.contractAddress ?? null,
    logs: receipt.logs.map((log, i) => formatLog(log, { block, transaction: index, logIndex: firstLog + i })),
    logsBloom: receipt.logsBloom,
    ...(transaction.type === DEPOSIT
      ? { depositNonce: quantity(receipt.depositNonce ?? transaction.nonce), depositReceiptVersion: "0x1" }
      : {}),
  };
};

export const formatReceipts = (block: Block, receipts: readonly Receipt[]): Json[] => {
  let firstLog = 0;
  return receipts.map((receipt, index) => {
    const formatted = formatReceipt(block, receipts, index, firstLog);
    firstLog += receipt.logs.length;
    return formatted;
  });
};
