// A front: where two sides part on one level of a dispute; the fronts of all levels lead from a claim to a leaf.

import assert from "node:assert/strict";
import { type Bytes, concat, operatorLeaf, toHex } from "../../executor/index.ts";
import { account } from "./anvil.ts";
import type { Placed } from "./board.ts";
import {
  ALICE,
  CAROL,
  clash,
  DISPUTE,
  type Dispute,
  FOREVER,
  liesFrom,
  MALLORY,
  type Move,
  WRONG_NUMBER,
} from "./dispute.ts";
import { INFER_STEP } from "./toy-rules.ts";

const PERIOD = Number(DISPUTE.period);

/** Both sides' trees of one level, and the first leaf in which they differ; `unit`: that the level is about. */
export type Front = {
  readonly right: Placed;
  readonly wrong: Placed;
  readonly position: number;
  readonly unit: number;
};

export const names = (events: readonly { readonly eventName: string }[]) => events.map(({ eventName }) => eventName);
export const nodeOf = ({ tree }: Placed, position: number) => tree.node(0, position);
export const rootOf = ({ tree }: Placed) => tree.node(tree.height, 0);

export const claimBoth = async (b: Dispute, unit: number): Promise<Front> => {
  const [right, wrong] = [b.chain(), b.wrongChain(unit)];
  await b.batch(ALICE, [b.propose(right)]);
  await b.batch(MALLORY, [b.propose(wrong, WRONG_NUMBER)]);
  await b.batch(CAROL, clash(right, wrong, unit));
  return { right, wrong, position: unit, unit };
};

const refineBoth = async (b: Dispute, above: Front, subs: Omit<Front, "unit">, evidence: Bytes): Promise<Front> => {
  const sides = [
    [ALICE, above.right, subs.right],
    [MALLORY, above.wrong, subs.wrong],
  ] as const;
  for (const [from, leaf, sub] of sides) {
    const { events } = await b.batch(from, [b.refine(leaf, above.position, sub.tree, evidence)]);
    assert.equal(events[0]?.args["ctx"], toHex(b.rootOf(sub).ctx));
  }
  await b.batch(CAROL, clash(subs.right, subs.wrong, subs.position));
  return { ...subs, unit: above.unit };
};

export const execute = (b: Dispute, above: Front, position: number): Promise<Front> => {
  const { unit } = above;
  const leaves = b.toy.leaves.execution(unit);
  const right = b.execution(above.right, unit, leaves);
  const wrong = b.execution(above.wrong, unit, liesFrom(leaves, position, nodeOf(above.wrong, unit)));
  return refineBoth(b, above, { right, wrong, position }, b.toy.evidence.chain(unit));
};

/** The liar's tensor: one element differs. */
export const wrongElements = (b: Dispute, unit: number, operator: number, element: number) =>
  b.toy.elements(unit, operator).map((value, i) => (i === element ? Uint8Array.of(1, 2, 3, 4) : value));

export const infer = (
  b: Dispute,
  above: Front,
  position: number,
  lie: Bytes | undefined = undefined,
): Promise<Front> => {
  const { unit } = above;
  const leaves = b.toy.leaves.inference(unit);
  const right = b.inference(above.right, unit, leaves);
  const lies = liesFrom(leaves, position, nodeOf(above.wrong, INFER_STEP));
  const wrong = b.inference(above.wrong, unit, lie === undefined ? lies : lies.with(position, lie));
  return refineBoth(b, above, { right, wrong, position }, b.toy.evidence.execution(unit, INFER_STEP));
};

/** From the claims down to one element of one operator's tensor. */
export const descendTo = async (b: Dispute, unit: number, operator: number, element: number) => {
  const chain = await claimBoth(b, unit);
  const execution = await execute(b, chain, INFER_STEP);
  const elements = wrongElements(b, unit, operator, element);
  const lie = operatorLeaf(operator, rootOf(b.tensor(execution.right, operator, elements)));
  const inference = await infer(b, execution, operator, lie);
  const right = b.tensor(inference.right, operator, b.toy.elements(unit, operator));
  const wrong = b.tensor(inference.wrong, operator, elements);
  const evidence = b.toy.evidence.inference(unit);
  const { events } = await b.batch(CAROL, [
    b.descend(inference.right, operator, rootOf(right), evidence),
    b.descend(inference.wrong, operator, rootOf(wrong), evidence),
  ]);
  assert.deepEqual(names(events), ["TensorOpened", "TensorOpened"]);
  await b.batch(CAROL, clash(right, wrong, element));
  const tensor: Front = { right, wrong, position: element, unit };
  return { chain, execution, inference, tensor, fronts: [chain, execution, inference, tensor] };
};

