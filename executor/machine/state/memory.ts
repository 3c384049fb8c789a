import { type Bytes, EMPTY_BYTES, ZERO_32 } from "../../foundation/bytes.ts";
import { ceilLog2 } from "../../foundation/merkle.ts";
import { hashBranch } from "../../state/proof.ts";
import { numberIn, writeU32 } from "./word.ts";

/**
 * Word trees: memory, calldata, returned data. Nodes are immutable, so a snapshot is a reference. A leaf's hash is the word
 * itself; an inner node's is `K(left ++ right)`, computed when first asked for.
 */
export type WordNode = {
  readonly left: WordNode | undefined;
  readonly right: WordNode | undefined;
  hash: Bytes | undefined;
};

/** A tree of `count` words, of depth ceil(log2 count), zero words behind. No words: the root is the zero word. */
export type Words = { readonly root: WordNode; readonly count: number };

const leafOf = (word: Bytes): WordNode => ({ left: undefined, right: undefined, hash: word });
const join = (left: WordNode, right: WordNode): WordNode => ({ left, right, hash: undefined });

const zeros: WordNode[] = [leafOf(ZERO_32)];
/** The tree of this depth over zero words. */
const zeroTree = (depth: number): WordNode => {
  for (let i = zeros.length; i <= depth; i++) zeros.push(join(zeros[i - 1] as WordNode, zeros[i - 1] as WordNode));
  return zeros[depth] as WordNode;
};

export const NO_WORDS: Words = { root: zeroTree(0), count: 0 };

export const hashWords = (node: WordNode): Bytes => {
  node.hash ??= hashBranch(hashWords(node.left as WordNode), hashWords(node.right as WordNode));
  return node.hash;
};

/** As many words, zero words behind. Never fewer. */
export const expandTo = ({ root, count }: Words, wanted: number): Words => {
  if (wanted <= count) return { root, count };
  const from = ceilLog2(count);
  const to = ceilLog2(wanted);
  if (count === 0) return { root: zeroTree(to), count: wanted };
  let grown = root;
  for (let depth = from; depth < to; depth++) grown = join(grown, zeroTree(depth));
  return { root: grown, count: wanted };
};

/** Copies what the subtree of 2^depth words that begins at byte `start` has of the window into `out`. */
const collect = (node: WordNode, depth: number, start: number, window: { offset: number; out: Bytes }): void => {
  const { offset, out } = window;
  const size = 32 * 2 ** depth;
  if (start >= offset + out.length || start + size <= offset || node === zeros[depth]) return;
  if (depth === 0) {
    const word = node.hash as Bytes;
    const from = Math.max(0, offset - start);
    const to = Math.min(32, offset + out.length - start);
    for (let i = from; i < to; i++) out[start + i - offset] = word[i] as number;
    return;
  }
  collect(node.left as WordNode, depth - 1, start, window);
  collect(node.right as WordNode, depth - 1, start + size / 2, window);
};

/** `length` bytes from `offset` on; zeros behind the tree's last word. */
export const readBytes = ({ root, count }: Words, offset: number, length: number): Bytes => {
  const out = new Uint8Array(length);
  if (length > 0 && count > 0) collect(root, ceilLog2(count), 0, { offset, out });
  return out;
};

const wordAt = ({ root, count }: Words, index: number): Bytes => {
  if (index >= count) return ZERO_32;
  let node = root;
  for (let bit = 2 ** ceilLog2(count) / 2; bit >= 1; bit /= 2)
    node = (Math.floor(index / bit) % 2 === 1 ? node.right : node.left) as WordNode;
  return node.hash as Bytes;
};

/** The 32 bytes from `offset` on as a number. */
export const readWord = (words: Words, offset: number): bigint => {
  const index = Math.floor(offset / 32);
  const shift = offset % 32;
  const first = wordAt(words, index);
  if (shift === 0) return numberIn(first, 0, 32);
  const second = wordAt(words, index + 1);
  return (numberIn(first, shift, 32 - shift) << BigInt(8 * shift)) | numberIn(second, 0, shift);
};

