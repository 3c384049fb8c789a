import type { StateManagerInterface } from "@ethereumjs/common";
import type { Chain } from "../chain/chain.ts";
import type { Hex } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { type Block, nextBaseFee } from "../protocol/block.ts";
import type { Receipt } from "../protocol/receipt.ts";
import { rulesAt } from "../protocol/rules.ts";
import type { Backend } from "./backend.ts";
import { RPC_CODE, RpcError, type RpcRefusalCode, serverError } from "./errors.ts";
import type { BlockId } from "./schemas.ts";

/** Number of the block that an id names; undefined when the chain does not have it. `pending` is the head. */
const numberOf = (chain: Chain, id: BlockId): bigint | undefined => {
  switch (id.kind) {
    case "number":
      return id.number <= chain.head.header.number ? id.number : undefined;
    case "hash":
      return chain.blockByHash(id.hash)?.header.number;
    case "tag":
      switch (id.tag) {
        case "latest":
        case "pending":
          return chain.head.header.number;
        case "safe":
          return chain.heads.safe;
        case "finalized":
          return chain.heads.finalized;
        case "earliest":
          return 0n;
      }
  }
};

/**
 * What a node that began with a snapshot says of the blocks before it, in geth's number: it does not have them, which is
 * not to say that there are none. Of the snapshot's own block it has no transactions.
 */
export const requireHere = (chain: Chain, number: bigint): void => {
  const first = chain.base?.block.header.number;
  if (first === undefined || number === 0n || number > first) return;
  throw new RpcError(RPC_CODE.prunedHistory, `pruned history unavailable: this node has blocks from ${first + 1n} on`, {
    code: "CHAIN_BEFORE_SNAPSHOT" satisfies RpcRefusalCode,
    first: `0x${(first + 1n).toString(16)}`,
  });
};

/** The block with its transactions, or undefined when there is none; "pending" is the latest. 4444 before a snapshot. */
export const findBlock = (chain: Chain, id: BlockId): Block | undefined => {
  const number = numberOf(chain, id);
  if (number === undefined) return undefined;
  requireHere(chain, number);
  if (id.kind === "tag" && (id.tag === "latest" || id.tag === "pending")) return chain.head;
  return id.kind === "hash" ? chain.blockByHash(id.hash) : chain.blockByNumber(number);
};

export const blockNotFound = (): RpcError => serverError("header not found");

export const requireNumber = (chain: Chain, id: BlockId): bigint => {
  const number = numberOf(chain, id);
  if (number === undefined) throw blockNotFound();
  return number;
};

/** The block, or -32000 "header not found". */
export const requireBlock = (chain: Chain, id: BlockId): Block => {
  const block = findBlock(chain, id);
  if (block === undefined) throw blockNotFound();
  return block;
};

/** A transaction in the chain; undefined when it is not there. A deposit has the hash of its event on L1 for a second name. */
export const findTransaction = (
  { chain, l1 }: Pick<Backend, "chain" | "l1">,
  hash: Hex,
): { readonly block: Block; readonly index: number; readonly hash: Hex } | undefined => {
  const own = chain.locate(hash) === undefined ? (l1?.depositOf(hash) ?? hash) : hash;
  const place = chain.locate(own);
  const block = place && chain.blockByNumber(place.number);
  // A rollback between the two reads leaves nothing, or another block.
  if (place === undefined || block?.transactions[place.index]?.hash !== own) return undefined;
  return { block, index: place.index, hash: own };
};

export const receiptsOf = (chain: Chain, block: Block): readonly Receipt[] => {
  const receipts = chain.receipts(block.header.number);
  if (receipts === undefined) throw new RpcError(RPC_CODE.internal, "receipts are missing");
  return receipts;
};

/** Base fee of the block behind this one, as if it had its timestamp: a later one is not known yet. */
export const baseFeeBehind = ({ parameters }: Chain, { header }: Pick<Block, "header">): bigint =>
  nextBaseFee(header, rulesAt(parameters, header.timestamp));

/** State after a block. `missing trie node` when it is pruned. */
export const stateOf = (chain: Chain, id: BlockId): StateManagerInterface => {
  const number = requireNumber(chain, id);
  try {
    return chain.stateAt(number);
  } catch (error) {
    if (error instanceof CodedError && error.code === "STATE_PRUNED") throw prunedState(number);
    throw error;
  }
};

export const prunedState = (number: bigint): RpcError =>
  serverError(`missing trie node: the state of block ${number} is pruned`);
