import assert from "node:assert/strict";
import { after, type TestContext, test } from "node:test";
import { innerNode, operatorLeaf, toHex } from "../../executor/index.ts";
import { boardRows } from "../bench/board-gas.ts";
import { excesses } from "../bench/gas-table.ts";
import { account } from "../support/anvil.ts";
import { edgeAt, opening, type Placed, type Tree } from "../support/board.ts";
import {
  ALICE,
  CAROL,
  createDispute,
  DISPUTE,
  type Dispute,
  liesFrom,
  MALLORY,
  type Move,
  WRONG_NUMBER,
} from "../support/dispute.ts";
import { claimBoth, descendTo, execute, infer, linkOf, names, proveRight, resolve, rootOf } from "../support/fronts.ts";
import { refusals } from "../support/refusals.ts";
import { compile } from "../support/solidity.ts";
import { INFER_STEP, UNITS } from "../support/toy-rules.ts";

const [BOND, STAKE_1] = DISPUTE.stakes;
const PERIOD = Number(DISPUTE.period);
const [OPEN, CONFIRMED] = [1, 2];
const dispute = createDispute({ after: (stop) => after(stop as () => void) });

/** A test on the same L1, which then forgets what it did. */
const onBoard = (name: string, run: (b: Dispute, t: TestContext) => Promise<void>) =>
  test(name, async (t) => {
    const b = await dispute;
    const snapshot = await b.l1.snapshot();
    try {
      await run(b, t);
    } finally {
      await b.l1.revert(snapshot);
    }
  });

const creditOf = (b: Dispute, player: number) => b.of<bigint>("credits", account(player).address);
const statusOf = async (b: Dispute, placed: Placed) =>
  (await b.of<{ status: number }>("claimOf", b.rootOf(placed).id)).status;
const withdraw: Move = { name: "withdraw", args: [] };
const settle = (b: Dispute, placed: Placed): Move => ({ name: "settle", args: [b.rootOf(placed).id] });

onBoard("a liar at the padding of a claim loses to one proof", async (b) => {
  const chain = await claimBoth(b, UNITS);
  const pads = b.toy.evidence.chain(UNITS);
  const sub = b.toy.trees.execution(0, b.toy.leaves.execution(0));
  assert.equal(await b.refused(ALICE, b.refine(chain.right, UNITS, sub, pads)), "WrongKind");
  await proveRight(b, chain, pads);
  await resolve(b, [chain]);
});

for (const position of [0, 7])
  onBoard(`a liar at step ${position} of a unit loses at the second level`, async (b) => {
    const chain = await claimBoth(b, position % UNITS);
    const execution = await execute(b, chain, position);
    await proveRight(b, execution, b.toy.evidence.execution(execution.unit, position));
    await resolve(b, [chain, execution]);
  });

for (const position of [2, 3])
  onBoard(`a liar at leaf ${position} of an inference, its end or beyond, loses at the third level`, async (b) => {
    const chain = await claimBoth(b, 1);
    const execution = await execute(b, chain, INFER_STEP);
    const inference = await infer(b, execution, position);
    await proveRight(b, inference, b.toy.evidence.inference(1));
    await resolve(b, [chain, execution, inference]);
  });

onBoard("a liar at an element of an operator's tensor loses at the last level", async (b) => {
  const [operator, element] = [1, 8];
  const { fronts, tensor, inference } = await descendTo(b, 2, operator, element);
  const evidence = b.toy.evidence.inference(2);
  const prove = (side: "right" | "wrong") => b.proveElement(tensor[side], element, inference[side], operator, evidence);
  assert.equal(await b.refused(MALLORY, prove("wrong")), "WrongPost");
  assert.deepEqual(names((await b.play(CAROL, prove("right"))).events), ["EdgeProven"]);
  assert.deepEqual((await b.play(ALICE, prove("right"))).events, []);
  // No block counts twice: what lies below begins after what lies above stood still.
  let above = 0n;
  for (const { right, position } of fronts)
    for (let { height } = right.tree; height >= 0; height--) {
      const { ctx } = edgeAt(right, height, Math.floor(position / 2 ** height));
      const state = await b.of<{ firstAt: bigint; secondAt: bigint }>("contextState", toHex(ctx));
      assert.ok(state.firstAt >= above && state.secondAt >= state.firstAt);
      above = state.secondAt;
    }
  await resolve(b, fronts);
});

