import { type Bytes, concat, utf8 } from "../foundation/bytes.ts";
import { COLUMN } from "../store/key-value-store.ts";
import { writeId } from "./node-codec.ts";

/** Inside the state, keys are latin1 strings of their bytes: they compare and hash fast, and cost a byte each. */
export const latin1 = (bytes: Bytes): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
export const bytesOf = (text: string): Bytes => Buffer.from(text, "latin1");

export const META_KEY = concat(Uint8Array.of(COLUMN.meta), utf8("state"));

/** Flat keys: account = prefix ++ address, slot = prefix ++ address ++ slot. */
export const ACCOUNT_PREFIX = String.fromCharCode(COLUMN.account);
export const SLOT_PREFIX = String.fromCharCode(COLUMN.slot);

export const codeKeyOf = (hash: string): Bytes => bytesOf(String.fromCharCode(COLUMN.code) + hash);

const numbered = (column: number, id: number): Bytes => {
  const key = new Uint8Array(9);
  key[0] = column;
  writeId(key, 1, id);
  return key;
};
export const nodeKeyOf = (id: number): Bytes => numbered(COLUMN.treeNode, id);
/** Ids of nodes that the version before reaches and this one does not. */
export const staleKeyOf = (version: number): Bytes => numbered(COLUMN.staleNodes, version);
/** The version's record: root, node count, undo. */
export const recordKeyOf = (version: number): Bytes => numbered(COLUMN.undo, version);

/** All keys that begin with `prefix`, if no key is more than 64 bytes longer. */
export const prefixRange = (prefix: string): { readonly gte: Bytes; readonly lt: Bytes } => ({
  gte: bytesOf(prefix),
  lt: concat(bytesOf(prefix), new Uint8Array(65).fill(0xff)),
});
