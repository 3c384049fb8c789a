/** A right claim in the list of all, and the block that ended last in its state. */
export type Listed = { readonly index: bigint; readonly blockNumber: bigint };

/**
 * The oldest right claim whose state has a block, by bisection: right claims stand on each other, so their blocks rise with
 * their index. `rightBelow(end, begin)`: some of the right claims of these indices (end exclusive), newest first, the
 * newest among them and without gaps; none when there is none.
 */
export const oldestHaving = async <C extends Listed>(
  block: bigint,
  count: bigint,
  rightBelow: (end: bigint, begin: bigint) => Promise<readonly C[]>,
): Promise<C | undefined> => {
  let best: C | undefined;
  // INVARIANT: what has the block and is not `best` is in [low, high).
  let [low, high] = [0n, count];
  // The newest are asked for most often.
  for (let end = count; low < high; end = low + (high - low + 1n) / 2n) {
    const right = await rightBelow(end, low);
    const having = right.filter(({ blockNumber }) => blockNumber >= block);
    const oldest = having.at(-1);
    if (oldest === undefined) low = end;
    else {
      best = oldest;
      if (having.length < right.length) return best;
      high = oldest.index;
    }
  }
  return best;
};
