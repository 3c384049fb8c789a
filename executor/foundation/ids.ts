import type { Brand } from "./brand.ts";
import type { BytesOf, Hex } from "./bytes.ts";

// Hashes of the dispute game, by what they are of: twin of bridge/contracts/libraries/Ids.sol.

/** Where a level or its nodes stand: a place at which rivals meet, or, as what level 0 comes from, the game. */
export type ContextId = Brand<Hex, "context">;
/** A node at its place. */
export type EdgeId = Brand<Hex, "edge">;
/** A node of a tree, at any height. */
export type NodeHash = Brand<Hex, "node">;
/** All that lies left of a place. */
export type BaseHash = Brand<Hex, "base">;
export type ClaimId = Brand<Hex, "claim">;
/** What stands between two steps of a level: a chain state, a machine's; at level 2 the output of an operator. */
export type StateHash = Brand<Hex, "state">;

/** The claim whose level-0 root this edge is. */
export const toClaim = (root: EdgeId): ClaimId => root as Hex as ClaimId;
/** The first claim is the root of no tree: its id is its state. */
export const toFirstClaim = (state: StateHash): ClaimId => state as Hex as ClaimId;
/** The edge of a claim's level-0 root. */
export const toEdge = (claim: ClaimId): EdgeId => claim as Hex as EdgeId;

type ToLeaf = { (state: StateHash): NodeHash; (state: BytesOf<StateHash>): BytesOf<NodeHash> };
/** A state as the leaf of the tree over a level's states. */
export const toLeaf: ToLeaf = (state: StateHash | BytesOf<StateHash>) => state as never;
