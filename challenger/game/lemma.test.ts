import assert from "node:assert/strict";
import { test } from "node:test";
import { rightBase } from "../../bridge/index.ts";
import {
  type BaseHash,
  type BytesOf,
  equalBytes,
  innerNode,
  keccakOf,
  type NodeHash,
  uintBE,
} from "../../executor/index.ts";

/** The game's one lemma, on bare trees: how many places hold two different nodes after one past. */

const leaf = (side: "right" | "wrong", index: number) =>
  keccakOf(Uint8Array.of(side === "right" ? 1 : 2), uintBE(index, 4)) as BytesOf<NodeHash>;

/** Nodes by height, index and the wrong leaves below them. */
const nodes = new Map<string, BytesOf<NodeHash>>();
const nodeOf = (height: number, index: number, mask: number): BytesOf<NodeHash> => {
  const width = 2 ** height;
  const below = (mask >>> (index * width)) & (width === 32 ? -1 : 2 ** width - 1);
  const key = `${height}.${index}.${below}`;
  const known = nodes.get(key);
  if (known !== undefined) return known;
  const node =
    height === 0
      ? leaf(below === 0 ? "right" : "wrong", index)
      : (innerNode(nodeOf(height - 1, 2 * index, mask), nodeOf(height - 1, 2 * index + 1, mask)) as BytesOf<NodeHash>);
  nodes.set(key, node);
  return node;
};

type Bases = readonly [BytesOf<BaseHash>, BytesOf<BaseHash>];
type Count = { openings: number; proofs: number; readonly ignoresPast?: true };

/** Places below one that both trees reach. `bases`: what lies left of it in each. */
const count = (at: { height: number; index: number; bases: Bases }, mask: number, to: Count): void => {
  const { height, index, bases } = at;
  // Another past: another place.
  if (!to.ignoresPast && !equalBytes(...bases)) return;
  if (equalBytes(nodeOf(height, index, 0), nodeOf(height, index, mask))) return;
  if (height === 0) {
    to.proofs++;
    return;
  }
  to.openings++;
  const after = [0, mask].map((m, i) => rightBase(bases[i] as Bases[0], nodeOf(height - 1, 2 * index, m)));
  count({ height: height - 1, index: 2 * index, bases }, mask, to);
  count({ height: height - 1, index: 2 * index + 1, bases: after as unknown as Bases }, mask, to);
};

for (const height of [1, 2, 3, 4])
  test(`every pattern of wrong leaves below height ${height} takes ${height} openings and one proof`, () => {
    const base = uintBE(7, 32) as BytesOf<BaseHash>;
    for (let mask = 1; mask < 2 ** (2 ** height); mask++) {
      const found: Count = { openings: 0, proofs: 0 };
      count({ height, index: 0, bases: [base, base] }, mask, found);
      if (found.openings !== height || found.proofs !== 1) assert.fail(`pattern ${mask}: ${JSON.stringify(found)}`);
    }
  });

test("where the past is no part of the place one tree can be disputed at every node", () => {
  const base = uintBE(7, 32) as BytesOf<BaseHash>;
  const found: Count = { openings: 0, proofs: 0, ignoresPast: true };
  count({ height: 3, index: 0, bases: [base, base] }, 2 ** 8 - 1, found);
  assert.deepEqual([found.openings, found.proofs], [7, 8]);
});
