// Genesis, and the chain of one node.
export { baseState, type ChainBase } from "./base.ts";
export { type BaseErrorCode, decodeBase, encodeBase, isBaseOf, MAX_BASE_BYTES } from "./base-codec.ts";
export type { AddResult, BlockBuilder, Chain, StateHold } from "./chain.ts";
export { createChain } from "./create-chain.ts";
export {
  aliasOf,
  createGenesis,
  type Genesis,
  type GenesisAlloc,
  genesisChainState,
  type L1Partners,
} from "./genesis.ts";
export { baseAt, type ChainBlocks, hasChain, openChainBlocks, restoreChain } from "./restore.ts";
export { unitsFrom } from "./units.ts";
