import { type Bytes, EMPTY_BYTES, ZERO_32 } from "../foundation/bytes.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { ceilLog2 } from "../foundation/merkle.ts";
import { hashBranch } from "./proof.ts";

/** What an account leaf commits to of its code. One object for each code: compared by identity of `key`. */
export type CodeInfo = {
  readonly hash: Bytes;
  /** `hash` as a latin1 string. */
  readonly key: string;
  readonly size: number;
  /** Root of the tree of chunks; 32 zero bytes for empty code. */
  readonly root: Bytes;
};

/** Code bytes of one chunk. */
const CHUNK = 31;

/**
 * Chunks of 32 bytes: one byte that counts the leading bytes that are push data, then 31 bytes of code, zero-padded
 * (the chunking of EIP-7864). So any chunk can be read without the ones before it.
 */
export const codeChunks = (code: Bytes): readonly Bytes[] => {
  const chunks: Bytes[] = [];
  /** Position of the next instruction. */
  let next = 0;
  for (let start = 0; start < code.length; start += CHUNK) {
    const end = start + CHUNK;
    const chunk = new Uint8Array(32);
    chunk[0] = Math.min(Math.max(next - start, 0), CHUNK);
    chunk.set(code.subarray(start, end), 1);
    chunks.push(chunk);
    while (next < end && next < code.length) {
      const opcode = code[next] as number;
      next += opcode >= 0x60 && opcode <= 0x7f ? opcode - 0x5e : 1;
    }
  }
  return chunks;
};

/** Root of the untagged binary tree over `words`, padded with zero words to a power of two; one word is its own root. */
const wordTreeRoot = (words: readonly Bytes[]): Bytes => {
  let level = words;
  let zero: Bytes = ZERO_32;
  for (let height = ceilLog2(words.length); height > 0; height--) {
    const above: Bytes[] = [];
    for (let i = 0; i < level.length; i += 2) above.push(hashBranch(level[i] as Bytes, level[i + 1] ?? zero));
    zero = hashBranch(zero, zero);
    level = above;
  }
  return level[0] ?? ZERO_32;
};

/** Root of the chunk tree: 32 zero bytes for empty code. */
export const codeRoot = (code: Bytes): Bytes => wordTreeRoot(codeChunks(code));

const infoFor = (code: Bytes): CodeInfo => {
  const hash = keccak256(code);
  return { hash, key: Buffer.from(hash).toString("latin1"), size: code.length, root: codeRoot(code) };
};

export const EMPTY_CODE: CodeInfo = infoFor(EMPTY_BYTES);

export const codeInfo = (code: Bytes): CodeInfo => (code.length === 0 ? EMPTY_CODE : infoFor(code));
