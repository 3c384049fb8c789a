import type { Trace } from "../../challenger/index.ts";
import { type Bytes, innerNode, keccakOf, operatorLeaf, partHash, uintBE } from "../../executor/index.ts";

/** A wrong state, of which nobody knows a preimage. */
export const wrongState = (seed: number): Bytes => keccakOf(Uint8Array.of(0x6c, 0x69, 0x65), uintBE(seed, 4));

/** Which leaves of a level are wrong, and with what. */
export type Lie = {
  /** Leaves that the liar states otherwise than they are. */
  readonly leaves?: ReadonlyMap<number, Bytes>;
  /** All leaves from one on, but for those. */
  readonly rest?: { readonly from: number; readonly leaf: Bytes };
  /** The liar's tree below a leaf of his; by default the right tree but for its last leaf. */
  readonly below?: (position: number, right: Trace) => Trace;
};

const NO_LEAVES: ReadonlyMap<number, Bytes> = new Map();

/** Nodes above wrong leaves; all others are the right ones. */
const nodesOf = (right: Trace, { leaves = NO_LEAVES, rest }: Lie) => {
  const known = new Map<string, Promise<Bytes>>();
  const touched = Array.from({ length: right.height + 1 }, () => new Set<number>());
  for (const position of leaves.keys())
    for (const [height, indices] of touched.entries()) indices.add(Math.floor(position / 2 ** height));
  const made = async (height: number, index: number): Promise<Bytes> => {
    const [first, end] = [index * 2 ** height, (index + 1) * 2 ** height];
    const isTouched = touched[height]?.has(index) ?? false;
    if (!isTouched && (rest === undefined || end <= rest.from)) return right.node(height, index);
    if (height === 0) return leaves.get(index) ?? (rest?.leaf as Bytes);
    // Equal leaves alone: both halves are the same.
    const isUniform = !isTouched && rest !== undefined && first >= rest.from;
    const left = await node(height - 1, 2 * index);
    return innerNode(left, isUniform ? left : await node(height - 1, 2 * index + 1));
  };
  const node = (height: number, index: number): Promise<Bytes> => {
    const key = `${height}/${index}`;
    const found = known.get(key) ?? made(height, index);
    known.set(key, found);
    return found;
  };
  return node;
};

/**
 * A liar's tree of one level: the right one with some leaves changed. Below a changed leaf stands a tree that ends in it,
 * as the contract asks for; so the lie goes on down to a step that the contract itself takes.
 */
export const lyingTrace = (right: Trace, lie: Lie): Trace => {
  const { leaves, rest, below } = lie;
  const node = nodesOf(right, lie);
  return {
    ...right,
    node,
    pre: (position) => (position === 0 ? Promise.resolve(right.start) : node(0, position - 1)),
    async below(position) {
      const tree = await right.below(position);
      const leaf = leaves?.get(position) ?? (rest !== undefined && position >= rest.from ? rest.leaf : undefined);
      if (leaf === undefined) return tree;
      return below?.(position, tree) ?? lyingTrace(tree, { leaves: new Map([[2 ** tree.height - 1, leaf]]) });
    },
  };
};

/** A liar's tensor: some elements are others. `elements`: packed, by position. */
export const lyingTensor = (right: Trace, elements: ReadonlyMap<number, Bytes>): Trace => {
  const { packed: rightPacked } = right;
  if (rightPacked === undefined) throw new RangeError("only a tensor has elements");
  const k = right.level - 0x30;
  const packed = async (height: number, index: number): Promise<Bytes> => {
    const data = (await rightPacked(height, index)).slice();
    const size = data.length / 2 ** height;
    for (const [position, bytes] of elements)
      if (Math.floor(position / 2 ** height) === index) data.set(bytes, (position % 2 ** height) * size);
    return data;
  };
  const touched = (height: number, index: number): boolean =>
    [...elements.keys()].some((position) => Math.floor(position / 2 ** height) === index);
  const node = async (height: number, index: number): Promise<Bytes> => {
    if (!touched(height, index)) return right.node(height, index);
    if (height < k) return partHash(height, await packed(height, index));
    if (height === k) return keccakOf(Uint8Array.of(0x13), await packed(height, index));
    return innerNode(await node(height - 1, 2 * index), await node(height - 1, 2 * index + 1));
  };
  return { ...right, node, packed };
};

/** The wrong leaf of an operator whose tensor a liar states otherwise. */
export const lyingOperator = async (operator: number, tensor: Trace): Promise<Bytes> =>
  operatorLeaf(operator, await tensor.node(tensor.height, 0));
