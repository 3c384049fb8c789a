import { contextHash, edgeHash, levelBase } from "../../bridge/index.ts";
import {
  fromHex,
  type Hex,
  innerNode,
  keccakOf,
  operatorLeaf,
  partHash,
  TAG,
  tagByte,
  toHex,
  wordLeaf,
} from "../../executor/index.ts";

/** Ids of the board as L1 writes them. All of them are hashes of content. */

/** A place where rivals meet, by its preimage. */
export type Ctx = {
  /** 0 chain, 1 execution, 2 inference, 0x30 + k tensor. */
  readonly level: number;
  /** Of the level: the game's hash at level 0, otherwise the context of the leaf above. */
  readonly origin: Hex;
  /** Index of the first leaf; at level 3 of the first element. */
  readonly position: bigint;
  readonly height: number;
  readonly base: Hex;
};

/** What lies left of a leaf; `past.ts` says how it is made. */
export type Witness = {
  readonly head: Hex;
  readonly lefts: readonly Hex[];
  readonly path: readonly Hex[];
  readonly pre: Hex;
};

export const ZERO_ID: Hex = `0x${"00".repeat(32)}`;
export const TENSOR_LEVEL = 0x30;

export const isTensorLevel = (level: number): boolean => level >= TENSOR_LEVEL;
/** Height of a word's node; -1 where there are no words. */
export const wordHeight = (level: number): number => (isTensorLevel(level) ? level - TENSOR_LEVEL : -1);

export const ctxId = (ctx: Ctx): Hex =>
  toHex(contextHash({ ...ctx, origin: fromHex(ctx.origin), base: fromHex(ctx.base) }));
export const edgeId = (ctx: Hex, node: Hex): Hex => toHex(edgeHash(fromHex(ctx), fromHex(node)));
export const baseOf = (origin: Hex, start: Hex): Hex => toHex(levelBase(fromHex(origin), fromHex(start)));
/** Base of what lies right of a complete subtree. */
export const baseAfter = (base: Hex, left: Hex): Hex =>
  toHex(keccakOf(tagByte(TAG.rightBase), fromHex(base), fromHex(left)));
export const innerId = (left: Hex, right: Hex): Hex => toHex(innerNode(fromHex(left), fromHex(right)));
export const operatorId = (operator: bigint, tensorRoot: Hex): Hex =>
  toHex(operatorLeaf(Number(operator), fromHex(tensorRoot)));

/** Node of a word or of a part of one. */
export const packedId = (level: number, height: number, packed: Hex): Hex => {
  const bytes = fromHex(packed);
  return toHex(height === wordHeight(level) ? wordLeaf(bytes) : partHash(height, bytes));
};
/** Nodes of the two halves of a word, or of a part of one, of this height. */
export const halvesOf = (height: number, packed: Hex): readonly [Hex, Hex] => {
  const bytes = fromHex(packed);
  const middle = bytes.length / 2;
  return [toHex(partHash(height - 1, bytes.slice(0, middle))), toHex(partHash(height - 1, bytes.slice(middle)))];
};

/** Contexts of an edge's children. */
export const halfContexts = (ctx: Ctx, left: Hex): readonly [Ctx, Ctx] => {
  const height = ctx.height - 1;
  return [
    { ...ctx, height },
    { ...ctx, height, position: ctx.position + 2n ** BigInt(height), base: baseAfter(ctx.base, left) },
  ];
};

/** Context of the root of a level. `origin`: the context of the leaf above, or the game. */
export const rootContext = (level: number, origin: Hex, height: number, start: Hex): Ctx => ({
  level,
  origin,
  position: 0n,
  height,
  base: baseOf(origin, start),
});
