import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { PublicClient } from "viem";
import { anchorOf, firstClaimWrite, statedGenesis } from "../../bridge/index.ts";
import {
  CodedError,
  decodeBase,
  genesisChainState,
  hashChainState,
  type KeyValueStore,
  messageOf,
  restoreChain,
  type Telemetry,
  toFirstClaim,
  toHex,
} from "../../executor/index.ts";
import { genesisOf, type Rollup } from "../config/rollup.ts";
import { openSnapshotFile, type SnapshotErrorCode, type SnapshotFile } from "./file.ts";

/** Told while a snapshot comes and is taken. `share`: of the keys that there can be. */
export type Progress = { downloaded(bytes: number): void; restored(share: number): void };

export type RestoreParts = Pick<Telemetry, "logger"> & {
  readonly client: PublicClient;
  readonly store: KeyValueStore;
  readonly rollup: Rollup;
  readonly progress?: Progress;
};

/** `directory`: where what is downloaded is kept meanwhile. */
type RestorePlace = { readonly directory: string; readonly signal: AbortSignal };

/** Milliseconds between two lines of the log. */
const TOLD_MS = 5_000;

const isUrl = (place: string): boolean => /^https?:\/\//.test(place);

/** A file to read, downloaded first when it is not on this machine. SNAPSHOT_DOWNLOAD. */
const locally = async (
  { logger, progress }: Pick<RestoreParts, "logger" | "progress">,
  place: string,
  { directory, signal }: RestorePlace,
) => {
  if (!isUrl(place)) return { file: place, remove: async () => undefined };
  const file = join(directory, "snapshot.download");
  const remove = () => rm(file, { force: true });
  let bytes = 0;
  let told = performance.now();
  const counted = async function* (source: AsyncIterable<Uint8Array>) {
    for await (const chunk of source) {
      bytes += chunk.length;
      progress?.downloaded(bytes);
      const now = performance.now();
      if (now - told >= TOLD_MS) {
        told = now;
        logger.info({ bytes }, "downloading the snapshot");
      }
      yield chunk;
    }
  };
  try {
    const answer = await fetch(place, { signal });
    if (!answer.ok || answer.body === null) throw new Error(`HTTP ${answer.status}`);
    await pipeline(Readable.fromWeb(answer.body as never), counted, createWriteStream(file), { signal });
  } catch (error) {
    await remove();
    throw new CodedError<SnapshotErrorCode>("SNAPSHOT_DOWNLOAD", `${place}: ${messageOf(error)}`, { place }, error);
  }
  return { file, remove };
};

/**
 * Checks that L1 has confirmed what the snapshot begins with, then restores it; each piece is checked before it is taken.
 * SNAPSHOT_CLAIM, SNAPSHOT_STATE, SNAPSHOT_FILE, STATE_PIECE.
 */
export const restoreFrom = async (
  { client, store, rollup, progress, ...components }: RestoreParts,
  source: Pick<SnapshotFile, "claim" | "endState" | "base" | "pieces" | "codes">,
  signal: AbortSignal,
): Promise<bigint> => {
  const logger = components.logger.child({ module: "snapshot" });
  const { contracts } = rollup.l1;
  const genesis = genesisOf(rollup, contracts);
  const [anchor, stated] = await Promise.all([
    anchorOf(client, contracts, source.claim),
    statedGenesis(client, contracts),
  ]);
  // INVARIANT: nothing is taken that does not lead to a claim which L1 has confirmed, on this chain's genesis.
  if (
    anchor.endState !== source.endState ||
    stated !== toFirstClaim(toHex(hashChainState(await genesisChainState(genesis))))
  )
    throw new CodedError<SnapshotErrorCode>("SNAPSHOT_STATE", "the snapshot is of another chain, or of another claim", {
      claim: source.claim,
    });
  const base = decodeBase(source.base, genesis.parameters.chainId);
  const { number } = base.block.header;
  logger.info({ claim: anchor.id, block: number }, "restoring the state at a confirmed claim");
  let told = 0;
  await restoreChain(store, genesis, base, source, {
    signal,
    also: [firstClaimWrite(anchor.id)],
    onProgress(share, entries) {
      progress?.restored(share);
      const now = performance.now();
      if (share < 1 && now - told < TOLD_MS) return;
      told = now;
      logger.info({ percent: Math.floor(share * 100), entries }, "restoring the state");
    },
  });
  logger.info({ block: number }, "the state is restored: derivation goes on from here");
  return number;
};

/** Restores from a file or URL. The codes of `restoreFrom`; SNAPSHOT_DOWNLOAD. */
export const restoreFromPlace = async (
  parts: RestoreParts,
  place: string,
  { directory, signal }: RestorePlace,
): Promise<bigint> => {
  const { file, remove } = await locally(parts, place, { directory, signal });
  try {
    const snapshot = await openSnapshotFile(file);
    try {
      return await restoreFrom(parts, snapshot, signal);
    } finally {
      await snapshot.close();
    }
  } finally {
    await remove();
  }
};
