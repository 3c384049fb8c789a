import { concat, fromHex, readUintBE, ZERO_32 } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import type { Block } from "../protocol/block.ts";
import type { StateBetween } from "../protocol/chain-state.ts";
import type { Origin } from "../protocol/origin.ts";
import { ADDRESS } from "../protocol/parameters.ts";
import type { Receipt } from "../protocol/receipt.ts";
import { rulesAt } from "../protocol/rules.ts";
import { createWorldState } from "../state/create-world.ts";
import { type RestoreOptions, restoreState, type StateSource } from "../state/restore.ts";
import { COLUMN, type KeyValueStore, type Write } from "../store/key-value-store.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { bareBlock, type ChainBase } from "./base.ts";
import type { ChainErrorCode } from "./chain.ts";
import { createChainStore } from "./chain-store.ts";
import { type Genesis, genesisBlock, writeGenesis } from "./genesis.ts";

/** The blocks of a store by themselves: without a state, and without executing anything. */
export type ChainBlocks = {
  blockByNumber(number: bigint): Block | undefined;
  receipts(number: bigint): readonly Receipt[] | undefined;
  readonly base: ChainBase | undefined;
};
export const openChainBlocks = (store: KeyValueStore, chainId: bigint): ChainBlocks => {
  const blocks = createChainStore(store, chainId);
  return { blockByNumber: blocks.blockByNumber, receipts: blocks.receipts, base: blocks.base() };
};

/** Whether a chain was written here: as a whole, from genesis or from a snapshot. */
export const hasChain = (store: KeyValueStore): boolean => createChainStore(store, 0n).genesis() !== undefined;

/** What a chain begins with that goes on behind a block of this one. CHAIN_UNKNOWN_BLOCK. */
export const baseAt = (chain: Pick<ChainBlocks, "blockByNumber">, state: StateBetween): ChainBase => {
  const block = chain.blockByNumber(state.number);
  if (block === undefined)
    throw new CodedError<ChainErrorCode>("CHAIN_UNKNOWN_BLOCK", `there is no block ${state.number}`, {
      number: state.number,
    });
  const { position, transactions, receipts } = state;
  return { block: bareBlock(block), position, transactions, receipts };
};

/** What the newest block of a restored state referred to. */
const originIn = (store: KeyValueStore): Origin => {
  const packed = store.get(concat(Uint8Array.of(COLUMN.slot), fromHex(ADDRESS.l1Block), ZERO_32));
  const word = packed === undefined ? 0n : readUintBE(packed);
  return { number: word & 0xffff_ffff_ffff_ffffn, timestamp: word >> 64n };
};

/**
 * Writes a chain that begins with a base into a store without one: the state behind its root from `source`, then, in one
 * batch, all that makes it a chain, and `also`. What was broken off before that batch is no chain, and is begun anew. What the base
 * is worth the caller has checked. FORK_UNKNOWN: the base lies behind the end of this version's rules. The codes of
 * `restoreState`.
 */
export const restoreChain = async (
  store: KeyValueStore,
  genesis: Genesis,
  base: ChainBase,
  source: StateSource,
  { also, ...options }: Pick<RestoreOptions, "signal" | "onProgress"> & { readonly also: readonly Write[] },
): Promise<void> => {
  const blocks = createChainStore(store, genesis.parameters.chainId);
  const { header } = base.block;
  rulesAt(genesis.parameters, header.timestamp);
  const first = createWorldState(createMemoryStore());
  await writeGenesis(first.manager, genesis);
  const genesisIs = genesisBlock(genesis, first.seal().root);
  const writes = await restoreState(store, source, {
    ...options,
    root: fromHex(header.stateRoot),
    version: Number(header.number),
  });
  const block = { ...base.block, origin: originIn(store) };
  await store.write([
    ...writes,
    ...blocks.blockWrites(genesisIs, []),
    ...blocks.blockWrites(block, []).filter(({ key }) => key[0] !== COLUMN.receipts),
    blocks.positionWrite(header.number, base.position),
    blocks.headsWrite({ unsafe: header.number, safe: header.number, finalized: header.number }),
    blocks.baseWrite(base),
    blocks.genesisWrite(genesis.digest),
    blocks.forksWrite(genesis.parameters.forks),
    ...also,
  ]);
};
