import { type Hex, toHex } from "../../foundation/bytes.ts";
import type { Backend } from "../backend.ts";
import { findBlock, findTransaction, receiptsOf } from "../block-lookup.ts";
import { serverError } from "../errors.ts";
import { formatReceipt, formatTransaction, type Inclusion, type Json } from "../format.ts";
import { type MethodTable, method } from "../method.ts";
import { type BlockId, blockNumber, bytes, count, hash } from "../schemas.ts";

const located = (backend: Backend, hash: Hex): Inclusion | undefined => {
  const found = findTransaction(backend, hash);
  return found && { ...found, receipts: receiptsOf(backend.chain, found.block) };
};

const included = ({ block, index, receipts }: Inclusion): Json | null => {
  const transaction = block.transactions[index];
  return transaction === undefined ? null : formatTransaction(transaction, { block, index, receipts });
};

const atIndex = ({ chain }: Backend, id: BlockId, index: bigint): Inclusion | undefined => {
  const block = findBlock(chain, id);
  if (block === undefined || index >= BigInt(block.transactions.length)) return undefined;
  return { block, index: Number(index), receipts: receiptsOf(chain, block) };
};

const byIndex = (backend: Backend, id: BlockId, index: bigint): Json | null => {
  const inclusion = atIndex(backend, id, index);
  return inclusion === undefined ? null : included(inclusion);
};

const rawTransaction = method([hash], ([transaction], backend) => {
  const inclusion = located(backend, transaction);
  const envelope =
    inclusion?.block.transactions[inclusion.index]?.envelope ?? backend.pool?.get(transaction)?.transaction.envelope;
  return envelope === undefined ? null : toHex(envelope);
});

export const TRANSACTION_METHODS: MethodTable = {
  eth_getTransactionByHash: method([hash], ([transaction], backend) => {
    const inclusion = located(backend, transaction);
    if (inclusion !== undefined) return included(inclusion);
    const pooled = backend.pool?.get(transaction);
    return pooled === undefined ? null : formatTransaction(pooled.transaction);
  }),
  eth_getTransactionByBlockHashAndIndex: method([hash, count], ([block, index], backend) =>
    byIndex(backend, { kind: "hash", hash: block }, index),
  ),
  eth_getTransactionByBlockNumberAndIndex: method([blockNumber, count], ([block, index], backend) =>
    byIndex(backend, block, index),
  ),
  eth_getTransactionReceipt: method([hash], ([transaction], backend) => {
    const inclusion = located(backend, transaction);
    if (inclusion?.receipts === undefined) return null;
    return formatReceipt(inclusion.block, inclusion.receipts, inclusion.index);
  }),
  eth_getRawTransactionByHash: rawTransaction,
  debug_getRawTransaction: rawTransaction,
  eth_sendRawTransaction: method([bytes], ([envelope], { pool }) => {
    if (pool === undefined)
      throw serverError("this node does not take transactions: it derives the chain from L1; send it to the sequencer");
    return pool.submit(envelope);
  }),
};
