import { type Bytes, concat, EMPTY_BYTES, readUintBE, uintBE } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { COLUMN, type KeyValueStore, type Write } from "../store/key-value-store.ts";
import type { StateErrorCode } from "./errors.ts";
import { bytesOf, latin1 } from "./keys.ts";
import { decodeRef, encodeRef, type Ref } from "./node-codec.ts";

/** Flat key (latin1 string) to the value before, undefined where there was none. */
export type UndoMap = ReadonlyMap<string, Bytes | undefined>;

/** What is kept of a version: its root, how many tree nodes it added, and the flat keys that it changed. */
export type VersionRecord = { readonly root: Ref; readonly nodes: number; readonly keys: readonly string[] };

/** Root reference, u32 count of nodes, then keys: length u8, key. */
export const encodeRecord = ({ root, nodes, keys }: VersionRecord): Bytes => {
  const parts: Bytes[] = [encodeRef(root), uintBE(nodes, 4)];
  for (const key of keys) parts.push(Uint8Array.of(key.length), bytesOf(key));
  return concat(...parts);
};

/** STATE_CORRUPT when the bytes end early. */
export const decodeRecord = (bytes: Bytes): VersionRecord => {
  const { ref: root, length } = decodeRef(bytes);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const short = () => new CodedError<StateErrorCode>("STATE_CORRUPT", "a stored version record is cut short");
  if (buffer.length < length + 4) throw short();
  const nodes = buffer.readUInt32BE(length);
  const keys: string[] = [];
  let at = length + 4;
  while (at < buffer.length) {
    const end = at + 1 + (buffer[at] as number);
    if (end > buffer.length) throw short();
    keys.push(buffer.toString("latin1", at + 1, end));
    at = end;
  }
  return { root, nodes, keys };
};

const PREFIX = String.fromCharCode(COLUMN.history);
const VERSION_BYTES = 8;

/**
 * What was under a flat key before a version changed it, by key and version: one look finds what an old version says of
 * a key, however many versions lie above it. An empty value: nothing was there.
 */
export const createHistory = (store: KeyValueStore) => {
  const keyOf = (key: string, version: number): Bytes => concat(bytesOf(PREFIX + key), uintBE(version, VERSION_BYTES));
  const endOf = (key: string): Bytes => concat(bytesOf(PREFIX + key), new Uint8Array(VERSION_BYTES).fill(0xff));

  return {
    write: (key: string, version: number, before: Bytes | undefined): Write => ({
      type: "put",
      key: keyOf(key, version),
      value: before ?? EMPTY_BYTES,
    }),
    removal: (key: string, version: number): Write => ({ type: "del", key: keyOf(key, version) }),
    /** What the version found under a key that it changed. STATE_CORRUPT when nothing tells. */
    at(key: string, version: number): Bytes | undefined {
      const before = store.get(keyOf(key, version));
      if (before === undefined)
        throw new CodedError<StateErrorCode>("STATE_CORRUPT", `the history of version ${version} has a gap`);
      return before.length === 0 ? undefined : before;
    },
    /** What the first version above `of` that changed the key found there; undefined when none did. */
    firstAbove(key: string, of: number): Bytes | undefined {
      for (const [, before] of store.scan({ gte: keyOf(key, of + 1), lt: endOf(key), limit: 1 })) return before;
      return undefined;
    },
    /** Keys in `[from, end)` that were changed above `of`, in order, at most so many. */
    changedKeys(of: number, [from, end]: readonly [from: string, end: string], limit: number): string[] {
      const keys = new Set<string>();
      for (const [stored] of store.scan({ gte: bytesOf(PREFIX + from), lt: bytesOf(PREFIX + end) })) {
        if (keys.size === limit) break;
        if (Number(readUintBE(stored.subarray(-VERSION_BYTES))) > of)
          keys.add(latin1(stored.subarray(1, -VERSION_BYTES)));
      }
      return [...keys];
    },
    /** What `firstAbove` finds of all keys that begin with `prefix`, in their order. */
    *above(prefix: string, of: number): Iterable<readonly [key: string, before: Bytes | undefined]> {
      let last: string | undefined;
      const low = bytesOf(PREFIX + prefix);
      for (const [stored, before] of store.scan({ gte: low, lt: concat(low, new Uint8Array(65).fill(0xff)) })) {
        const key = latin1(stored.subarray(1, -VERSION_BYTES));
        if (key === last || Number(readUintBE(stored.subarray(-VERSION_BYTES))) <= of) continue;
        last = key;
        yield [key, before.length === 0 ? undefined : before];
      }
    },
  };
};
