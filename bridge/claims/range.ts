import {
  appendPadded,
  type Bytes,
  type Chain,
  type ChainState,
  chainStateAt,
  hashChainState,
  type Inbox,
  type Position,
  paddedTree,
  paddingWith,
  unitsFrom,
} from "../../executor/index.ts";

/** A place among the units of the chain: so many units `ahead` of the last place at which no block was open. */
export type Place = { readonly number: bigint; readonly position: Position; readonly ahead: number };

/** What is claimed of a range of units. */
export type ClaimedRange = {
  /** Hash of the state before the first unit. */
  readonly start: Bytes;
  readonly units: number;
  readonly end: ChainState;
  readonly endPlace: Place;
  /** Root of the tree over the states after each unit, and siblings of its last leaf. */
  readonly root: Bytes;
  readonly path: readonly Bytes[];
};

export const GENESIS_PLACE: Place = { number: 0n, position: { batch: 0n, cursor: 0, delayed: 0n }, ahead: 0 };

export type RangeOptions = {
  /** Inbox record before which the range ends at the latest. */
  readonly limit: bigint;
  /** Of the tree. */
  readonly height: number;
  readonly signal: AbortSignal;
};

/**
 * Executes again what lies between a place and a limit, or as many units as a tree holds. Fails as `unitsFrom` does, and
 * as the signal says.
 */
export const claimedRange = async (
  components: { readonly chain: Chain; readonly inbox: Inbox },
  from: Place,
  { limit, height, signal }: RangeOptions,
): Promise<ClaimedRange> => {
  const anchor = chainStateAt(components.chain, from.number, from.position);
  let end: ChainState = anchor;
  let endPlace: Place = { ...from, ahead: 0 };
  let start = hashChainState(anchor);
  let leaves = paddingWith(start);
  let toPass = from.ahead;
  for await (const state of unitsFrom(components, anchor, limit)) {
    signal.throwIfAborted();
    endPlace =
      state.phase === "open"
        ? { ...endPlace, ahead: endPlace.ahead + 1 }
        : { number: state.number, position: state.position, ahead: 0 };
    end = state;
    const leaf = hashChainState(state);
    if (toPass > 0) {
      toPass--;
      start = leaf;
      leaves = paddingWith(start);
      continue;
    }
    leaves = appendPadded(leaves, leaf);
    if (leaves.count === 2 ** height) break;
  }
  return { start, units: leaves.count, end, endPlace, ...paddedTree(leaves, height) };
};
