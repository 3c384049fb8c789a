import { decodeFunctionData, type PublicClient, parseEventLogs } from "viem";
import { type Bytes, CodedError, EMPTY_BYTES, equalBytes, fromHex, type Hex, keccak256 } from "../../executor/index.ts";
import type { L1Contracts } from "../clients/deploy.ts";
import { batchInbox, modelRegistry } from "../contracts/contracts.gen.ts";
import type { DelayedMessage, InboxRecord } from "./inbox-store.ts";
import { MESSAGE_KIND } from "./messages.ts";

export type L1StretchErrorCode = "L1_DATA_MISSING" | "L1_DATA_MISMATCH" | "L1_UNKNOWN_KIND";

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

/** Requests to L1 at the same time. */
const PARALLEL = 8;

const mapBounded = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> => {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += PARALLEL)
    results.push(...(await Promise.all(items.slice(i, i + PARALLEL).map(work))));
  return results;
};

type Logged = {
  readonly address: Hex;
  readonly transactionHash: Hex;
  readonly blockHash: Hex;
  readonly blockNumber: bigint;
};

/** The input of the transaction that made a log. Its sender had no code, so it called the contract itself. */
const inputOf = async (client: PublicClient, log: Logged): Promise<Hex> => {
  const transaction = await client.getTransaction({ hash: log.transactionHash });
  if (transaction.blockHash !== log.blockHash || transaction.to?.toLowerCase() !== log.address.toLowerCase())
    throw new CodedError("L1_DATA_MISSING", "the transaction behind a log is not where the log says", {
      transaction: log.transactionHash,
      block: log.blockNumber,
    });
  return transaction.input;
};

/** L1_DATA_MISMATCH unless the bytes hash to what the contract stored. */
const checked = (data: Bytes, hash: Hex, log: Logged): Bytes => {
  if (!equalBytes(keccak256(data), fromHex(hash)))
    throw new CodedError("L1_DATA_MISMATCH", "calldata from L1 has another hash than the contract stored", {
      transaction: log.transactionHash,
      hash,
    });
  return data;
};

const batchData = async (client: PublicClient, log: Logged, dataHash: Hex): Promise<Bytes> => {
  const call = decodeFunctionData({ abi: batchInbox.abi, data: await inputOf(client, log) });
  return checked(call.functionName === "append" ? fromHex(call.args[5]) : EMPTY_BYTES, dataHash, log);
};

const chunkData = async (client: PublicClient, log: Logged, hash: Hex): Promise<Bytes> => {
  const call = decodeFunctionData({ abi: modelRegistry.abi, data: await inputOf(client, log) });
  return checked(call.functionName === "post" ? fromHex(call.args[0]) : EMPTY_BYTES, hash, log);
};

/**
 * Reads what the contracts did in L1 blocks `from` to `to`. The caller makes sure that both ends stayed canonical.
 * L1_DATA_MISSING, L1_DATA_MISMATCH: L1's answers contradict each other; to be asked again, never to be passed over.
 */
export const readStretch = async (
  client: PublicClient,
  contracts: L1Contracts,
  from: bigint,
  to: bigint,
): Promise<L1Stretch> => {
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
      data: kind === 2 ? EMPTY_BYTES : await batchData(client, log, dataHash),
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
    async (log) => [log.args.hash, await chunkData(client, log, log.args.hash)] as const,
  );
  const publications = of("ModelPublished").map(({ args: { modelId, contentHash, chunkHashes } }) => ({
    modelId,
    contentHash,
    chunkHashes,
  }));
  return { records, messages, chunks: new Map(chunks), publications };
};
