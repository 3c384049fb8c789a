import { toHex } from "../../foundation/bytes.ts";
import { keccak256 } from "../../foundation/keccak.ts";
import { quantity } from "../format.ts";
import { type MethodTable, method } from "../method.ts";
import { bytes } from "../schemas.ts";

export const NET_METHODS: MethodTable = {
  eth_chainId: method([], (_, { chain }) => quantity(chain.parameters.chainId)),
  net_version: method([], (_, { chain }) => String(chain.parameters.chainId)),
  net_listening: method([], () => true),
  net_peerCount: method([], (_, { peers }) => quantity(peers?.() ?? 0)),
  web3_clientVersion: method([], (_, { identity }) => identity.clientVersion),
  web3_sha3: method([bytes], ([value]) => toHex(keccak256(value))),
  /** The node holds no keys. */
  eth_accounts: method([], () => []),
  eth_syncing: method([], (_, { syncing }) => {
    const progress = syncing?.();
    if (progress === undefined) return false;
    return {
      startingBlock: quantity(progress.startingBlock),
      currentBlock: quantity(progress.currentBlock),
      highestBlock: quantity(progress.highestBlock),
    };
  }),
};
