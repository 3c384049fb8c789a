import type { ClaimId, ContextId, EdgeId, Hex, Wei } from "../../executor/index.ts";
import { LEVEL } from "../trace/trace.ts";
import type { Call, CallType } from "./calls.ts";
import { createDraft, type Draft } from "./draft.ts";
import { createHand, type Hand } from "./hand.ts";
import { type Ctx, rootContext } from "./ids.ts";
import type { Need, OwnTree } from "./own-tree.ts";
import { LINKS, type Links, type OwnEdge, ownEdge, PLAYS, standsAt } from "./plays.ts";
import { type RuleName, ruleFor, type Stands } from "./rules.ts";
import { fullTimer, type Raised, type Standing, updatesTo } from "./timers.ts";
import { type BoardView, NO_ROOT, type Spot } from "./view.ts";

/** A call, by the rule that asks for it. */
export type Move = { readonly rule: RuleName; readonly call: Call };

/** What the client itself holds of the claims on one parent. */
export type OwnGame = {
  /** The claim that they stand on, which the client recomputed. */
  readonly parent: ClaimId;
  /** Hash of the game: origin of level 0. */
  readonly origin: ContextId;
  /** The right tree over the range's units. */
  readonly tree: OwnTree;
  /** Bytes of the chain state that ends the range. */
  readonly endState: Hex;
  /** Whether to claim even where nobody else has. */
  readonly isDue: boolean;
  /** Who moves, and whose stakes are defended. */
  readonly account: Hex;
  /** Whose stakes are defended as well. */
  readonly also?: readonly Hex[];
  /** Whether what is won is brought home whoever won it. */
  readonly isForAll?: boolean;
};

/** A leaf of level 1 that has a rival: the step on which two trees part. */
export type Parting = {
  /** Of the range. */
  readonly unit: number;
  /** Of the unit. */
  readonly step: number;
  /** Context of the root of the unit's tree. */
  readonly root: Ctx;
  readonly isProven: boolean;
};

export type Solution = {
  /** In an order in which each may be sent after those before it. */
  readonly moves: readonly Move[];
  /** What is not at hand: with it the same visit may find more moves. */
  readonly needs: readonly Need[];
  /** Own roots that lost: the client was late, or computed something else. */
  readonly lost: readonly EdgeId[];
  /** Wei of the account's roots that are not decided yet. */
  readonly staked: Wei;
  readonly partings: readonly Parting[];
  /** Whether a root for which something may have to be done later is not decided yet. */
  readonly isPending: boolean;
};

const isDefended = ({ account, also = [] }: OwnGame, staker: Hex): boolean =>
  staker === account || also.includes(staker);
const isServed = (game: OwnGame, staker: Hex): boolean => game.isForAll === true || isDefended(game, staker);

type Visit = {
  readonly board: BoardView;
  readonly game: OwnGame;
  readonly draft: Draft;
  readonly hand: Hand;
  readonly moves: Move[];
  readonly partings: Parting[];
  /** Of levels, lowest first. */
  readonly roots: Standing[];
};

/** Partings that are told of one game. */
const MOST_PARTINGS = 32;
const NOTHING: Links = { below: [] };

/** What is below an edge, when the places there are known too: the draft must know who is there before it adds anyone. */
const linksOf = ({ hand }: Visit, at: OwnEdge, stands: Stands | undefined): Links | undefined => {
  const links = stands && LINKS[stands](hand, at);
  return links?.below.every(({ context, edge }) => hand.spot(context, edge) !== undefined) ? links : undefined;
};

/** Applies an answer to the draft, so that the visit goes on below it. */
const apply = ({ draft, game }: Visit, at: OwnEdge, type: CallType, { below }: Links): void => {
  if (type === "prove") draft.change(at, { proven: true });
  for (const child of below) draft.add(child, type === "refine" ? game.account : undefined);
};

/** A step of the machine, where it has a rival, proven or not. */
const notePartings = (
  { partings }: Visit,
  { level: { above }, ctx }: OwnEdge,
  { isRivalled, isProven }: { readonly isRivalled: boolean; readonly isProven: boolean },
): void => {
  if (!isRivalled || above === undefined || ctx.level !== LEVEL.execution || ctx.height > 0) return;
  if (partings.length < MOST_PARTINGS)
    partings.push({ unit: above.leaf, step: Number(ctx.position), root: above.root, isProven });
};

/** Plays at an own edge, by one rule. Answers what to visit below. */
const play = (visit: Visit, at: OwnEdge, { context, edge }: Spot): Links => {
  const { hand, draft, moves } = visit;
  const isRivalled = context.secondAt !== 0n;
  notePartings(visit, at, { isRivalled, isProven: edge.proven });
  const looksBelow = edge.exists && isRivalled && !edge.proven;
  const stands = looksBelow ? standsAt(hand, at) : undefined;
  const links = linksOf(visit, at, stands);
  // Its opening puts both halves there: the right one nothing else does.
  const last = links?.below.at(-1);
  const below = last && draft.spot(last.context, last.edge);
  const rule = ruleFor({
    isThere: edge.exists,
    isRivalled,
    isProven: edge.proven,
    isAnswered: below?.edge.exists ?? false,
    isIdle: at.level.isIdle,
    stands: links && stands,
    isBelowSettled: below?.context.settled ?? false,
  });
  if (rule.answer === "nothing" || links === undefined) return NOTHING;
  if (rule.answer === "visit") return links;
  const call = PLAYS[rule.answer](hand, at, links);
  if (call === undefined) return NOTHING;
  moves.push({ rule: rule.name, call });
  apply(visit, at, call.type, links);
  return links;
};

