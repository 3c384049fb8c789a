import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeFunctionData } from "viem";
import { encodeGame, gameHash, leafRules } from "../../bridge/index.ts";
import {
  type BytesOf,
  type ChainState,
  concat,
  encodeChainState,
  hashChainState,
  innerNode,
  type NodeHash,
  toHex,
  ZERO_32,
} from "../../executor/index.ts";
import { edgeAt, endPath, type Placed, shownBelow, witnessAt } from "../support/board.ts";
import { BOND, createClaims, HEIGHT, PERIOD, SPACING } from "../support/claims.ts";
import { ALICE, clash, type Move } from "../support/dispute.ts";
import { names } from "../support/fronts.ts";

const CONFIRMED = 2;

test("at full height, by the real rules: a lie in the last leaf of a claim of nothing", async (t) => {
  const b = await createClaims(t);
  const { first, firstClaim: parent, registry } = b;
  await b.l1.mine(Number(SPACING));
  const game = {
    l1ChainId: 31_337n,
    registry: b.contracts.claimRegistry,
    parent: toHex(parent),
    limitBatch: 0n,
    lineage: toHex(ZERO_32),
  };
  const start = hashChainState(first);
  const lie: ChainState = { ...first, number: 1n };
  const pads: Uint8Array[] = [start];
  for (let height = 0; height < HEIGHT; height++)
    pads.push(innerNode(pads[height] as Uint8Array, pads[height] as Uint8Array));
  const placed = (last: Uint8Array): Placed => {
    const spine = [last];
    for (const left of pads.slice(0, HEIGHT)) spine.push(innerNode(left, spine.at(-1) as Uint8Array));
    const node = (height: number, index: number) =>
      (index === 2 ** (HEIGHT - height) - 1 ? spine : pads)[height] as BytesOf<NodeHash>;
    return { tree: { level: 0, height: HEIGHT, start, node }, origin: gameHash(game) };
  };
  const [right, wrong] = [placed(start), placed(hashChainState(lie))];
  const calls = { from: ALICE, ...registry };
  for (const [claim, state] of [
    [right, first],
    [wrong, lie],
  ] as const) {
    const root = toHex(claim.tree.node(HEIGHT, 0));
    const args = [toHex(parent), toHex(gameHash(game)), toHex(encodeChainState(state)), root, endPath(claim.tree)];
    await b.send({ ...calls, value: BOND }, "propose", args);
  }
  const encode = ({ name, args }: Move) => encodeFunctionData({ abi: registry.abi, functionName: name, args });
  const last = 2 ** HEIGHT - 1;
  const openings = clash(right, wrong, last);
  const { gasUsed } = await b.send(calls, "multicall", [openings.map(encode)]);
  t.diagnostic(`${openings.length} openings: ${gasUsed} gas`);
  const proofOf = (claim: Placed, { limitBatch } = game) => {
    const evidence = concat(encodeGame({ ...game, limitBatch }), encodeChainState(first));
    return [...edgeAt(claim, 0, last).named, witnessAt(claim, last), toHex(evidence)];
  };
  const rules = { ...calls, abi: [...registry.abi, ...leafRules.abi] };
  assert.equal(await b.refusal(rules, "prove", proofOf(wrong)), "WrongPost");
  assert.equal(await b.refusal(rules, "prove", proofOf(right, { ...game, limitBatch: 1n })), "BadEvidence");
  const proven = await b.send(calls, "prove", proofOf(right));
  assert.deepEqual(names(proven.events), ["EdgeProven"]);
  t.diagnostic(`proof of padding: ${proven.gasUsed} gas`);
  await b.l1.mine(Number(PERIOD));
  const updates = Array.from({ length: HEIGHT }, (_, i) => i + 1).map((height): Move => {
    const index = 2 ** (HEIGHT - height) - 1;
    return { name: "update", args: [...edgeAt(right, height, index).named, shownBelow(right, height, index)] };
  });
  const id = edgeAt(right, HEIGHT, 0).id;
  await b.send(calls, "multicall", [[...updates, { name: "settle", args: [id] }].map(encode)]);
  assert.equal((await b.of<{ status: number }>("claimOf", id)).status, CONFIRMED);
  assert.equal(await b.of("isRejected", edgeAt(wrong, HEIGHT, 0).id), true);
});
