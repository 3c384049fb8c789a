/** The L1 block that a block of the chain refers to. Timestamp in seconds. */
export type Origin = { readonly number: bigint; readonly timestamp: bigint };

/** Where derivation goes on after a block: inbox record, byte in its data, delayed message. */
export type Position = { readonly batch: bigint; readonly cursor: number; readonly delayed: bigint };

/** What a block is begun with. */
export type BlockAttributes = {
  /** The timestamp that its header asks for. */
  readonly timestamp: bigint;
  /** Of its batch. */
  readonly origin: Origin;
  /** Whether it takes messages of the delayed queue, which run whatever the budget. */
  readonly hasMessages?: boolean;
};

/** L1Block's slot 0. */
export const packedOrigin = ({ number, timestamp }: Origin): bigint => (timestamp << 64n) | number;
