import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, type Hex, hasCode } from "../../executor/index.ts";
import type { LeafKind, Trace } from "../trace/trace.ts";
import { accountOf, attempt, boardOptions, gameOf, liarOf, type Party } from "./arena.fixture.ts";
import { type Board, createBoard } from "./board.ts";
import type { FetchedBoard } from "./board-reader.ts";
import { ALL_LEVELS } from "./contests.fixture.ts";
import { holdTree } from "./held-tree.ts";
import type { BoardNeed, OwnTree } from "./own-tree.ts";
import { EDGE_RULES, type RuleName, ruleFor, sentenceOf } from "./rules.ts";
import { solve } from "./solver.ts";
import { honest } from "./toy.fixture.ts";
import { visit } from "./visit.ts";

const { signal } = new AbortController();
const right: Party = { name: "honest", belief: honest(ALL_LEVELS), policy: "eager" };
const wrong = liarOf(ALL_LEVELS, { name: "A", masks: [1, 2, 2], elements: 2 });

/** The same tree, as one that is built when it is asked. */
const traceOf = (tree: OwnTree, asked: string[]): Trace => {
  const answer = async <Value>(what: string, value: Value | undefined): Promise<Value> => {
    asked.push(`${tree.level} ${what}`);
    assert.ok(value !== undefined, what);
    return value;
  };
  return {
    level: tree.level,
    height: tree.height,
    start: fromHex(tree.start),
    node: async (height, index) => fromHex(await answer(`node ${height} ${index}`, tree.node(height, index))),
    pre: async (position) => fromHex(await answer(`pre ${position}`, tree.node(0, position - 1))),
    leafKind: (position) => answer<LeafKind>(`kind ${position}`, tree.leafKind(position)),
    evidence: async (position) => fromHex(await answer(`evidence ${position}`, tree.evidence(position))),
    below: async (position) => traceOf(await answer(`below ${position}`, tree.below(position)), asked),
    packed: async (height, index) => fromHex(await answer(`packed ${height} ${index}`, tree.packed(height, index))),
  };
};

/** A board of which nothing is known until it is fetched. */
const fetchedFrom = (board: Board): FetchedBoard => {
  const known = new Map<Hex, BoardNeed>();
  return {
    now: board.now,
    period: board.period,
    spacing: board.spacing,
    spot: (context, edge) => (known.has(edge) ? board.spot(context, edge) : undefined),
    claim: (id) => (known.has(id) ? board.claim(id) : undefined),
    rootsIn: (context) => (known.has(context) ? board.rootsIn(context) : undefined),
    async fetch(needs) {
      for (const need of needs)
        known.set(need.want === "spot" ? need.edge : need.want === "claim" ? need.id : need.context, need);
    },
  };
};

/** Both sides move as often as they can, for some blocks. */
const played = (blocks: number): Board => {
  const board = createBoard(boardOptions(ALL_LEVELS, 60n));
  for (let block = 1; block <= blocks; block++) {
    board.now = BigInt(block);
    for (const party of [wrong, right])
      for (const { call } of solve(board, gameOf(party)).moves)
        attempt(board, { from: accountOf(party.name), value: 100n }, [call]);
  }
  return board;
};

test("a visit that fetches what it needs finds the moves of one that has all at hand", async () => {
  for (const blocks of [0, 1, 2, 3, 5, 8, 90]) {
    const board = played(blocks);
    board.now += 1n;
    const game = gameOf(right);
    const asked: string[] = [];
    const held = { ...game, tree: holdTree(traceOf(game.tree, asked)) };
    const found = await visit(fetchedFrom(board), held, { signal });
    const expected = solve(board, game);
    assert.deepEqual(found.moves, expected.moves, `after ${blocks} blocks`);
    assert.deepEqual([found.needs, found.lost], [[], []]);
    assert.equal(new Set(asked).size, asked.length, "nothing is asked for twice");
  }
});

test("a visit tells what the account has at stake, until it is decided", () => {
  const staked = [0, 1, 3, 20, 90].map((blocks) => solve(played(blocks), gameOf(right)).staked);
  assert.deepEqual(staked, [0n, 8n, 14n, 14n, 0n]);
});

test("a visit whose source gives nothing ends", async () => {
  const game = gameOf(right);
  const stuck = { ...game, tree: { ...game.tree, node: () => undefined } };
  await assert.rejects(visit(fetchedFrom(played(1)), stuck, { signal }), (error) => hasCode(error, "VISIT_STUCK"));
  const aborted = { signal: AbortSignal.abort() };
  await assert.rejects(visit(fetchedFrom(played(1)), stuck, aborted), { name: "AbortError" });
});

test("a tree without elements says so", async () => {
  const { packed: _, ...trace } = traceOf(gameOf(right).tree, []);
  const tree = holdTree(trace);
  await assert.rejects(tree.fetch({ want: "packed", tree, height: 0, index: 0 }), (error) =>
    hasCode(error, "TRACE_NO_ELEMENTS"),
  );
});

test("every situation has one rule, and every rule a situation, a sentence and a reason", () => {
  const either = [false, true];
  const played = new Set<RuleName>();
  for (const isThere of either)
    for (const isRivalled of either)
      for (const isProven of either)
        for (const isAnswered of either)
          for (const isIdle of either)
            for (const isBelowSettled of either)
              for (const stands of [undefined, "node", "word", "prove", "refine", "descend"] as const) {
                const at = { isThere, isRivalled, isProven, isAnswered, isIdle, isBelowSettled, stands };
                const rule = ruleFor(at);
                assert.ok(rule.holds(at));
                if (!isThere || !isRivalled) assert.equal(rule.answer, "nothing", "the contract would refuse it");
                played.add(rule.name);
              }
  assert.deepEqual([...played].sort(), EDGE_RULES.map(({ name }) => name).sort());
  for (const name of [...played, "propose", "settle", "update", "collect"] as const) {
    const { says, because } = sentenceOf(name);
    assert.ok(says.endsWith(".") && because.endsWith("."), name);
  }
});
