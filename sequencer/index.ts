// The face of the sequencer: what the other folders may import.
export {
  type Batch,
  type Batches,
  type BatchesErrorCode,
  type BatchesOptions,
  createBatches,
} from "./batch/batches.ts";
export { createPoster, type Poster, type PosterOptions } from "./batch/poster.ts";
export { createProducer, type Producer, type ProducerErrorCode, type ProducerOptions } from "./block/producer.ts";
export { createMempool, type Mempool, type MempoolOptions } from "./mempool/mempool.ts";
export { createSequencer, type Sequencer, type SequencerComponents, type SequencerOptions } from "./node.ts";