const place = (
  node: WordNode,
  depth: number,
  start: number,
  window: { readonly offset: number; readonly bytes: Bytes },
): WordNode => {
  const { offset, bytes } = window;
  const size = 32 * 2 ** depth;
  if (start >= offset + bytes.length || start + size <= offset) return node;
  if (depth === 0) {
    const from = Math.max(0, offset - start);
    const to = Math.min(32, offset + bytes.length - start);
    const word = (node.hash as Bytes).slice();
    for (let i = from; i < to; i++) word[i] = bytes[start + i - offset] as number;
    return leafOf(word);
  }
  const half = size / 2;
  return join(
    place(node.left as WordNode, depth - 1, start, window),
    place(node.right as WordNode, depth - 1, start + half, window),
  );
};

/** With `bytes` from `offset` on. INVARIANT: the tree holds the whole window; it was expanded before. */
export const writeBytes = ({ root, count }: Words, offset: number, bytes: Bytes): Words =>
  bytes.length === 0 ? { root, count } : { root: place(root, ceilLog2(count), 0, { offset, bytes }), count };

const build = (bytes: Bytes, start: number, depth: number): WordNode => {
  if (start >= bytes.length) return zeroTree(depth);
  if (depth > 0) return join(build(bytes, start, depth - 1), build(bytes, start + 16 * 2 ** depth, depth - 1));
  const word = new Uint8Array(32);
  word.set(bytes.subarray(start, start + 32));
  return leafOf(word);
};

/** The tree of these bytes, the last word filled up with zeros. */
export const wordsOf = (bytes: Bytes): Words => {
  const count = Math.ceil(bytes.length / 32);
  return count === 0 ? NO_WORDS : { root: build(bytes, 0, ceilLog2(count)), count };
};

/** Bytes `offset` to `offset + length` of a tree. INVARIANT: empty ones are EMPTY_REFERENCE; `referTo` sees to it. */
export type Reference = { readonly words: Words; readonly offset: number; readonly length: number };

export const EMPTY_REFERENCE: Reference = { words: NO_WORDS, offset: 0, length: 0 };

export const referTo = (words: Words, offset: number, length: number): Reference =>
  length === 0 ? EMPTY_REFERENCE : { words, offset, length };

/** `length` bytes of what is referred to, from its byte `at` on; zeros behind its end. */
export const readReference = ({ words, offset, length }: Reference, at: number, size: number): Bytes => {
  const there = Math.max(0, Math.min(size, length - at));
  if (there === size) return size === 0 ? EMPTY_BYTES : readBytes(words, offset + at, size);
  const out = new Uint8Array(size);
  if (there > 0) out.set(readBytes(words, offset + at, there));
  return out;
};

/** Writes `root 32 ++ u32 words ++ u32 offset ++ u32 length`; nothing, where zeros are, for an empty reference. */
export const writeReference = (out: Bytes, at: number, { words, offset, length }: Reference): void => {
  if (length === 0) return;
  out.set(hashWords(words.root), at);
  writeU32(out, at + 32, words.count);
  writeU32(out, at + 36, offset);
  writeU32(out, at + 40, length);
};

/** A reference by itself, 44 bytes. */
export const encodeReference = (reference: Reference): Bytes => {
  const out = new Uint8Array(44);
  writeReference(out, 0, reference);
  return out;
};

/** A window of memory; empty ones are at 0. */
export type Window = { readonly offset: number; readonly length: number };

const LIMIT = 2n ** 32n;
const NOWHERE: Window = { offset: 0, length: 0 };

/** The window that two operands name; undefined when it costs more than any transaction has: the instruction halts. */
export const windowOf = (offset: bigint, length: bigint): Window | undefined => {
  if (length === 0n) return NOWHERE;
  if (offset >= LIMIT || length >= LIMIT) return undefined;
  return { offset: Number(offset), length: Number(length) };
};

const costOf = (words: number): number => 3 * words + Math.floor((words * words) / 512);

/** Words that memory has once it holds the window. */
export const wordsAfter = (words: number, { offset, length }: Window): number =>
  length === 0 ? words : Math.max(words, Math.ceil((offset + length) / 32));

/** Gas of going from one number of words to another. */
export const expansionGas = (from: number, to: number): number => (to > from ? costOf(to) - costOf(from) : 0);