onBoard("every call is refused that does not fit its place, by the error's name", async (b) => {
  const { cases, ends, fitting } = refusals(b, await descendTo(b, 2, 1, 8));
  const { refine, open, word, descend, element, update, link } = fitting;
  const told = await Promise.all(cases.map(([, move]) => b.refused(CAROL, move)));
  for (const [i, [why, move, error]] of cases.entries()) assert.equal(told[i], error, `${move.name}: ${why}`);
  for (const value of [0n, STAKE_1 - 1n, STAKE_1 + 1n, BOND])
    assert.equal(await b.refused(CAROL, { ...refine, value }), "BadStake");
  for (const move of [open, word, descend, element, update, ...ends.map(([, end]) => end)])
    assert.equal(await b.refused(CAROL, { ...move, value: 1n }), "BadStake", move.name);
  // All of them fit where they belong.
  for (const move of [refine, descend, element, open, word, update, link])
    assert.equal(await b.refused(CAROL, move), undefined, move.name);

  // Whoever comes second changes nothing, and pays nothing.
  const { events } = await b.batch(CAROL, [open, word, descend, refine]);
  assert.deepEqual(events, []);
  assert.equal(await creditOf(b, CAROL), STAKE_1);
  await b.play(CAROL, refine);
  assert.equal(await creditOf(b, CAROL), 2n * STAKE_1);
  await b.assertBalanced();
});

onBoard("a smaller part of a tensor does not speak for the whole", async (b) => {
  const chain = await claimBoth(b, 0);
  const execution = await execute(b, chain, INFER_STEP);
  const right = b.toy.trees.tensor(0, 0);
  const half = right.node(3, 0);
  const inference = await infer(b, execution, 0, operatorLeaf(0, half));
  const evidence = b.toy.evidence.inference(0);
  const tensor: Placed = { tree: right, origin: edgeAt(inference.right, 0, 0).ctx };
  await b.batch(CAROL, [
    b.descend(inference.right, 0, rootOf(tensor), evidence),
    b.descend(inference.wrong, 0, half, evidence),
  ]);
  await b.play(ALICE, opening(tensor, 4, 0));
  await b.l1.mine(PERIOD);
  assert.ok((await b.timer(edgeAt(tensor, 3, 0))) >= PERIOD, "the half has no rival");
  assert.deepEqual((await b.play(MALLORY, b.update(inference.wrong, 0, 0, toHex(half)))).events, []);
  assert.equal(await b.timer(edgeAt(inference.wrong, 0, 0)), 0n);
});

onBoard("a word in the form of an inner node has the right word's halves, and cannot be opened", async (b) => {
  const chain = await claimBoth(b, 0);
  const execution = await execute(b, chain, INFER_STEP);
  const right = b.tensor(b.inference(execution.right, 0, b.toy.leaves.inference(0)), 1, b.toy.elements(0, 1));
  const halves = [2, 3].map((i) => right.tree.node(2, i)) as [Uint8Array, Uint8Array];
  const forged = innerNode(...halves);
  const { level, height, start } = right.tree;
  const node = (at: number, index: number) =>
    at === 4 ? innerNode(right.tree.node(3, 0), forged) : at === 3 && index === 1 ? forged : right.tree.node(at, index);
  const tree: Tree = { level, height, start, node };
  const inference = await infer(b, execution, 1, operatorLeaf(1, node(4, 0)));
  const evidence = b.toy.evidence.inference(0);
  const wrong: Placed = { tree, origin: right.origin };
  await b.batch(CAROL, [
    b.descend(inference.right, 1, rootOf(right), evidence),
    b.descend(inference.wrong, 1, node(4, 0), evidence),
    opening(right, 4, 0),
    opening(wrong, 4, 0),
  ]);
  const { named } = edgeAt(wrong, 3, 1);
  assert.equal(await b.refused(MALLORY, { name: "open", args: [...named, ...halves.map(toHex)] }), "IsLeaf");
  const packed = toHex(right.tree.packed?.(3, 1) as Uint8Array);
  assert.equal(await b.refused(MALLORY, { name: "openWord", args: [...named, packed] }), "BadPreimage");
  assert.equal(await b.refused(ALICE, opening(right, 3, 1)), undefined);
});

