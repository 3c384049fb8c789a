import { gameHash } from "../../bridge/index.ts";
import {
  CodedError,
  type ContextId,
  type EdgeId,
  type Hex,
  type NodeHash,
  toFirstClaim,
  toHex,
} from "../../executor/index.ts";
import { type Board, type BoardOptions, createBoard, fullTimer, type Sender } from "./board.ts";
import type { Call } from "./calls.ts";
import { ctxId, edgeId, NONE, rootContext } from "./ids.ts";
import { violationsOf } from "./invariants.fixture.ts";
import { type Move, type OwnGame, solve } from "./solver.ts";
import { type Belief, GENESIS, honest, type Lie, liar, type State, type Toy, toyRules, treeOf } from "./toy.fixture.ts";
import type { BoardView } from "./view.ts";

/** Games of a toy machine, block by block: liars go first in each block, the honest are late and censored. */

export const STAKES = [8n, 4n, 2n] as const;
const TARIFFS = [4n, 2n, 1n] as const;
const REGISTRY: Hex = `0x${"5e".repeat(20)}`;
const CHAIN_ID = 31_337n;
export const accountOf = (name: string): Hex => `0x${Buffer.from(name.padEnd(20, ".")).toString("hex")}`;

/** Honest answers on the longest path: at each level one root and its openings. */
export const answersOf = ({ heights, infer }: Toy): bigint =>
  BigInt(heights.slice(0, infer < 0 ? 2 : 4).reduce((sum, height) => sum + height + 1, 0));

export type Party = {
  readonly name: string;
  readonly belief: Belief;
  /** When it moves: as often as it can, just before the right claim would be confirmed, by chance, or by a schedule. */
  readonly policy: "eager" | "late" | "chance" | readonly number[];
};
export const liarOf = (toy: Toy, lie: Lie, policy: Party["policy"] = "eager"): Party => ({
  name: lie.name,
  belief: liar(toy, lie),
  policy,
});

export type Conditions = {
  /** Blocks from an event to the inclusion of its answer. */
  readonly delay: number;
  /** Blocks in which the honest cannot move, in total, from `censorAt` on. */
  readonly censored: number;
  readonly censorAt?: number;
  readonly period?: bigint;
  /** Whether the right claim is made before any other. */
  readonly honestFirst?: boolean;
  readonly honest?: readonly string[];
  /** Rules of the board that a test breaks. */
  readonly board?: (options: BoardOptions) => Board;
  readonly seed?: number;
  /** Whether the honest build their trees anew for each visit. */
  readonly isForgetful?: boolean;
  /** Whether the honest answer only what is on the board already, one edge of a path at a time. */
  readonly isStepwise?: boolean;
  /** Whether the board's invariants are checked after each block. */
  readonly isChecked?: boolean;
  /** The game ends undecided after so many. */
  readonly blocks?: number;
  /** At the end of such a block L1 forgets what happened in so many blocks. */
  readonly reorgs?: ReadonlyMap<number, number>;
  readonly attacks?: readonly ((board: Board, party: Party) => readonly Call[])[];
};

export const boardOptions = (toy: Toy, period: bigint): BoardOptions => ({
  l1ChainId: CHAIN_ID,
  registry: REGISTRY,
  genesis: GENESIS.hash,
  genesisAt: 0n,
  height: toy.heights[0],
  period,
  spacing: 0n,
  stakes: STAKES,
  tariffs: TARIFFS,
  rules: toyRules(toy),
  isChainState: (bytes) => bytes.startsWith("0x11"),
  furthest: (limitBatch) => limitBatch + 1n,
  lineageAt: () => LINEAGE,
});

const trees = new WeakMap<Belief, ReturnType<typeof treeOf>>();
const rootTree = (belief: Belief): ReturnType<typeof treeOf> => {
  const tree = trees.get(belief) ?? treeOf(belief, 0, GENESIS);
  trees.set(belief, tree);
  return tree;
};

const endOf = (belief: Belief): Hex => {
  const end = belief.leaves(0, GENESIS, undefined).at(-1) as State;
  if (end.kind !== "C" && end.kind !== "M") throw new Error("a claim ends in a chain state");
  const n = (value: number) => value.toString(16).padStart(8, "0");
  return `0x${end.kind === "C" ? "11" : "10"}${n(end.n)}${n(end.i)}${end.v.slice(2)}`;
};

