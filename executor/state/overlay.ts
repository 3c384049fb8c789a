import { type Bytes, EMPTY_BYTES } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { type AccountRecord, stripZeros } from "./account.ts";
import { type CodeInfo, codeInfo, EMPTY_CODE } from "./code.ts";
import type { StateErrorCode } from "./errors.ts";

/**
 * One committed version of the state. Addresses, slots and code hashes are latin1 strings of their bytes; slot values
 * have no leading zeros, and zero is the empty string of bytes.
 */
export type StateReader = {
  account(address: string): AccountRecord | undefined;
  slot(address: string, slot: string): Bytes;
  /** Slots of one account that are not zero. */
  slots(address: string): Iterable<readonly [slot: string, value: Bytes]>;
  code(hash: string): Bytes | undefined;
};

/** Written slots of one account; `cleared`: whatever the reader knows of it is gone. */
export type SlotChanges = { readonly cleared: boolean; readonly values: Map<string, Bytes> };

/** Everything written above the reader: undefined is a deleted account. */
export type PendingChanges = {
  readonly accounts: ReadonlyMap<string, AccountRecord | undefined>;
  readonly storage: ReadonlyMap<string, SlotChanges>;
  /** New code by hash. */
  readonly codes: ReadonlyMap<string, Bytes>;
};

/** Writes above a committed state, with nested checkpoints: an undo log of (map, key, value before). */
export const createOverlay = (reader: StateReader) => {
  const accounts = new Map<string, AccountRecord | undefined>();
  const storage = new Map<string, SlotChanges>();
  /** Content addressed, so nothing of it is ever undone. */
  const codes = new Map<string, Bytes>();
  /** Values at the start of the transaction, of slots written since. */
  const original = new Map<string, Bytes>();
  const log: (() => void)[] = [];
  const marks: number[] = [];

  /** Sets a key so that a revert restores what was there, absence included. */
  const set = <V>(map: Map<string, V>, key: string, value: V): void => {
    if (marks.length > 0) {
      if (map.has(key)) {
        const before = map.get(key) as V;
        log.push(() => map.set(key, before));
      } else {
        log.push(() => map.delete(key));
      }
    }
    map.set(key, value);
  };

  const account = (address: string): AccountRecord | undefined =>
    accounts.has(address) ? accounts.get(address) : reader.account(address);

  const slot = (address: string, key: string): Bytes => {
    const changes = storage.get(address);
    if (changes !== undefined) {
      const value = changes.values.get(key);
      if (value !== undefined) return value;
      if (changes.cleared) return EMPTY_BYTES;
    }
    return reader.slot(address, key);
  };

  function* slots(address: string): Iterable<readonly [string, Bytes]> {
    const changes = storage.get(address);
    if (changes !== undefined) for (const entry of changes.values) if (entry[1].length > 0) yield entry;
    // An account that was never stored has no slots below: no scan.
    if (changes?.cleared || reader.account(address) === undefined) return;
    for (const entry of reader.slots(address)) if (!changes?.values.has(entry[0])) yield entry;
  }

  const hasSlots = (address: string): boolean => {
    for (const _ of slots(address)) return true;
    return false;
  };

  const code = (info: CodeInfo): Bytes => {
    if (info.size === 0) return EMPTY_BYTES;
    const bytes = codes.get(info.key) ?? reader.code(info.key);
    if (bytes === undefined)
      throw new CodedError<StateErrorCode>("STATE_CORRUPT", "code is missing", {
        hash: Buffer.from(info.hash).toString("hex"),
      });
    return bytes;
  };

  /** What is known of the code with this hash: the account's own, or any code that was put or stored. */
  const infoFor = (address: string, hash: Bytes): CodeInfo => {
    const key = Buffer.from(hash).toString("latin1");
    if (key === EMPTY_CODE.key) return EMPTY_CODE;
    const own = account(address)?.code;
    if (own?.key === key) return own;
    const bytes = codes.get(key) ?? reader.code(key);
    if (bytes === undefined)
      throw new CodedError<StateErrorCode>("STATE_UNKNOWN_CODE", "no code has this hash: put the code first", {
        hash: Buffer.from(hash).toString("hex"),
      });
    return codeInfo(bytes);
  };

  return {
    account,
    slot,
    slots,
    hasSlots,
    code,
    infoFor,
    setAccount(address: string, record: AccountRecord | undefined): void {
      set(accounts, address, record);
    },
    putCode(bytes: Bytes): CodeInfo {
      const info = codeInfo(bytes);
      // A copy: the bytes may alias the memory of a running contract.
      if (info.size > 0 && !codes.has(info.key)) codes.set(info.key, new Uint8Array(bytes));
      return info;
    },
    setSlot(address: string, key: string, value: Bytes): void {
      const place = address + key;
      if (!original.has(place)) original.set(place, slot(address, key));
      let changes = storage.get(address);
      if (changes === undefined) {
        changes = { cleared: false, values: new Map() };
        set(storage, address, changes);
      }
      const stripped = stripZeros(value);
      set(changes.values, key, stripped === value ? stripped.slice() : new Uint8Array(stripped));
    },
    clearSlots(address: string): void {
      if (hasSlots(address)) set(storage, address, { cleared: true, values: new Map() });
    },
    /** The slot's value at the start of the transaction. */
    originalSlot: (address: string, key: string): Bytes => original.get(address + key) ?? slot(address, key),
    endTransaction(): void {
      original.clear();
    },
    checkpoint(): void {
      marks.push(log.length);
    },
    commit(): void {
      marks.pop();
      if (marks.length === 0) log.length = 0;
    },
    revert(): void {
      const mark = marks.pop() ?? 0;
      while (log.length > mark) (log.pop() as () => void)();
    },
    get depth(): number {
      return marks.length;
    },
    changes: { accounts, storage, codes } satisfies PendingChanges,
    reset(): void {
      accounts.clear();
      storage.clear();
      codes.clear();
      original.clear();
      log.length = 0;
      marks.length = 0;
    },
  };
};
export type Overlay = ReturnType<typeof createOverlay>;
