import type { StateManagerInterface } from "@ethereumjs/common";
import { Address } from "@ethereumjs/util";
import { fromHex, type Hex } from "../foundation/bytes.ts";

export type AccountView = { readonly nonce: bigint; readonly balance: bigint; readonly isContract: boolean };

/** An account as a state has it; an absent one is empty. */
export const readAccount = async (state: StateManagerInterface, address: Hex): Promise<AccountView> => {
  const account = await state.getAccount(new Address(fromHex(address)));
  if (account === undefined) return { nonce: 0n, balance: 0n, isContract: false };
  return { nonce: account.nonce, balance: account.balance, isContract: account.isContract() };
};
