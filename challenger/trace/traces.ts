import type { L1Source, RightClaims, Succession } from "../../bridge/index.ts";
import type { UnitSource } from "../../executor/index.ts";
import { createChainTrace } from "./chain-trace.ts";
import { type Blobs, createExecution, type ExecutionComponents } from "./execution-trace.ts";
import type { Trace } from "./trace.ts";
import { createTraceMemory } from "./trace-memory.ts";

export type TracesComponents = Pick<ExecutionComponents, "chain" | "models" | "open" | "memory"> & {
  readonly l1: L1Source;
  readonly right: RightClaims;
};

/** The inbox as machines read it. */
const unitsOf = (l1: L1Source): UnitSource => ({
  record(index) {
    const record = l1.record(index);
    if (record === undefined) return undefined;
    const { data, origin, delayedEnd, kind } = record;
    return { data, origin, delayedEnd, medium: kind };
  },
  message: (index) => l1.message(index),
});

const blobsOf = (l1: L1Source): Blobs => ({
  hashes: (record) => l1.record(record)?.blobHashes ?? [],
  blob: (hash) => l1.blob(hash),
});

/** Trees over the units that claims on right claims are about, with all levels below. Fails as its levels do. */
export const createTraces =
  ({ l1, right, memory = createTraceMemory(), ...components }: TracesComponents) =>
  async ({ parent, game, range }: Succession, signal: AbortSignal): Promise<Trace> => {
    const [height, below] = (await right.rules()).parameters.heights;
    return createChainTrace(
      {
        chain: components.chain,
        inbox: l1,
        execution: await createExecution({ ...components, memory, inbox: unitsOf(l1), blobs: blobsOf(l1) }, below),
      },
      { game, from: parent.place, start: range.start, heights: [height, below] },
      signal,
    );
  };
