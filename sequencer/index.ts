// The face of the sequencer: what the other folders may import.
export type { Halt, HaltCode } from "./batch/window.ts";
export { createMempool, type MempoolOptions } from "./mempool/mempool.ts";
export { createSequencer, type Sequencer, type SequencerOptions } from "./node.ts";
export { createPublisher } from "./publish/publisher.ts";
