import type { PublicClient } from "viem";
import {
  type BatchToAppend,
  type BlobBatch,
  estimateAppend,
  type L1Source,
  type Transactor,
} from "../../bridge/index.ts";
import { type Chain, CodedError, type Hex, type Telemetry } from "../../executor/index.ts";
import { type AppendGas, sampleAppendGas } from "./append-gas.ts";
import { type BytePrices, bytePrices, type DataChoice, type DataPrices, DEFAULT_DATA } from "./data-kind.ts";
import { placeNow } from "./place.ts";

export type L1PricesErrorCode =
  /** L1 has not been read so far that a batch could be placed on it. Nothing is to be done: it is tried again. */
  "BATCH_NO_PLACE";

/** The bytes of a batch, or its blobs. */
export type BatchContent = Pick<BatchToAppend, "data"> | Pick<BlobBatch, "blobs">;

/** What L1 takes from the sequencer for gas, its tip included, and for blob gas; and how much of them a batch. */
export type L1Prices = {
  /** As of the last L1 block that was asked about; undefined before the first. */
  readonly now: DataPrices | undefined;
  /** What a byte of a batch costs by them. */
  readonly ofBytes: BytePrices | undefined;
  /** Asks L1, once a block of it. Without an answer the last prices stay. */
  refresh(): Promise<void>;
  /** What L1 estimates for a batch of this content, at the place where it would take one now. BATCH_NO_PLACE. */
  estimate(content: BatchContent): Promise<bigint>;
};

/** L1 blocks after which batches are estimated anew: its gas table changes with its forks alone. */
const SAMPLES_LAST = 32n;

export const createL1Prices = (
  components: Telemetry & {
    readonly chain: Pick<Chain, "parameters" | "position" | "head">;
    readonly l1: L1Source;
    readonly client: PublicClient;
    readonly transactor: Pick<Transactor, "tip" | "address">;
  },
  /** `data`: where batches lie on L1. */
  { inbox, data = DEFAULT_DATA }: { readonly inbox: Hex; readonly data?: DataChoice },
): L1Prices => {
  const { chain, l1, client, transactor } = components;
  const logger = components.logger.child({ module: "l1-prices" });
  let now: DataPrices | undefined;
  let ofBytes: BytePrices | undefined;
  let asked: { readonly head: bigint; readonly answer: Promise<void> } | undefined;
  let samples: { readonly at: bigint; readonly gas: AppendGas } | undefined;

  const estimate = async (content: BatchContent): Promise<bigint> => {
    const place = placeNow(l1, chain);
    if (place === undefined)
      throw new CodedError<L1PricesErrorCode>(
        "BATCH_NO_PLACE",
        "L1 was not read so far that it has a place for a batch",
      );
    const { at, ...rest } = place;
    return estimateAppend(client, { inbox, account: transactor.address, at, batch: { ...rest, ...content } });
  };

  const sample = async (head: bigint): Promise<AppendGas> => {
    if (samples !== undefined && head >= samples.at && head < samples.at + SAMPLES_LAST) return samples.gas;
    try {
      samples = { at: head, gas: await sampleAppendGas((bytes) => estimate({ data: bytes })) };
    } catch (error) {
      if (samples === undefined) throw error;
      logger.debug({ err: error }, "L1 does not estimate batches: what it last said of them stays");
    }
    return samples.gas;
  };

  const ask = async (head: bigint): Promise<void> => {
    try {
      const [block, blobGas, append] = await Promise.all([
        client.getBlock({ blockTag: "latest" }),
        client.getBlobBaseFee(),
        sample(head),
      ]);
      now = { gas: (block.baseFeePerGas ?? 0n) + transactor.tip, blobGas, append };
      ofBytes = bytePrices(data, now);
    } catch (error) {
      asked = undefined;
      logger.warn({ err: error }, "L1 does not say what it asks for");
    }
  };

  return {
    get now() {
      return now;
    },
    get ofBytes() {
      return ofBytes;
    },
    refresh() {
      const head = l1.head?.number;
      if (head !== undefined && head !== asked?.head) asked = { head, answer: ask(head) };
      return asked?.answer ?? Promise.resolve();
    },
    estimate,
  };
};
