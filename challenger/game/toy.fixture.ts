import {
  type ContextId,
  concat,
  fromHex,
  type Hex,
  keccakOf,
  type NodeHash,
  partHash,
  type StateHash,
  toHex,
  toLeaf,
  uintBE,
  utf8,
} from "../../executor/index.ts";
import type { LeafKind } from "../trace/trace.ts";
import { refuse } from "./board-errors.ts";
import { innerId, NONE, operatorId, packedId, TENSOR_LEVEL, ZERO_ID } from "./ids.ts";
import type { Leaf, LeafRules } from "./leaf-rules.ts";
import type { OwnTree } from "./own-tree.ts";

/**
 * A machine of a few steps whose states are short preimages, with the shape of the real one: units of micro-steps, some of
 * which run operators, whose tensors have words of two elements. Its twin in Solidity is in test/support/toy-rules.ts.
 */
export type Toy = {
  /** In the range of the claim. */
  readonly units: number;
  /** Ordinary micro-steps of a unit; after them comes the one that ends it. */
  readonly micro: number;
  /** Micro-step that runs the operators; -1: none. */
  readonly infer: number;
  readonly operators: number;
  /** Of the trees of the four levels; that of tensors in elements. */
  readonly heights: readonly [number, number, number, number];
};

const K = 1;
const ELEMENT_BYTES = 16;
export const TOY_TENSOR_LEVEL = TENSOR_LEVEL + K;

/** C: between units. M: inside one. O: output of an operator. X: a hash of which nobody knows the preimage. */
export type State = { readonly hash: StateHash } & (
  | { readonly kind: "C" | "M"; readonly n: number; readonly i: number; readonly v: Hex }
  | { readonly kind: "O"; readonly elements: readonly Hex[] }
  | { readonly kind: "X" }
);
type Machine = Extract<State, { kind: "C" | "M" }>;

const digest = (...parts: readonly (Hex | string | number)[]): Hex =>
  toHex(
    keccakOf(
      ...parts.map((part) =>
        typeof part === "number" ? uintBE(part, 4) : part.startsWith("0x") ? fromHex(part) : utf8(part),
      ),
    ),
  );

const KINDS = { C: 0x11, M: 0x10 } as const;
const preimage = ({ kind, n, i, v }: Omit<Machine, "hash">): Hex =>
  toHex(concat(Uint8Array.of(KINDS[kind]), uintBE(n, 4), uintBE(i, 4), fromHex(v)));
const state = (kind: "C" | "M", n: number, i: number, v: Hex): Machine => ({
  kind,
  n,
  i,
  v,
  hash: digest(preimage({ kind, n, i, v })) as StateHash,
});
export const opaque = (hash: StateHash): State => ({ kind: "X", hash });

/** The state that a preimage describes, when it has this hash. */
const decode = (evidence: Hex, hash: Hex): Machine => {
  const bytes = fromHex(evidence);
  const kind = bytes[0] === KINDS.C ? "C" : bytes[0] === KINDS.M ? "M" : undefined;
  if (digest(evidence) !== hash || kind === undefined || bytes.length !== 41) return refuse("BadEvidence" as never);
  const at = (from: number) => Number(toHex(bytes.slice(from, from + 4)));
  return state(kind, at(1), at(5), toHex(bytes.slice(9)));
};

export const GENESIS: Machine = state("C", 0, 0, digest("genesis"));

/** One micro-step: what it does to the value is the hash of what it is. */
const step = (toy: Toy, s: Machine): Machine => {
  if (s.kind === "C") return state("M", s.n, 0, digest("begin", s.v));
  if (s.i === toy.infer) return inferred(s, last(toy, s));
  if (s.i === toy.micro) return state("C", s.n + 1, 0, digest("end", s.v));
  return state("M", s.n, s.i + 1, digest("op", s.i, s.v));
};
const inferred = (start: Machine, output: Hex): Machine => state("M", start.n, start.i + 1, digest("inferred", output));
const last = (toy: Toy, s: Machine): StateHash => outputs(toy, s).at(-1)?.hash ?? s.hash;

const elementAt = (start: Machine, operator: number, pre: Hex, at: { index: number; count: number }): Hex =>
  at.index >= at.count
    ? toHex(new Uint8Array(ELEMENT_BYTES))
    : (digest("element", start.v, operator, at.index, pre).slice(0, 2 + 2 * ELEMENT_BYTES) as Hex);
const part = (element: Hex) => toHex(partHash(0, fromHex(element))) as NodeHash;

/** The last element of every tensor is padding. */
const elementsOf = (toy: Toy, start: Machine, operator: number, pre: Hex): readonly Hex[] => {
  const count = 2 ** toy.heights[3];
  return Array.from({ length: count }, (_, index) => elementAt(start, operator, pre, { index, count: count - 1 }));
};
const packedOf = (elements: readonly Hex[], height: number, index: number): Hex =>
  `0x${elements
    .slice(index * 2 ** height, (index + 1) * 2 ** height)
    .map((element) => element.slice(2))
    .join("")}`;
