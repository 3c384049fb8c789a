import type { Hex, NodeHash, StateHash } from "../../executor/index.ts";
import type { Past } from "./past.ts";

/** What stands at a leaf. `level` and `height`: of the tree below; `post`: hash of the state after the step. */
export type Leaf =
  | { readonly kind: "prove"; readonly post: StateHash }
  | { readonly kind: "refine" | "descend"; readonly level: number; readonly height: number };

/** Twin of ILeafRules.sol. Evidence that is not what a rule reads is an error; it never selects another answer. */
export type LeafRules = {
  /** Levels 0, 1 and 2. */
  leafOf(at: { readonly level: number; readonly position: bigint }, past: Past, evidence: Hex): Leaf;
  /** Level 3: hash of one element. `operator`: position of the operator's leaf at level 2, whose past is given. */
  elementOf(
    at: { readonly k: number; readonly position: bigint; readonly operator: bigint },
    past: Past,
    evidence: Hex,
  ): NodeHash;
};
