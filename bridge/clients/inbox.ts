import {
  BaseError,
  ContractFunctionRevertedError,
  encodeFunctionData,
  getContractError,
  type PublicClient,
} from "viem";
import { type Bytes, type CommittedBlob, type Hex, type Origin, toHex } from "../../executor/index.ts";
import { batchInbox, portal } from "../contracts/contracts.gen.ts";
import { estimateGas } from "./gas.ts";
import type { BlobCall, L1Call } from "./transactor.ts";

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

const encodeAppend = (batch: BatchToAppend | BlobBatch): Hex => {
  const { index, origin, delayedEnd, delayedAccumulator } = batch;
  const place = [index, origin.number, origin.timestamp, delayedEnd, delayedAccumulator] as const;
  const { abi } = batchInbox;
  return "blobs" in batch
    ? encodeFunctionData({ abi, functionName: "appendBlobs", args: place })
    : encodeFunctionData({ abi, functionName: "append", args: [...place, toHex(batch.data)] });
};

/** `estimate`: of batches that follow each other before the first is mined, see `estimateAppend`. */
export const appendCall = (inbox: Hex, batch: BatchToAppend, estimate?: L1Call["estimate"]): L1Call => ({
  to: inbox,
  data: encodeAppend(batch),
  ...(estimate === undefined ? {} : { estimate }),
});

/** Its blobs travel beside it. */
export const appendBlobsCall = (inbox: Hex, batch: BlobBatch, estimate?: L1Call["estimate"]): BlobCall => ({
  to: inbox,
  data: encodeAppend(batch),
  blobs: batch.blobs,
  ...(estimate === undefined ? {} : { estimate }),
});

/** An append on a block of L1. */
export type Appending = {
  readonly inbox: Hex;
  readonly batch: BatchToAppend | BlobBatch;
  readonly account: Hex;
  /** The block's hash: a node that is behind would refuse messages that it has not seen yet, and fails instead. */
  readonly at: Hex;
};

const hashesOf = (batch: BatchToAppend | BlobBatch): readonly Hex[] =>
  "blobs" in batch ? batch.blobs.map(({ hash }) => hash) : [];

/**
 * What L1 estimates for the append. A batch that is to stand behind others which L1 lacks takes as much at the place of the
 * first of them. Rejects where L1 would refuse it.
 */
export const estimateAppend = (client: PublicClient, { inbox, batch, account, at }: Appending): Promise<bigint> =>
  estimateGas(client, {
    from: account,
    at,
    call: { to: inbox, data: encodeAppend(batch), blobHashes: hashesOf(batch) },
  });

/** Name of the error with which L1 would refuse the batch; undefined when it would take it. */
export const refusalOfAppend = async (
  client: PublicClient,
  { inbox, batch, account, at }: Appending,
): Promise<string | undefined> => {
  const hashes = hashesOf(batch);
  const blobs = hashes.length > 0 ? { blobVersionedHashes: [...hashes] } : {};
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
