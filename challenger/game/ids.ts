import { contextHash, edgeHash, levelBase, rightBase } from "../../bridge/index.ts";
import {
  type Bytes,
  fromHex,
  type Hex,
  innerNode,
  operatorLeaf,
  partHash,
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
  /** Roots of the complete subtrees left of the leaf: `Past.lefts`. */
  readonly lefts: readonly Hex[];
  readonly path: readonly Hex[];
  readonly pre: Hex;
};

export const ZERO_ID: Hex = `0x${"00".repeat(32)}`;
export const TENSOR_LEVEL = 0x30;

export const isTensorLevel = (level: number): boolean => level >= TENSOR_LEVEL;
/** Height of a word's node; -1 where there are no words. */
export const wordHeight = (level: number): number => (isTensorLevel(level) ? level - TENSOR_LEVEL : -1);

/** Ids that are remembered, per kind. A visit asks for the same ones each block, and hashing is nearly all that it costs. */
const REMEMBERED = 50_000;
const remembering = <Args extends readonly unknown[]>(
  hash: (...args: Args) => Bytes,
  keyOf: (...args: Args) => string,
) => {
  const known = new Map<string, Hex>();
  return (...args: Args): Hex => {
    const key = keyOf(...args);
    const found = known.get(key);
    if (found !== undefined) return found;
    if (known.size >= REMEMBERED) known.clear();
    const made = toHex(hash(...args));
    known.set(key, made);
    return made;
  };
};
const ofPair = (hash: (a: Bytes, b: Bytes) => Bytes) =>
  remembering(
    (a: Hex, b: Hex) => hash(fromHex(a), fromHex(b)),
    (a, b) => `${a}${b}`,
  );

export const ctxId = remembering(
  (ctx: Ctx) => contextHash({ ...ctx, origin: fromHex(ctx.origin), base: fromHex(ctx.base) }),
  ({ level, origin, position, height, base }) => `${level}.${position}.${height}${origin}${base}`,
);
export const edgeId = ofPair(edgeHash);
export const baseOf = ofPair(levelBase);
/** Base of what lies right of a complete subtree. */
export const baseAfter = ofPair(rightBase);
export const innerId = ofPair(innerNode);
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
