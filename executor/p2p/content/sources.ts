import type { Bytes, Hex } from "../../foundation/bytes.ts";
import type { ArtifactSource } from "../../models/runtime.ts";
import type { ChunkKind } from "../../protocol/model-content.ts";
import type { ContentExchange } from "./content.ts";
import type { ContentKind } from "./kinds.ts";

/** Artifacts from peers: the manifest, which proves the chunks, then the chunks that are not here yet. */
export const createPeerArtifactSource = (exchange: ContentExchange): ArtifactSource => ({
  name: "peers",
  async retrieve(contentHash, keeper, signal) {
    if (keeper.manifest(contentHash) === undefined)
      await exchange.fetch("manifest", [contentHash], { signal, keep: keeper.putManifest });
    const absent = (wanted: ChunkKind): readonly Hex[] => {
      const chunks = keeper.manifest(contentHash) ?? [];
      const missing = chunks.filter((chunk) => chunk.kind === wanted && !keeper.hasChunk(chunk));
      return [...new Set(missing.map(({ hash }) => hash))];
    };
    const blobs = absent("blob");
    if (blobs.length > 0) await exchange.fetch("blob", blobs, { signal, keep: keeper.putBlob });
    const chunks = absent("calldata");
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
