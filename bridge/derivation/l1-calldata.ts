import { decodeFunctionData, type PublicClient } from "viem";
import { type Bytes, CodedError, equalBytes, fromHex, type Hex, keccak256 } from "../../executor/index.ts";
import { batchInbox, modelRegistry } from "../contracts/contracts.gen.ts";
import type { BlobReader } from "./l1-blobs.ts";

export type L1DataErrorCode =
  /**
   * L1 does not give the transaction behind a log, and nobody else has its bytes. Use an L1 endpoint that keeps old
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
};

/** Requests to L1 at the same time. */
const PARALLEL = 8;

export const mapBounded = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> => {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += PARALLEL)
    results.push(...(await Promise.all(items.slice(i, i + PARALLEL).map(work))));
  return results;
};

/** The bytes inside a transaction's input; undefined when it is another call. */
const BYTES_IN: Readonly<Record<CalldataKind, (input: Hex) => Hex | undefined>> = {
  batch(input) {
    const call = decodeFunctionData({ abi: batchInbox.abi, data: input });
    return call.functionName === "append" ? call.args[5] : undefined;
  },
  chunk(input) {
    const call = decodeFunctionData({ abi: modelRegistry.abi, data: input });
    return call.functionName === "post" ? call.args[0] : undefined;
  },
};

const missing = (what: string, log: Logged): CodedError<L1DataErrorCode> =>
  new CodedError("L1_DATA_MISSING", what, { transaction: log.transactionHash, block: log.blockNumber });

/** The input of the transaction that made a log, undefined when L1 has it no more. Its sender had no code, so it called the contract itself. */
const inputOf = async (client: PublicClient, log: Logged): Promise<Hex | undefined> => {
  try {
    const transaction = await client.getTransaction({ hash: log.transactionHash });
    if (transaction.blockHash !== log.blockHash || transaction.to?.toLowerCase() !== log.address.toLowerCase())
      throw missing("the transaction behind a log is not where the log says", log);
    return transaction.input;
  } catch (error) {
    if (error instanceof Error && error.name === "TransactionNotFoundError") return undefined;
    throw error;
  }
};

/**
 * The bytes that a contract hashed when it made the log: from the transaction, or from the archive when L1 has pruned it.
 * Whoever gives them, their hash is checked.
 */
export const readCalldata = async (
  { client, archive, signal }: Omit<L1Data, "readBlobs">,
  kind: CalldataKind,
  log: Logged,
  hash: Hex,
): Promise<Bytes> => {
  const input = await inputOf(client, log);
  const hex = input === undefined ? undefined : BYTES_IN[kind](input);
  const data = input === undefined ? await archive?.(kind, hash, signal) : fromHex(hex ?? "0x");
  if (data === undefined)
    throw missing("L1 has pruned the transaction behind a log, and nobody else has its bytes", log);
  if (!equalBytes(keccak256(data), fromHex(hash)))
    throw new CodedError<L1DataErrorCode>("L1_DATA_MISMATCH", "bytes have another hash than the contract stored", {
      transaction: log.transactionHash,
      hash,
    });
  return data;
};
