import { CodedError, type Hex, type NodeHash, type StateHash, toHex } from "../../executor/index.ts";
import type { LeafKind, Trace } from "../trace/trace.ts";
import type { OwnTree, TreeNeed } from "./own-tree.ts";

export type HeldTreeErrorCode =
  /** The trace of a tensor has no elements. A fault in this program: report it with the log. */
  "TRACE_NO_ELEMENTS";

/** Answers of one kind that are kept; the trace gives the same ones again. */
const KEPT = 65_536;

const createShelf = <Value>() => {
  const values = new Map<string, Value>();
  return {
    get: (...key: readonly number[]): Value | undefined => values.get(key.join(".")),
    put: (value: Value, ...key: readonly number[]): void => {
      if (values.size >= KEPT) values.clear();
      values.set(key.join("."), value);
    },
  };
};

/** An own tree whose answers are fetched from its trace when a visit asks for them, and kept. */
export const holdTree = (trace: Trace): OwnTree => {
  const nodes = createShelf<NodeHash>();
  const packed = createShelf<Hex>();
  const kinds = createShelf<LeafKind>();
  const evidence = createShelf<Hex>();
  const below = createShelf<OwnTree>();
  const elements = async (height: number, index: number): Promise<Hex> => {
    if (trace.packed !== undefined) return toHex(await trace.packed(height, index));
    const { level } = trace;
    throw new CodedError<HeldTreeErrorCode>("TRACE_NO_ELEMENTS", "only a tensor's tree has elements", { level });
  };
  const fetchers: { readonly [Want in TreeNeed["want"]]: (need: Extract<TreeNeed, { want: Want }>) => Promise<void> } =
    {
      node: async ({ height, index }) => nodes.put(toHex(await trace.node(height, index)) as NodeHash, height, index),
      packed: async ({ height, index }) => packed.put(await elements(height, index), height, index),
      leafKind: async ({ position }) => kinds.put(await trace.leafKind(position), position),
      evidence: async ({ position }) => evidence.put(toHex(await trace.evidence(position)), position),
      below: async ({ position }) => below.put(holdTree(await trace.below(position)), position),
    };
  return {
    level: trace.level,
    height: trace.height,
    start: toHex(trace.start) as StateHash,
    node: nodes.get,
    packed: packed.get,
    leafKind: kinds.get,
    evidence: evidence.get,
    below: below.get,
    fetch: (need) => (fetchers[need.want] as (need: TreeNeed) => Promise<void>)(need),
  };
};
