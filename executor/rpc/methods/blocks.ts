import { z } from "zod";
import { blockNotFound, findBlock, receiptsOf, requireBlock } from "../block-lookup.ts";
import { formatBlock, formatReceipts, quantity } from "../format.ts";
import { type MethodTable, method } from "../method.ts";
import { blockId, blockNumber, blockOrLatest, hash } from "../schemas.ts";

const full = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);
const byHash = hash.transform((value) => ({ kind: "hash", hash: value }) as const);

const getBlock = (id: typeof blockNumber | typeof byHash) =>
  method([id, full], ([block, withTransactions], { chain }) => {
    const found = findBlock(chain, block);
    if (found === undefined) return null;
    return formatBlock(found, withTransactions ? receiptsOf(chain, found) : undefined, withTransactions);
  });

const countTransactions = (id: typeof blockNumber | typeof byHash) =>
  method([id], ([block], { chain }) => {
    const found = findBlock(chain, block);
    return found === undefined ? null : quantity(found.transactions.length);
  });

const countUncles = (id: typeof blockNumber | typeof byHash) =>
  method([id], ([block], { chain }) => (findBlock(chain, block) === undefined ? null : "0x0"));

export const BLOCK_METHODS: MethodTable = {
  eth_blockNumber: method([], (_, { chain }) => quantity(chain.head.header.number)),
  eth_getBlockByHash: getBlock(byHash),
  eth_getBlockByNumber: getBlock(blockNumber),
  eth_getBlockTransactionCountByHash: countTransactions(byHash),
  eth_getBlockTransactionCountByNumber: countTransactions(blockNumber),
  eth_getUncleCountByBlockHash: countUncles(byHash),
  eth_getUncleCountByBlockNumber: countUncles(blockNumber),
  eth_getBlockReceipts: method([blockId], ([block], { chain }) => {
    const found = findBlock(chain, block);
    return found === undefined ? null : formatReceipts(found, receiptsOf(chain, found));
  }),
  /** Unsafe (the head), safe (derived from L1) and finalized blocks, and where derivation goes on. */
  assay_heads: method([], (_, { chain }) => {
    const head = (number: bigint) => {
      const block = chain.blockByNumber(number);
      if (block === undefined) throw blockNotFound();
      return { number: quantity(number), hash: block.hash, stateRoot: block.header.stateRoot };
    };
    const { position } = chain;
    return {
      unsafe: head(chain.head.header.number),
      safe: head(chain.heads.safe),
      finalized: head(chain.heads.finalized),
      position: {
        batch: quantity(position.batch),
        cursor: quantity(position.cursor),
        delayed: quantity(position.delayed),
      },
    };
  }),
  /** The L1 block that a block refers to. */
  assay_getBlockOrigin: method([blockOrLatest], ([block], { chain }) => {
    const { origin } = requireBlock(chain, block);
    return { number: quantity(origin.number), timestamp: quantity(origin.timestamp) };
  }),
};
