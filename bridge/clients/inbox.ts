import {
  BaseError,
  ContractFunctionRevertedError,
  encodeFunctionData,
  getContractError,
  type PublicClient,
} from "viem";
import {
  BLOB_DATA_BYTES,
  type Bytes,
  type CommittedBlob,
  fromHex,
  type Hex,
  type Origin,
  toHex,
  ZERO_32,
} from "../../executor/index.ts";
import { batchInbox, portal } from "../contracts/contracts.gen.ts";
import type { BaseFees } from "./fees.ts";
import { type BlobCall, gasFor, type L1Call } from "./transactor.ts";

/** A batch as the sequencer declares it. */
export type BatchPlace = {
  /** Number of records before it. */
  readonly index: bigint;
  readonly origin: Origin;
  /** Delayed messages taken by it and all before, and the accumulator after them. */
  readonly delayedEnd: bigint;
  readonly delayedAccumulator: Hex;
};
/** With its bytes in calldata. */
export type BatchToAppend = BatchPlace & { readonly data: Bytes };
/** With its bytes in blobs. */
export type BlobBatch = BatchPlace & { readonly blobs: readonly CommittedBlob[] };

/** Blobs that one batch may have: the inbox and L1 take so many in a transaction. */
export const MAX_BATCH_BLOBS = 6;

/** L1 gas of appending beside the price of the input: hashing, slots, the event: measured at 77,000, and room for twice that. */
const APPEND_GAS = 200_000n;
/** What it takes once the first record is there, in calldata or in blobs alike. */
const APPEND_GAS_USED = 62_000n;
const BLOB_GAS = 131_072n;

const encodeAppend = (batch: BatchToAppend | BlobBatch): Hex => {
  const { index, origin, delayedEnd, delayedAccumulator } = batch;
  const place = [index, origin.number, origin.timestamp, delayedEnd, delayedAccumulator] as const;
  const { abi } = batchInbox;
  return "blobs" in batch
    ? encodeFunctionData({ abi, functionName: "appendBlobs", args: place })
    : encodeFunctionData({ abi, functionName: "append", args: [...place, toHex(batch.data)] });
};

/** The gas is given, so that batches can follow each other before the first is mined. */
export const appendCall = (inbox: Hex, batch: BatchToAppend): L1Call => {
  const data = encodeAppend(batch);
  return { to: inbox, data, gas: gasFor(fromHex(data), APPEND_GAS) };
};

/** Its blobs travel beside it. */
export const appendBlobsCall = (inbox: Hex, batch: BlobBatch): BlobCall => {
  const data = encodeAppend(batch);
  return { to: inbox, data, gas: gasFor(fromHex(data), APPEND_GAS), blobs: batch.blobs };
};

const ANYWHERE: BatchPlace = {
  index: 0n,
  origin: { number: 0n, timestamp: 0n },
  delayedEnd: 0n,
  delayedAccumulator: toHex(ZERO_32),
};

/** What a batch of these bytes costs on L1 in wei, tips aside. */
export const appendCost = {
  calldata(data: Bytes, prices: BaseFees): bigint {
    return prices.gas * gasFor(fromHex(encodeAppend({ ...ANYWHERE, data })), APPEND_GAS_USED);
  },
  blobs(data: Bytes, prices: BaseFees): bigint {
    const execution = gasFor(fromHex(encodeAppend({ ...ANYWHERE, blobs: [] })), APPEND_GAS_USED);
    return prices.gas * execution + prices.blobGas * BLOB_GAS * BigInt(Math.ceil(data.length / BLOB_DATA_BYTES));
  },
};

/**
 * Name of the error with which L1 would refuse the batch on its block `at`; undefined when it would take it. The block is
 * named by its hash: a node that is behind would refuse messages that it has not seen yet, and fails instead.
 */
export const refusalOfAppend = async (
  client: PublicClient,
  {
    inbox,
    batch,
    account,
    at,
  }: {
    readonly inbox: Hex;
    readonly batch: BatchToAppend | BlobBatch;
    readonly account: Hex;
    readonly at: Hex;
  },
): Promise<string | undefined> => {
  const hashes = "blobs" in batch ? batch.blobs.map(({ hash }) => hash) : [];
  const blobs = hashes.length > 0 ? { blobVersionedHashes: hashes } : {};
  const call = { from: account, to: inbox, data: encodeAppend(batch), ...blobs };
  try {
    await client.request({ method: "eth_call", params: [call, { blockHash: at }] });
    return undefined;
  } catch (error) {
    if (!(error instanceof BaseError)) throw error;
    const contract = { abi: batchInbox.abi, address: inbox, functionName: "append", args: [] };
    const found = getContractError(error, contract).walk((cause) => cause instanceof ContractFunctionRevertedError);
    if (found instanceof ContractFunctionRevertedError) return found.data?.errorName ?? "unknown";
    throw error;
  }
};

/** Appends delayed messages up to `delayedEnd` that have waited too long. */
export const forceCall = (inbox: Hex, index: bigint, delayedEnd: bigint): L1Call => ({
  to: inbox,
  data: encodeFunctionData({ abi: batchInbox.abi, functionName: "force", args: [index, delayedEnd] }),
});

/** Queues a signed L2 transaction past the sequencer. `gas`: at least the transaction's gas limit. */
export const enqueueCall = (inbox: Hex, envelope: Bytes, gas: bigint): L1Call => ({
  to: inbox,
  data: encodeFunctionData({ abi: batchInbox.abi, functionName: "enqueue", args: [toHex(envelope), gas] }),
});

export type DepositToSend = {
  /** Undefined: creation. */
  readonly to: Hex | undefined;
  /** Wei to bring from L1, and wei to move on L2. */
  readonly mint: bigint;
  readonly value: bigint;
  readonly gas: bigint;
  readonly data: Bytes;
};

export const depositCall = (portalAddress: Hex, deposit: DepositToSend): L1Call => ({
  to: portalAddress,
  value: deposit.mint,
  data: encodeFunctionData({
    abi: portal.abi,
    functionName: "depositTransaction",
    args: [
      deposit.to ?? "0x0000000000000000000000000000000000000000",
      deposit.value,
      deposit.gas,
      deposit.to === undefined,
      toHex(deposit.data),
    ],
  }),
});

/** How long L1 takes a batch: L1 blocks that its origin may be old; seconds of the same, or that a message may be left out. */
export const readWindow = async (
  client: PublicClient,
  inbox: Hex,
): Promise<{ readonly blocks: bigint; readonly seconds: bigint }> => {
  const contract = { address: inbox, abi: batchInbox.abi } as const;
  const [blocks, delay, age] = await Promise.all([
    client.readContract({ ...contract, functionName: "SEQUENCING_WINDOW" }),
    client.readContract({ ...contract, functionName: "FORCE_DELAY" }),
    client.readContract({ ...contract, functionName: "MAX_ORIGIN_AGE" }),
  ]);
  return { blocks, seconds: delay < age ? delay : age };
};

/** Lengths of the two queues now, straight from L1. */
export const readInbox = async (
  client: PublicClient,
  inbox: Hex,
): Promise<{ readonly recordCount: bigint; readonly messageCount: bigint }> => {
  const contract = { address: inbox, abi: batchInbox.abi } as const;
  const [recordCount, messageCount] = await Promise.all([
    client.readContract({ ...contract, functionName: "recordCount" }),
    client.readContract({ ...contract, functionName: "messageCount" }),
  ]);
  return { recordCount, messageCount };
};