/** What links a leaf to the tree below it. */
export const linkOf = (b: Dispute, sub: Placed) => {
  const { ctx, node } = b.rootOf(sub);
  return toHex(sub.tree.level < 3 ? concat(ctx, node) : node);
};

/** All updates of one side, from the deepest level up. */
export const updatesOf = (b: Dispute, fronts: readonly Front[], side: "right" | "wrong"): readonly Move[] =>
  fronts.toReversed().flatMap((front, i) => {
    const sub = fronts[fronts.length - i];
    const link = sub === undefined ? [] : [b.update(front[side], 0, front.position, linkOf(b, sub[side]))];
    return [...link, ...b.updateUp(front[side], front.position)];
  });

const staked = (fronts: readonly Front[]) => fronts.filter(({ right }) => right.tree.level < 3);

/** Waits until the honest side wins at every level, and gets what it is owed. */
export const resolve = async (b: Dispute, fronts: readonly Front[]) => {
  await b.l1.mine(PERIOD);
  await b.batch(CAROL, updatesOf(b, fronts, "wrong"));
  for (const { wrong } of fronts) assert.ok((await b.timer(b.rootOf(wrong))) < PERIOD, "the liar's time stands still");
  await b.batch(CAROL, updatesOf(b, fronts, "right"));
  const settling = staked(fronts)
    .toReversed()
    .map(({ right }): Move => {
      const { id, named } = b.rootOf(right);
      return { name: "settle", args: right.tree.level === 0 ? [id] : named };
    });
  const collecting = staked(fronts).map(({ wrong }): Move => {
    const { id, named } = b.rootOf(wrong);
    return { name: "collect", args: wrong.tree.level === 0 ? [id] : named };
  });
  const lost = staked(fronts).map(({ wrong }) => b.rootOf(wrong));
  for (const { id, named } of lost.slice(1))
    assert.equal(await b.refused(CAROL, { name: "collect", args: named }), "NotLoser", id);
  const { events } = await b.batch(CAROL, [...settling, ...collecting]);
  assert.deepEqual(
    names(events)
      .filter((name) => name !== "ClaimConfirmed")
      .sort(),
    [...settling.map(() => "LevelSettled"), ...collecting.map(() => "StakeLost")],
  );
  assert.deepEqual((await b.batch(CAROL, [...settling, ...collecting])).events, [], "a second time changes nothing");
  const levels = staked(fronts).map(({ right }) => right.tree.level);
  const won = levels.reduce((sum, level) => sum + (DISPUTE.stakes[level] ?? 0n) + (DISPUTE.tariffs[level] ?? 0n), 0n);
  assert.equal(await b.of("credits", account(ALICE).address), won);
  assert.equal(await b.of("credits", account(MALLORY).address), 0n);
  assert.equal(await b.of("held"), 0n);
  const { status } = await b.of<{ status: number }>("claimOf", b.rootOf(fronts[0]?.right as Placed).id);
  assert.equal(status, 2);
  await b.assertBalanced();
};

/** The honest side proves its leaf; the liar's is refused, and so is each with the other's preimage. */
export const proveRight = async (b: Dispute, { right, wrong, position }: Front, evidence: Bytes) => {
  assert.equal(await b.refused(MALLORY, b.prove(wrong, position, evidence)), "WrongPost");
  const { events } = await b.play(CAROL, b.prove(right, position, evidence));
  assert.deepEqual(names(events), ["EdgeProven"]);
  assert.equal(await b.timer(b.leafOf(right, position)), FOREVER);
  assert.deepEqual((await b.play(ALICE, b.prove(right, position, evidence))).events, []);
};
