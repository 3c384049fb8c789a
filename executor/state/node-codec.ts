import { type Bytes, EMPTY_BYTES } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { newLeaf, type Ref, type TreeNode } from "./tree.ts";

/** One byte for both children (low half left, high half right), then each child's fields. */
const KIND = { empty: 0, branch: 1, leaf: 2 } as const;
const SIZE = [0, 40, 64] as const;

const kindOf = (ref: Ref): 0 | 1 | 2 => (ref === undefined ? KIND.empty : ref.leaf ? KIND.leaf : KIND.branch);

const corrupt = () => new CodedError("STATE_CORRUPT", "a stored tree node has another length than its kinds say");

/** An id below 2^53 as u64. */
const writeId = (out: Bytes, at: number, id: number): void => {
  let rest = id;
  for (let i = 7; i >= 0; i--) {
    out[at + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
};

const readId = (bytes: Bytes, at: number): number => {
  let id = 0;
  for (let i = 0; i < 8; i++) id = id * 256 + (bytes[at + i] as number);
  return id;
};

const put = (out: Bytes, at: number, ref: Ref): number => {
  if (ref === undefined) return at;
  if (ref.leaf) {
    out.set(ref.key, at);
    out.set(ref.value, at + 32);
    return at + 64;
  }
  writeId(out, at, ref.id);
  out.set(ref.hash, at + 8);
  return at + 40;
};

const take = (bytes: Bytes, at: number, kind: number): Ref => {
  if (kind === KIND.empty) return undefined;
  if (kind === KIND.leaf) return newLeaf(bytes.subarray(at, at + 32), bytes.subarray(at + 32, at + 64));
  return { leaf: false, hash: bytes.subarray(at + 8, at + 40), id: readId(bytes, at), node: undefined };
};

const sizeOf = (kind: number): number => {
  const size = SIZE[kind];
  if (size === undefined) throw corrupt();
  return size;
};

export const encodeNode = ({ left, right }: TreeNode): Bytes => {
  const kinds = kindOf(left) | (kindOf(right) << 4);
  const out = new Uint8Array(1 + sizeOf(kindOf(left)) + sizeOf(kindOf(right)));
  out[0] = kinds;
  put(out, put(out, 1, left), right);
  return out;
};

export const decodeNode = (bytes: Bytes): TreeNode => {
  const kinds = bytes[0] ?? 0xff;
  const middle = 1 + sizeOf(kinds & 15);
  if (bytes.length !== middle + sizeOf(kinds >>> 4)) throw corrupt();
  return { left: take(bytes, 1, kinds & 15), right: take(bytes, middle, kinds >>> 4) };
};

/** One reference: kind byte and its fields. */
export const encodeRef = (ref: Ref): Bytes => {
  const kind = kindOf(ref);
  const out = new Uint8Array(1 + sizeOf(kind));
  out[0] = kind;
  put(out, 1, ref);
  return out;
};

/** The reference at the start of `bytes`, and how long it is. */
export const decodeRef = (bytes: Bytes): { readonly ref: Ref; readonly length: number } => {
  const kind = bytes[0] ?? 0xff;
  const length = 1 + sizeOf(kind);
  if (bytes.length < length) throw corrupt();
  return { ref: take(bytes, 1, kind), length };
};

export const encodeIds = (ids: readonly number[]): Bytes => {
  if (ids.length === 0) return EMPTY_BYTES;
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
