import type { Bytes, Hex } from "../../foundation/bytes.ts";
import type { ArtifactSource } from "../../models/runtime.ts";
import type { ContentExchange } from "./content.ts";
import type { ContentKind } from "./kinds.ts";

/** First byte of a blob's versioned hash. One in 256 keccak hashes begins with it too. */
const VERSIONED = "0x01";

/** Artifacts from peers: the manifest, which proves the chunks, then the chunks that are not here yet. */
export const createPeerArtifactSource = (exchange: ContentExchange): ArtifactSource => ({
  name: "peers",
  async retrieve(contentHash, keeper, signal) {
    if (keeper.manifest(contentHash) === undefined)
      await exchange.fetch("manifest", [contentHash], { signal, keep: keeper.putManifest });
    const absent = () => keeper.manifest(contentHash)?.filter((hash) => !keeper.hasChunk(hash)) ?? [];
    const blobs = absent().filter((hash) => hash.startsWith(VERSIONED));
    if (blobs.length > 0) await exchange.fetch("blob", blobs, { signal, keep: keeper.putBlob });
    const chunks = absent();
    if (chunks.length > 0) await exchange.fetch("chunk", chunks, { signal, keep: keeper.putChunk });
  },
});

/** One piece from whichever peer has it; undefined when none does. */
export const createPeerArchive =
  (exchange: ContentExchange) =>
  async (kind: ContentKind, hash: Hex, signal: AbortSignal): Promise<Bytes | undefined> => {
    let found: Bytes | undefined;
    await exchange.fetch(kind, [hash], {
      signal,
      keep: async (_, bytes) => {
        found = bytes;
      },
    });
    return found;
  };
