import { type Bytes, concat, fromHex, uintBE } from "../foundation/bytes.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import { EMPTY_FRONTIER, type Frontier } from "../foundation/merkle.ts";
import { TAG, tagByte } from "../foundation/tags.ts";
import { createWorldState } from "../state/world.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import type { Block, Position } from "./chain.ts";
import { type Genesis, genesisBlock, writeGenesis } from "./genesis.ts";

/** The chain between two units: a leaf of a claim's tree is its hash. `open`: inside a block. */
export type ChainState = {
  readonly phase: "between" | "open";
  readonly position: Position;
  /** Of the open block, or of the one that ended last. */
  readonly number: bigint;
  readonly timestamp: bigint;
  readonly gasUsed: bigint;
  readonly baseFee: bigint;
  /** Hash of the block that ended last. */
  readonly parentHash: Bytes;
  readonly stateRoot: Bytes;
  readonly bloom: Bytes;
  readonly transactions: Frontier;
  readonly receipts: Frontier;
};

const PHASES = { between: 0, open: 1 } as const;

const hashFrontier = ({ count, peaks }: Frontier): Bytes => keccakOf(tagByte(TAG.frontier), uintBE(count, 4), ...peaks);

/** The 238 bytes behind a chain state's hash, the tag among them. */
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
    uintBE(state.baseFee, 32),
    state.parentHash,
    state.stateRoot,
    keccakOf(tagByte(TAG.bloom), state.bloom),
    hashFrontier(state.transactions),
    hashFrontier(state.receipts),
  );

/** Leaf of a claim's tree. */
export const hashChainState = (state: ChainState): Bytes => keccak256(encodeChainState(state));

/** The OP Stack's output root, version 0. One tree holds accounts and slots, so its root stands twice. */
export const outputRootOf = (stateRoot: Bytes, blockHash: Bytes): Bytes =>
  keccakOf(new Uint8Array(32), stateRoot, stateRoot, blockHash);

/** The state after a block's end. The frontiers are those of its transactions and receipts. */
export const chainStateAfter = (
  { hash, header }: Pick<Block, "hash" | "header">,
  { position, transactions, receipts }: Pick<ChainState, "position" | "transactions" | "receipts">,
): ChainState => ({
  phase: "between",
  position,
  number: header.number,
  timestamp: header.timestamp,
  gasUsed: header.gasUsed,
  baseFee: header.baseFeePerGas,
  parentHash: fromHex(hash),
  stateRoot: fromHex(header.stateRoot),
  bloom: fromHex(header.logsBloom),
  transactions,
  receipts,
});

/** The state that the first claim starts from. */
export const genesisChainState = async (genesis: Genesis): Promise<ChainState> => {
  const world = createWorldState(createMemoryStore());
  await writeGenesis(world.manager, genesis);
  const position = { batch: 0n, cursor: 0, delayed: 0n };
  const empty = { position, transactions: EMPTY_FRONTIER, receipts: EMPTY_FRONTIER };
  return chainStateAfter(genesisBlock(genesis, world.seal().root), empty);
};
