import assert from "node:assert/strict";
import { test } from "node:test";
import { type ContextId, type EdgeId, hasCode, keccakOf, toHex, toLeaf, utf8 } from "../../executor/index.ts";
import { accountOf, boardOptions, claimOf, gameOf, liarOf, type Party } from "./arena.fixture.ts";
import { type Board, createBoard } from "./board.ts";
import type { BoardErrorCode } from "./board-errors.ts";
import type { Call } from "./calls.ts";
import { TWO_LEVELS } from "./contests.fixture.ts";
import { ctxId, NONE } from "./ids.ts";
import { solve } from "./solver.ts";
import { honest } from "./toy.fixture.ts";

const PERIOD = 40n;
const NO_NODE = toLeaf(NONE.state);
const right: Party = { name: "honest", belief: honest(TWO_LEVELS), policy: "eager" };
const wrong = liarOf(TWO_LEVELS, { name: "A", masks: [1, 2, 0] });
const newBoard = (): Board => createBoard(boardOptions(TWO_LEVELS, PERIOD));
const moves = (board: Board, party: Party): readonly Call[] =>
  solve(board, gameOf(party)).moves.map(({ call }) => call);
const send = (board: Board, calls: readonly Call[], from = "anyone") =>
  board.send({ from: accountOf(from), value: 100n }, calls);
const refused = (board: Board, call: Call, code: BoardErrorCode): void =>
  assert.throws(
    () => send(board, [call]),
    (error) => hasCode(error, code),
    code,
  );
const proposal = (party: Party): Call => moves(newBoard(), party)[0] as Call;
const of = <Type extends Call["type"]>(calls: readonly Call[], type: Type): Extract<Call, { type: Type }> => {
  const found = calls.find((call) => call.type === type);
  assert.ok(found !== undefined, type);
  return found as Extract<Call, { type: Type }>;
};

/** Both sides move until neither has more to do; answers all calls in order. */
const exchange = (board: Board): readonly Call[] => {
  const all: Call[] = [];
  for (let round = 0; round < 20; round++)
    for (const party of [wrong, right])
      for (const call of moves(board, party))
        try {
          send(board, [call], party.name);
          all.push(call);
        } catch {
          // A liar cannot prove its leaf.
        }
  return all;
};
const placesOf = ({ tables }: Board) => [...tables.edges].sort(([a], [b]) => (a < b ? -1 : 1));

test("calls done twice, or by another account, end in the same board", () => {
  const board = newBoard();
  const calls = exchange(board);
  const again = newBoard();
  for (const call of calls) for (const from of ["one", "other"]) send(again, [call], from);
  assert.deepEqual(placesOf(again), placesOf(board));
  assert.ok(calls.some(({ type }) => type === "prove") && calls.some(({ type }) => type === "refine"));
});

test("a multicall that is refused at its end changes nothing", () => {
  const board = newBoard();
  const before = board.snapshot();
  const calls = [
    proposal(right),
    { type: "settle", ctx: of(exchange(newBoard()), "open").ctx, node: NO_NODE } as const,
  ];
  assert.throws(
    () => send(board, calls),
    (error) => hasCode(error, "NotRoot"),
  );
  assert.deepEqual(board.snapshot(), before);
});

test("rivals of one block have no time, and later ones change nothing", () => {
  const board = newBoard();
  for (const party of [wrong, right]) send(board, [proposal(party)]);
  const { context, edge } = claimOf(wrong);
  board.now += 5n;
  send(board, [proposal(liarOf(TWO_LEVELS, { name: "B", masks: [8, 0, 0] }))]);
  const { context: record } = board.spot(context, edge);
  assert.deepEqual([record.firstAt, record.secondAt], [1n, 1n]);
});

test("a claim is settled from the challenge period on: not a block before", () => {
  for (const [after, isTaken] of [
    [PERIOD - 1n, false],
    [PERIOD, true],
    [PERIOD + 1n, true],
  ] as const) {
    const board = newBoard();
    send(board, [proposal(right)]);
    const root = of([proposal(right)], "propose").node;
    const ctx = board.tables.preimages.get(claimOf(right).edge)?.ctx;
    assert.ok(ctx !== undefined);
    board.now += after;
    const settle = { type: "settle", ctx, node: root } as const;
    assert.equal(
      moves(board, right).some(({ type }) => type === "settle"),
      isTaken,
    );
    if (isTaken) assert.equal(send(board, [settle])[0]?.event, "LevelSettled");
    else refused(board, settle, "TooEarly");
  }
});

test("what does not follow from the board is refused, each for its reason", () => {
  const board = newBoard();
  const propose = of([proposal(right)], "propose");
  refused(board, { ...propose, parent: NONE.claim }, "UnknownParent");
  refused(board, { ...propose, game: toHex(keccakOf(utf8("another inbox"))) as ContextId }, "WrongGame");
  refused(board, { ...propose, path: propose.path.slice(1) }, "BadEnd");
  refused(board, { ...propose, node: NO_NODE }, "BadEnd");
  assert.throws(
    () => board.send({ from: "0x", value: 7n }, [propose]),
    (error) => hasCode(error, "BadStake"),
  );
  const calls = exchange(board);
  const [open, refine, prove] = [of(calls, "open"), of(calls, "refine"), of(calls, "prove")];
  refused(newBoard(), open, "NotRivalled");
  refused(board, { ...open, left: open.right, right: open.left }, "BadPreimage");
  refused(board, { ...open, ctx: { ...open.ctx, height: 0 } }, "IsLeaf");
  refused(board, { type: "openWord", ctx: open.ctx, node: open.node, packed: "0x" }, "IsLeaf");
  refused(board, { ...refine, path: refine.path.slice(1) }, "BadEnd");
  refused(board, { ...refine, witness: { ...refine.witness, pre: NONE.state } }, "BadWitness");
  refused(board, { ...refine, witness: { ...refine.witness, path: [NO_NODE] } }, "BadWitness");
  refused(board, { ...prove, witness: { ...prove.witness, head: NONE.state } }, "BadWitness");
  refused(board, { ...prove, type: "refine", subNode: NO_NODE, path: [] }, "WrongKind");
  refused(
    board,
    { ...prove, ctx: refine.ctx, node: refine.node, witness: refine.witness, evidence: refine.evidence },
    "WrongKind",
  );
  const unknown = NO_NODE;
  refused(
    board,
    { type: "update", ctx: open.ctx, node: unknown, shown: { below: "halves", left: unknown, right: unknown } },
    "UnknownEdge",
  );
  const rival = [...board.tables.roots].find(
    ([, { claimed }]) => claimed !== NONE.edge && claimed !== refinedBy(board, refine),
  );
  assert.ok(rival !== undefined);
  const sub = board.tables.preimages.get(rival[0]);
  assert.ok(sub !== undefined);
  const shown = { below: "level", context: ctxId(sub.ctx), node: sub.node } as const;
  refused(board, { type: "update", ctx: refine.ctx, node: refine.node, shown }, "NotLinked");
});

const refinedBy = (board: Board, { ctx, node }: Extract<Call, { type: "refine" }>): EdgeId | undefined =>
  [...board.tables.preimages].find(
    ([, at]) =>
      at.node === node && at.ctx.position === ctx.position && at.ctx.level === ctx.level && at.ctx.height === 0,
  )?.[0];
