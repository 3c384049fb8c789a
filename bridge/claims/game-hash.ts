import {
  type Bytes,
  concat,
  fromHex,
  type Hex,
  innerNode,
  keccakOf,
  TAG,
  tagByte,
  uintBE,
} from "../../executor/index.ts";

/** What claims on one parent share: they derive the inbox up to one position. */
export type Game = {
  readonly l1ChainId: bigint;
  readonly registry: Hex;
  readonly parent: Bytes;
  readonly limitBatch: bigint;
};

/** The 93 bytes behind a game's hash. */
export const encodeGame = ({ l1ChainId, registry, parent, limitBatch }: Game): Bytes =>
  concat(tagByte(TAG.game), uintBE(l1ChainId, 32), fromHex(registry), parent, uintBE(limitBatch, 8));

/** Origin of level 0. */
export const gameHash = (game: Game): Bytes => keccakOf(encodeGame(game));

/** All that lies left of a level's root: where it comes from and the state that it starts with. */
export const levelBase = (origin: Bytes, start: Bytes): Bytes => keccakOf(tagByte(TAG.levelBase), origin, start);

/** All that lies left of a right child. */
export const rightBase = (base: Bytes, left: Bytes): Bytes => keccakOf(tagByte(TAG.rightBase), base, left);

/** The place where rivals meet. */
export type Context = {
  readonly level: number;
  readonly origin: Bytes;
  /** Index of the first leaf. */
  readonly position: bigint;
  readonly height: number;
  readonly base: Bytes;
};

export const contextHash = ({ level, origin, position, height, base }: Context): Bytes =>
  keccakOf(tagByte(TAG.context), Uint8Array.of(level), origin, uintBE(position, 8), Uint8Array.of(height), base);

export const edgeHash = (context: Bytes, node: Bytes): Bytes => keccakOf(tagByte(TAG.edge), context, node);

/** The claim's id: the edge of its level-0 root. `start`: the parent's end state. */
export const claimId = (game: Game, tree: { readonly start: Bytes; readonly height: number; readonly node: Bytes }) => {
  const origin = gameHash(game);
  const base = levelBase(origin, tree.start);
  return edgeHash(contextHash({ level: 0, origin, position: 0n, height: tree.height, base }), tree.node);
};

/** Root of the tree whose right-most leaf is `leaf`, with the left siblings `path`, lowest first. */
export const rootOverLast = (leaf: Bytes, path: readonly Bytes[]): Bytes =>
  path.reduce((node, sibling) => innerNode(sibling, node), leaf);
