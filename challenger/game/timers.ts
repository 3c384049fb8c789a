import type { ContextId, EdgeId } from "../../executor/index.ts";
import type { Call, Edge, Shown } from "./calls.ts";
import { cheapTimer, INFINITE, ownTime, type Spot, saturatedSum } from "./view.ts";

/** An own edge that is on the board, with the own edges below it that are. */
export type Standing = Edge & {
  readonly context: ContextId;
  readonly edge: EdgeId;
  readonly spot: Spot;
  /** What links it to those below; undefined: nothing is below. */
  readonly shown?: Shown | undefined;
  readonly below: readonly Standing[];
};

const least = (values: readonly bigint[]): bigint => values.reduce((a, b) => (a < b ? a : b));

/** Timer that an edge has when all that is below it has been carried up. */
export const fullTimer = (at: Standing, now: bigint): bigint => {
  const cheap = cheapTimer(at.spot, now);
  if (at.below.length === 0 || cheap === INFINITE) return cheap;
  const sum = saturatedSum(ownTime(at.spot, now), least(at.below.map((child) => fullTimer(child, now))));
  return sum > cheap ? sum : cheap;
};

/** Timers that updates of this visit give, by edge. */
export type Raised = Map<EdgeId, bigint>;

/** The fewest updates after which the contract itself sees at least `target`, which the full timer reaches. Lowest first. */
export const updatesTo = (
  at: Standing,
  target: bigint,
  { now, raised }: { readonly now: bigint; readonly raised: Raised },
): readonly Extract<Call, { type: "update" }>[] => {
  const { ctx, node, edge, spot, shown } = at;
  if (shown === undefined || cheapTimer(spot, now) >= target || (raised.get(edge) ?? 0n) >= target) return [];
  const missing = target - ownTime(spot, now);
  const lower = at.below.flatMap((child) => updatesTo(child, missing, { now, raised }));
  raised.set(edge, target);
  return [...lower, { type: "update", ctx, node, shown }];
};
