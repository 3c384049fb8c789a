import type { LeafRules, OwnTree } from "../../challenger/index.ts";
import {
  type Bytes,
  CodedError,
  type ContextId,
  encodeChainState,
  equalBytes,
  fromHex,
  type Hex,
  keccak256,
  keccakOf,
  type NodeHash,
  operatorLeaf,
  type StateHash,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { partOf, type Tree, tensorTree } from "./board.ts";
import { INFER_STEP, TENSOR_LEVEL, TOY_HEIGHTS, type Toy, UNITS } from "./toy-rules.ts";

const K = 3;
const LAST_STEP = 3;
const OPERATORS = 2;

const refuse = (): never => {
  throw new CodedError("BadEvidence", "this is not what the rules read");
};

/** Twin of the toy machine's contract. */
export const toyLeafRules: LeafRules = {
  leafOf({ level, position }, { start, pre }, evidence) {
    const bytes = fromHex(evidence);
    if (toHex(keccak256(bytes)) !== (level === 2 ? start : pre)) refuse();
    const prove = (post: StateHash) => ({ kind: "prove", post }) as const;
    const machine = (step: number, chain: Bytes) =>
      prove(toHex(keccakOf(Uint8Array.of(0x10, step), chain)) as StateHash);
    const number = (chain: Bytes) => BigInt(toHex(chain.slice(22, 30)));
    if (level === 0) return number(bytes) >= UNITS ? prove(pre) : { kind: "refine", level: 1, height: TOY_HEIGHTS[1] };
    const chain = bytes.slice(2);
    if (level === 1) {
      if (bytes[0] === 0x11) return position === 0n ? machine(0, bytes) : prove(pre);
      const step = bytes[1] ?? 0;
      if (step === INFER_STEP - 1) return { kind: "refine", level: 2, height: TOY_HEIGHTS[2] };
      if (step < LAST_STEP) return machine(step + 1, chain);
      return prove(toHex(keccakOf(chain.slice(0, 22), uintBE(number(chain) + 1n, 8), chain.slice(30))) as StateHash);
    }
    if (position < OPERATORS) return { kind: "descend", level: TENSOR_LEVEL, height: TOY_HEIGHTS[3] };
    return position === BigInt(OPERATORS) ? machine(INFER_STEP, chain) : prove(pre);
  },
  elementOf({ k, position, operator }, { start }, evidence) {
    const bytes = fromHex(evidence);
    if (toHex(keccak256(bytes)) !== start || k !== K) refuse();
    return toHex(partOf(0, keccakOf(bytes, uintBE(operator, 8), uintBE(position, 8)).slice(0, 4))) as NodeHash;
  },
};

/** From which leaf on a party is wrong, by level; undefined: it is right there. The end of a level is what it claims above. */
export type Wrong = {
  readonly seed: number;
  readonly chain?: number | undefined;
  readonly execution?: number | undefined;
  readonly inference?: number | undefined;
  readonly element?: number | undefined;
};

const junk = (seed: number, level: number, index: number): Bytes =>
  keccakOf(uintBE(seed, 4), Uint8Array.of(level, index));

type Inside = {
  readonly right: readonly Bytes[];
  readonly evidence: (position: number) => Bytes;
  readonly below?: (position: number) => OwnTree | undefined;
};

/** A tree with what lies below it. Where the state before a leaf is not the right one nobody has its preimage. */
const owned = (tree: Tree, { right, evidence, below = () => undefined }: Inside): OwnTree => {
  const known = new Map<number, OwnTree | undefined>();
  const isRight = (position: number): boolean =>
    tree.level === 2 || position === 0 || equalBytes(tree.node(0, position - 1), right[position - 1] as Bytes);
  const kindOf = (position: number) => {
    if (!isRight(position)) return { kind: "prove" } as const;
    const pre = toHex(position === 0 ? tree.start : tree.node(0, position - 1)) as StateHash;
    const past = { origin: "0x" as Hex as ContextId, start: toHex(tree.start) as StateHash, lefts: [], pre };
    const at = { level: tree.level, position: BigInt(position) };
    const leaf = toyLeafRules.leafOf(at, past, toHex(evidence(position)));
    return leaf.kind === "prove" ? ({ kind: "prove" } as const) : leaf;
  };
  return {
    level: tree.level,
    height: tree.height,
    start: toHex(tree.start) as StateHash,
    node: (height, index) => toHex(tree.node(height, index)) as NodeHash,
    leafKind: kindOf,
    evidence: (position) => (isRight(position) ? toHex(evidence(position)) : "0x"),
    below(position) {
      if (!known.has(position)) known.set(position, kindOf(position).kind === "prove" ? undefined : below(position));
      return known.get(position);
    },
    packed: () => undefined,
    fetch: async () => undefined,
  };
};

const tensorOwned = (tree: Tree, evidence: Bytes): OwnTree => ({
  level: tree.level,
  height: tree.height,
  start: toHex(tree.start) as StateHash,
  node: (height, index) => toHex(tree.node(height, index)) as NodeHash,
  leafKind: () => ({ kind: "prove" }),
  evidence: () => toHex(evidence),
  below: () => undefined,
  packed: (height, index) => toHex(tree.packed?.(height, index) ?? new Uint8Array(0)),
  fetch: async () => undefined,
});

/** A party's tree of the chain, with all below it, and the bytes of the state in which it ends. */
export const toyParty = (toy: Toy, wrong: Wrong): { readonly tree: OwnTree; readonly endState: Hex } => {
  const lies = (level: 0 | 1 | 2, right: readonly Bytes[], from: number | undefined, end?: Bytes): readonly Bytes[] =>
    right.map((leaf, i) => {
      if (end !== undefined && i === right.length - 1) return end;
      return from === undefined || i < from ? leaf : junk(wrong.seed, level, i);
    });
  const inference = (unit: number, end: Bytes): OwnTree => {
    const right = toy.leaves.inference(unit);
    const tensors = [0, 1].map((operator) => {
      const elements = toy
        .elements(unit, operator)
        .map((element, i) =>
          operator === wrong.inference && i === wrong.element ? junk(wrong.seed, 3, i).slice(0, 4) : element,
        );
      return tensorTree(TENSOR_LEVEL, elements);
    });
    const leaves = lies(2, right, wrong.inference, end).map((leaf, i) =>
      i === wrong.inference && wrong.element !== undefined && i < OPERATORS
        ? operatorLeaf(i, (tensors[i] as Tree).node(TOY_HEIGHTS[3], 0))
        : leaf,
    );
    const below = (operator: number) => tensorOwned(tensors[operator] as Tree, toy.evidence.inference(unit));
    return owned(toy.trees.inference(unit, leaves), { right, evidence: () => toy.evidence.inference(unit), below });
  };
  const execution = (unit: number, end: Bytes): OwnTree => {
    const right = toy.leaves.execution(unit);
    const leaves = lies(1, right, wrong.execution, end);
    return owned(toy.trees.execution(unit, leaves), {
      right,
      evidence: (position) => toy.evidence.execution(unit, position),
      below: (position) => inference(unit, leaves[position] as Bytes),
    });
  };
  const right = toy.leaves.chain;
  const last = encodeChainState(toy.chainState(wrong.chain === undefined ? UNITS : 1_000 + wrong.seed));
  const leaves = lies(0, right, wrong.chain, keccak256(last));
  const tree = owned(toy.trees.chain(leaves), {
    right,
    evidence: toy.evidence.chain,
    below: (position) => execution(position, leaves[position] as Bytes),
  });
  return { tree, endState: toHex(last) };
};
