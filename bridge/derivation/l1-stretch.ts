import { parseEventLogs } from "viem";
import {
  type Bytes,
  type Chunk,
  CodedError,
  decodeManifest,
  EMPTY_BYTES,
  equalBytes,
  fromHex,
  type Hex,
  keccakOf,
} from "../../executor/index.ts";
import type { L1Contracts } from "../clients/deploy.ts";
import { batchInbox, modelRegistry } from "../contracts/contracts.gen.ts";
import { type BlobPosting, type DelayedMessage, type L1Block, type NewRecord, recordKindOf } from "./inbox-store.ts";
import { type L1Data, type L1DataErrorCode, mapBounded, readCalldata } from "./l1-calldata.ts";
import { eventHashOf, MESSAGE_KIND } from "./messages.ts";

export type L1StretchErrorCode =
  /** A batch is of a kind that this version does not know. Update the node. */
  "L1_UNKNOWN_KIND";

/** A published model: the chunks of its artifact, in order. */
export type Publication = { readonly modelId: Hex; readonly contentHash: Hex; readonly chunks: readonly Chunk[] };

/** What the contracts say in a stretch of L1, in order. */
export type L1Stretch = {
  readonly records: readonly Omit<NewRecord, "lineage">[];
  readonly messages: readonly Omit<DelayedMessage, "accumulator">[];
  readonly chunks: ReadonlyMap<Hex, Bytes>;
  /** Chunks in blobs, by versioned hash: they are read when a publication names them. */
  readonly blobPostings: ReadonlyMap<Hex, BlobPosting>;
  readonly publications: readonly Publication[];
};

const ABI = [...batchInbox.abi, ...modelRegistry.abi] as const;
/** Bytes alone: who needs them asks for the transaction's. */
const BYTES: readonly string[] = ["BatchLogged", "ChunkLogged"];
const EVENTS = ABI.filter((item) => item.type === "event").filter(({ name }) => !BYTES.includes(name));

/** A part of L1, its last block included. */
export type StretchRange = {
  readonly from: bigint;
  /**
   * The last blocks of it, which a node of L1 that is behind may lack. They are asked for by their hashes: of a range that
   * such a node knows in part it tells that part, as if it were all.
   */
  readonly recent: readonly L1Block[];
  /** Records and messages before these are passed over. */
  readonly first: { readonly recordCount: bigint; readonly messageCount: bigint };
};

/** Logs of the contracts in the stretch, in order. */
const readLogs = async ({ client }: L1Data, contracts: L1Contracts, { from, recent }: StretchRange) => {
  const filter = { address: [contracts.batchInbox, contracts.modelRegistry], events: EVENTS };
  const to = (recent[0]?.number ?? from) - 1n;
  const settled = to < from ? [] : await client.getLogs({ ...filter, fromBlock: from, toBlock: to });
  const fresh = await mapBounded(recent, ({ hash }) => client.getLogs({ ...filter, blockHash: hash }));
  return parseEventLogs({ abi: ABI, logs: [...settled, ...fresh.flat()] });
};

/**
 * Reads what the contracts did in a stretch of L1. The caller makes sure that both ends stayed canonical.
 * L1_DATA_MISSING, L1_DATA_MISMATCH, L1_BLOB_MISSING: to be asked again, never to be passed over.
 */
export const readStretch = async (l1: L1Data, contracts: L1Contracts, range: StretchRange): Promise<L1Stretch> => {
  const { client } = l1;
  const { first } = range;
  const logs = await readLogs(l1, contracts, range);
  const of = <Name extends (typeof logs)[number]["eventName"]>(name: Name) =>
    logs.filter((log): log is Extract<(typeof logs)[number], { eventName: Name }> => log.eventName === name);

  const appended = of("BatchAppended").filter(({ args }) => args.index >= first.recordCount);
  const blobsOf = new Map(of("BlobsAppended").map(({ args }) => [args.index, args.versionedHashes] as const));
  const queued = of("MessageQueued").filter(({ args }) => args.index >= first.messageCount);
  const timed = [...queued, ...of("BlobsAppended"), ...of("BlobsPosted")].map((log) => log.blockNumber);
  const timestamps = new Map(
    await mapBounded([...new Set(timed)], async (blockNumber) => {
      const { timestamp } = await client.getBlock({ blockNumber });
      return [blockNumber, timestamp] as const;
    }),
  );
  const timestampOf = (blockNumber: bigint): bigint => timestamps.get(blockNumber) ?? 0n;

  /** Versioned hashes of a batch in blobs, which are in the archive from now on. */
  const fetchBlobs = async ({ args: { index, dataHash }, ...log }: (typeof appended)[number]) => {
    const hashes = blobsOf.get(index) ?? [];
    if (!equalBytes(keccakOf(...hashes.map(fromHex)), fromHex(dataHash)))
      throw new CodedError<L1DataErrorCode>("L1_DATA_MISMATCH", "blobs have other hashes than the contract stored", {
        transaction: log.transactionHash,
        hash: dataHash,
      });
    await l1.readBlobs({ hashes, l1Block: log.blockNumber, timestamp: timestampOf(log.blockNumber) }, l1.signal);
    return hashes;
  };

  const records = await mapBounded(appended, async (log) => {
    const { index, kind: wire, dataHash, l1Number, l1Timestamp, delayedEnd } = log.args;
    const kind = recordKindOf(wire);
    if (kind === undefined)
      throw new CodedError("L1_UNKNOWN_KIND", `batch ${index} is of kind ${wire}`, { index, kind: wire });
    return {
      index,
      kind,
      dataHash,
      origin: { number: l1Number, timestamp: l1Timestamp },
      delayedEnd,
      l1Block: log.blockNumber,
      blobHashes: kind === "blobs" ? await fetchBlobs(log) : [],
      data: kind === "calldata" ? await readCalldata(l1, "batch", log, dataHash) : EMPTY_BYTES,
    };
  });

  const messages = queued.map(({ args, blockHash, blockNumber, logIndex }) => {
    const envelope = fromHex(args.envelope);
    const kind = args.kind === MESSAGE_KIND.deposit ? ("deposit" as const) : ("raw" as const);
    // The portal's event is the log after the inbox'.
    const event = { blockHash, logIndex: logIndex + 1 };
    return {
      index: args.index,
      kind,
      gas: args.gas,
      envelope,
      eventHash: kind === "deposit" ? eventHashOf(envelope, event) : undefined,
      l1Block: blockNumber,
      timestamp: timestampOf(blockNumber),
    };
  });

  const chunks = await mapBounded(
    of("ChunkPosted"),
    async (log) => [log.args.hash, await readCalldata(l1, "chunk", log, log.args.hash)] as const,
  );
  const blobPostings = new Map(
    of("BlobsPosted").flatMap(({ args, blockNumber }) =>
      args.versionedHashes.map((hash) => {
        const posting: BlobPosting = { l1Block: blockNumber, timestamp: timestampOf(blockNumber) };
        return [hash, posting] as const;
      }),
    ),
  );
  const publications = of("ModelPublished").map(({ args: { modelId, contentHash, manifest } }) => ({
    modelId,
    contentHash,
    // INVARIANT: the contract writes manifests.
    chunks: decodeManifest(fromHex(manifest)) ?? [],
  }));
  return { records, messages, chunks: new Map(chunks), blobPostings, publications };
};