const tensorNode = (elements: readonly Hex[], height: number, index: number): NodeHash =>
  height <= K
    ? packedId(TOY_TENSOR_LEVEL, height, packedOf(elements, height, index))
    : innerId(tensorNode(elements, height - 1, 2 * index), tensorNode(elements, height - 1, 2 * index + 1));

export const output = (operator: number, elements: readonly Hex[]): State => ({
  kind: "O",
  elements,
  hash: operatorId(BigInt(operator), tensorNode(elements, Math.log2(elements.length), 0)) as Hex as StateHash,
});
const outputs = (toy: Toy, start: Machine): readonly State[] => {
  const all: State[] = [];
  for (let operator = 0; operator < toy.operators; operator++)
    all.push(output(operator, elementsOf(toy, start, operator, all.at(-1)?.hash ?? start.hash)));
  return all;
};

/** The right states after step 1..2^height of a level. */
export const run = (toy: Toy, level: 0 | 1 | 2, start: State): readonly State[] => {
  const length = 2 ** toy.heights[level];
  if (start.kind !== "C" && start.kind !== "M")
    return Array.from({ length }, (_, i) => opaque(digest("lost", i) as StateHash));
  if (level === 2) {
    const all = [...outputs(toy, start)];
    while (all.length < length) all.push(inferred(start, last(toy, start)));
    return all;
  }
  const all: Machine[] = [];
  let s = start;
  while (all.length < length) {
    if (level === 1) s = s.kind === "C" && all.length > 0 ? s : step(toy, s);
    else if (s.n < toy.units)
      do s = step(toy, s);
      while (s.kind !== "C");
    all.push(s);
  }
  return all;
};

/** What the rules say, by (level, position, start, pre) alone. */
export const toyRules = (toy: Toy): LeafRules => ({
  leafOf({ level, position }, { start, pre }, evidence): Leaf {
    const s = decode(evidence, level === 2 ? start : pre);
    if (level === 0) {
      if (s.kind !== "C") return refuse("BadEvidence" as never);
      return s.n >= toy.units ? { kind: "prove", post: pre } : { kind: "refine", level: 1, height: toy.heights[1] };
    }
    if (level === 1) {
      if (s.kind === "C" && position > 0n) return { kind: "prove", post: pre };
      if (s.kind === "M" && s.i === toy.infer) return { kind: "refine", level: 2, height: toy.heights[2] };
      return { kind: "prove", post: step(toy, s).hash };
    }
    if (position < toy.operators) return { kind: "descend", level: TOY_TENSOR_LEVEL, height: toy.heights[3] };
    return { kind: "prove", post: position === BigInt(toy.operators) ? inferred(s, pre).hash : pre };
  },
  elementOf({ position, operator }, { start, pre }, evidence) {
    const count = 2 ** toy.heights[3] - 1;
    return part(elementAt(decode(evidence, start), Number(operator), pre, { index: Number(position), count }));
  },
});

/** What a party believes: the states of each level, from their start; `claimed` is what they must end in. */
export type Belief = {
  readonly toy: Toy;
  readonly leaves: (level: 0 | 1 | 2, start: State, claimed: StateHash | undefined) => readonly State[];
};
export const honest = (toy: Toy): Belief => ({ toy, leaves: (level, start) => run(toy, level, start) });

const evidenceOf = (s: State): Hex => (s.kind === "C" || s.kind === "M" ? preimage(s) : "0x");

const tensorTree = (elements: readonly Hex[], start: State): OwnTree => {
  const nodes = new Map<string, NodeHash>();
  return {
    level: TOY_TENSOR_LEVEL,
    height: Math.log2(elements.length),
    start: NONE.state,
    node(height, index) {
      const key = `${height}.${index}`;
      const node = nodes.get(key) ?? tensorNode(elements, height, index);
      nodes.set(key, node);
      return node;
    },
    leafKind: () => ({ kind: "prove" }),
    evidence: () => evidenceOf(start),
    below: () => undefined,
    packed: (height, index) => packedOf(elements, height, index),
    fetch: async () => undefined,
  };
};

const rowsOver = (leaves: readonly NodeHash[]): readonly (readonly NodeHash[])[] => {
  const rows = [leaves];
  for (let row = leaves; row.length > 1; rows.push(row))
    row = Array.from({ length: row.length / 2 }, (_, i) => innerId(row[2 * i] as NodeHash, row[2 * i + 1] as NodeHash));
  return rows;
};