onBoard(
  "T - 1 is too early, T is enough; a rival of the last second stops the time, one of the next does not",
  async (b) => {
    const [right, wrong, third] = [b.chain(), b.wrongChain(1), b.wrongChain(2)];
    await b.play(ALICE, b.propose(right));
    const { firstAt } = await b.of<{ firstAt: bigint }>("contextState", toHex(b.rootOf(right).ctx));
    const fresh = await b.l1.snapshot();
    // A call is answered as of the newest block; a transaction is in the next one.
    const mineTo = async (block: bigint) => b.l1.mine(Number(block - (await b.l1.client.getBlockNumber())));
    await mineTo(firstAt + DISPUTE.period - 1n);
    assert.equal(await b.refused(CAROL, settle(b, right)), "TooEarly");
    await b.l1.mine(1);
    assert.equal(await b.refused(CAROL, settle(b, right)), undefined);
    await b.play(MALLORY, b.propose(wrong, WRONG_NUMBER));
    await b.play(MALLORY, b.propose(third, WRONG_NUMBER));
    assert.deepEqual(await Promise.all([right, wrong, third].map((claim) => b.timer(b.rootOf(claim)))), [
      DISPUTE.period + 1n,
      0n,
      0n,
    ]);
    await b.play(CAROL, settle(b, right));
    assert.equal(await statusOf(b, right), CONFIRMED);
    await b.l1.revert(fresh);

    await mineTo(firstAt + DISPUTE.period - 2n);
    await b.play(MALLORY, b.propose(wrong, WRONG_NUMBER));
    await b.l1.mine(PERIOD);
    assert.equal(await b.timer(b.rootOf(right)), DISPUTE.period - 1n);
    assert.equal(await b.refused(CAROL, settle(b, right)), "TooEarly");
    assert.equal(await statusOf(b, right), OPEN);
  },
);

onBoard("two rivals of one block have no time; a level that is settled takes no stake", async (b) => {
  const [right, wrong] = [b.chain(), b.wrongChain(1)];
  await b.batch(CAROL, [b.propose(right), b.propose(wrong, WRONG_NUMBER)]);
  await b.l1.mine(PERIOD);
  for (const claim of [right, wrong]) assert.equal(await b.timer(b.rootOf(claim)), 0n);
  await b.batch(
    CAROL,
    [2, 1].flatMap((height) => [right, wrong].map((side) => opening(side, height, Math.floor(1 / 2 ** height)))),
  );
  const sub = b.execution(right, 1, b.toy.leaves.execution(1));
  const evidence = b.toy.evidence.chain(1);
  await b.play(ALICE, b.refine(right, 1, sub.tree, evidence));
  await b.l1.mine(PERIOD);
  const { named, ctx, id } = b.rootOf(sub);
  await b.play(CAROL, { name: "settle", args: named });
  assert.deepEqual([await creditOf(b, ALICE), await b.of("winners", toHex(ctx))], [STAKE_1, id]);
  const late = b.execution(wrong, 1, liesFrom(b.toy.leaves.execution(1), 3, wrong.tree.node(0, 1)));
  assert.deepEqual((await b.play(MALLORY, b.refine(wrong, 1, late.tree, evidence))).events, []);
  assert.equal(await creditOf(b, MALLORY), STAKE_1);
  assert.equal((await b.edge(b.rootOf(late))).exists, false);
  // The leaf has the tree's time; an update that is no news is none.
  const link = b.update(right, 0, 1, linkOf(b, sub));
  assert.deepEqual(names((await b.play(CAROL, link)).events), ["TimerUpdated"]);
  const cached = await b.timer(edgeAt(right, 0, 1));
  assert.ok(cached >= PERIOD);
  await b.assertBalanced();
});

const THIEF = compile(
  "Thief",
  `
interface Registry {
    function multicall(bytes[] calldata calls) external payable;
    function withdraw() external;
}
contract Thief {
    Registry immutable REGISTRY;
    bytes[] private _calls;
    uint256 public entered;
    constructor(Registry registry) { REGISTRY = registry; }
    function fill() external payable { REGISTRY.multicall{value: msg.value}(new bytes[](0)); }
    function steal() external { REGISTRY.withdraw(); }
    receive() external payable {
        if (entered++ > 2) return;
        REGISTRY.withdraw();
        REGISTRY.multicall{value: msg.value / 2}(new bytes[](0));
    }
}`,
);

