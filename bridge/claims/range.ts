import {
  appendPadded,
  type BytesOf,
  type Chain,
  type ChainState,
  chainStateAt,
  hashChainState,
  type Inbox,
  type L2BlockNumber,
  type NodeHash,
  type PaddedLeaves,
  type Position,
  paddedTree,
  paddingWith,
  type RecordIndex,
  type StateHash,
  unitsFrom,
} from "../../executor/index.ts";

/** A place among the units of the chain: so many units `ahead` of the last place at which no block was open. */
export type Place = { readonly number: L2BlockNumber; readonly position: Position; readonly ahead: number };

/** What is claimed of a range of units. */
export type ClaimedRange = {
  /** Hash of the state before the first unit. */
  readonly start: BytesOf<StateHash>;
  readonly units: number;
  readonly end: ChainState;
  readonly endPlace: Place;
  /** Root of the tree over the states after each unit, and siblings of its last leaf. */
  readonly root: BytesOf<NodeHash>;
  readonly path: readonly BytesOf<NodeHash>[];
};

export const GENESIS_PLACE: Place = { number: 0n, position: { batch: 0n, cursor: 0, delayed: 0n }, ahead: 0 };

export type RangeComponents = { readonly chain: Chain; readonly inbox: Inbox };

export type RangeOptions = {
  /** Inbox record before which the range ends at the latest. */
  readonly limit: RecordIndex;
  /** Of the tree. */
  readonly height: number;
  readonly signal: AbortSignal;
};

/** A state of a range, and where it stands. */
export type PlacedState = { readonly state: ChainState; readonly place: Place };

/**
 * The state that a range from `from` on starts with, then the state after each unit until derivation stands before record
 * `limit`. All is executed again. Fails as `unitsFrom` does.
 */
export async function* statesOf(
  components: RangeComponents,
  from: Place,
  limit: bigint,
): AsyncGenerator<PlacedState, void, undefined> {
  const anchor = chainStateAt(components.chain, from.number, from.position);
  let place: Place = { ...from, ahead: 0 };
  if (from.ahead === 0) yield { state: anchor, place };
  let passed = 0;
  for await (const state of unitsFrom(components, anchor, limit)) {
    place =
      state.phase === "open"
        ? { ...place, ahead: place.ahead + 1 }
        : { number: state.number, position: state.position, ahead: 0 };
    if (++passed >= from.ahead) yield { state, place };
  }
}

/**
 * Executes again what lies between a place and a limit, or as many units as a tree holds. Fails as `unitsFrom` does, and
 * as the signal says.
 */
export const claimedRange = async (
  components: RangeComponents,
  from: Place,
  { limit, height, signal }: RangeOptions,
): Promise<ClaimedRange> => {
  let last: PlacedState | undefined;
  let leaves: PaddedLeaves | undefined;
  let start: BytesOf<StateHash> | undefined;
  for await (const placed of statesOf(components, from, limit)) {
    signal.throwIfAborted();
    last = placed;
    const leaf = hashChainState(placed.state);
    start ??= leaf;
    leaves = leaves === undefined ? paddingWith(leaf) : appendPadded(leaves, leaf);
    if (leaves.count === 2 ** height) break;
  }
  // INVARIANT: a place is reached by units before every limit that a claim there has.
  if (last === undefined || leaves === undefined || start === undefined)
    throw new RangeError(`derivation ends ${from.ahead} units before the range`);
  const { root, path } = paddedTree(leaves, height) as Pick<ClaimedRange, "root" | "path">;
  return { start, units: leaves.count, end: last.state, endPlace: last.place, root, path };
};
