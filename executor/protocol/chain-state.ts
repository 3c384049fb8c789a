import type { Gas, L2BlockNumber, Wei } from "../foundation/brand.ts";
import { type Bytes, type BytesOf, concat, fromHex, uintBE } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import type { StateHash } from "../foundation/ids.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import { appendLeaf, EMPTY_FRONTIER, type Frontier } from "../foundation/merkle.ts";
import { TAG, tagByte } from "../foundation/tags.ts";
import type { Block, BlockTally } from "./block.ts";
import type { Position } from "./origin.ts";
import { type Receipt, receiptLeaf } from "./receipt.ts";
import { transactionLeaf } from "./transaction.ts";

/** The chain between two units: a leaf of a claim's tree is its hash. `open`: inside a block. */
export type ChainState = BlockTally & {
  readonly phase: "between" | "open";
  readonly position: Position;
  /** These and the tally: of the open block, or of the one that ended last. */
  readonly number: L2BlockNumber;
  readonly timestamp: bigint;
  readonly gasLimit: Gas;
  readonly baseFee: Wei;
  /** Hash of the block that ended last. */
  readonly parentHash: Bytes;
  readonly stateRoot: Bytes;
};

const PHASES = { between: 0, open: 1 } as const;

const hashFrontier = ({ count, peaks }: Frontier): Bytes => keccakOf(tagByte(TAG.frontier), uintBE(count, 4), ...peaks);

/** The 254 bytes behind a chain state's hash, the tag among them. */
export const encodeChainState = (state: ChainState): Bytes =>
  concat(
    tagByte(TAG.chainState),
    Uint8Array.of(PHASES[state.phase]),
    uintBE(state.position.batch, 8),
    uintBE(state.position.cursor, 4),
    uintBE(state.position.delayed, 8),
    uintBE(state.number, 8),
    uintBE(state.timestamp, 8),
    uintBE(state.gasUsed, 8),
    uintBE(state.gasLimit, 8),
    uintBE(state.budget, 8),
    uintBE(state.baseFee, 32),
    state.parentHash,
    state.stateRoot,
    keccakOf(tagByte(TAG.bloom), state.bloom),
    hashFrontier(state.transactions),
    hashFrontier(state.receipts),
  );

/** Where an encoded chain state stands: the block that is open, or ended last, and where derivation goes on. */
export const placeIn = (encoded: Bytes): { readonly number: L2BlockNumber; readonly position: Position } => {
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  return {
    number: view.getBigUint64(22),
    position: { batch: view.getBigUint64(2), cursor: view.getUint32(10), delayed: view.getBigUint64(14) },
  };
};

/** Leaf of a claim's tree. */
export const hashChainState = (state: ChainState) => keccak256(encodeChainState(state)) as BytesOf<StateHash>;

/** The OP Stack's output root, version 0. One tree holds accounts and slots, so its root stands twice. */
export const outputRootOf = (stateRoot: Bytes, blockHash: Bytes): Bytes =>
  keccakOf(new Uint8Array(32), stateRoot, stateRoot, blockHash);

const frontiersOf = (
  { transactions }: Pick<Block, "transactions">,
  receipts: readonly Receipt[],
): Pick<ChainState, "transactions" | "receipts"> => {
  const leaves = transactions.map(({ hash }) => transactionLeaf(fromHex(hash)));
  return {
    transactions: leaves.reduce(appendLeaf, EMPTY_FRONTIER),
    receipts: leaves.reduce(
      (frontier, leaf, i) => appendLeaf(frontier, receiptLeaf(leaf, receipts[i] as Receipt)),
      EMPTY_FRONTIER,
    ),
  };
};

/** A state in which no block is open. */
export type StateBetween = ChainState & { readonly phase: "between" };

/** Where blocks that were executed are kept. */
type StoredBlocks = {
  blockByNumber(number: L2BlockNumber): Block | undefined;
  receipts(number: L2BlockNumber): readonly Receipt[] | undefined;
  /** The block that the chain begins with, where that is not genesis: its transactions are not here. */
  readonly base?:
    | (Pick<ChainState, "transactions" | "receipts"> & { readonly block: Pick<Block, "hash" | "header"> })
    | undefined;
};

export type ChainStateErrorCode =
  /** The chain has no block of that number. Ask for one at or below its head. */
  "CHAIN_UNKNOWN_BLOCK";

/** The state between a stored block and the next, where derivation goes on at `position`. CHAIN_UNKNOWN_BLOCK. */
export const chainStateAt = (chain: StoredBlocks, number: L2BlockNumber, position: Position): StateBetween => {
  const { base } = chain;
  if (base?.block.header.number === number)
    return chainStateAfter(base.block, { position, transactions: base.transactions, receipts: base.receipts });
  const block = chain.blockByNumber(number);
  const receipts = chain.receipts(number);
  if (block === undefined || receipts === undefined)
    throw new CodedError<ChainStateErrorCode>("CHAIN_UNKNOWN_BLOCK", `there is no block ${number}`, { number });
  return chainStateAfter(block, { position, ...frontiersOf(block, receipts) });
};

/** The state after a block's end. The frontiers are those of its transactions and receipts. */
export const chainStateAfter = (
  { hash, header }: Pick<Block, "hash" | "header">,
  { position, transactions, receipts }: Pick<ChainState, "position" | "transactions" | "receipts">,
): StateBetween => ({
  phase: "between",
  position,
  number: header.number,
  timestamp: header.timestamp,
  gasLimit: header.gasLimit,
  gasUsed: header.gasUsed,
  budget: header.budget,
  baseFee: header.baseFeePerGas,
  parentHash: fromHex(hash),
  stateRoot: fromHex(header.stateRoot),
  bloom: fromHex(header.logsBloom),
  transactions,
  receipts,
});
