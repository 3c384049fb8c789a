import { decodeChunkBlob } from "../blob/blob.ts";
import { isBlobOf } from "../blob/kzg.ts";
import { type Bytes, concat, equalBytes, fromHex, type Hex, readUintBE, toHex, uintBE } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import { COLUMN, type KeyValueStore, type Write } from "../store/key-value-store.ts";
import {
  type ArtifactKeeper,
  MAX_CHUNK_BYTES,
  MAX_CHUNKS,
  type ModelContent,
  type ModelErrorCode,
  type Piece,
} from "./runtime.ts";

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

const HASH = 32;
/** First byte of a blob's versioned hash. A keccak hash may begin with it too: both are looked for. */
const VERSIONED = 0x01;
const LENGTH = 8;
/** Chunks in one write, and between two turns of the event loop. */
const CHUNKS_AT_ONCE = 64;

function* hashesIn(manifest: Bytes): Generator<Bytes> {
  for (let at = 0; at < manifest.length; at += HASH) yield manifest.subarray(at, at + HASH);
}

const corrupt = (message: string, data: Record<string, unknown>): CodedError<ModelErrorCode> =>
  new CodedError("MODEL_CORRUPT", message, data);

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const createModelStore = (store: KeyValueStore) => {
  /** `u64 length ++ chunk hashes`. */
  const recordOf = (contentHash: Hex): Bytes | undefined => store.get(artifactKey(fromHex(contentHash)));
  const manifestOf = (contentHash: Hex): Bytes | undefined =>
    recordOf(contentHash)?.subarray(LENGTH) ?? store.get(manifestKey(fromHex(contentHash)));

  /** The chunk that a blob of L1 is. What is in the column was checked; its hash takes milliseconds. */
  const blobChunk = (hash: Bytes): Bytes | undefined => {
    const blob = hash[0] === VERSIONED ? store.get(blobKey(hash)) : undefined;
    return blob === undefined ? undefined : decodeChunkBlob(blob);
  };
  const storedChunk = (hash: Bytes): Bytes | undefined => store.get(chunkKey(hash)) ?? blobChunk(hash);

  /** Undefined when it is gone or another. */
  const soundChunk = (hash: Bytes): Bytes | undefined => {
    const chunk = store.get(chunkKey(hash));
    return chunk !== undefined && equalBytes(keccak256(chunk), hash) ? chunk : blobChunk(hash);
  };

  const wholeWrites = (contentHash: Bytes, length: number, manifest: Bytes): Write[] => [
    { type: "put", key: artifactKey(contentHash), value: concat(uintBE(length, LENGTH), manifest) },
    { type: "del", key: manifestKey(contentHash) },
  ];

  const keeper: ArtifactKeeper = {
    manifest(contentHash) {
      const manifest = manifestOf(contentHash);
      return manifest === undefined ? undefined : Array.from(hashesIn(manifest), toHex);
    },
    hasChunk: (hash) => storedChunk(fromHex(hash)) !== undefined,
    async putManifest(contentHash, manifest) {
      const chunks = manifest.length / HASH;
      if (
        !Number.isInteger(chunks) ||
        chunks === 0 ||
        chunks > MAX_CHUNKS ||
        toHex(keccak256(manifest)) !== contentHash
      )
        throw corrupt("these are not the chunk hashes of that artifact", { contentHash, length: manifest.length });
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
      const hashes = pieces.map((piece) => (piece instanceof Uint8Array ? keccak256(piece) : fromHex(piece.blob)));
      const contentHash = keccakOf(...hashes);
      if (store.get(artifactKey(contentHash)) !== undefined) return toHex(contentHash);
      let length = 0;
      for (let from = 0; from < pieces.length; from += CHUNKS_AT_ONCE) {
        const writes: Write[] = [];
        for (const [i, piece] of pieces.slice(from, from + CHUNKS_AT_ONCE).entries()) {
          const hash = hashes[from + i] as Bytes;
          const chunk = piece instanceof Uint8Array ? piece : blobChunk(hash);
          if (chunk === undefined)
            throw new CodedError<ModelErrorCode>("MODEL_DATA_MISSING", `blob ${toHex(hash)} is not in the store`);
          length += chunk.length;
          if (piece instanceof Uint8Array) writes.push({ type: "put", key: chunkKey(hash), value: chunk });
        }
        await store.write(writes);
      }
      await store.write(wholeWrites(contentHash, length, concat(...hashes)));
      return toHex(contentHash);
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
      for (const hash of hashesIn(manifest)) {
        const chunk = storedChunk(hash);
        if (chunk === undefined) missing++;
        length += chunk?.length ?? 0;
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
      for (const hash of hashesIn(manifest)) {
        if (soundChunk(hash) === undefined) writes.push({ type: "del", key: chunkKey(hash) });
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
      const chunks: Bytes[] = [];
      for (const hash of hashesIn(record.subarray(LENGTH))) {
        const chunk = soundChunk(hash);
        if (chunk === undefined)
          throw corrupt(`chunk ${toHex(hash)} of an artifact is gone or spoilt`, { contentHash, chunk: toHex(hash) });
        chunks.push(chunk);
      }
      return concat(...chunks);
    },

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
