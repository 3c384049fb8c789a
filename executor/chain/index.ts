// Genesis, and the chain of one node.
export type { AddResult, BlockBuilder, Chain } from "./chain.ts";
export { createChain } from "./create-chain.ts";
export {
  aliasOf,
  createGenesis,
  type Genesis,
  type GenesisAlloc,
  genesisChainState,
  type L1Partners,
} from "./genesis.ts";
export { unitsFrom } from "./units.ts";
