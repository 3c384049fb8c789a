import { contextHash, edgeHash, levelBase, rightBase } from "../../bridge/index.ts";
import {
  type BaseHash,
  type Bytes,
  type BytesOf,
  type ClaimId,
  type ContextId,
  type EdgeId,
  fromHex,
  type Hex,
  innerNode,
  type NodeHash,
  operatorLeaf,
  partHash,
  type StateHash,
  toHex,
  wordLeaf,
} from "../../executor/index.ts";

/** Ids of the board as L1 writes them. All of them are hashes of content. */

/** A place where rivals meet, by its preimage. */
export type Ctx = {
  /** 0 chain, 1 execution, 2 inference, 0x30 + k tensor. */
  readonly level: number;
  /** Of the level: the game's hash at level 0, otherwise the context of the leaf above. */
  readonly origin: ContextId;
  /** Index of the first leaf; at level 3 of the first element. */
  readonly position: bigint;
  readonly height: number;
  readonly base: BaseHash;
};

/** What lies left of a leaf; `past.ts` says how it is made. */
export type Witness = {
  /** Of position 0 and of level 2, where all is shown, the state that the level starts with. */
  readonly head: StateHash | BaseHash;
  /** Roots of the complete subtrees left of the leaf: `Past.lefts`. */
  readonly lefts: readonly NodeHash[];
  readonly path: readonly NodeHash[];
  readonly pre: StateHash;
};

export const ZERO_ID: Hex = `0x${"00".repeat(32)}`;
/** What is not there, by its kind. */
export const NONE = { edge: ZERO_ID as EdgeId, claim: ZERO_ID as ClaimId, state: ZERO_ID as StateHash } as const;
export const TENSOR_LEVEL = 0x30;

export const isTensorLevel = (level: number): boolean => level >= TENSOR_LEVEL;
/** Height of a word's node; -1 where there are no words. */
export const wordHeight = (level: number): number => (isTensorLevel(level) ? level - TENSOR_LEVEL : -1);

/** Ids that are remembered, per kind. A visit asks for the same ones each block, and hashing is nearly all that it costs. */
const REMEMBERED = 50_000;
const remembering = <Made extends Hex, Args extends readonly unknown[]>(
  hash: (...args: Args) => Bytes,
  keyOf: (...args: Args) => string,
) => {
  const known = new Map<string, Made>();
  return (...args: Args): Made => {
    const key = keyOf(...args);
    const found = known.get(key);
    if (found !== undefined) return found;
    if (known.size >= REMEMBERED) known.clear();
    const made = toHex(hash(...args)) as Hex as Made;
    known.set(key, made);
    return made;
  };
};
const ofPair = <A extends Hex, B extends Hex, Made extends Hex>(
  hash: (a: BytesOf<A>, b: BytesOf<B>) => BytesOf<Made>,
) =>
  remembering<Made, [A, B]>(
    (a, b) => hash(fromHex(a), fromHex(b)),
    (a, b) => `${a}${b}`,
  );

export const ctxId = remembering<ContextId, [Ctx]>(
  (ctx) => contextHash({ ...ctx, origin: fromHex(ctx.origin), base: fromHex(ctx.base) }),
  ({ level, origin, position, height, base }) => `${level}.${position}.${height}${origin}${base}`,
);
export const edgeId = ofPair<ContextId, NodeHash, EdgeId>(edgeHash);
export const baseOf = ofPair<ContextId, StateHash, BaseHash>(levelBase);
/** Base of what lies right of a complete subtree. */
export const baseAfter = ofPair<BaseHash, NodeHash, BaseHash>(rightBase);
export const innerId = ofPair<NodeHash, NodeHash, NodeHash>(
  (left, right) => innerNode(left, right) as BytesOf<NodeHash>,
);
export const operatorId = (operator: bigint, tensorRoot: NodeHash) =>
  toHex(operatorLeaf(Number(operator), fromHex(tensorRoot))) as NodeHash;

/** Node of a word or of a part of one. */
export const packedId = (level: number, height: number, packed: Hex) => {
  const bytes = fromHex(packed);
  return toHex(height === wordHeight(level) ? wordLeaf(bytes) : partHash(height, bytes)) as NodeHash;
};
/** Nodes of the two halves of a word, or of a part of one, of this height. */
export const halvesOf = (height: number, packed: Hex): readonly [NodeHash, NodeHash] => {
  const bytes = fromHex(packed);
  const middle = bytes.length / 2;
  const part = (half: Bytes) => toHex(partHash(height - 1, half)) as NodeHash;
  return [part(bytes.slice(0, middle)), part(bytes.slice(middle))];
};

/** Contexts of an edge's children. */
export const halfContexts = (ctx: Ctx, left: NodeHash): readonly [Ctx, Ctx] => {
  const height = ctx.height - 1;
  return [
    { ...ctx, height },
    { ...ctx, height, position: ctx.position + 2n ** BigInt(height), base: baseAfter(ctx.base, left) },
  ];
};

/** Context of the root of a level. `origin`: the context of the leaf above, or the game. */
export const rootContext = (level: number, origin: ContextId, height: number, start: StateHash): Ctx => ({
  level,
  origin,
  position: 0n,
  height,
  base: baseOf(origin, start),
});