const LINEAGE: Hex = `0x${"11".repeat(32)}`;

export const gameOf = ({ belief, name }: Pick<Party, "belief" | "name">): OwnGame => ({
  parent: toFirstClaim(GENESIS.hash),
  origin: toHex(
    gameHash({
      l1ChainId: CHAIN_ID,
      registry: REGISTRY,
      parent: toFirstClaim(GENESIS.hash),
      limitBatch: 0n,
      lineage: LINEAGE,
    }),
  ),
  tree: rootTree(belief),
  endState: endOf(belief),
  isDue: true,
  account: accountOf(name),
});

/** Context and edge of a party's claim. */
export const claimOf = (
  party: Pick<Party, "belief" | "name">,
): { readonly context: ContextId; readonly edge: EdgeId } => {
  const { origin, tree } = gameOf(party);
  const context = ctxId(rootContext(0, origin, tree.height, tree.start));
  return { context, edge: edgeId(context, tree.node(tree.height, 0) as NodeHash) };
};

/** A liar does not stop where a level is decided. */
const relentless = (board: Board): BoardView => ({
  ...board,
  now: board.now,
  spot(context, edge) {
    const spot = board.spot(context, edge);
    return { ...spot, winner: NONE.edge, context: { ...spot.context, settled: false } };
  },
});

const stakeOf = ({ call }: Pick<Move, "call">): bigint =>
  call.type === "propose" ? STAKES[0] : call.type === "refine" ? (STAKES[call.ctx.level + 1] as bigint) : 0n;

/** Sends calls. `nothing`: the board took them, and they changed nothing. */
export const attempt = (
  board: Board,
  { from, value }: Sender,
  calls: readonly Call[],
): "changed" | "nothing" | "refused" => {
  try {
    return board.send({ from, value }, calls).length > 0 ? "changed" : "nothing";
  } catch (error) {
    if (error instanceof CodedError) return "refused";
    throw error;
  }
};

const isOnBoard = (board: Board, { call }: Move): boolean =>
  !("ctx" in call) || board.tables.edges.has(edgeId(ctxId(call.ctx), call.node));

export type Outcome = {
  readonly board: Board;
  readonly period: bigint;
  readonly right: EdgeId;
  /** Blocks from the first claim to the confirmation of one. */
  readonly confirmedAfter: bigint | undefined;
  readonly winner: EdgeId;
  /** Blocks from the first claim until every honest stake was free. */
  readonly freeAfter: bigint;
  readonly worstWrong: bigint;
  readonly honestLost: number;
  /** Calls that the board took from the honest, by type. */
  readonly made: Readonly<Record<string, number>>;
  readonly attacksTaken: number;
  /** Multicalls of the honest that the board refused. */
  readonly refused: number;
  /** Blocks after which an invariant did not hold. */
  readonly violations: readonly string[];
};

const chances = (seed: number): (() => number) => {
  let state = seed + 12_345;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
};

