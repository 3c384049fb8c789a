import { toHex } from "../../foundation/bytes.ts";
import { keccak256 } from "../../foundation/keccak.ts";
import { quantity } from "../format.ts";
import { type MethodTable, method } from "../method.ts";
import { bytes } from "../schemas.ts";

export const NET_METHODS: MethodTable = {
  eth_chainId: method([], (_, { chain }) => quantity(chain.parameters.chainId)),
  net_version: method([], (_, { chain }) => String(chain.parameters.chainId)),
  net_listening: method([], (_, { peering }) => peering === undefined || peering.network.addresses.length > 0),
  net_peerCount: method([], (_, { peering }) => quantity(peering?.network.peers.length ?? 0)),
  web3_clientVersion: method([], (_, { identity }) => identity.clientVersion),
  web3_sha3: method([bytes], ([value]) => toHex(keccak256(value))),
  /** The node holds no keys. */
  eth_accounts: method([], () => []),
};

/** Blocks that a node may be behind without being called so: what is on its way at any moment. */
export const SYNC_MARGIN = 16n;

/** Progress towards what peers claim to have. `startingBlock`: the node's head when it began to answer. */
export const createSyncMethods = (startingBlock: bigint): MethodTable => ({
  eth_syncing: method([], (_, { chain, peering }) => {
    const head = chain.head.header.number;
    if (peering === undefined || peering.highest <= head + SYNC_MARGIN) return false;
    return {
      startingBlock: quantity(startingBlock),
      currentBlock: quantity(head),
      highestBlock: quantity(peering.highest),
    };
  }),
});
