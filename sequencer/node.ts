import type { PublicClient } from "viem";
import { createBlobArchive, type L1Source, type Transactor } from "../bridge/index.ts";
import {
  type Chain,
  createServices,
  type Hex,
  type KeyValueStore,
  type Service,
  type Telemetry,
} from "../executor/index.ts";
import { type Batches, type BatchesOptions, createBatches } from "./batch/batches.ts";
import { createL1Prices } from "./batch/l1-prices.ts";
import { createPoster, type Poster, type PosterOptions } from "./batch/poster.ts";
import { createProducer, type Producer, type ProducerOptions } from "./block/producer.ts";
import { createDataFees } from "./mempool/data-fees.ts";
import { createMempool, type Mempool, type MempoolOptions } from "./mempool/mempool.ts";

export type SequencerComponents = Telemetry & {
  readonly chain: Chain;
  readonly store: KeyValueStore;
  /** What has been read of L1. The chain follows it with `keepUnsafe`. */
  readonly l1: L1Source;
  /** The sequencer's account on L1. */
  readonly transactor: Transactor;
  readonly client: PublicClient;
};

export type SequencerOptions = {
  /** Address of the batch inbox on L1. */
  readonly inbox: Hex;
  readonly mempool?: MempoolOptions;
  readonly producer?: ProducerOptions;
  readonly batches?: BatchesOptions;
  readonly poster?: PosterOptions;
};

export type Sequencer = Service & {
  readonly pool: Mempool;
  readonly producer: Producer;
  readonly batches: Batches;
  readonly poster: Poster;
  /** Begins to build and to post. */
  start(): void;
};

/** Orders transactions, builds blocks, posts batches. Its components are started and stopped by their owner. */
export const createSequencer = (components: SequencerComponents, options: SequencerOptions): Sequencer => {
  const services = createServices(components);
  const prices = createL1Prices(components, { ...options.batches, inbox: options.inbox });
  const fees = createDataFees(() => prices.ofBytes);
  const pool = services.add(createMempool({ ...components, fees }, options.mempool));
  const batches = createBatches({ ...components, prices }, options.batches);
  const producer = services.add(createProducer({ ...components, pool, batches, prices, fees }, options.producer));
  const archive = createBlobArchive(components.store);
  const poster = services.add(
    createPoster({ ...components, archive, batches, prices }, { ...options.poster, inbox: options.inbox }),
  );
  return {
    name: "sequencer",
    pool,
    producer,
    batches,
    poster,
    start() {
      producer.start();
      poster.start();
    },
    stop: () => services.stop(),
  };
};
