import assert from "node:assert/strict";
import { test } from "node:test";
import { type Hex, type NodeHash, toLeaf } from "../../executor/index.ts";
import { type Conditions, liarOf, type Party, play } from "./arena.fixture.ts";
import type { Call } from "./calls.ts";
import { contest, faultsOf, TWO_LEVELS } from "./contests.fixture.ts";
import { ctxId, edgeId, innerId, rootContext } from "./ids.ts";
import type { Leaf, LeafRules } from "./leaf-rules.ts";
import {
  endUnbound,
  linkedByOrigin,
  opensAll,
  opensUnrivalled,
  showsOthers,
  startUnbound,
  swapsHalves,
  twoForms,
  withRules,
  worstOfSubs,
} from "./mistakes.fixture.ts";
import { type Belief, forgery, GENESIS, honest, runsOn, type Toy, treeOf } from "./toy.fixture.ts";

/** Each rule is there for a reason: without it the same liars win. */

const STEPS: Toy = { units: 3, micro: 3, infer: -1, operators: 0, heights: [2, 3, 0, 0] };

type Case = {
  readonly toy: Toy;
  readonly liars: readonly Party[];
  readonly conditions: Conditions;
  readonly mistake: NonNullable<Conditions["board"]>;
};

/** The right board refuses what the wrong one takes, and there the right claim does not win in time. */
const breaks = ({ toy, liars, conditions, mistake }: Case): void => {
  const right = contest(toy, liars, conditions, "by the right rules");
  assert.equal(right.attacksTaken, 0);
  const wrong = play(toy, liars, { ...conditions, board: mistake });
  const faults = faultsOf(toy, wrong, conditions);
  assert.ok(
    faults.includes("the right claim did not win") || faults.includes("it was confirmed too late"),
    `${faults}`,
  );
};

/** One opening above the leaves: the liar is the second to reach them, and moves before the answer. */
const SHALLOW: Toy = { ...STEPS, units: 2, heights: [1, 3, 0, 0] };

const A = (toy: Toy, masks: readonly [number, number, number] = [1, 1, 0]): Party => liarOf(toy, { name: "A", masks });
const named = (belief: Belief): Party => ({ name: "A", belief, policy: "eager" });

test("what has no rival is not opened: censored time would count at each level", () => {
  const conditions = { delay: 2, censored: 20, attacks: [opensAll] };
  breaks({ toy: STEPS, liars: [A(STEPS)], conditions, mistake: opensUnrivalled });
});

test("of the trees below a leaf the best counts: with the worst, anyone spoils it", () => {
  const liars = [A(STEPS), liarOf(STEPS, { name: "B", masks: [0, 2, 0] })];
  breaks({ toy: STEPS, liars, conditions: { delay: 2, censored: 2, blocks: 80 }, mistake: worstOfSubs });
});

test("a tree speaks for the leaf that it ends in: not for a rival of that", () => {
  const conditions = { delay: 2, censored: 2, attacks: [showsOthers] };
  breaks({ toy: STEPS, liars: [A(STEPS)], conditions, mistake: linkedByOrigin });
});

test("a tree below a leaf ends in that leaf", () => {
  const party = A(SHALLOW, [1, 0, 0]);
  const sub = treeOf(honest(SHALLOW), 1, GENESIS);
  const refineByTheRightTree = (board: Parameters<typeof showsOthers>[0]): readonly Call[] =>
    [...board.tables.preimages.values()]
      .filter(({ ctx }) => ctx.level === 0 && ctx.height === 0 && ctx.position === 0n)
      .filter(({ node }) => node !== sub.node(0, 2 ** sub.height - 1))
      .map(({ ctx, node }) => {
        const path = Array.from({ length: sub.height }, (_, h) => sub.node(h, 2 ** (sub.height - h) - 2) as NodeHash);
        const witness = { head: GENESIS.hash, lefts: [], path: [], pre: GENESIS.hash };
        const evidence = sub.evidence(0) as Hex;
        return { type: "refine", ctx, node, witness, evidence, subNode: sub.node(sub.height, 0) as NodeHash, path };
      });
  const conditions = { delay: 2, censored: 2, attacks: [refineByTheRightTree] };
  breaks({ toy: SHALLOW, liars: [party], conditions, mistake: endUnbound });
});

