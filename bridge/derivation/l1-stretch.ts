import { parseEventLogs } from "viem";
import { type Bytes, CodedError, EMPTY_BYTES, fromHex, type Hex } from "../../executor/index.ts";
import type { L1Contracts } from "../clients/deploy.ts";
import { batchInbox, modelRegistry } from "../contracts/contracts.gen.ts";
import type { DelayedMessage, InboxRecord } from "./inbox-store.ts";
import { type L1Data, mapBounded, readCalldata } from "./l1-calldata.ts";
import { MESSAGE_KIND } from "./messages.ts";

export type L1StretchErrorCode = "L1_UNKNOWN_KIND";

/** A published model: the chunks of its artifact, in order. */
export type Publication = { readonly modelId: Hex; readonly contentHash: Hex; readonly chunkHashes: readonly Hex[] };

/** What the contracts say in a stretch of L1, in order. */
export type L1Stretch = {
  readonly records: readonly Omit<InboxRecord, "lineage">[];
  readonly messages: readonly Omit<DelayedMessage, "accumulator">[];
  readonly chunks: ReadonlyMap<Hex, Bytes>;
  readonly publications: readonly Publication[];
};

const ABI = [...batchInbox.abi, ...modelRegistry.abi] as const;
const EVENTS = ABI.filter((item) => item.type === "event");

/**
 * Reads what the contracts did in L1 blocks `from` to `to`. The caller makes sure that both ends stayed canonical.
 * L1_DATA_MISSING, L1_DATA_MISMATCH: to be asked again, never to be passed over.
 */
export const readStretch = async (l1: L1Data, contracts: L1Contracts, from: bigint, to: bigint): Promise<L1Stretch> => {
  const { client } = l1;
  const raw = await client.getLogs({
    address: [contracts.batchInbox, contracts.modelRegistry],
    events: EVENTS,
    fromBlock: from,
    toBlock: to,
  });
  const logs = parseEventLogs({ abi: ABI, logs: raw });
  const of = <Name extends (typeof logs)[number]["eventName"]>(name: Name) =>
    logs.filter((log): log is Extract<(typeof logs)[number], { eventName: Name }> => log.eventName === name);

  const records = await mapBounded(of("BatchAppended"), async (log) => {
    const { index, kind, dataHash, l1Number, l1Timestamp, delayedEnd } = log.args;
    if (kind !== 0 && kind !== 2)
      throw new CodedError("L1_UNKNOWN_KIND", `batch ${index} is of kind ${kind}`, { index, kind });
    return {
      index,
      kind: kind === 2 ? ("forced" as const) : ("calldata" as const),
      dataHash,
      origin: { number: l1Number, timestamp: l1Timestamp },
      delayedEnd,
      l1Block: log.blockNumber,
      data: kind === 2 ? EMPTY_BYTES : await readCalldata(l1, "batch", log, dataHash),
    };
  });

  const queued = of("MessageQueued");
  const blocks = [...new Set(queued.map((log) => log.blockNumber))];
  const timestamps = new Map(
    await mapBounded(blocks, async (blockNumber) => {
      const { timestamp } = await client.getBlock({ blockNumber });
      return [blockNumber, timestamp] as const;
    }),
  );
  const messages = queued.map((log) => ({
    index: log.args.index,
    kind: log.args.kind === MESSAGE_KIND.deposit ? ("deposit" as const) : ("raw" as const),
    gas: log.args.gas,
    envelope: fromHex(log.args.envelope),
    l1Block: log.blockNumber,
    timestamp: timestamps.get(log.blockNumber) ?? 0n,
  }));

  const chunks = await mapBounded(
    of("ChunkPosted"),
    async (log) => [log.args.hash, await readCalldata(l1, "chunk", log, log.args.hash)] as const,
  );
  const publications = of("ModelPublished").map(({ args: { modelId, contentHash, chunkHashes } }) => ({
    modelId,
    contentHash,
    chunkHashes,
  }));
  return { records, messages, chunks: new Map(chunks), publications };
};