onBoard("a multicall's value counts once, and what it leaves over is credit", async (b) => {
  const [right, wrong, third] = [b.chain(), b.wrongChain(1), b.wrongChain(2)];
  const both = [b.propose(right), b.propose(wrong, WRONG_NUMBER)];
  const batched = (moves: readonly Move[], value: bigint): Move => ({
    name: "multicall",
    args: [moves.map(b.encode)],
    value,
  });
  for (const value of [0n, BOND, 2n * BOND - 1n])
    assert.equal(await b.refused(ALICE, batched(both, value)), "BadStake");
  const nested = (inner: Move): Move => batched([...both, inner], 2n * BOND);
  assert.equal(await b.refused(ALICE, nested(batched([], 0n))), "InMulticall");
  assert.equal(await b.refused(ALICE, batched([withdraw], 0n)), "InMulticall");
  // All or nothing, with the error of what failed.
  assert.equal(await b.refused(ALICE, nested(settle(b, right))), "TooEarly");
  assert.equal((await b.edge(b.rootOf(right))).exists, false);

  // Value that comes to a free move, too.
  await b.play(ALICE, batched([...both, opening(right, 2, 0)], 3n * BOND));
  assert.deepEqual([await b.of("held"), await creditOf(b, ALICE)], [2n * BOND, BOND]);
  assert.equal(
    await b.refused(MALLORY, batched([b.propose(third, WRONG_NUMBER)], 0n)),
    "BadStake",
    "credit is one's own",
  );
  await b.play(ALICE, batched([b.propose(third, WRONG_NUMBER), b.propose(right)], 0n));
  assert.deepEqual([await b.of("held"), await creditOf(b, ALICE)], [3n * BOND, 0n]);
  await b.assertBalanced();

  const hashOf = await b.l1.wallet(MALLORY).deployContract({ ...THIEF, args: [b.contracts.claimRegistry] });
  const { contractAddress: thief } = await b.l1.client.waitForTransactionReceipt({ hash: hashOf });
  assert.ok(thief);
  const onThief = { from: MALLORY, to: thief, abi: THIEF.abi };
  await b.send({ ...onThief, value: BOND }, "fill");
  await b.send(onThief, "steal");
  const kept = await b.l1.client.getBalance({ address: thief });
  assert.ok((await b.read<bigint>(thief, THIEF.abi, "entered")) > 1n);
  assert.equal(kept + (await b.of<bigint>("credits", thief)), BOND);
  await b.assertBalanced([thief]);
});

/** A sequence that is the same in every run. */
const createRandom = (seed: number) => {
  let state = seed;
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};

onBoard("money: what came in is held, credited, burned or paid out, whatever is called", async (b, t) => {
  const random = createRandom(11);
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
  const claims = [b.chain(), b.wrongChain(0), b.wrongChain(1)] as const;
  const numbers = [UNITS, WRONG_NUMBER, WRONG_NUMBER];
  const subs = claims.flatMap((claim) =>
    [0, 1].map((unit) => {
      const leaves = b.toy.leaves.execution(unit);
      const own = claim.tree.node(0, unit);
      return {
        claim,
        unit,
        sub: b.execution(claim, unit, claim === claims[0] ? leaves : liesFrom(leaves, unit + 3, own)),
      };
    }),
  );
  const pool: readonly Move[] = [
    ...claims.map((claim, i) => b.propose(claim, numbers[i])),
    ...claims.flatMap((claim) => [opening(claim, 2, 0), opening(claim, 1, 0), settle(b, claim)]),
    ...claims.map((claim): Move => ({ name: "collect", args: [b.rootOf(claim).id] })),
    ...subs.flatMap(({ claim, unit, sub }): Move[] => [
      b.refine(claim, unit, sub.tree, b.toy.evidence.chain(unit)),
      { name: "settle", args: b.rootOf(sub).named },
      { name: "collect", args: b.rootOf(sub).named },
    ]),
  ];
  const roots = pool.filter(({ name }) => name === "propose" || name === "settle" || name === "collect");
  // The first claim has had its time when its rival comes.
  await b.play(ALICE, b.propose(claims[0]));
  await b.l1.mine(PERIOD);
  await b.play(MALLORY, b.propose(claims[1], WRONG_NUMBER));
  let done = 0;
  for (let i = 0; i < 80; i++) {
    const batch = Array.from({ length: random(4) }, () => pick(random(2) === 0 ? roots : pool));
    const due = batch.reduce((sum, { value = 0n }) => sum + value, 0n);
    const many: Move = { name: "multicall", args: [batch.map(b.encode)], value: pick([0n, due, due, due + 1n]) };
    const one = pick(random(2) === 0 ? roots : pool);
    if (random(6) === 0) await b.l1.mine(random(PERIOD) + 1);
    done += (await b.attempt(pick([ALICE, MALLORY, CAROL]), pick([one, one, one, many, many, withdraw]))) ? 1 : 0;
    if (i % 8 === 0) await b.assertBalanced();
  }
  await b.assertBalanced();
  t.diagnostic(`${done} of 80 calls were accepted`);
  assert.ok(done > 20 && done < 80);
  assert.ok((await b.of<bigint>("burned")) > 0n, "somebody lost");
});

onBoard("no call of the board exceeds its gas, and the code fits L1", async (b, t) => {
  const rows = await boardRows(b);
  for (const { what, gas } of rows) t.diagnostic(`${what}: ${Object.values(gas)} gas`);
  assert.equal(rows.filter(({ most }) => most !== undefined).length, 2, "openings have goals of their own");
  assert.deepEqual(excesses(rows), []);
  const code = await b.l1.client.getCode({ address: b.contracts.claimRegistry });
  const size = ((code?.length ?? 0) - 2) / 2;
  t.diagnostic(`${size} bytes of code`);
  assert.ok(size > 0 && size < 24_576);
});
