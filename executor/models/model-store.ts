import { BLOB_DATA_BYTES, decodeBlobs } from "../blob/blob.ts";
import { isBlobOf } from "../blob/kzg.ts";
import { type Bytes, concat, equalBytes, fromHex, type Hex, readUintBE, toHex, uintBE } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { keccak256 } from "../foundation/keccak.ts";
import {
  type Chunk,
  calldataChunk,
  contentHashOf,
  contentOf,
  decodeManifest,
  encodeManifest,
  MAX_CHUNK_BYTES,
} from "../protocol/model-content.ts";
import { COLUMN, type KeyValueStore, type Write } from "../store/key-value-store.ts";
import type { ArtifactKeeper, ModelContent, ModelErrorCode, Piece } from "./runtime.ts";

/**
 * Artifacts by content hash, in the chunks in which L1 has them, and content hashes by model id. Equal chunks of several
 * artifacts are stored once. An artifact's record is written behind its chunks: where there is a record, all is there.
 * An artifact on its way has a manifest instead, in a column of its own, which only retrieval reads; one write puts the
 * record in its place, or back when a chunk turns out to be spoilt.
 */

const key = (column: number, hash: Bytes): Bytes => concat(Uint8Array.of(column), hash);
const chunkKey = (hash: Bytes) => key(COLUMN.modelChunk, hash);
const artifactKey = (contentHash: Bytes) => key(COLUMN.artifact, contentHash);
const manifestKey = (contentHash: Bytes) => key(COLUMN.manifest, contentHash);
const blobKey = (hash: Bytes) => key(COLUMN.blob, hash);
const indexKey = (id: Bytes) => key(COLUMN.modelIndex, id);

const LENGTH = 8;
/** Chunks in one write, and between two turns of the event loop. */
const CHUNKS_AT_ONCE = 64;

const corrupt = (message: string, data: Record<string, unknown>): CodedError<ModelErrorCode> =>
  new CodedError("MODEL_CORRUPT", message, data);

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const chunkOf = (piece: Piece): Chunk =>
  piece instanceof Uint8Array
    ? calldataChunk(piece)
    : { kind: "blob", hash: piece.blob, length: Math.min(piece.length, BLOB_DATA_BYTES) };

