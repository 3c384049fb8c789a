import type { Bytes } from "../../foundation/bytes.ts";
import { accountKey, accountPreimage, isEmptyAccount, slotKey } from "../../state/account.ts";
import type { Tree } from "../state/tree.ts";
import type { Account, World } from "../state/world.ts";
import type { Evidence } from "./step.ts";
import { openPath, openSibling } from "./tree.ts";

/** An account's path, its 108 bytes where there is one. */
export const openAccount = (world: World, tree: Tree, address: Bytes): Evidence =>
  openPath(tree, accountKey(address), () => accountPreimage(world.account(tree, address)));

export const openSlot = (tree: Tree, address: Bytes, slot: Bytes): Evidence => openPath(tree, slotKey(address, slot));

/** What an account's change takes behind its path: something where it becomes empty. */
export const openChange = (tree: Tree, address: Bytes, account: Account): Evidence =>
  isEmptyAccount(account) ? openSibling(tree, accountKey(address)) : [];

/** A credit: the account's path in the tree as it is then; nothing for a credit of nothing. */
export const openCredit = (world: World, tree: Tree, address: Bytes, value: bigint): Evidence =>
  value === 0n ? [] : openAccount(world, tree, address);

export type Payment = { readonly from: Bytes; readonly to: Bytes; readonly value: bigint };

/** Balance that moves: the payer's path, what its removal takes, the payee's path behind it. */
export const openTransfer = (world: World, tree: Tree, { from, to, value }: Payment): Evidence => {
  if (value === 0n || Buffer.compare(from, to) === 0) return [];
  const payer = world.account(tree, from);
  const left = { ...payer, balance: payer.balance - value };
  const paid = world.setAccount(tree, from, left);
  return [...openAccount(world, tree, from), ...openChange(tree, from, left), ...openAccount(world, paid, to)];
};
