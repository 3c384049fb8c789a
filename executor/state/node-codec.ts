import type { Bytes } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import type { StateErrorCode } from "./errors.ts";

/** A leaf stands at the shortest prefix that no other key shares. Its hash is computed when first asked for. */
export type Leaf = { readonly leaf: true; readonly key: Bytes; readonly value: Bytes; hash: Bytes | undefined };

/** An inner node, stored under its id. */
export type Branch = { readonly leaf: false; readonly hash: Bytes; readonly id: number };

/** A subtree; undefined is the empty one. */
export type Ref = Leaf | Branch | undefined;

/**
 * A stored node: one byte for the kinds of both children (low half left, high half right), then each child's fields.
 * A branch: id u64, hash. A leaf: key, value. An id is below 2^53.
 */
export const KIND = { empty: 0, branch: 1, leaf: 2 } as const;
const SIZE = [0, 40, 64] as const;
/** No node is longer. */
export const MAX_NODE_BYTES = 129;

const corrupt = () =>
  new CodedError<StateErrorCode>("STATE_CORRUPT", "a stored tree node has another length than its kinds say");

export const kindOf = (ref: Ref): 0 | 1 | 2 => (ref === undefined ? KIND.empty : ref.leaf ? KIND.leaf : KIND.branch);

/** Bytes of a child's fields. */
export const sizeOf = (kind: number): number => {
  const size = SIZE[kind];
  if (size === undefined) throw corrupt();
  return size;
};

/** Length of the node that begins with this byte. */
const nodeSize = (kinds: number): number => 1 + sizeOf(kinds & 15) + sizeOf(kinds >>> 4);

/** STATE_CORRUPT unless the bytes are as long as their first says. */
export const assertNode = (bytes: Bytes): void => {
  const kinds = bytes[0];
  if (kinds === undefined || bytes.length !== nodeSize(kinds)) throw corrupt();
};

/** A node id, 8 bytes big-endian. */
export const writeId = (out: Bytes, at: number, id: number): void => {
  let high = Math.floor(id / 2 ** 32);
  let low = id % 2 ** 32;
  for (let i = 3; i >= 0; i--) {
    out[at + i] = high & 0xff;
    out[at + i + 4] = low & 0xff;
    high >>>= 8;
    low >>>= 8;
  }
};

export const readId = (bytes: Bytes, at: number): number => {
  let high = 0;
  let low = 0;
  for (let i = 0; i < 4; i++) {
    high = (high << 8) | (bytes[at + i] as number);
    low = (low << 8) | (bytes[at + i + 4] as number);
  }
  return (high >>> 0) * 2 ** 32 + (low >>> 0);
};

/** Copies `size` bytes: for the few dozen bytes of a field this is faster than a view and a set. */
export const copyBytes = (from: Bytes, at: number, to: Bytes, target: number, size: number): void => {
  for (let i = 0; i < size; i++) to[target + i] = from[at + i] as number;
};

/** A child's fields; returns where the next one begins. */
export const writeChild = (out: Bytes, at: number, ref: Ref): number => {
  if (ref === undefined) return at;
  if (ref.leaf) {
    copyBytes(ref.key, 0, out, at, 32);
    copyBytes(ref.value, 0, out, at + 32, 32);
    return at + 64;
  }
  writeId(out, at, ref.id);
  copyBytes(ref.hash, 0, out, at + 8, 32);
  return at + 40;
};

/** A child, copied out of a node. */
export const readChild = (bytes: Bytes, at: number, kind: number): Ref => {
  if (kind === KIND.empty) return undefined;
  if (kind === KIND.leaf)
    return { leaf: true, key: bytes.slice(at, at + 32), value: bytes.slice(at + 32, at + 64), hash: undefined };
  return { leaf: false, hash: bytes.slice(at + 8, at + 40), id: readId(bytes, at) };
};

/** One reference by itself: kind byte and its fields. */
export const encodeRef = (ref: Ref): Bytes => {
  const kind = kindOf(ref);
  const out = new Uint8Array(1 + sizeOf(kind));
  out[0] = kind;
  writeChild(out, 1, ref);
  return out;
};

/** The reference at the start of `bytes`, and how long it is. */
export const decodeRef = (bytes: Bytes): { readonly ref: Ref; readonly length: number } => {
  const kind = bytes[0] ?? 0xff;
  const length = 1 + sizeOf(kind);
  if (bytes.length < length) throw corrupt();
  return { ref: readChild(bytes, 1, kind), length };
};

export const encodeIds = (ids: readonly number[]): Bytes => {
  const out = new Uint8Array(ids.length * 8);
  ids.forEach((id, i) => {
    writeId(out, i * 8, id);
  });
  return out;
};

export const decodeIds = (bytes: Bytes): readonly number[] => {
  if (bytes.length % 8 !== 0) throw corrupt();
  return Array.from({ length: bytes.length / 8 }, (_, i) => readId(bytes, i * 8));
};