test("a proof starts from the state that lies left: not from one that its sender likes", () => {
  const { belief, leaf, pre, evidence } = forgery(STEPS);
  const proveFromForged = (board: Parameters<typeof showsOthers>[0]): readonly Call[] =>
    [...board.tables.preimages.values()]
      .filter(({ ctx, node }) => ctx.level === 1 && ctx.height === 0 && node === toLeaf(leaf))
      .map(({ ctx, node }) => {
        const witness = { head: pre, lefts: [], path: [], pre };
        return { type: "prove", ctx, node, witness, evidence };
      });
  const conditions = { delay: 2, censored: 2, attacks: [proveFromForged] };
  breaks({ toy: STEPS, liars: [named(belief)], conditions, mistake: startUnbound });
});

test("the rules say what a leaf is: not its caller", () => {
  const asked = "ff";
  const byCaller = (rules: LeafRules): LeafRules => ({
    ...rules,
    leafOf: (at, past, evidence): Leaf =>
      evidence.endsWith(asked) ? { kind: "refine", level: 2, height: 1 } : rules.leafOf(at, past, evidence),
  });
  const party = A(SHALLOW);
  const refineSteps = (board: Parameters<typeof showsOthers>[0]): readonly Call[] => {
    const below = party.belief.leaves(0, GENESIS, undefined)[0];
    const tree = treeOf(party.belief, 1, GENESIS, below?.hash);
    const node = tree.node(0, 0) as NodeHash;
    return [...board.tables.preimages.values()]
      .filter(({ ctx, node: found }) => ctx.level === 1 && ctx.height === 0 && found === node)
      .flatMap(({ ctx }): readonly Call[] => {
        const witness = { head: GENESIS.hash, lefts: [], path: [], pre: GENESIS.hash };
        const path = [toLeaf(GENESIS.hash)];
        const subNode = innerId(toLeaf(GENESIS.hash), node);
        const context = ctxId(rootContext(2, ctxId(ctx), 1, GENESIS.hash));
        return [
          { type: "refine", ctx, node, witness, evidence: `${tree.evidence(0) as Hex}${asked}`, subNode, path },
          ...(board.tables.edges.has(edgeId(context, subNode))
            ? [{ type: "update", ctx, node, shown: { below: "level", context, node: subNode } } as const]
            : []),
        ];
      });
  };
  const conditions = { delay: 2, censored: 2, attacks: [refineSteps] };
  breaks({ toy: SHALLOW, liars: [party], conditions, mistake: withRules(byCaller) });
});

test("where a unit has ended its tree stands still: it does not run on into the next", () => {
  const ambiguous = (rules: LeafRules): LeafRules => ({
    ...rules,
    leafOf: (at, past, evidence) => rules.leafOf(at.level === 1 ? { ...at, position: 0n } : at, past, evidence),
  });
  const conditions = { delay: 2, censored: 2 };
  breaks({ toy: STEPS, liars: [named(runsOn(STEPS))], conditions, mistake: withRules(ambiguous) });
});

test("a node is hashed from its halves in one way", () => {
  const permuted: Belief = {
    toy: TWO_LEVELS,
    leaves(level, start, claimed) {
      const right = honest(TWO_LEVELS).leaves(level, start, claimed);
      return level === 0 ? [...right.slice(2), ...right.slice(0, 2)] : right;
    },
  };
  const conditions = { delay: 2, censored: 2, attacks: [swapsHalves] };
  breaks({ toy: TWO_LEVELS, liars: [named(permuted)], conditions, mistake: twoForms });
});
