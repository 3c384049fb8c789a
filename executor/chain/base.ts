import type { Frontier } from "../foundation/merkle.ts";
import { type Block, hashBlockHeader } from "../protocol/block.ts";
import { chainStateAfter, type StateBetween } from "../protocol/chain-state.ts";
import type { Position } from "../protocol/origin.ts";

/**
 * A block that a chain begins with instead of genesis: its header, where derivation goes on, and what the chain state
 * commits to of its transactions, which are not here. It proves itself by that state's hash, which a claim has on L1.
 */
export type ChainBase = {
  /** Without transactions, origin and size. */
  readonly block: Block;
  readonly position: Position;
  /** Of the trees of its transactions and receipts. */
  readonly transactions: Frontier;
  readonly receipts: Frontier;
};

const NOWHERE = { number: 0n, timestamp: 0n };

export const bareBlock = ({ header }: Pick<Block, "header">): Block => ({
  hash: hashBlockHeader(header),
  header,
  origin: NOWHERE,
  transactions: [],
  size: 0,
});

export const baseState = ({ block, position, transactions, receipts }: ChainBase): StateBetween =>
  chainStateAfter(block, { position, transactions, receipts });
