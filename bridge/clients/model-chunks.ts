import {
  BLOB_CHUNK_BYTES,
  type Bytes,
  type CommittedBlob,
  commitBlob,
  encodeChunkBlob,
  type Hex,
  keccak256,
  toHex,
} from "../../executor/index.ts";

/** Bytes of one chunk in calldata: a transaction with it stays below the 128 KiB that mempools take. */
export const CHUNK_BYTES = 100_000;

/** Where a model's bytes lie on L1. */
export type ModelData = "calldata" | "blobs";

/** A piece of an artifact as L1 takes it. `blob`: of one that is a blob. */
export type ModelChunk = { readonly hash: Hex; readonly bytes: Bytes; readonly blob?: CommittedBlob };

const inBlob = async (bytes: Bytes): Promise<ModelChunk> => {
  const blob = await commitBlob(encodeChunkBlob(bytes));
  return { hash: blob.hash, bytes, blob };
};

const FORMS = {
  calldata: {
    size: CHUNK_BYTES,
    chunk: async (bytes: Bytes): Promise<ModelChunk> => ({ hash: toHex(keccak256(bytes)), bytes }),
  },
  blobs: { size: BLOB_CHUNK_BYTES, chunk: inBlob },
} as const;

/** An artifact in pieces, in order, no two equal: one that stood before, as runs of one value give, is made shorter. */
export const chunksOf = async (artifact: Bytes, data: ModelData): Promise<ModelChunk[]> => {
  const { size, chunk } = FORMS[data];
  const chunks: ModelChunk[] = [];
  const seen = new Set<Hex>();
  for (let offset = 0; offset < artifact.length; ) {
    let bytes = artifact.subarray(offset, offset + size);
    // Content tells equal pieces apart before their hashes are computed, which takes milliseconds for a blob.
    while (bytes.length > 1 && seen.has(toHex(keccak256(bytes)))) bytes = bytes.subarray(0, -1);
    seen.add(toHex(keccak256(bytes)));
    chunks.push(await chunk(bytes));
    offset += bytes.length;
  }
  return chunks;
};
