import { type Bytes, concat, equalBytes, fromHex, type Hex, readUintBE, toHex, uintBE } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import { COLUMN, type KeyValueStore, type Write } from "../store/key-value-store.ts";
import type { ModelErrorCode } from "./runtime.ts";

/**
 * Artifacts by content hash, in the chunks in which L1 has them, and content hashes by model id. Equal chunks of several
 * artifacts are stored once. An artifact's record is written behind its chunks: where there is a record, all is there.
 */

const chunkKey = (hash: Bytes): Bytes => concat(Uint8Array.of(COLUMN.modelChunk), hash);
const artifactKey = (contentHash: Bytes): Bytes => concat(Uint8Array.of(COLUMN.artifact), contentHash);
const indexKey = (id: Bytes): Bytes => concat(Uint8Array.of(COLUMN.modelIndex), id);

const HASH = 32;
const LENGTH = 8;
/** Chunks in one write. */
const CHUNKS_A_WRITE = 64;

export const createModelStore = (store: KeyValueStore) => {
  /** `u64 length ++ chunk hashes`. */
  const recordOf = (contentHash: Hex): Bytes | undefined => store.get(artifactKey(fromHex(contentHash)));

  return {
    async putChunks(chunks: readonly Bytes[]): Promise<Hex> {
      const hashes = chunks.map(keccak256);
      const contentHash = keccakOf(...hashes);
      const key = artifactKey(contentHash);
      if (store.get(key) !== undefined) return toHex(contentHash);
      for (let from = 0; from < chunks.length; from += CHUNKS_A_WRITE) {
        const writes: Write[] = [];
        for (const [i, chunk] of chunks.slice(from, from + CHUNKS_A_WRITE).entries())
          writes.push({ type: "put", key: chunkKey(hashes[from + i] as Bytes), value: chunk });
        await store.write(writes);
      }
      const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      await store.write([{ type: "put", key, value: concat(uintBE(length, LENGTH), ...hashes) }]);
      return toHex(contentHash);
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
      for (let at = LENGTH; at < record.length; at += HASH) {
        const hash = record.subarray(at, at + HASH);
        const chunk = store.get(chunkKey(hash));
        if (chunk === undefined || !equalBytes(keccak256(chunk), hash))
          throw new CodedError<ModelErrorCode>(
            "MODEL_CORRUPT",
            `chunk ${toHex(hash)} of an artifact is gone or spoilt`,
            {
              contentHash,
              chunk: toHex(hash),
            },
          );
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
  };
};
