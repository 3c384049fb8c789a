/** The L1 block that a block of the chain refers to. Timestamp in seconds. */
export type Origin = { readonly number: bigint; readonly timestamp: bigint };

/** Where derivation goes on after a block: inbox record, byte in its data, delayed message. */
export type Position = { readonly batch: bigint; readonly cursor: number; readonly delayed: bigint };

/** What a block is begun with: the timestamp that its header asks for, and the origin of its batch. */
export type BlockAttributes = { readonly timestamp: bigint; readonly origin: Origin };

const MAX_U64 = 2n ** 64n - 1n;

/** `max(parent's, min(given, origin's + drift))`: total, never before the parent. */
export const blockTimestamp = (
  parent: { readonly header: { readonly timestamp: bigint } },
  { timestamp, origin }: BlockAttributes,
  maxDrift: bigint,
): bigint => {
  const latest = origin.timestamp + maxDrift;
  const wanted = timestamp < latest ? timestamp : latest;
  const bounded = wanted < MAX_U64 ? wanted : MAX_U64;
  return bounded > parent.header.timestamp ? bounded : parent.header.timestamp;
};

/** L1Block's slot 0. */
export const packedOrigin = ({ number, timestamp }: Origin): bigint => (timestamp << 64n) | number;