/** Inside a decided level nothing is played; in those below it only where something of one's own is at stake. */
const enter = ({ draft, game }: Visit, at: OwnEdge): OwnEdge => {
  const spot = draft.spot(at.context, at.edge);
  if (at.level.operator !== undefined || at.ctx.height !== at.level.tree.height || spot === undefined) return at;
  const isIdle = spot.context.settled || (at.level.isIdle && spot.edge.exists && !isDefended(game, spot.root.staker));
  return { ...at, level: { ...at.level, isIdle } };
};

/** Plays at an own edge and below it; answers what stands there then, or undefined when nothing does. */
const visitEdge = (visit: Visit, from: OwnEdge): Standing | undefined => {
  const at = enter(visit, from);
  const before = visit.hand.spot(at.context, at.edge);
  if (!before?.edge.exists) return undefined;
  const { below, shown } = play(visit, at, before);
  const standing: Standing = {
    ...at,
    spot: visit.draft.spot(at.context, at.edge) ?? before,
    below: below.map((child) => visitEdge(visit, child)).filter((child) => child !== undefined),
    shown,
  };
  if (before.root.staker !== NO_ROOT.staker) visit.roots.push(standing);
  return standing;
};

/** Claims the right state where a rival is, or it is time to. */
const propose = (visit: Visit, root: OwnEdge): void => {
  const { board, game, hand, draft, moves } = visit;
  const at = hand.spot(root.context, root.edge);
  if (at === undefined || at.edge.exists || at.context.settled) return;
  if (!game.isDue && at.context.firstAt === 0n) return;
  const parent = hand.claim(game.parent);
  const path = hand.lastPath(game.tree);
  if (parent === undefined || path === undefined || board.now < parent.madeAt + board.spacing) return;
  if (parent.status !== "open" && parent.status !== "confirmed") return;
  const { parent: on, origin, endState, account } = game;
  moves.push({ rule: "propose", call: { type: "propose", parent: on, game: origin, endState, node: root.node, path } });
  draft.add(root, account);
};

/** Ends what is decided: settles roots whose time has come, and takes the stakes of those that lost. */
const finish = ({ board, game, hand, moves }: Visit, roots: readonly Standing[]): readonly EdgeId[] => {
  const raised: Raised = new Map();
  const { now, period } = board;
  const lost: EdgeId[] = [];
  for (const root of roots) {
    const { ctx, node, context, edge, spot } = root;
    const isOurs = isServed(game, spot.root.staker);
    if (!spot.context.settled) {
      const isClaim = ctx.level === 0;
      if ((!isOurs && !isClaim) || fullTimer(root, now) < period) continue;
      if (isClaim && hand.claim(game.parent)?.status !== "confirmed") continue;
      for (const call of updatesTo(root, period, { now, raised })) moves.push({ rule: "update", call });
      moves.push({ rule: "settle", call: { type: "settle", ctx, node } });
    } else if (spot.winner !== edge) lost.push(edge);
    else if (isOurs)
      for (const rival of hand.rootsIn(context, ctx.level === 0 ? game.parent : undefined))
        if (rival.edge !== edge && (hand.spot(context, rival.edge)?.root.stake ?? 0n) > 0n)
          moves.push({ rule: "collect", call: { type: "collect", ctx, node: rival.node } });
  }
  return lost;
};

/**
 * The honest client (the game's rules for it are `rules.ts`): what to send, from the board at L1's head and own trees
 * alone. It plays on edges of own trees only and needs no memory of its moves: called again it answers what is left.
 */
export const solve = (board: BoardView, game: OwnGame): Solution => {
  const draft = createDraft(board);
  const hand = createHand(board, draft);
  const visit: Visit = { board, game, draft, hand, moves: [], partings: [], roots: [] };
  const { tree, origin } = game;
  const node = hand.node(tree, tree.height, 0);
  if (node === undefined) return { moves: [], needs: hand.needs, lost: [], staked: 0n, partings: [], isPending: true };
  const root = ownEdge({ tree, isIdle: false }, rootContext(0, origin, tree.height, tree.start), node);
  propose(visit, root);
  visitEdge(visit, root);
  const lost = finish(visit, visit.roots);
  const open = visit.roots.filter(({ spot }) => spot.root.staker === game.account && !spot.context.settled);
  const staked = open.reduce((sum, { spot }) => sum + spot.root.stake, 0n);
  const isPending = visit.roots.some(({ spot }) => isServed(game, spot.root.staker) && !spot.context.settled);
  return { moves: visit.moves, needs: hand.needs, lost, staked, partings: visit.partings, isPending };
};
