import { type Bytes, concat, type Hex, readUintBE, toHex, uintBE } from "../foundation/bytes.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import { merkleRoot } from "../foundation/merkle.ts";
import { TAG, tagByte } from "../foundation/tags.ts";

/** An artifact as L1 has it: chunks, each the input of a transaction or a blob, of which a root commits to every byte. */

/** Bytes of a chunk in calldata, at most: a proof shows it whole. */
export const MAX_CHUNK_BYTES = 98_304;
/** Chunks of an artifact, at most. */
export const MAX_CHUNKS = 4_096;
/** Bytes of an artifact, at most. */
export const MAX_ARTIFACT_BYTES = 2 ** 31 - 1;

export const CHUNK_KIND = { calldata: 1, blob: 2 } as const;
export type ChunkKind = keyof typeof CHUNK_KIND;

/** `hash`: keccak256 of its bytes, or the blob's versioned hash. `length`: of the artifact's bytes that lie in it. */
export type Chunk = { readonly kind: ChunkKind; readonly hash: Hex; readonly length: number };

/** What L2 is told of an artifact. */
export type Content = { readonly root: Bytes; readonly length: number; readonly chunks: number };

const KIND_OF = new Map<number, ChunkKind>([
  [CHUNK_KIND.calldata, "calldata"],
  [CHUNK_KIND.blob, "blob"],
]);
/** Of a manifest, for each chunk. */
export const MANIFEST_ENTRY_BYTES = 37;

/** `u8 kind ++ hash ++ u32 length` for each chunk, in order. */
export const encodeManifest = (chunks: readonly Chunk[]): Bytes =>
  concat(
    ...chunks.map(({ kind, hash, length }) =>
      concat(Uint8Array.of(CHUNK_KIND[kind]), Buffer.from(hash.slice(2), "hex"), uintBE(length, 4)),
    ),
  );

/** Undefined of bytes that are no manifest: another length, kinds that there are not, none or too many chunks or bytes. */
export const decodeManifest = (manifest: Bytes): readonly Chunk[] | undefined => {
  const count = manifest.length / MANIFEST_ENTRY_BYTES;
  if (!Number.isInteger(count) || count === 0 || count > MAX_CHUNKS) return undefined;
  const chunks: Chunk[] = [];
  let total = 0;
  for (let at = 0; at < manifest.length; at += MANIFEST_ENTRY_BYTES) {
    const kind = KIND_OF.get(manifest[at] as number);
    const length = Number(readUintBE(manifest.subarray(at + 33, at + MANIFEST_ENTRY_BYTES)));
    total += length;
    if (kind === undefined || length === 0 || total > MAX_ARTIFACT_BYTES) return undefined;
    chunks.push({ kind, hash: toHex(manifest.subarray(at + 1, at + 33)), length });
  }
  return chunks;
};

/** `u8 kind ++ hash ++ u32 start ++ u32 length`: a chunk and where its bytes begin in the artifact. */
export const chunkRecords = (chunks: readonly Chunk[]): readonly Bytes[] => {
  let start = 0;
  return chunks.map(({ kind, hash, length }) => {
    const record = concat(
      Uint8Array.of(CHUNK_KIND[kind]),
      Buffer.from(hash.slice(2), "hex"),
      uintBE(start, 4),
      uintBE(length, 4),
    );
    start += length;
    return record;
  });
};

/** `K(0x1a ++ record)`: a leaf of the content's tree. */
export const chunkLeaf = (record: Bytes): Bytes => keccakOf(tagByte(TAG.contentChunk), record);

export const contentOf = (chunks: readonly Chunk[]): Content => ({
  root: merkleRoot(chunkRecords(chunks).map(chunkLeaf)),
  length: chunks.reduce((sum, { length }) => sum + length, 0),
  chunks: chunks.length,
});

/** `K(root ++ u32 length ++ u32 chunks)`. */
export const contentHashOf = ({ root, length, chunks }: Content): Hex =>
  toHex(keccakOf(root, uintBE(length, 4), uintBE(chunks, 4)));

/** A chunk that is the input of a transaction. */
export const calldataChunk = (bytes: Bytes): Chunk => ({
  kind: "calldata",
  hash: toHex(keccak256(bytes)),
  length: bytes.length,
});
