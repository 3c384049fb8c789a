import { type Bytes, EMPTY_BYTES, equalBytes, word } from "../foundation/bytes.ts";
import type { Write } from "../store/key-value-store.ts";
import {
  type AccountRecord,
  accountKey,
  accountValue,
  encodeAccount,
  isEmptyAccount,
  sameAccount,
  slotKey,
} from "./account.ts";
import { ACCOUNT_PREFIX, bytesOf, SLOT_PREFIX } from "./keys.ts";
import type { PendingChanges, StateReader } from "./overlay.ts";
import type { TreeChange } from "./tree.ts";

/** What pending changes do to the tree and to the flat columns. Whatever equals the state before is left out. */
export type Difference = {
  readonly changes: readonly TreeChange[];
  readonly writes: readonly Write[];
  /** Flat values before, by flat key. */
  readonly undo: ReadonlyMap<string, Bytes | undefined>;
  /** New accounts by address and slot values by address ++ slot. */
  readonly accounts: ReadonlyMap<string, AccountRecord | undefined>;
  readonly slots: ReadonlyMap<string, Bytes>;
};

export const differenceOf = (pending: PendingChanges, base: StateReader): Difference => {
  const changes: TreeChange[] = [];
  const writes: Write[] = [];
  const undo = new Map<string, Bytes | undefined>();
  const accounts = new Map<string, AccountRecord | undefined>();
  const slots = new Map<string, Bytes>();

  const note = (key: string, before: Bytes | undefined, after: Bytes | undefined): void => {
    const bytes = bytesOf(key);
    writes.push(after === undefined ? { type: "del", key: bytes } : { type: "put", key: bytes, value: after });
    undo.set(key, before);
  };

  const noteSlot = (address: string, slot: string, after: Bytes): void => {
    const before = base.slot(address, slot);
    if (equalBytes(before, after)) return;
    const place = address + slot;
    const value = after.length === 0 ? undefined : word(after);
    changes.push({ key: slotKey(bytesOf(address), bytesOf(slot)), value });
    note(SLOT_PREFIX + place, before.length === 0 ? undefined : before, after.length === 0 ? undefined : after);
    slots.set(place, after);
  };

  for (const [address, record] of pending.accounts) {
    const after = record === undefined || isEmptyAccount(record) ? undefined : record;
    const before = base.account(address);
    if (sameAccount(before, after)) continue;
    changes.push({ key: accountKey(bytesOf(address)), value: after && accountValue(after) });
    note(ACCOUNT_PREFIX + address, before && encodeAccount(before), after && encodeAccount(after));
    accounts.set(address, after);
  }
  for (const [address, { cleared, values }] of pending.storage) {
    if (cleared) for (const [slot] of base.slots(address)) if (!values.has(slot)) noteSlot(address, slot, EMPTY_BYTES);
    for (const [slot, value] of values) noteSlot(address, slot, value);
  }
  return { changes, writes, undo, accounts, slots };
};
