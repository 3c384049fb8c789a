import { type BaseFees, BLOB_GAS, MAX_BATCH_BLOBS } from "../../bridge/index.ts";
import { BLOB_DATA_BYTES, type Bytes, MAX_BATCH_BYTES } from "../../executor/index.ts";
import { type AppendGas, gasOfCalldata } from "./append-gas.ts";

/** Where the bytes of a batch lie on L1. */
export type DataKind = "calldata" | "blobs";
/** `auto`: what costs less. */
export type DataChoice = DataKind | "auto";

export const DEFAULT_DATA: DataChoice = "calldata";

/** Bytes of one batch. */
export const DATA_LIMITS: Readonly<Record<DataKind, number>> = {
  calldata: MAX_BATCH_BYTES,
  blobs: MAX_BATCH_BLOBS * BLOB_DATA_BYTES,
};

/** What L1 asks for now, in wei, and how much of it a batch takes. */
export type DataPrices = BaseFees & { readonly append: AppendGas };

/** What a batch of these bytes costs on L1 in wei, tips aside. */
const COST: Readonly<Record<DataKind, (data: Bytes, prices: DataPrices) => bigint>> = {
  calldata: (data, { gas, append }) => gas * gasOfCalldata(append, data),
  blobs(data, { gas, blobGas, append }) {
    const blobs = BigInt(Math.ceil(data.length / BLOB_DATA_BYTES));
    return gas * append.empty + blobGas * BLOB_GAS * blobs;
  },
};

/** Bytes as dense as they get, in a batch of the size at which a full one of either kind can be compared. */
const FULL = new Uint8Array(DATA_LIMITS.calldata).fill(1);

/**
 * Bytes of the batch over which its fixed cost is shared. Of a batch in blobs the last one is half empty on average. So
 * any batch of 64 KB in blobs, or of some KB in calldata, is paid for by its bytes whatever they are; what a smaller one
 * costs beside them is the price of posting so early, which is the operator's choice.
 */
const SHARED_BY: Readonly<Record<DataKind, number>> = {
  calldata: DATA_LIMITS.calldata,
  blobs: BLOB_DATA_BYTES / 2,
};

/** What one more byte of a batch costs on L1, in wei, by its value. */
export type BytePrices = { readonly zero: bigint; readonly other: bigint };

/** Rounded up. */
export const bytePrices = (choice: DataChoice, prices: DataPrices): BytePrices => {
  const kind = choice === "auto" ? cheaperKind(FULL, prices) : choice;
  const length = SHARED_BY[kind];
  const each = (byte: number) => {
    const cost = COST[kind](new Uint8Array(length).fill(byte), prices);
    return (cost + BigInt(length) - 1n) / BigInt(length);
  };
  return { zero: each(0), other: each(1) };
};

/** How long a batch may grow: as far as the kind that is cheaper for much data takes. No prices: as if for calldata. */
export const growthLimit = (choice: DataChoice, prices: DataPrices | undefined): number => {
  if (choice !== "auto") return DATA_LIMITS[choice];
  return DATA_LIMITS[cheaperKind(FULL, prices)];
};

const cheaperKind = (data: Bytes, prices: DataPrices | undefined): DataKind =>
  prices !== undefined && COST.blobs(data, prices) < COST.calldata(data, prices) ? "blobs" : "calldata";

/** The kind of a batch that is closed. What calldata does not hold lies in blobs, whatever was chosen. */
export const kindOf = (data: Bytes, choice: DataChoice, prices: DataPrices | undefined): DataKind => {
  if (data.length > DATA_LIMITS.calldata) return "blobs";
  return choice === "auto" ? cheaperKind(data, prices) : choice;
};
