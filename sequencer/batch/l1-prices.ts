import type { PublicClient } from "viem";
import type { BaseFees, L1Source, Transactor } from "../../bridge/index.ts";
import type { Telemetry } from "../../executor/index.ts";
import { type BytePrices, bytePrices, type DataChoice, DEFAULT_DATA } from "./data-kind.ts";

/** What L1 takes from the sequencer for gas, its tip included, and for blob gas. */
export type L1Prices = {
  /** As of the last L1 block that was asked about; undefined before the first. */
  readonly now: BaseFees | undefined;
  /** What a byte of a batch costs by them. */
  readonly ofBytes: BytePrices | undefined;
  /** Asks L1, once a block of it. Without an answer the last prices stay. */
  refresh(): Promise<void>;
};

export const createL1Prices = (
  components: Telemetry & {
    readonly l1: L1Source;
    readonly client: PublicClient;
    readonly transactor: Pick<Transactor, "tip">;
  },
  /** `data`: where batches lie on L1. */
  { data = DEFAULT_DATA }: { readonly data?: DataChoice } = {},
): L1Prices => {
  const { l1, client, transactor } = components;
  const logger = components.logger.child({ module: "l1-prices" });
  let now: BaseFees | undefined;
  let ofBytes: BytePrices | undefined;
  let asked: { readonly head: bigint; readonly answer: Promise<void> } | undefined;

  const ask = async (): Promise<void> => {
    try {
      const [block, blobGas] = await Promise.all([client.getBlock({ blockTag: "latest" }), client.getBlobBaseFee()]);
      now = { gas: (block.baseFeePerGas ?? 0n) + transactor.tip, blobGas };
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
      if (head !== undefined && head !== asked?.head) asked = { head, answer: ask() };
      return asked?.answer ?? Promise.resolve();
    },
  };
};
