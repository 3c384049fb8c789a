import { getAbiItem, type PublicClient } from "viem";
import {
  type ArtifactKeeper,
  type ArtifactSource,
  type ChunkKind,
  fromHex,
  type Hex,
  hasCode,
  hashOfBlob,
  type L1BlockNumber,
} from "../../executor/index.ts";
import type { Deployment } from "../clients/deploy.ts";
import { type BlockRange, createLogWindows } from "../clients/log-windows.ts";
import { modelRegistry } from "../contracts/contracts.gen.ts";
import type { BlobSource } from "./l1-blobs.ts";
import { type L1DataErrorCode, mapBounded, readCalldata } from "./l1-calldata.ts";

/** `blobSources`: who may have chunks that are blobs, in order. */
export type L1ArtifactSourceComponents = {
  readonly client: PublicClient;
  readonly blobSources?: readonly BlobSource[];
};

export type L1ArtifactSourceOptions = {
  readonly deployment: Deployment;
  /** L1 blocks asked for at a time, at most. */
  readonly window?: bigint;
};

const PUBLISHED = getAbiItem({ abi: modelRegistry.abi, name: "ModelPublished" });
const POSTED = getAbiItem({ abi: modelRegistry.abi, name: "ChunkPosted" });
const BLOBS_POSTED = getAbiItem({ abi: modelRegistry.abi, name: "BlobsPosted" });

/** Artifacts from L1's logs, calldata and blobs, read again from the newest block backwards. Rejects when L1 cannot be read. */
export const createL1ArtifactSource = (
  { client, blobSources = [] }: L1ArtifactSourceComponents,
  { deployment, window }: L1ArtifactSourceOptions,
): ArtifactSource => {
  const address = deployment.contracts.modelRegistry;

  const windows = createLogWindows(window === undefined ? {} : { most: window });
  /** What `read` gives for each window from block `newest` down to the deployment's. */
  const backwards = <T>(newest: bigint, signal: AbortSignal, read: (range: BlockRange) => Promise<T>) =>
    windows.backwards({ fromBlock: deployment.startBlock, toBlock: newest }, read, signal);

  const latest = (): Promise<bigint> => client.getBlockNumber({ cacheTime: 0 });

  const publicationOf = async (contentHash: Hex, signal: AbortSignal) => {
    const read = (range: BlockRange) =>
      client.getLogs({ address, event: PUBLISHED, args: { contentHash }, strict: true, ...range });
    for await (const [log] of backwards(await latest(), signal, read)) if (log !== undefined) return log;
    return undefined;
  };

  type Missing = { readonly newest: bigint; readonly missing: Set<Hex>; readonly signal: AbortSignal };

  /** Blobs of one L1 block that are wanted, from the first sources that have them. */
  const readBlobs = async (
    keeper: ArtifactKeeper,
    l1Block: L1BlockNumber,
    { missing, signal }: Missing,
  ): Promise<void> => {
    const { timestamp } = await client.getBlock({ blockNumber: l1Block });
    for (const source of blobSources) {
      if (missing.size === 0) return;
      const hashes = [...missing];
      for (const blob of await source.fetch({ hashes, l1Block, timestamp }, signal)) {
        const hash = await hashOfBlob(blob);
        if (hash === undefined || !missing.has(hash)) continue;
        await keeper.putBlob(hash, blob);
        missing.delete(hash);
      }
    }
  };

  const retrieveBlobs = async (keeper: ArtifactKeeper, wanted: Missing): Promise<void> => {
    const { newest, missing, signal } = wanted;
    if (missing.size === 0 || blobSources.length === 0) return;
    const posted = backwards(newest, signal, (range) =>
      client.getLogs({ address, event: BLOBS_POSTED, strict: true, ...range }),
    );
    for await (const logs of posted)
      for (const { args, blockNumber } of logs)
        if (args.versionedHashes.some((hash) => missing.has(hash))) {
          await readBlobs(keeper, blockNumber, wanted);
          if (missing.size === 0) return;
        }
  };

  return {
    name: "l1",
    async retrieve(contentHash, keeper, signal) {
      let newest = await latest();
      if (keeper.manifest(contentHash) === undefined) {
        const publication = await publicationOf(contentHash, signal);
        if (publication === undefined) return;
        await keeper.putManifest(contentHash, fromHex(publication.args.manifest));
        // Its chunks were there before it.
        newest = publication.blockNumber;
      }
      const absent = (kind: ChunkKind): Set<Hex> => {
        const chunks = keeper.manifest(contentHash) ?? [];
        return new Set(
          chunks.filter((chunk) => chunk.kind === kind && !keeper.hasChunk(chunk)).map(({ hash }) => hash),
        );
      };
      await retrieveBlobs(keeper, { newest, missing: absent("blob"), signal });
      const missing = absent("calldata");
      if (missing.size === 0) return;
      const posted = backwards(newest, signal, (range) =>
        client.getLogs({ address, event: POSTED, strict: true, ...range }),
      );
      for await (const logs of posted) {
        await mapBounded(
          logs.filter(({ args }) => missing.has(args.hash)),
          async (log) => {
            const { hash } = log.args;
            signal.throwIfAborted();
            try {
              await keeper.putChunk(hash, await readCalldata({ client, signal }, "chunk", log, hash));
              missing.delete(hash);
            } catch (error) {
              // What L1 has pruned it will not give later: the others may still be there.
              if (!hasCode<L1DataErrorCode>(error, "L1_DATA_MISSING")) throw error;
            }
          },
        );
        if (missing.size === 0) return;
      }
    },
    async locate(modelId, signal) {
      const found: Hex[] = [];
      const published = backwards(await latest(), signal, (range) =>
        client.getLogs({ address, event: PUBLISHED, args: { modelId }, strict: true, ...range }),
      );
      for await (const logs of published) found.push(...logs.toReversed().map(({ args }) => args.contentHash));
      // The oldest first: whoever published it first had nobody to imitate.
      return found.toReversed();
    },
  };
};
