import type { PublicClient } from "viem";
import { claimRegistry, createLogWindows, type LogWindows } from "../bridge/index.ts";
import {
  CodedError,
  createLock,
  type DisputedStep,
  type EdgeId,
  type Hex,
  type L1BlockNumber,
  type NodeHash,
  type StepView,
  toHex,
} from "../executor/index.ts";
import type { Dispute } from "./dispute.ts";
import type { ClaimBook } from "./game/claim-book.ts";
import { ctxId, edgeId, halfContexts } from "./game/ids.ts";
import type { Parting } from "./game/solver.ts";
import type { Trace } from "./trace/trace.ts";

export type ExplainErrorCode =
  /** L1 shows more openings of edges than are read for one answer: what others claim is not told. */
  "EXPLAIN_TOO_MUCH";

/** Openings of edges that are read for one answer. */
const MOST_OPENINGS = 65_536;
/** Claims of one step that are told. */
const MOST_CLAIMED = 16;
/** Units whose steps are remembered. */
const MOST_UNITS = 64;

const OPENED = claimRegistry.abi.filter(
  (item): item is Extract<(typeof claimRegistry.abi)[number], { type: "event"; name: "EdgeOpened" }> =>
    item.type === "event" && item.name === "EdgeOpened",
);

type Halves = readonly [left: NodeHash, right: NodeHash];
type Openings = ReadonlyMap<EdgeId, Halves>;

export type ExplainComponents = {
  readonly client: PublicClient;
  readonly book: Pick<ClaimBook, "in" | "on">;
  /** The right tree over the units that claims on a claim are about; `key` says of which history of L1. */
  readonly traceOf: (parent: Dispute["parent"]) => Promise<{ readonly key: string; readonly trace: Trace }>;
};

/** Nodes that others have at the place of an own leaf of level 1, as far as L1 saw their trees opened so deep. */
const claimedAt = async (
  execution: Trace,
  { root, step }: Parting,
  { openings, rootsIn }: { readonly openings: Openings; readonly rootsIn: ClaimBook["in"] },
): Promise<readonly Hex[]> => {
  let ctx = root;
  let others = rootsIn(ctxId(root)).map(({ node }) => node);
  for (let height = execution.height; height > 0; height--) {
    const index = Math.floor(step / 2 ** height);
    const own = toHex(await execution.node(height, index));
    const left = toHex(await execution.node(height - 1, 2 * index)) as NodeHash;
    const isRight = Math.floor(step / 2 ** (height - 1)) % 2 === 1;
    others = others.flatMap((node) => {
      const halves = node === own ? undefined : openings.get(edgeId(ctxId(ctx), node));
      if (halves === undefined) return [];
      // A right half has one past alone: whoever differs on the left is elsewhere.
      if (!isRight) return [halves[0]];
      return halves[0] === left ? [halves[1]] : [];
    });
    ctx = halfContexts(ctx, left)[isRight ? 1 : 0];
  }
  const own = toHex(await execution.node(0, step));
  return [...new Set(others)].filter((node) => node !== own).slice(0, MOST_CLAIMED);
};

/** Tells of the steps that a game has come down to: what this node's machine does there, and what others claim. */
export const createExplainer = (
  { client, book, traceOf }: ExplainComponents,
  { registry, windows = createLogWindows() }: { readonly registry: Hex; readonly windows?: LogWindows },
) => {
  const lock = createLock();
  /** Executing a unit may take seconds: its trace is kept. */
  const units = new Map<string, Promise<Trace>>();
  const unitOf = (key: string, trace: Trace, unit: number): Promise<Trace> => {
    const name = `${key} ${unit}`;
    const known = units.get(name);
    if (known !== undefined) return known;
    if (units.size >= MOST_UNITS) units.clear();
    const made = trace.below(unit);
    units.set(name, made);
    made.catch(() => units.delete(name));
    return made;
  };

  const openingsSince = async (fromBlock: bigint, toBlock: bigint): Promise<Openings> => {
    const openings = new Map<EdgeId, Halves>();
    const read = (range: { readonly fromBlock: bigint; readonly toBlock: bigint }) =>
      client.getLogs({ address: registry, events: OPENED, strict: true, ...range });
    for await (const logs of windows.forwards({ fromBlock, toBlock }, read))
      for (const { args } of logs) {
        if (openings.size >= MOST_OPENINGS)
          throw new CodedError<ExplainErrorCode>("EXPLAIN_TOO_MUCH", "L1 shows too many openings of edges", {
            most: MOST_OPENINGS,
          });
        openings.set(args.edge as EdgeId, [args.left as NodeHash, args.right as NodeHash]);
      }
    return openings;
  };

  /** The steps of a dispute that are at hand: at most as many as a game tells partings. EXPLAIN_TOO_MUCH, and what traces fail with. */
  return ({ parent, partings, l1Block }: Pick<Dispute, "parent" | "partings"> & { readonly l1Block: L1BlockNumber }) =>
    lock(async (): Promise<readonly DisputedStep[]> => {
      const [first] = book.on(parent);
      if (partings.length === 0 || first === undefined) return [];
      const { key, trace } = await traceOf(parent);
      const openings = await openingsSince(first.l1Block, l1Block);
      const steps: DisputedStep[] = [];
      for (const parting of partings) {
        const { unit, step, isProven } = parting;
        const execution = await unitOf(key, trace, unit);
        // Only what pads a tree has no step: there the state stays what it is.
        const view: StepView | undefined = await execution.step?.(step);
        const claimed = await claimedAt(execution, parting, { openings, rootsIn: book.in });
        const computed = toHex(await execution.node(0, step));
        steps.push({
          ...{ unit, step, isProven, computed, claimed },
          name: view?.name ?? "padding",
          before: view?.before ?? null,
          after: view?.after ?? null,
        });
      }
      return steps;
    });
};
