import {
  type Bytes,
  CodedError,
  type ContentExchange,
  type Hex,
  hashOfBlob,
  type L1BlockNumber,
  type Telemetry,
} from "../../executor/index.ts";
import type { BlobArchive } from "./blob-archive.ts";
import { createL1BlobsMetrics } from "./l1-blobs-metrics.ts";

export type L1BlobErrorCode =
  /**
   * Nobody who was asked has a blob of a batch; it is asked for again, never passed over. Give --l1-beacon an endpoint
   * that keeps blobs.
   */
  "L1_BLOB_MISSING";

/** Blobs of one batch, and the L1 block that holds it. */
export type BlobRequest = {
  readonly hashes: readonly Hex[];
  readonly l1Block: L1BlockNumber;
  /** The block's timestamp in seconds. */
  readonly timestamp: bigint;
};

/** Who may have blobs. It answers what it has, in any order: the asker finds out which is which. Rejects when it cannot be asked. */
export type BlobSource = {
  readonly name: string;
  fetch(request: BlobRequest, signal: AbortSignal): Promise<readonly Bytes[]>;
};

export type BlobReader = (request: BlobRequest, signal: AbortSignal) => Promise<void>;

/**
 * Brings the blobs of a batch into the archive: those that are not there from the first source that has them. Whoever
 * gives a blob, its hash is computed. L1_BLOB_MISSING.
 */
export const createBlobReader = (
  components: Telemetry & { readonly archive: BlobArchive },
  sources: readonly BlobSource[],
): BlobReader => {
  const { archive, registry } = components;
  const logger = components.logger.child({ module: "l1-blobs" });
  const { blobs } = createL1BlobsMetrics(registry);

  const ask = async (source: BlobSource, request: BlobRequest, signal: AbortSignal): Promise<void> => {
    const wanted = new Set(request.hashes);
    for (const bytes of await source.fetch(request, signal)) {
      if (wanted.size === 0) return;
      signal.throwIfAborted();
      const hash = await hashOfBlob(bytes);
      const isWanted = hash !== undefined && wanted.delete(hash);
      blobs.inc({ source: source.name, outcome: isWanted ? "kept" : "strange" });
      if (isWanted) await archive.keep([{ hash, bytes }]);
      else logger.debug({ source: source.name, hash, l1Block: request.l1Block }, "a blob that was not asked for");
    }
  };

  return async (request, signal) => {
    const lacking = () => request.hashes.filter((hash) => archive.get(hash) === undefined);
    for (const source of sources) {
      const hashes = lacking();
      if (hashes.length === 0) return;
      try {
        await ask(source, { ...request, hashes }, signal);
      } catch (error) {
        signal.throwIfAborted();
        blobs.inc({ source: source.name, outcome: "failed" });
        logger.warn({ err: error, source: source.name, l1Block: request.l1Block }, "a source of blobs does not answer");
      }
    }
    const hashes = lacking();
    if (hashes.length > 0)
      throw new CodedError<L1BlobErrorCode>(
        "L1_BLOB_MISSING",
        `nobody has ${hashes.length} blobs of L1 block ${request.l1Block}: give --l1-beacon an endpoint that keeps them`,
        { hashes, l1Block: request.l1Block, sources: sources.map(({ name }) => name) },
      );
  };
};

/** Blobs that other nodes have archived. */
export const createPeerBlobSource = (exchange: Pick<ContentExchange, "fetch">): BlobSource => ({
  name: "peers",
  async fetch({ hashes }, signal) {
    const found: Bytes[] = [];
    await exchange.fetch("blob", hashes, {
      signal,
      keep: async (_, bytes) => {
        found.push(bytes);
      },
    });
    return found;
  },
});
