import { BaseError, ContractFunctionRevertedError, encodeFunctionData, type PublicClient } from "viem";
import { type Bytes, fromHex, type Hex, type Origin, toHex } from "../../executor/index.ts";
import { batchInbox, portal } from "../contracts/contracts.gen.ts";
import { gasFor, type L1Call } from "./transactor.ts";

/** A batch as the sequencer declares it. */
export type BatchToAppend = {
  /** Number of records before it. */
  readonly index: bigint;
  readonly origin: Origin;
  /** Delayed messages taken by it and all before, and the accumulator after them. */
  readonly delayedEnd: bigint;
  readonly delayedAccumulator: Hex;
  readonly data: Bytes;
};

/** L1 gas of appending beside the price of the input: hashing, slots, the event: measured at 77,000, and room for twice that. */
const APPEND_GAS = 200_000n;

const append = ({ index, origin, delayedEnd, delayedAccumulator, data }: BatchToAppend) =>
  ({
    abi: batchInbox.abi,
    functionName: "append",
    args: [index, origin.number, origin.timestamp, delayedEnd, delayedAccumulator, toHex(data)],
  }) as const;

/** The gas is given, so that batches can follow each other before the first is mined. */
export const appendCall = (inbox: Hex, batch: BatchToAppend): L1Call => {
  const data = encodeFunctionData(append(batch));
  return { to: inbox, data, gas: gasFor(fromHex(data), APPEND_GAS) };
};

/** Name of the error with which L1 would refuse the batch now; undefined when it would take it. */
export const refusalOfAppend = async (
  client: PublicClient,
  { inbox, batch, account }: { readonly inbox: Hex; readonly batch: BatchToAppend; readonly account: Hex },
): Promise<string | undefined> => {
  try {
    await client.simulateContract({ ...append(batch), address: inbox, account });
    return undefined;
  } catch (error) {
    const revert =
      error instanceof BaseError ? error.walk((cause) => cause instanceof ContractFunctionRevertedError) : null;
    if (revert instanceof ContractFunctionRevertedError) return revert.data?.errorName ?? "unknown";
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
