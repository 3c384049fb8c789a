import { type Bytes, COLUMN, concat, fromHex, type Hex, type KeyValueStore } from "../../executor/index.ts";

/** Blobs on this node's disk, by versioned hash. What is kept has been checked. L1 forgets blobs, the archive does not. */
export type BlobArchive = {
  get(hash: Hex): Bytes | undefined;
  keep(blobs: readonly { readonly hash: Hex; readonly bytes: Bytes }[]): Promise<void>;
};

export const createBlobArchive = (store: KeyValueStore): BlobArchive => {
  const key = (hash: Hex): Bytes => concat(Uint8Array.of(COLUMN.blob), fromHex(hash));
  return {
    get: (hash) => store.get(key(hash)),
    async keep(blobs) {
      if (blobs.length > 0)
        await store.write(blobs.map(({ hash, bytes }) => ({ type: "put", key: key(hash), value: bytes })));
    },
  };
};
