import { createHash } from "node:crypto";
import { type Bytes, type Hex, toHex, uintBE } from "../foundation/bytes.ts";

/** EIP-4844. A blob is 4,096 field elements of 32 bytes, big-endian, each below the order of the group. */
export const BLOB_BYTES = 131_072;
const ELEMENTS = 4_096;
const ELEMENT_BYTES = 32;
/** What a field element carries: its low bytes. The top byte stays zero, so that any data makes a number of the field. */
const PIECE_BYTES = 31;
/** Bytes of data in one blob. */
export const BLOB_DATA_BYTES = ELEMENTS * PIECE_BYTES;

/** Data as blobs: byte p is in blob p / 126,976, field element (p / 31) % 4096. The rest of the last blob is zero. */
export const encodeBlobs = (data: Bytes): Bytes[] =>
  Array.from({ length: Math.ceil(data.length / BLOB_DATA_BYTES) }, (_, i) => {
    const part = data.subarray(i * BLOB_DATA_BYTES, (i + 1) * BLOB_DATA_BYTES);
    const blob = new Uint8Array(BLOB_BYTES);
    for (let element = 0; element * PIECE_BYTES < part.length; element++)
      blob.set(
        part.subarray(element * PIECE_BYTES, (element + 1) * PIECE_BYTES),
        (element + 1) * ELEMENT_BYTES - PIECE_BYTES,
      );
    return blob;
  });

/** What blobs carry, padding included. Total: top bytes are passed over, whatever they are. */
export const decodeBlobs = (blobs: readonly Bytes[]): Bytes => {
  const data = new Uint8Array(blobs.length * BLOB_DATA_BYTES);
  for (const [i, blob] of blobs.entries())
    for (let element = 0; element < ELEMENTS; element++) {
      const end = (element + 1) * ELEMENT_BYTES;
      data.set(blob.subarray(end - PIECE_BYTES, end), i * BLOB_DATA_BYTES + element * PIECE_BYTES);
    }
  return data;
};

/** `0x01 ++ sha256(commitment)[1:]`: the name of a blob on L1. */
export const versionedHash = (commitment: Bytes): Hex => {
  const hash = createHash("sha256").update(commitment).digest();
  hash[0] = 1;
  return toHex(hash);
};

/** Order of the group, and a root of unity of order 4,096 in its field. */
const ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
const ROOT_OF_UNITY = 0x564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306n;
const INDEX_BITS = 12;

const power = (base: bigint, exponent: number): bigint => {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0; rest >>>= 1) {
    if (rest & 1) result = (result * square) % ORDER;
    square = (square * square) % ORDER;
  }
  return result;
};

/** Where a blob's polynomial has element `index`: the root of unity to the index with its bits in reverse order. 32 bytes. */
export const placeOfElement = (index: number): Bytes => {
  let reversed = 0;
  for (let bit = 0; bit < INDEX_BITS; bit++) reversed |= ((index >>> bit) & 1) << (INDEX_BITS - 1 - bit);
  return uintBE(power(ROOT_OF_UNITY, reversed), 32);
};
