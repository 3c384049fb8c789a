import { CodedError, type Hex } from "../../executor/index.ts";
import type { Transactor } from "./transactor.ts";

export type KeyringErrorCode =
  /** L1 takes such a transaction from an account whose key this node was not given. Give that key, too. */
  "KEYRING_NO_KEY";

/**
 * One sender out of several accounts: each transaction is of the account that is wanted when it is given. It owns none of
 * them: they are started and stopped by their owner. `accounts`: one at least. `wanted`: the account; lower case.
 */
export const createKeyring = (accounts: readonly Transactor[], wanted: () => Hex): Transactor => {
  const find = (): Transactor | undefined => accounts.find(({ address }) => address === wanted());
  const current = (): Transactor => find() ?? (accounts[0] as Transactor);
  return {
    name: "keyring",
    get address() {
      return current().address;
    },
    get tip() {
      return current().tip;
    },
    get pending() {
      return accounts.reduce((sum, { pending }) => sum + pending, 0);
    },
    async send(call, isWanted) {
      const account = find();
      if (account !== undefined) return account.send(call, isWanted);
      const missing = wanted();
      throw new CodedError<KeyringErrorCode>("KEYRING_NO_KEY", `this node does not have the key of ${missing}`, {
        account: missing,
      });
    },
    async tick() {
      for (const account of accounts) await account.tick();
    },
    start() {
      for (const account of accounts) account.start();
    },
    async stop() {},
  };
};
