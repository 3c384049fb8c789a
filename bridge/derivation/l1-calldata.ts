import { decodeFunctionData, type PublicClient, parseEventLogs } from "viem";
import { type Bytes, CodedError, equalBytes, fromHex, type Hex, keccak256 } from "../../executor/index.ts";
import { batchInbox, modelRegistry } from "../contracts/contracts.gen.ts";
import type { BlobReader } from "./l1-blobs.ts";

export type L1DataErrorCode =
  /**
   * L1 does not give the bytes that belong to a log, and nobody else has them. Use an L1 endpoint that keeps old
   * transactions, or find peers.
   */
  | "L1_DATA_MISSING"
  /** The bytes have another hash than the contract stored: the L1 endpoint gives wrong answers. Use another. */
  | "L1_DATA_MISMATCH";

export type CalldataKind = "batch" | "chunk";

/** Who may still have bytes that L1 has pruned. Undefined: it does not have them. */
export type Archive = (kind: CalldataKind, hash: Hex, signal: AbortSignal) => Promise<Bytes | undefined>;

/** Where bytes come from that a contract only hashed. */
export type L1Data = {
  readonly client: PublicClient;
  readonly archive?: Archive | undefined;
  readonly readBlobs: BlobReader;
  readonly signal: AbortSignal;
};

export type Logged = {
  readonly address: Hex;
  readonly transactionHash: Hex;
  readonly blockHash: Hex;
  readonly blockNumber: bigint;
  readonly logIndex: number;
};

/** Requests to L1 at the same time. */
const PARALLEL = 8;

export const mapBounded = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> => {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += PARALLEL)
    results.push(...(await Promise.all(items.slice(i, i + PARALLEL).map(work))));
  return results;
};

type Place = {
  /** In the input of a call of the contract; undefined when it is another call. */
  readonly inInput: (input: Hex) => Hex | undefined;
  /** In the log after the one that names them. */
  readonly inLog: (logs: Parameters<typeof parseEventLogs>[0]["logs"]) => Hex | undefined;
};
const PLACES: Readonly<Record<CalldataKind, Place>> = {
  batch: {
    inInput(input) {
      const call = decodeFunctionData({ abi: batchInbox.abi, data: input });
      return call.functionName === "append" ? call.args[5] : undefined;
    },
    inLog: (logs) => parseEventLogs({ abi: batchInbox.abi, logs, eventName: "BatchLogged" })[0]?.args.data,
  },
  chunk: {
    inInput(input) {
      const call = decodeFunctionData({ abi: modelRegistry.abi, data: input });
      return call.functionName === "post" ? call.args[0] : undefined;
    },
    inLog: (logs) => parseEventLogs({ abi: modelRegistry.abi, logs, eventName: "ChunkLogged" })[0]?.args.chunk,
  },
};

const isSame = (a: Hex | null, b: Hex): boolean => a?.toLowerCase() === b.toLowerCase();

const dataError = (code: L1DataErrorCode, message: string, log: Logged) =>
  new CodedError(code, message, { transaction: log.transactionHash, block: log.blockNumber });
const elsewhere = (log: Logged) =>
  dataError("L1_DATA_MISSING", "the transaction behind a log is not where the log says", log);

/** The transaction that made a log; undefined when L1 has it no more. */
const transactionOf = async (client: PublicClient, log: Logged) => {
  try {
    const transaction = await client.getTransaction({ hash: log.transactionHash });
    if (transaction.blockHash !== log.blockHash) throw elsewhere(log);
    return transaction;
  } catch (error) {
    if (error instanceof Error && error.name === "TransactionNotFoundError") return undefined;
    throw error;
  }
};

/** Logs of the contract right after a log of it; none when L1 has them no more. */
const logsAfter = async (client: PublicClient, log: Logged) => {
  try {
    const { blockHash, logs } = await client.getTransactionReceipt({ hash: log.transactionHash });
    if (blockHash !== log.blockHash) throw elsewhere(log);
    return logs.filter(({ address, logIndex }) => isSame(address, log.address) && logIndex === log.logIndex + 1);
  } catch (error) {
    if (error instanceof Error && error.name === "TransactionReceiptNotFoundError") return [];
    throw error;
  }
};

/** Where the bytes may be, in order: each is asked only when those before do not have them. */
async function* candidates(
  { client, archive, signal }: Omit<L1Data, "readBlobs">,
  kind: CalldataKind,
  log: Logged,
  hash: Hex,
): AsyncGenerator<Bytes | undefined> {
  const transaction = await transactionOf(client, log);
  const place = PLACES[kind];
  const fromHexIf = (hex: Hex | undefined) => (hex === undefined ? undefined : fromHex(hex));
  if (transaction === undefined) yield archive?.(kind, hash, signal);
  else if (isSame(transaction.to, log.address)) yield fromHexIf(place.inInput(transaction.input));
  yield fromHexIf(place.inLog(await logsAfter(client, log)));
}

/**
 * The bytes that a contract hashed when it made the log: the transaction's input, if that is the call, or in the log after
 * it; from the archive when L1 has pruned them. Whoever gives them, their hash is checked. L1_DATA_MISSING,
 * L1_DATA_MISMATCH.
 */
export const readCalldata = async (
  l1: Omit<L1Data, "readBlobs">,
  kind: CalldataKind,
  log: Logged,
  hash: Hex,
): Promise<Bytes> => {
  let code: L1DataErrorCode = "L1_DATA_MISSING";
  for await (const data of candidates(l1, kind, log, hash)) {
    if (data === undefined) continue;
    if (equalBytes(keccak256(data), fromHex(hash))) return data;
    code = "L1_DATA_MISMATCH";
  }
  throw code === "L1_DATA_MISSING"
    ? dataError(code, "L1 has pruned the bytes that belong to a log, and nobody else has them", log)
    : dataError(code, "bytes have another hash than the contract stored", log);
};
