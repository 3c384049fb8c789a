import { type Context, contextHash, edgeHash, levelBase, rightBase } from "../../bridge/index.ts";
import {
  type Bytes,
  type BytesOf,
  type ContextId,
  concat,
  type Hex,
  innerNode,
  keccakOf,
  type NodeHash,
  type StateHash,
  TAG,
  tagByte,
  toHex,
} from "../../executor/index.ts";

/** One side's tree of a level. `packed`: the elements below a node of a tensor, up to the height of a word. */
export type Tree = {
  readonly level: number;
  readonly height: number;
  readonly start: BytesOf<StateHash>;
  node(height: number, index: number): BytesOf<NodeHash>;
  packed?(height: number, index: number): Bytes | undefined;
};

const ZERO = new Uint8Array(32) as Bytes as BytesOf<StateHash>;
const innerOf = (left: Bytes, right: Bytes) => innerNode(left, right) as BytesOf<NodeHash>;

export const hashTree = (level: number, start: Bytes, leaves: readonly Bytes[]): Tree => {
  const node: Tree["node"] = (height, index) =>
    height === 0
      ? (leaves[index] as BytesOf<NodeHash>)
      : innerOf(node(height - 1, 2 * index), node(height - 1, 2 * index + 1));
  return { level, height: Math.log2(leaves.length), start: start as BytesOf<StateHash>, node };
};

export const partOf = (height: number, packed: Bytes) =>
  keccakOf(tagByte(TAG.tensorPart), Uint8Array.of(height), packed) as BytesOf<NodeHash>;

/** Over elements of which 2^k make a word; `level` is 0x30 + k. */
export const tensorTree = (level: number, elements: readonly Bytes[]): Tree => {
  const k = level - 0x30;
  const packed = (height: number, index: number) =>
    height > k ? undefined : concat(...elements.slice(index * 2 ** height, (index + 1) * 2 ** height));
  const node: Tree["node"] = (height, index) => {
    const bytes = packed(height, index);
    if (bytes === undefined) return innerOf(node(height - 1, 2 * index), node(height - 1, 2 * index + 1));
    return height === k ? (keccakOf(tagByte(TAG.tensorWord), bytes) as BytesOf<NodeHash>) : partOf(height, bytes);
  };
  return { level, height: Math.log2(elements.length), start: ZERO, node, packed };
};

/** A tree at its place: `origin` is the context of the leaf above, or the game. */
export type Placed = { readonly tree: Tree; readonly origin: BytesOf<ContextId> };

/** Roots of the complete subtrees left of a leaf, in order. */
const leftsOf = (tree: Tree, position: number): readonly BytesOf<NodeHash>[] => {
  const lefts: BytesOf<NodeHash>[] = [];
  for (let height = tree.height; height >= 0; height--)
    if (Math.floor(position / 2 ** height) % 2 === 1)
      lefts.push(tree.node(height, Math.floor(position / 2 ** height) - 1));
  return lefts;
};

export const contextAt = ({ tree, origin }: Placed, height: number, index: number): Context => {
  const position = index * 2 ** height;
  const base = leftsOf(tree, position).reduce(rightBase, levelBase(origin, tree.start));
  return { level: tree.level, origin, position: BigInt(position), height, base };
};

/** An edge of a tree, as calls name it. */
export const edgeAt = (placed: Placed, height: number, index: number) => {
  const context = contextAt(placed, height, index);
  const node = placed.tree.node(height, index);
  const ctx = contextHash(context);
  return {
    context,
    node,
    ctx,
    id: toHex(edgeHash(ctx, node)),
    /** The first arguments of every call about it. */
    named: [{ ...context, origin: toHex(context.origin), base: toHex(context.base) }, toHex(node)] as const,
  };
};

export type HexWitness = {
  readonly head: Hex;
  readonly lefts: readonly Hex[];
  readonly path: readonly Hex[];
  readonly pre: Hex;
};

export const witnessAt = ({ tree, origin }: Placed, position: number): HexWitness => {
  const start = toHex(tree.start);
  if (position === 0) return { head: start, lefts: [], path: [], pre: start };
  const lefts = leftsOf(tree, position);
  const path: Hex[] = [];
  for (let [height, index] = [0, position - 1]; index % 2 === 1; height++, index = (index - 1) / 2)
    path.push(toHex(tree.node(height, index - 1)));
  const pre = toHex(tree.node(0, position - 1));
  if (tree.level === 2) return { head: start, lefts: lefts.map(toHex), path, pre };
  const before = lefts.slice(0, -1).reduce(rightBase, levelBase(origin, tree.start));
  return { head: toHex(before), lefts: lefts.slice(-1).map(toHex), path, pre };
};

/** Siblings of the last leaf, lowest first. */
export const endPath = (tree: Tree): readonly Hex[] =>
  Array.from({ length: tree.height }, (_, height) => toHex(tree.node(height, 2 ** (tree.height - height) - 2)));

/** What `open` or `openWord` is called with. */
export const opening = (placed: Placed, height: number, index: number) => {
  const { named } = edgeAt(placed, height, index);
  const packed = placed.tree.packed?.(height, index);
  if (packed !== undefined) return { name: "openWord", args: [...named, toHex(packed)] } as const;
  const children = [2 * index, 2 * index + 1].map((child) => toHex(placed.tree.node(height - 1, child)));
  return { name: "open", args: [...named, ...children] } as const;
};

/** What links a node's children, for `update`. */
export const shownBelow = ({ tree }: Placed, height: number, index: number): Hex =>
  toHex(tree.packed?.(height, index) ?? concat(tree.node(height - 1, 2 * index), tree.node(height - 1, 2 * index + 1)));
