import { rootOverLast } from "../../bridge/index.ts";
import {
  type BaseHash,
  type ContextId,
  fromHex,
  type Hex,
  type NodeHash,
  type StateHash,
  toHex,
  toLeaf,
} from "../../executor/index.ts";
import { refuse } from "./board-errors.ts";
import { baseAfter, baseOf, type Ctx, NONE, type Witness } from "./ids.ts";

/** What lies left of a leaf, as the rules see it. */
export type Past = {
  readonly origin: ContextId;
  /** State that the level starts with; at levels 0 and 1 zero unless position is 0. */
  readonly start: StateHash;
  /** Roots of the complete subtrees left of the leaf; at levels 0 and 1 the last one only. */
  readonly lefts: readonly NodeHash[];
  /** State before the step. */
  readonly pre: StateHash;
};

export const hashUp = (leaf: NodeHash, path: readonly NodeHash[]): NodeHash =>
  toHex(
    rootOverLast(
      fromHex(leaf),
      path.map((sibling) => fromHex(sibling)),
    ),
  );

export const trailingZeros = (position: bigint): number => {
  let zeros = 0;
  for (let rest = position; rest !== 0n && (rest & 1n) === 0n; rest >>= 1n) zeros++;
  return zeros;
};

/** Level 2 reads the outputs of earlier operators, so it shows all that lies left; below that the last subtree will do. */
export const showsAll = ({ level, position }: Pick<Ctx, "level" | "position">): boolean =>
  level === 2 || position === 0n;

/** Checks a witness against the base of its leaf. Twin of the contract's rule of the same purpose. */
export const pastOf = (ctx: Ctx, { head, lefts, path, pre }: Witness): Past => {
  const all = showsAll(ctx);
  if (!all && lefts.length !== 1) refuse("BadWitness");
  const start = head as StateHash;
  const from = all ? baseOf(ctx.origin, start) : (head as BaseHash);
  // INVARIANT: the base binds every state to the left, so two proofs of one place start from one state.
  if (lefts.reduce(baseAfter, from) !== ctx.base) refuse("BadWitness");
  const last = lefts.at(-1);
  if (last === undefined) {
    if (pre !== head || path.length > 0) refuse("BadWitness");
  } else if (path.length !== trailingZeros(ctx.position) || hashUp(toLeaf(pre), path) !== last) refuse("BadWitness");
  return { origin: ctx.origin, start: all ? start : NONE.state, lefts, pre };
};

/** A tree's nodes; undefined where a node is not at hand. */
type NodeOf = (height: number, index: number) => NodeHash | undefined;

/** Roots of the complete subtrees left of a leaf, in order: one for each one-bit of its position. */
const leftsOf = (position: number, height: number): readonly (readonly [height: number, index: number])[] =>
  Array.from({ length: height }, (_, i) => height - 1 - i)
    .filter((bit) => Math.floor(position / 2 ** bit) % 2 === 1)
    .map((bit) => [bit, Math.floor(position / 2 ** bit) - 1]);

/** Siblings of a leaf that is the right-most below a node so much higher, lowest first. */
export const pathOver = (leaf: number, height: number, node: NodeOf): readonly (NodeHash | undefined)[] =>
  Array.from({ length: height }, (_, h) => node(h, Math.floor(leaf / 2 ** h) - 1));

/** The witness that an own tree gives, or undefined where nodes are missing (all of them have been asked for then). */
export const witnessOf = (
  ctx: Ctx,
  tree: { readonly height: number; readonly start: StateHash; readonly node: NodeOf },
): Witness | undefined => {
  const position = Number(ctx.position);
  if (position === 0) return { head: tree.start, lefts: [], path: [], pre: tree.start };
  const lefts = leftsOf(position, tree.height).map(([height, index]) => tree.node(height, index));
  const path = pathOver(position - 1, trailingZeros(ctx.position), tree.node);
  const leaf = tree.node(0, position - 1);
  const isHere = (hash: NodeHash | undefined): hash is NodeHash => hash !== undefined;
  if (leaf === undefined || !lefts.every(isHere) || !path.every(isHere)) return undefined;
  const pre = leaf as Hex as StateHash;
  if (showsAll(ctx)) return { head: tree.start, lefts, path, pre };
  const head = lefts.slice(0, -1).reduce(baseAfter, baseOf(ctx.origin, tree.start));
  return { head, lefts: lefts.slice(-1), path, pre };
};
