// The draft: L1's board as it will be after the moves that one visit has decided on, before any of them is sent.

import type { ContextId, EdgeId, Hex } from "../../executor/index.ts";
import { type BoardView, type ContextRecord, type EdgeRecord, NO_ROOT, type RootRecord, type Spot } from "./view.ts";

type Place = { readonly context: ContextId; readonly edge: EdgeId };

/** Moves change the board for those after them: a local copy of what they touch, over what L1 holds. */
export const createDraft = (board: BoardView) => {
  const contexts = new Map<ContextId, ContextRecord>();
  const edges = new Map<EdgeId, EdgeRecord>();
  const roots = new Map<EdgeId, RootRecord>();
  const spot = (context: ContextId, edge: EdgeId): Spot | undefined => {
    const known = board.spot(context, edge);
    return (
      known && {
        ...known,
        context: contexts.get(context) ?? known.context,
        edge: edges.get(edge) ?? known.edge,
        root: roots.get(edge) ?? known.root,
      }
    );
  };
  return {
    spot,
    change({ context, edge }: Place, to: Partial<EdgeRecord>): void {
      const at = spot(context, edge);
      if (at !== undefined) edges.set(edge, { ...at.edge, ...to });
    },
    /** Puts an edge on the board, as the contract does; by a staker, as the root of a level. */
    add({ context, edge }: Place, staker: Hex | undefined): void {
      const at = spot(context, edge);
      if (at === undefined || at.edge.exists) return;
      const { firstAt, secondAt } = at.context;
      const isFirst = firstAt === 0n;
      edges.set(edge, { ...at.edge, exists: true, isFirst });
      if (isFirst) contexts.set(context, { ...at.context, firstAt: board.now });
      else if (secondAt === 0n) contexts.set(context, { ...at.context, secondAt: board.now });
      if (staker !== undefined) roots.set(edge, { ...NO_ROOT, staker });
    },
  };
};
export type Draft = ReturnType<typeof createDraft>;