export const createModelStore = (store: KeyValueStore) => {
  /** `u64 length ++ manifest`. */
  const recordOf = (contentHash: Hex): Bytes | undefined => store.get(artifactKey(fromHex(contentHash)));
  const manifestOf = (contentHash: Hex): Bytes | undefined =>
    recordOf(contentHash)?.subarray(LENGTH) ?? store.get(manifestKey(fromHex(contentHash)));
  /** What is stored was checked when it came. */
  const chunksIn = (manifest: Bytes): readonly Chunk[] => decodeManifest(manifest) as readonly Chunk[];

  /** As L1 has it. */
  const storedChunk = ({ kind, hash }: Chunk): Bytes | undefined =>
    store.get((kind === "blob" ? blobKey : chunkKey)(fromHex(hash)));

  /** Undefined when it is gone or another. What is in the column of blobs was checked: a blob's hash takes milliseconds. */
  const soundChunk = (chunk: Chunk): Bytes | undefined => {
    const stored = storedChunk(chunk);
    if (stored === undefined || chunk.kind === "blob") return stored;
    return stored.length === chunk.length && equalBytes(keccak256(stored), fromHex(chunk.hash)) ? stored : undefined;
  };

  /** Bytes of the artifact that lie in it. */
  const bytesIn = ({ kind, length }: Chunk, stored: Bytes): Bytes =>
    kind === "blob" ? decodeBlobs([stored]).subarray(0, length) : stored;

  const requireChunk = (contentHash: Hex, chunk: Chunk): Bytes => {
    const stored = soundChunk(chunk);
    if (stored !== undefined) return stored;
    throw corrupt(`chunk ${chunk.hash} of an artifact is gone or spoilt`, { contentHash, chunk: chunk.hash });
  };

  const wholeWrites = (contentHash: Bytes, length: number, manifest: Bytes): Write[] => [
    { type: "put", key: artifactKey(contentHash), value: concat(uintBE(length, LENGTH), manifest) },
    { type: "del", key: manifestKey(contentHash) },
  ];

  const keeper: ArtifactKeeper = {
    manifest(contentHash) {
      const manifest = manifestOf(contentHash);
      return manifest === undefined ? undefined : chunksIn(manifest);
    },
    hasChunk: (chunk) => storedChunk(chunk) !== undefined,
    async putManifest(contentHash, manifest) {
      const chunks = decodeManifest(manifest);
      if (chunks === undefined || contentHashOf(contentOf(chunks)) !== contentHash)
        throw corrupt("these are not the chunks of that artifact", { contentHash, length: manifest.length });
      if (recordOf(contentHash) === undefined)
        await store.write([{ type: "put", key: manifestKey(fromHex(contentHash)), value: manifest }]);
    },
    async putChunk(hash, chunk) {
      if (chunk.length > MAX_CHUNK_BYTES || toHex(keccak256(chunk)) !== hash)
        throw corrupt("this is not the chunk of that hash", { chunk: hash, length: chunk.length });
      await store.write([{ type: "put", key: chunkKey(fromHex(hash)), value: chunk }]);
    },
    async putBlob(hash, blob) {
      if (!(await isBlobOf(hash, blob))) throw corrupt("this is not the blob of that hash", { chunk: hash });
      await store.write([{ type: "put", key: blobKey(fromHex(hash)), value: blob }]);
    },
  };

  return {
    keeper,

    async putChunks(pieces: readonly Piece[]): Promise<Hex> {
      const chunks = pieces.map(chunkOf);
      const { length, ...content } = contentOf(chunks);
      const contentHash = contentHashOf({ length, ...content });
      if (recordOf(contentHash) !== undefined) return contentHash;
      for (let from = 0; from < pieces.length; from += CHUNKS_AT_ONCE) {
        const writes: Write[] = [];
        for (const [i, piece] of pieces.slice(from, from + CHUNKS_AT_ONCE).entries()) {
          const chunk = chunks[from + i] as Chunk;
          if (piece instanceof Uint8Array)
            writes.push({ type: "put", key: chunkKey(fromHex(chunk.hash)), value: piece });
          else if (storedChunk(chunk) === undefined)
            throw new CodedError<ModelErrorCode>("MODEL_DATA_MISSING", `blob ${chunk.hash} is not in the store`);
        }
        await store.write(writes);
      }
      await store.write(wholeWrites(fromHex(contentHash), length, encodeManifest(chunks)));
      return contentHash;
    },

    /**
     * Puts the record of an artifact whose chunks are all there. Answers how many are not; undefined when not even their
     * hashes are known.
     */
    async complete(contentHash: Hex): Promise<number | undefined> {
      if (recordOf(contentHash) !== undefined) return 0;
      const manifest = manifestOf(contentHash);
      if (manifest === undefined) return undefined;
      let missing = 0;
      let length = 0;
      let read = 0;
      for (const chunk of chunksIn(manifest)) {
        if (storedChunk(chunk) === undefined) missing++;
        length += chunk.length;
        if (++read % CHUNKS_AT_ONCE === 0) await turn();
      }
      if (missing === 0) await store.write(wholeWrites(fromHex(contentHash), length, manifest));
      return missing;
    },

    /** Takes back the record of an artifact with missing or spoilt chunks, and drops these: what is left is sound. */
    async reopen(contentHash: Hex): Promise<void> {
      const manifest = manifestOf(contentHash);
      if (manifest === undefined) return;
      const writes: Write[] = [
        { type: "put", key: manifestKey(fromHex(contentHash)), value: manifest },
        { type: "del", key: artifactKey(fromHex(contentHash)) },
      ];
      let read = 0;
      for (const chunk of chunksIn(manifest)) {
        if (soundChunk(chunk) === undefined) writes.push({ type: "del", key: chunkKey(fromHex(chunk.hash)) });
        if (++read % CHUNKS_AT_ONCE === 0) await turn();
      }
      await store.write(writes);
    },

    artifactLength(contentHash: Hex): number | undefined {
      const record = recordOf(contentHash);
      return record === undefined ? undefined : Number(readUintBE(record.subarray(0, LENGTH)));
    },

    /** The artifact's bytes. MODEL_CORRUPT when a chunk that the record names is gone or another. */
    artifact(contentHash: Hex): Bytes | undefined {
      const record = recordOf(contentHash);
      if (record === undefined) return undefined;
      const chunks = chunksIn(record.subarray(LENGTH));
      return concat(...chunks.map((chunk) => bytesIn(chunk, requireChunk(contentHash, chunk))));
    },

    /** A chunk as L1 has it. MODEL_CORRUPT. */
    requireChunk,

    /** Where the artifact of an admitted model is. */
    contentHashOf(id: Hex): Hex | undefined {
      const value = store.get(indexKey(fromHex(id)));
      return value === undefined ? undefined : toHex(value);
    },

    async index(id: Hex, contentHash: Hex): Promise<void> {
      await store.write([{ type: "put", key: indexKey(fromHex(id)), value: fromHex(contentHash) }]);
    },

    content: ((kind, hash) =>
      kind === "manifest" ? manifestOf(hash) : store.get(chunkKey(fromHex(hash)))) satisfies ModelContent["content"],
  };
};
export type ModelStore = ReturnType<typeof createModelStore>;
