import type { ClaimId, ContextId, EdgeId, Hex, NodeHash, StateHash } from "../../executor/index.ts";
import type { LeafKind } from "../trace/trace.ts";

/** As much of an own tree as is at hand: everything else is undefined. See `Trace` for what each answer is. */
export type OwnTree = {
  readonly level: number;
  readonly height: number;
  readonly start: StateHash;
  node(height: number, index: number): NodeHash | undefined;
  leafKind(position: number): LeafKind | undefined;
  evidence(position: number): Hex | undefined;
  below(position: number): OwnTree | undefined;
  packed(height: number, index: number): Hex | undefined;
  /** Takes what was asked for to hand. */
  fetch(need: TreeNeed): Promise<void>;
};

type NeedOf<Want extends string, Where> = Where & { readonly want: Want; readonly tree: OwnTree };

/** What a tree must give before a visit can go on. */
export type TreeNeed =
  | NeedOf<"node", { readonly height: number; readonly index: number }>
  | NeedOf<"packed", { readonly height: number; readonly index: number }>
  | NeedOf<"leafKind", { readonly position: number }>
  | NeedOf<"evidence", { readonly position: number }>
  | NeedOf<"below", { readonly position: number }>;

/** What L1 must give: a place on the board, or a claim. */
export type BoardNeed =
  | { readonly want: "spot"; readonly context: ContextId; readonly edge: EdgeId }
  | { readonly want: "claim"; readonly id: ClaimId }
  /** Roots of a context; at level 0 claims on a parent. */
  | { readonly want: "rivals"; readonly context: ContextId; readonly parent: ClaimId | undefined };

export type Need = TreeNeed | BoardNeed;
