import { encodeGame, type Game, type Place, type RangeComponents, statesOf } from "../../bridge/index.ts";
import {
  type Bytes,
  CodedError,
  concat,
  createLock,
  encodeChainState,
  equalBytes,
  hashChainState,
  type PaddedNodes,
  paddedNodes,
} from "../../executor/index.ts";
import type { UnitPlace } from "./execution-trace.ts";
import { LEVEL, noTreeBelow, type Trace } from "./trace.ts";

export type ChainTraceErrorCode =
  /** L1 or the chain moved since the range was walked. Nothing is to be done: the tree is made anew. */
  "TRACE_CHAIN_MOVED";

export type ChainTraceComponents = RangeComponents & {
  /** Level 1: the unit that begins in this state. */
  readonly execution: (unit: UnitPlace, signal: AbortSignal) => Promise<Trace>;
};

export type ClaimedGame = {
  readonly game: Game;
  /** Where the parent claim ends, and hash of the state there. */
  readonly from: Place;
  readonly start: Bytes;
  /** Of the trees of levels 0 and 1. */
  readonly heights: readonly [level0: number, level1: number];
};

/** Units between two places that are remembered. */
const SPACING = 256;

/** A place, and how many units of the range lie before it. */
type Mark = { readonly index: number; readonly place: Place };
type Walk = { readonly units: number; readonly nodes: PaddedNodes; readonly marks: readonly Mark[] };

const moved = (what: string): CodedError<ChainTraceErrorCode> =>
  new CodedError("TRACE_CHAIN_MOVED", `the chain has moved since the range was walked: ${what}`);

/**
 * Level 0: the states after each unit of a claim's range. The range is walked when first asked about; 64 bytes a unit
 * are kept, and a state is found again from a place near it. Fails as `unitsFrom` does; TRACE_CHAIN_MOVED.
 */
export const createChainTrace = (
  components: ChainTraceComponents,
  { game, from, start, heights: [height, below] }: ClaimedGame,
  signal: AbortSignal,
): Trace => {
  const lock = createLock();
  let walked: Walk | undefined;
  let latest: { readonly index: number; readonly unit: UnitPlace } | undefined;

  const walk = async (): Promise<Walk> => {
    const leaves: Bytes[] = [];
    const marks: Mark[] = [];
    let index = 0;
    for await (const { state, place } of statesOf(components, from, game.limitBatch)) {
      signal.throwIfAborted();
      const leaf = hashChainState(state);
      if (index === 0 && !equalBytes(leaf, start)) throw moved("it starts with another state");
      if (index > 0) leaves.push(leaf);
      if (index % SPACING === 0) marks.push({ index, place });
      if (index === 2 ** height) break;
      index++;
    }
    const nodes = paddedNodes(leaves.length === 0 ? start : concat(...leaves), height);
    return { units: leaves.length, nodes, marks };
  };
  const whole = (): Promise<Walk> =>
    lock(async () => {
      walked ??= await walk();
      return walked;
    });

  /** The state after `index` units. */
  const unitAfter = async ({ units, nodes, marks }: Walk, index: number): Promise<UnitPlace> => {
    const wanted = Math.min(index, units);
    if (latest?.index === wanted) return latest.unit;
    const mark = marks[Math.floor(wanted / SPACING)] as Mark;
    let at = mark.index;
    for await (const { state, place } of statesOf(components, mark.place, game.limitBatch)) {
      signal.throwIfAborted();
      if (at++ < wanted) continue;
      const known = wanted === 0 ? start : nodes.node(0, wanted - 1);
      if (!equalBytes(hashChainState(state), known)) throw moved(`unit ${wanted} gives another state`);
      latest = { index: wanted, unit: { pre: state, place } };
      return latest.unit;
    }
    throw moved(`it ends before unit ${wanted}`);
  };
  const unitAt = async (position: number): Promise<UnitPlace> => {
    const range = await whole();
    return lock(() => unitAfter(range, position));
  };

  return {
    level: LEVEL.chain,
    height,
    start,
    node: async (h, index) => (await whole()).nodes.node(h, index),
    pre: async (position) => (position === 0 ? start : (await whole()).nodes.node(0, position - 1)),
    leafKind: async (position) =>
      position < (await whole()).units ? { kind: "refine", level: LEVEL.execution, height: below } : { kind: "prove" },
    evidence: async (position) => concat(encodeGame(game), encodeChainState((await unitAt(position)).pre)),
    async below(position) {
      if (position >= (await whole()).units) throw noTreeBelow(LEVEL.chain, position);
      const trace = await components.execution(await unitAt(position), signal);
      // INVARIANT: the tree of level 1 ends in the leaf above it.
      const last = await trace.node(0, 2 ** trace.height - 1);
      if (!equalBytes(last, (await whole()).nodes.node(0, position))) throw moved(`unit ${position} ends otherwise`);
      return trace;
    },
  };
};
