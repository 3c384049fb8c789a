import { toHex } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import type { Hex } from "../../executor/index.ts";

/** The phrase that every Ethereum development node knows. Worth nothing outside a devnet. */
export const DEVNET_MNEMONIC = "test test test test test test test test test test test junk";

/** Accounts for whoever uses the devnet: funded on both layers, untouched. */
const USERS = 10;

export type DevnetAccount = { readonly address: Hex; readonly privateKey: Hex };

const accountAt = (addressIndex: number): DevnetAccount => {
  const account = mnemonicToAccount(DEVNET_MNEMONIC, { addressIndex });
  return {
    address: account.address.toLowerCase() as Hex,
    privateKey: toHex(account.getHdKey().privateKey as Uint8Array),
  };
};

/**
 * `deployer` sets the devnet up on both layers; `sequencer` posts batches, `signer` signs blocks; `claimant` claims;
 * `visitor` comes over the bridge; `challenger` disputes. None is handed out: their nonces are theirs.
 */
export const devnetAccounts = () => {
  const users = Array.from({ length: USERS }, (_, i) => accountAt(i));
  const named = {
    sequencer: accountAt(USERS),
    deployer: accountAt(USERS + 1),
    claimant: accountAt(USERS + 2),
    visitor: accountAt(USERS + 3),
    challenger: accountAt(USERS + 4),
    signer: accountAt(USERS + 5),
  };
  return { users, ...named, all: [...users, ...Object.values(named)] };
};
