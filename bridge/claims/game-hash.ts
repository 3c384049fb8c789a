import {
  type BaseHash,
  type Bytes,
  type BytesOf,
  type ClaimId,
  type ContextId,
  concat,
  type EdgeId,
  fromHex,
  type Hex,
  innerNode,
  keccakOf,
  type NodeHash,
  type RecordIndex,
  type StateHash,
  TAG,
  tagByte,
  toClaim,
  toHex,
  uintBE,
} from "../../executor/index.ts";

/** What claims on one parent share: they derive the inbox up to one position, and what it holds there. */
export type Game = {
  readonly l1ChainId: bigint;
  readonly registry: Hex;
  readonly parent: ClaimId;
  readonly limitBatch: RecordIndex;
  /** Of so many inbox records. */
  readonly lineage: Hex;
};

/** The 125 bytes behind a game's hash. */
export const encodeGame = ({ l1ChainId, registry, parent, limitBatch, lineage }: Game): Bytes =>
  concat(
    tagByte(TAG.game),
    uintBE(l1ChainId, 32),
    fromHex(registry),
    fromHex(parent),
    uintBE(limitBatch, 8),
    fromHex(lineage),
  );

/** Origin of level 0. */
export const gameHash = (game: Game) => keccakOf(encodeGame(game)) as BytesOf<ContextId>;

/** All that lies left of a level's root: where it comes from and the state that it starts with. */
export const levelBase = (origin: BytesOf<ContextId>, start: BytesOf<StateHash>) =>
  keccakOf(tagByte(TAG.levelBase), origin, start) as BytesOf<BaseHash>;

/** All that lies left of a right child. */
export const rightBase = (base: BytesOf<BaseHash>, left: BytesOf<NodeHash>) =>
  keccakOf(tagByte(TAG.rightBase), base, left) as BytesOf<BaseHash>;

/** The place where rivals meet. */
export type Context = {
  readonly level: number;
  readonly origin: BytesOf<ContextId>;
  /** Index of the first leaf. */
  readonly position: bigint;
  readonly height: number;
  readonly base: BytesOf<BaseHash>;
};

export const contextHash = ({ level, origin, position, height, base }: Context) =>
  keccakOf(
    tagByte(TAG.context),
    Uint8Array.of(level),
    origin,
    uintBE(position, 8),
    Uint8Array.of(height),
    base,
  ) as BytesOf<ContextId>;

export const edgeHash = (context: BytesOf<ContextId>, node: BytesOf<NodeHash>) =>
  keccakOf(tagByte(TAG.edge), context, node) as BytesOf<EdgeId>;

/** The claim's id: the edge of its level-0 root. `start`: the parent's end state. */
export const claimId = (
  game: Game,
  tree: { readonly start: BytesOf<StateHash>; readonly height: number; readonly node: BytesOf<NodeHash> },
): ClaimId => {
  const origin = gameHash(game);
  const base = levelBase(origin, tree.start);
  const context = contextHash({ level: 0, origin, position: 0n, height: tree.height, base });
  return toClaim(toHex(edgeHash(context, tree.node)));
};

/** Root of the tree whose right-most leaf is `leaf`, with the left siblings `path`, lowest first. */
export const rootOverLast = (leaf: BytesOf<NodeHash>, path: readonly BytesOf<NodeHash>[]) =>
  path.reduce<Bytes>((node, sibling) => innerNode(sibling, node), leaf) as BytesOf<NodeHash>;
