import assert from "node:assert/strict";
import { type Bytes, innerNode, toHex, ZERO_32 } from "../../executor/index.ts";
import { LEVEL, type LeafKind, type Trace } from "./trace.ts";

/** What lies left of a leaf, in full: `lefts` are the roots of the complete subtrees there. */
export type WholePast = {
  readonly origin: Bytes;
  readonly start: Bytes;
  readonly lefts: readonly Bytes[];
  readonly pre: Bytes;
};

/** What the contract says of a leaf of levels 0 to 2: its kind, and the state after it where it is proven. */
export type JudgedLeaf = { readonly leaf: LeafKind; readonly post: string } | { readonly error: string };

/** The rules that a trace is held against. */
export type Judge = {
  leafOf(
    place: { readonly level: number; readonly position: number },
    past: WholePast,
    evidence: Bytes,
  ): Promise<JudgedLeaf>;
  /** Hash of one element; `above`: the operator's leaf at level 2. */
  elementOf(
    place: { readonly k: number; readonly position: number; readonly operator: number },
    past: WholePast,
    evidence: Bytes,
  ): Promise<{ readonly post: string } | { readonly error: string }>;
};

export type Held = {
  /** Of the level. */
  readonly origin: Bytes;
  readonly judge: Judge;
  /** Leaves that are judged; all of them are asked for twice. */
  readonly positions: readonly number[];
  /** The leaf of the level above in which the tree must end; undefined at level 0. */
  readonly leaf?: Bytes;
  /** Level 3: where the tensor lies at level 2. */
  readonly above?: { readonly trace: Trace; readonly operator: number; readonly origin: Bytes };
};

const SMALL = 8;

/** What lies left of leaf `position`. */
export const pastOf = async (trace: Trace, position: number, origin: Bytes): Promise<WholePast> => {
  const lefts: Bytes[] = [];
  for (let height = trace.height - 1; height >= 0; height--)
    if (Math.floor(position / 2 ** height) % 2 === 1)
      lefts.push(await trace.node(height, Math.floor(position / 2 ** height) - 1));
  return { origin, start: trace.start, lefts, pre: await trace.pre(position) };
};

const sameNode = async (trace: Trace, height: number, index: number): Promise<Bytes> => {
  const node = await trace.node(height, index);
  assert.equal(toHex(await trace.node(height, index)), toHex(node), "a node is repeatable");
  return node;
};

/** Every way down to a leaf: each node is the hash of its children. At level 3 words and parts have their own hashes. */
const holdPath = async (trace: Trace, position: number): Promise<void> => {
  const lowest = trace.level >= LEVEL.tensor ? trace.level - LEVEL.tensor : 0;
  for (let height = trace.height; height > lowest; height--) {
    const index = Math.floor(position / 2 ** height);
    const [left, right] = [await trace.node(height - 1, 2 * index), await trace.node(height - 1, 2 * index + 1)];
    assert.equal(
      toHex(await sameNode(trace, height, index)),
      toHex(innerNode(left, right)),
      `node ${height}/${index} of level ${trace.level}`,
    );
  }
};

/**
 * The compliance suite of traces: nodes are hashes of their children, what is before a leaf is the leaf before it, the
 * last leaf is the parent's, the rules take the evidence and say of each leaf what the trace says, and all answers are
 * the same when they are asked for again.
 */
export const holdTrace = async (trace: Trace, held: Held): Promise<void> => {
  const { origin, judge, positions, leaf, above } = held;
  const last = 2 ** trace.height - 1;
  const isTensor = trace.level >= LEVEL.tensor;
  await sameNode(trace, trace.height, 0);
  if (trace.height <= SMALL) for (let i = 0; i <= last; i++) await holdPath(trace, i);
  if (leaf !== undefined && !isTensor) assert.equal(toHex(await trace.node(0, last)), toHex(leaf), "the last leaf");
  await assert.rejects(async () => trace.node(0, last + 1), RangeError);
  for (const position of positions) {
    await holdPath(trace, position);
    const kind = await trace.leafKind(position);
    assert.deepEqual(await trace.leafKind(position), kind);
    const pre = await trace.pre(position);
    const before = isTensor ? ZERO_32 : position === 0 ? trace.start : await trace.node(0, position - 1);
    assert.equal(toHex(pre), toHex(before), `pre of ${position}`);
    const evidence = await trace.evidence(position);
    assert.deepEqual(await trace.evidence(position), evidence, "evidence is repeatable");
    const node = toHex(await trace.node(0, position));
    const label = `leaf ${position} of level ${trace.level}`;
    if (above !== undefined) {
      const past = await pastOf(above.trace, above.operator, above.origin);
      const place = { k: trace.level - LEVEL.tensor, position, operator: above.operator };
      assert.deepEqual(await judge.elementOf(place, past, evidence), { post: node }, label);
    } else {
      const past = await pastOf(trace, position, origin);
      const verdict = await judge.leafOf({ level: trace.level, position }, past, evidence);
      assert.ok("leaf" in verdict, `${label}: ${JSON.stringify(verdict)}`);
      assert.deepEqual(verdict.leaf, kind, label);
      if (kind.kind === "prove") assert.equal(verdict.post, node, label);
    }
    if (kind.kind === "prove") await assert.rejects(async () => trace.below(position), { code: "TRACE_NO_TREE" });
  }
};
