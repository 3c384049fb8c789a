import {
  BLOB_DATA_BYTES,
  type Bytes,
  type CommittedBlob,
  commitBlob,
  encodeBlobs,
  type Hex,
  keccak256,
  MAX_CHUNK_BYTES,
  toHex,
} from "../../executor/index.ts";

/** Where a model's bytes lie on L1. */
export type ModelData = "calldata" | "blobs";

/** A piece of an artifact as L1 takes it. `blob`: of one that is a blob. */
export type ModelChunk = { readonly hash: Hex; readonly bytes: Bytes; readonly blob?: CommittedBlob };

const inBlob = async (bytes: Bytes): Promise<ModelChunk> => {
  const blob = await commitBlob(encodeBlobs(bytes)[0] as Bytes);
  return { hash: blob.hash, bytes, blob };
};

const FORMS = {
  calldata: {
    size: MAX_CHUNK_BYTES,
    chunk: async (bytes: Bytes): Promise<ModelChunk> => ({ hash: toHex(keccak256(bytes)), bytes }),
  },
  blobs: { size: BLOB_DATA_BYTES, chunk: inBlob },
} as const;

/** An artifact in pieces, in order, each full but for the last. */
export const chunksOf = async (artifact: Bytes, data: ModelData): Promise<ModelChunk[]> => {
  const { size, chunk } = FORMS[data];
  const chunks: ModelChunk[] = [];
  for (let offset = 0; offset < artifact.length; offset += size)
    chunks.push(await chunk(artifact.subarray(offset, offset + size)));
  return chunks;
};