/** The tree of a level that a party believes in. All of it is at hand. */
export const treeOf = (belief: Belief, level: 0 | 1 | 2, start: State, claimed?: StateHash): OwnTree => {
  const { toy } = belief;
  const states = belief.leaves(level, start, claimed);
  const rows = rowsOver(states.map(({ hash }) => toLeaf(hash)));
  const trees = new Map<number, OwnTree | undefined>();
  const kinds = new Map<number, LeafKind>();
  const pre = (position: number): State => (position === 0 ? start : (states[position - 1] as State));
  const kindOf = (position: number): LeafKind => {
    const s = level === 2 ? start : pre(position);
    if (s.kind !== "C" && s.kind !== "M") return { kind: "prove" };
    try {
      const past = { origin: ZERO_ID as ContextId, start: start.hash, lefts: [], pre: pre(position).hash };
      const leaf = toyRules(toy).leafOf({ level, position: BigInt(position) }, past, evidenceOf(s));
      return leaf.kind === "prove" ? { kind: "prove" } : leaf;
    } catch {
      return { kind: "prove" };
    }
  };
  const make = (position: number): OwnTree | undefined => {
    const kind = kindOf(position);
    const leaf = states[position] as State;
    if (kind.kind === "descend") return leaf.kind === "O" ? tensorTree(leaf.elements, start) : undefined;
    return kind.kind === "refine" ? treeOf(belief, kind.level as 1 | 2, pre(position), leaf.hash) : undefined;
  };
  return {
    level,
    height: toy.heights[level],
    start: start.hash,
    node: (height, index) => rows[height]?.[index],
    leafKind(position) {
      const kind = kinds.get(position) ?? kindOf(position);
      kinds.set(position, kind);
      return kind;
    },
    evidence: (position) => evidenceOf(level === 2 ? start : pre(position)),
    below(position) {
      if (!trees.has(position)) trees.set(position, make(position));
      return trees.get(position);
    },
    packed: () => undefined,
    fetch: async () => undefined,
  };
};

const tweak = (s: State, tag: string): State => {
  if (s.kind === "C" || s.kind === "M") return state(s.kind, s.n, s.i, digest(tag, s.v));
  return opaque(digest(tag, s.hash) as StateHash);
};
const has = (mask: number, bit: number): boolean => Math.floor(mask / 2 ** bit) % 2 === 1;

export type Lie = {
  readonly name: string;
  /** Per level: bit i set: leaf i is wrong. */
  readonly masks: readonly [number, number, number];
  /** Elements that are wrong in the tensors of wrong operators; 0: nobody knows their tensors. */
  readonly elements?: number;
  /** Whether later states follow from the wrong one. */
  readonly follows?: "wrong" | "right";
};

/** A party that is wrong where it is told to be. The end of each level is what it claims above. */
export const liar = (toy: Toy, { name, masks, elements = 0, follows = "right" }: Lie): Belief => ({
  toy,
  leaves(level, start, claimed) {
    const right = run(toy, level, start);
    const mask = masks[level];
    const all: State[] = [];
    for (const [i, s] of right.entries()) {
      const before = all.at(-1) ?? start;
      const isWrong = has(mask, i);
      const wrongTensor = (): State =>
        output(
          i,
          elementsOf(toy, start as Machine, i, before.hash).map((element, e) =>
            has(elements, e) ? (digest(name, element).slice(0, 2 + 2 * ELEMENT_BYTES) as Hex) : element,
          ),
        );
      if (isWrong && s.kind === "O" && elements > 0) all.push(wrongTensor());
      else if (isWrong) all.push(tweak(s, `${name}${level}.${i}`));
      else if (follows === "right" || level === 2 || (before.kind !== "C" && before.kind !== "M")) all.push(s);
      else if (level === 1 && i > 0 && before.kind === "C") all.push(before);
      else all.push(run({ ...toy, heights: [0, 0, 0, 0] }, level, before)[0] as State);
    }
    if (claimed !== undefined) all[all.length - 1] = opaque(claimed);
    return all;
  },
});

/** A party that goes on into the next unit where the first has ended. */
export const runsOn = (toy: Toy): Belief => {
  const steps = (start: State): readonly State[] => {
    const all: Machine[] = [];
    let s = start as Machine;
    while (all.length < 2 ** toy.heights[1]) {
      s = step(toy, s);
      all.push(s);
    }
    return all;
  };
  return {
    toy,
    leaves(level, start, claimed) {
      const right = run(toy, level, start);
      if (start.hash !== GENESIS.hash) return claimed === undefined ? right : [...right.slice(0, -1), opaque(claimed)];
      return level === 0
        ? [steps(start).at(-1) as State, ...right.slice(1, -1), tweak(right.at(-1) as State, "on")]
        : steps(start);
    },
  };
};

/** A party whose second step follows from a state that never was, and that state. */
export const forgery = (toy: Toy) => {
  const fake = state("M", 0, 0, digest("forged"));
  const leaf = step(toy, fake);
  const belief: Belief = {
    toy,
    leaves(level, start, claimed) {
      const lie = liar(toy, { name: "F", masks: [1, 0, 0] }).leaves(level, start, claimed);
      return level === 1 && start.hash === GENESIS.hash ? lie.map((s, i) => (i === 1 ? leaf : s)) : lie;
    },
  };
  return { belief, leaf: leaf.hash, pre: fake.hash, evidence: preimage(fake) };
};
