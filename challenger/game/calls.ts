import type { ClaimId, ContextId, Hex, NodeHash } from "../../executor/index.ts";
import type { Ctx, Witness } from "./ids.ts";

/** An edge by its preimage. */
export type Edge = { readonly ctx: Ctx; readonly node: NodeHash };

/** What lies below an edge, shown to the contract: it keeps none of it. */
export type Shown =
  | { readonly below: "halves"; readonly left: NodeHash; readonly right: NodeHash }
  /** Elements of an opened word, or of a part of one. */
  | { readonly below: "packed"; readonly packed: Hex }
  /** Root of the tensor of an operator's leaf. */
  | { readonly below: "tensor"; readonly root: NodeHash }
  /** Root of a tree that ends in the leaf. */
  | { readonly below: "level"; readonly context: ContextId; readonly node: NodeHash };

/** What one may ask of the contract (`IDisputeGame`, `IClaimRegistry`). */
export type Call =
  | {
      readonly type: "propose";
      readonly parent: ClaimId;
      /** Hash of the game: says what was derived. */
      readonly game: ContextId;
      /** The chain state's bytes. */
      readonly endState: Hex;
      readonly node: NodeHash;
      readonly path: readonly NodeHash[];
    }
  | (Edge & { readonly type: "open"; readonly left: NodeHash; readonly right: NodeHash })
  | (Edge & { readonly type: "openWord"; readonly packed: Hex })
  | (Edge & {
      readonly type: "refine";
      readonly witness: Witness;
      readonly evidence: Hex;
      readonly subNode: NodeHash;
      readonly path: readonly NodeHash[];
    })
  | (Edge & {
      readonly type: "descend";
      readonly witness: Witness;
      readonly evidence: Hex;
      readonly tensorRoot: NodeHash;
    })
  | (Edge & {
      readonly type: "prove";
      /** Level 3: the operator's leaf, whose witness is given. */
      readonly operator?: Ctx;
      readonly witness: Witness;
      readonly evidence: Hex;
    })
  | (Edge & { readonly type: "update"; readonly shown: Shown })
  | (Edge & { readonly type: "settle" })
  | (Edge & { readonly type: "collect" })
  | { readonly type: "forfeit"; readonly claim: ClaimId };

export type CallType = Call["type"];
