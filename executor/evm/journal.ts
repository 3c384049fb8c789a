import type { StateManagerInterface } from "@ethereumjs/common";
import type { EVM } from "@ethereumjs/evm";
import type { Account, Address } from "@ethereumjs/util";
import { type Bytes, fromHex } from "../foundation/bytes.ts";

const latin1Slice = Buffer.prototype.latin1Slice as (this: Bytes, start: number, end: number) => string;
const keyOf = (bytes: Bytes): string => latin1Slice.call(bytes, 0, bytes.length);
const bytesOfHex = (hex: string): Bytes => fromHex(hex.startsWith("0x") ? hex : `0x${hex}`);

/**
 * What a transaction has warmed (EIP-2929), with the checkpoints of its frames. It takes the place of the library's
 * journal, which keeps hex strings, and walks every touched account at the end of a transaction to delete the empty ones:
 * the state never stores an empty account, so nothing of that is left to do.
 */
export const createJournal = (state: StateManagerInterface, precompiles: Iterable<Bytes>): EVM["journal"] => {
  /** Warm by rule, in every transaction. */
  const always = new Set(Array.from(precompiles, keyOf));
  /** Addresses (20 bytes) and slots (52 bytes). */
  const warm = new Set<string>();
  /** What was added, in order, since the first checkpoint. */
  let added: string[] = [];
  let marks: number[] = [];

  const add = (key: string): void => {
    if (warm.has(key)) return;
    warm.add(key);
    if (marks.length > 0) added.push(key);
  };
  const clear = (): void => {
    warm.clear();
    added = [];
    marks = [];
  };

  const journal = {
    putAccount: (address: Address, account: Account) => state.putAccount(address, account),
    deleteAccount: (address: Address) => state.deleteAccount(address),
    checkpoint: () => {
      marks.push(added.length);
      return state.checkpoint();
    },
    commit: () => {
      marks.pop();
      if (marks.length === 0) added = [];
      return state.commit();
    },
    revert: () => {
      const mark = marks.pop() ?? 0;
      for (let i = mark; i < added.length; i++) warm.delete(added[i] as string);
      added.length = mark;
      return state.revert();
    },
    isWarmedAddress: (address: Bytes): boolean => {
      const key = keyOf(address);
      return warm.has(key) || always.has(key);
    },
    addWarmedAddress: (address: Bytes) => add(keyOf(address)),
    isWarmedStorage: (address: Bytes, slot: Bytes): boolean => warm.has(keyOf(address) + keyOf(slot)),
    addWarmedStorage: (address: Bytes, slot: Bytes) => add(keyOf(address) + keyOf(slot)),
    addAlwaysWarmAddress: (address: string) => add(keyOf(bytesOfHex(address))),
    addAlwaysWarmSlot: (address: string, slot: string) => add(keyOf(bytesOfHex(address)) + keyOf(bytesOfHex(slot))),
    cleanJournal: clear,
    cleanup: async () => clear(),
  };
  return journal as unknown as EVM["journal"];
};
