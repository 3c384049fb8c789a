import { type Bytes, concat, equalBytes, word, ZERO_32 } from "../foundation/bytes.ts";
import { CodedError, hasCode, messageOf } from "../foundation/errors.ts";
import { accountKey, accountValue, decodeAccount, isEmptyAccount, slotKey } from "./account.ts";
import type { CodeInfo } from "./code.ts";
import type { StateErrorCode } from "./errors.ts";
import { ACCOUNT_PREFIX, latin1, SLOT_PREFIX } from "./keys.ts";
import { createPrefixFold, sharedBits } from "./prefix-fold.ts";
import { hashBranch, hashLeaf } from "./proof.ts";

/**
 * The state cut into pieces, each of which is asked for by the hash of the tree's node that it stands for, and proves
 * itself by it. A piece has the leaves below its node, or the shape of the tree there down to other pieces.
 */

/** Bytes of one piece at most: two entries always fit. */
export const MAX_PIECE_BYTES = 2 ** 17;

const KIND = { leaves: 0, shape: 1 } as const;
const TAG_OF = { account: 1, slot: 2 } as const;
export const SHAPE = { empty: 0, branch: 1, part: 2 } as const;
const [ADDRESS_BYTES, SLOT_BYTES, HASH_BYTES] = [20, 32, 32];

/** What a leaf stands for, as it is stored. */
export type PieceEntry = {
  /** Of the leaf. */
  readonly key: Bytes;
  readonly value: Bytes;
  /** Key (latin1 string) and value of the flat entry. */
  readonly flatKey: string;
  readonly flat: Bytes;
  /** Of an account with code. */
  readonly code?: CodeInfo;
};

const malformed = (what: string) => new CodedError<StateErrorCode>("STATE_PIECE", `a piece of the state has ${what}`);

/** `u8 tag ++ address [++ slot] ++ u8 length ++ flat value`. The flat key has its column's byte. */
export const encodeEntry = (flatKey: Bytes, flat: Bytes): Bytes => {
  const isAccount = flatKey.length === 1 + ADDRESS_BYTES;
  const tag = isAccount ? TAG_OF.account : TAG_OF.slot;
  return concat(Uint8Array.of(tag), flatKey.subarray(1), Uint8Array.of(flat.length), flat);
};

/** Key of the leaf behind a flat key. */
export const leafKeyOf = (flatKey: Bytes): Bytes =>
  flatKey.length === 1 + ADDRESS_BYTES
    ? accountKey(flatKey.subarray(1))
    : slotKey(flatKey.subarray(1, 1 + ADDRESS_BYTES), flatKey.subarray(1 + ADDRESS_BYTES));

const entryOf = (tag: number, place: Bytes, flat: Bytes): PieceEntry => {
  const name = latin1(place);
  if (tag === TAG_OF.account) {
    const account = decodeAccount(flat);
    if (isEmptyAccount(account)) throw malformed("an empty account");
    const { code } = account;
    const leaf = { key: accountKey(place), value: accountValue(account), flatKey: ACCOUNT_PREFIX + name, flat };
    return code.size === 0 ? leaf : { ...leaf, code };
  }
  if (flat.length === 0 || flat.length > 32 || flat[0] === 0)
    throw malformed("a slot's value that is not the shortest");
  const key = slotKey(place.subarray(0, ADDRESS_BYTES), place.subarray(ADDRESS_BYTES));
  return { key, value: word(flat), flatKey: SLOT_PREFIX + name, flat };
};

/** One entry at `at`, and where the next begins. STATE_PIECE. */
export const decodeEntry = (bytes: Bytes, at: number): { readonly entry: PieceEntry; readonly next: number } => {
  const tag = bytes[at];
  if (tag !== TAG_OF.account && tag !== TAG_OF.slot) throw malformed("an entry of no kind");
  const placeEnd = at + 1 + ADDRESS_BYTES + (tag === TAG_OF.slot ? SLOT_BYTES : 0);
  const next = placeEnd + 1 + (bytes[placeEnd] ?? 0);
  if (placeEnd >= bytes.length || next > bytes.length) throw malformed("an entry that is cut short");
  const entry = entryOf(tag, bytes.slice(at + 1, placeEnd), bytes.slice(placeEnd + 1, next));
  return { entry, next };
};

/** Head of a piece of leaves below a node of this depth. */
export const leavesHead = (depth: number): Bytes => Uint8Array.of(KIND.leaves, depth);
/** A piece of a shape. */
export const shapePiece = (shape: Bytes): Bytes => concat(Uint8Array.of(KIND.shape), shape);

/** Parts of a piece in the order of their keys. */
export type Piece =
  | { readonly kind: "leaves"; readonly entries: readonly PieceEntry[]; readonly root: Bytes }
  | { readonly kind: "shape"; readonly parts: readonly Bytes[]; readonly root: Bytes };

const decodeLeaves = (bytes: Bytes): Piece => {
  const depth = bytes[1];
  if (depth === undefined) throw malformed("no depth");
  const entries: PieceEntry[] = [];
  for (let at = 2; at < bytes.length; ) {
    const { entry, next } = decodeEntry(bytes, at);
    entries.push(entry);
    at = next;
  }
  const [first, last] = [entries[0], entries.at(-1)];
  if (first === undefined || last === undefined) throw malformed("no entry");
  if (sharedBits(first.key, last.key) < depth) throw malformed("leaves of another place");
  const fold = createPrefixFold<Bytes>((left = ZERO_32, right = ZERO_32) => hashBranch(left, right));
  for (const { key, value } of entries) fold.add(key, hashLeaf(key, value));
  return { kind: "leaves", entries, root: fold.finish(depth) as Bytes };
};

const decodeShape = (bytes: Bytes): Piece => {
  const parts: Bytes[] = [];
  let at = 1;
  const read = (depth: number): Bytes => {
    const kind = bytes[at++];
    if (kind === SHAPE.empty) return ZERO_32;
    if (kind === SHAPE.part) {
      const part = bytes.slice(at, at + HASH_BYTES);
      if (part.length !== HASH_BYTES) throw malformed("a hash that is cut short");
      at += HASH_BYTES;
      parts.push(part);
      return part;
    }
    if (kind !== SHAPE.branch || depth === 256) throw malformed("a shape of no tree");
    return hashBranch(read(depth + 1), read(depth + 1));
  };
  const root = read(0);
  if (bytes[1] !== SHAPE.branch || at !== bytes.length) throw malformed("a shape that is not one tree");
  return { kind: "shape", parts, root };
};

/** STATE_PIECE: not a piece of any state. */
export const decodePiece = (bytes: Bytes): Piece => {
  if (bytes.length > MAX_PIECE_BYTES) throw malformed(`${bytes.length} bytes`);
  try {
    if (bytes[0] === KIND.leaves) return decodeLeaves(bytes);
    if (bytes[0] === KIND.shape) return decodeShape(bytes);
  } catch (error) {
    throw hasCode<StateErrorCode>(error, "STATE_CORRUPT") ? malformed(messageOf(error)) : error;
  }
  throw malformed("no kind");
};

/** Whether these are the bytes of the piece of a node. */
export const isPieceOf = (hash: Bytes, bytes: Bytes): boolean => {
  try {
    return equalBytes(decodePiece(bytes).root, hash);
  } catch (error) {
    if (error instanceof CodedError) return false;
    throw error;
  }
};
