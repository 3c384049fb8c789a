import type { Hex } from "../../executor/index.ts";
import type { LeafKind } from "../trace/trace.ts";

/** As much of an own tree as is at hand: everything else is undefined. See `Trace` for what each answer is. */
export type OwnTree = {
  readonly level: number;
  readonly height: number;
  readonly start: Hex;
  node(height: number, index: number): Hex | undefined;
  leafKind(position: number): LeafKind | undefined;
  evidence(position: number): Hex | undefined;
  below(position: number): OwnTree | undefined;
  packed(height: number, index: number): Hex | undefined;
};

/** What a tree must give before a visit can go on. */
export type TreeNeed =
  | { readonly want: "node" | "packed"; readonly tree: OwnTree; readonly height: number; readonly index: number }
  | { readonly want: "leafKind" | "evidence" | "below"; readonly tree: OwnTree; readonly position: number };

/** What L1 must give: a place on the board, or a claim. */
export type BoardNeed =
  | { readonly want: "spot"; readonly context: Hex; readonly edge: Hex }
  | { readonly want: "claim"; readonly id: Hex };

export type Need = TreeNeed | BoardNeed;
