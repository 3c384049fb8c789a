// The hand: what one visit to a dispute may draw on, be it on L1's board, in its own trees or in its draft.

import type { ClaimId, ContextId, EdgeId, NodeHash } from "../../executor/index.ts";
import type { Draft } from "./draft.ts";
import type { Ctx, Witness } from "./ids.ts";
import type { Need, OwnTree } from "./own-tree.ts";
import { pathOver, witnessOf } from "./past.ts";
import type { BoardView } from "./view.ts";

const isSame = (a: Need, b: Need): boolean =>
  Object.entries(a).every(([name, value]) => (b as Readonly<Record<string, unknown>>)[name] === value);

/** What a visit has at hand. Where something is missing it answers undefined, and a need is noted. */
export const createHand = (board: BoardView, draft: Draft) => {
  const needs: Need[] = [];
  const or = <Value>(value: Value | undefined, need: Need): Value | undefined => {
    if (value === undefined && !needs.some((known) => isSame(known, need))) needs.push(need);
    return value;
  };
  const node = (tree: OwnTree, height: number, index: number) =>
    or(tree.node(height, index), { want: "node", tree, height, index });
  return {
    needs: needs as readonly Need[],
    node,
    spot: (context: ContextId, edge: EdgeId) => or(draft.spot(context, edge), { want: "spot", context, edge }),
    claim: (id: ClaimId) => or(board.claim(id), { want: "claim", id }),
    rootsIn: (context: ContextId, parent: ClaimId | undefined) =>
      or(board.rootsIn(context), { want: "rivals", context, parent }) ?? [],
    packed: (tree: OwnTree, height: number, index: number) =>
      or(tree.packed(height, index), { want: "packed", tree, height, index }),
    leafKind: (tree: OwnTree, position: number) => or(tree.leafKind(position), { want: "leafKind", tree, position }),
    evidence: (tree: OwnTree, position: number) => or(tree.evidence(position), { want: "evidence", tree, position }),
    below: (tree: OwnTree, position: number) => or(tree.below(position), { want: "below", tree, position }),
    witness: (tree: OwnTree, ctx: Ctx): Witness | undefined =>
      witnessOf(ctx, { height: tree.height, start: tree.start, node: (height, index) => node(tree, height, index) }),
    /** Siblings of a tree's last leaf, lowest first. */
    lastPath(tree: OwnTree): readonly NodeHash[] | undefined {
      const path = pathOver(2 ** tree.height - 1, tree.height, (height, index) => node(tree, height, index));
      return path.every((sibling) => sibling !== undefined) ? path : undefined;
    },
  };
};
export type Hand = ReturnType<typeof createHand>;
