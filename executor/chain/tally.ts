import { fromHex } from "../foundation/bytes.ts";
import { appendLeaf, EMPTY_FRONTIER } from "../foundation/merkle.ts";
import type { BlockTally } from "../protocol/block.ts";
import { spend } from "../protocol/budget.ts";
import { type Receipt, receiptLeaf } from "../protocol/receipt.ts";
import { type ChainTransaction, transactionLeaf } from "../protocol/transaction.ts";

/** A block before its first envelope. */
export const emptyTally = (budget: bigint): BlockTally => ({
  gasUsed: 0n,
  budget,
  bloom: new Uint8Array(256),
  transactions: EMPTY_FRONTIER,
  receipts: EMPTY_FRONTIER,
});

/** A transaction became part of the block. */
export const tallyAfter = (tally: BlockTally, { hash }: ChainTransaction, receipt: Receipt): BlockTally => {
  const bloom = fromHex(receipt.logsBloom);
  const leaf = transactionLeaf(fromHex(hash));
  return {
    gasUsed: tally.gasUsed + receipt.gasUsed,
    budget: spend(tally.budget, receipt.gasUsed),
    bloom: tally.bloom.map((byte, i) => byte | (bloom[i] as number)),
    transactions: appendLeaf(tally.transactions, leaf),
    receipts: appendLeaf(tally.receipts, receiptLeaf(leaf, receipt)),
  };
};

/** An envelope was refused. What a delayed message takes, L1 has metered. */
export const tallyAfterRefusal = (tally: BlockTally, isDelayed: boolean, refusal: bigint): BlockTally =>
  isDelayed ? tally : { ...tally, budget: spend(tally.budget, refusal) };
