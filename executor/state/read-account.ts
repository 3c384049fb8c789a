import type { StateManagerInterface } from "@ethereumjs/common";
import { Address } from "@ethereumjs/util";
import { fromHex, type Hex } from "../foundation/bytes.ts";
import { delegateOf } from "../protocol/delegation.ts";

export type AccountView = {
  readonly nonce: bigint;
  readonly balance: bigint;
  /** It has code of its own. */
  readonly isContract: boolean;
  /** Its code is another's (EIP-7702). */
  readonly isDelegated: boolean;
};

/** An account as a state has it; an absent one is empty. */
export const readAccount = async (state: StateManagerInterface, address: Hex): Promise<AccountView> => {
  const account = await state.getAccount(new Address(fromHex(address)));
  if (account === undefined) return { nonce: 0n, balance: 0n, isContract: false, isDelegated: false };
  const { nonce, balance } = account;
  const hasCode = account.isContract();
  const isDelegated = hasCode && delegateOf(await state.getCode(new Address(fromHex(address)))) !== undefined;
  return { nonce, balance, isContract: hasCode && !isDelegated, isDelegated };
};