/** Plays a game to its end: until a claim is confirmed, and no honest stake is held any more. */
export const play = (toy: Toy, liars: readonly Party[], conditions: Conditions): Outcome => {
  const { delay, censored, censorAt = 0, honestFirst = false, seed = 0, attacks = [] } = conditions;
  const period = conditions.period ?? BigInt(censored) + BigInt(delay) * answersOf(toy) + 1n;
  const board = (conditions.board ?? createBoard)(boardOptions(toy, period));
  const belief = honest(toy);
  const parties = (conditions.honest ?? ["honest"]).map((name): Party => ({ name, belief, policy: "eager" }));
  const { context: top, edge: right } = claimOf({ belief, name: "" });
  const chance = chances(seed);
  const made: Record<string, number> = {};
  const done = new Map<Party, number>();
  const queue: { due: number; party: Party; moves: readonly Move[] }[] = [];
  const states: { readonly board: ReturnType<Board["snapshot"]>; readonly received: bigint }[] = [];
  let [left, refused, attacksTaken, worstWrong, firstAt] = [censored, 0, 0, 0n, 0n];
  let confirmedAfter: bigint | undefined;
  let received = 0n;
  const violations: string[] = [];
  const take = (party: Party, calls: readonly Call[], value: bigint): boolean => {
    const outcome = attempt(board, { from: accountOf(party.name), value }, calls);
    if (outcome !== "refused") received += value;
    return outcome === "changed";
  };
  const send = (party: Party, moves: readonly Move[]): boolean =>
    take(
      party,
      moves.map(({ call }) => call),
      moves.reduce((sum, move) => sum + stakeOf(move), 0n),
    );
  const answer = (party: Party, moves: readonly Move[]): void => {
    const value = moves.reduce((sum, move) => sum + stakeOf(move), 0n);
    const calls = moves.map(({ call }) => call);
    try {
      for (const { event } of board.send({ from: accountOf(party.name), value }, calls))
        made[event] = (made[event] ?? 0) + 1;
      received += value;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      refused++;
    }
  };
  const attack = (party: Party): void => {
    for (const of of attacks) for (const call of of(board, party)) if (take(party, [call], 100n)) attacksTaken++;
    const rounds = party.policy === "eager" || Array.isArray(party.policy) ? 99 : 1;
    for (let round = 0, moved = true; round < rounds && moved; round++) {
      moved = false;
      for (const move of solve(relentless(board), gameOf(party)).moves) {
        const count = done.get(party) ?? 0;
        if (party.policy === "chance" && chance() < 0.6) continue;
        if (
          party.policy === "late" &&
          (moved || fullTimer(board, right) < period - 1n) &&
          board.tables.edges.has(right)
        )
          continue;
        const isEnd = move.call.type === "settle" || move.call.type === "update";
        if (Array.isArray(party.policy) && !isEnd && !(Number(board.now) >= (party.policy[count] ?? Infinity)))
          continue;
        if (!send(party, [move])) continue;
        moved = true;
        if (!isEnd) done.set(party, count + 1);
      }
    }
  };
  const isFree = (): boolean =>
    [...board.tables.roots].every(
      ([, { staker, stake }]) => stake === 0n || !parties.some((p) => accountOf(p.name) === staker),
    );

  const end = conditions.blocks ?? 14 * Number(period) + 200;
  for (let block = 1; block < end; block++) {
    board.now = BigInt(block);
    if (honestFirst && block === 1) for (const party of parties) answer(party, solve(board, gameOf(party)).moves);
    for (const party of liars) attack(party);
    if (firstAt === 0n && board.tables.edges.size > 0) firstAt = board.now;
    if (firstAt !== 0n)
      for (const party of parties) {
        const { moves } = solve(board, gameOf(conditions.isForgetful ? { ...party, belief: honest(toy) } : party));
        const sent = conditions.isStepwise ? moves.filter((move) => isOnBoard(board, move)) : moves;
        if (sent.length > 0) queue.push({ due: block + delay, party, moves: sent });
      }
    const isCensored = left > 0 && block >= censorAt + delay;
    if (isCensored) left--;
    else
      while (queue[0] !== undefined && queue[0].due <= block) {
        const { party, moves } = queue.shift() as (typeof queue)[number];
        answer(party, moves);
      }
    for (const { edge } of board.rootsIn(top)) {
      const timer = edge === right ? 0n : fullTimer(board, edge);
      if (timer > worstWrong) worstWrong = timer;
    }
    if (conditions.isChecked) violations.push(...violationsOf(board, received));
    const back = conditions.reorgs?.get(block);
    const earlier = back === undefined ? undefined : states.at(-back);
    if (earlier !== undefined) {
      board.restore({ ...earlier.board, now: board.now });
      received = earlier.received;
    }
    if (conditions.reorgs !== undefined) states.push({ board: board.snapshot(), received });
    if (states.length > 8) states.shift();
    const { winner, context } = board.spot(top, right);
    if (context.settled && confirmedAfter === undefined) confirmedAfter = board.now - firstAt;
    if (winner !== NONE.edge && (winner !== right || isFree())) break;
  }
  const honestAccounts = parties.map(({ name }) => accountOf(name));
  const honestLost = [...board.tables.roots].filter(
    ([edge, { staker }]) => honestAccounts.includes(staker) && ![...board.tables.winners.values()].includes(edge),
  ).length;
  const { winner } = board.spot(top, right);
  return {
    board,
    period,
    right,
    confirmedAfter,
    winner,
    freeAfter: board.now - firstAt,
    worstWrong,
    honestLost,
    made,
    attacksTaken,
    refused,
    violations,
  };
};
