import { CodedError, type Hex } from "../../executor/index.ts";
import { gameOf, type Party } from "./arena.fixture.ts";
import { type Board, type BoardOptions, createBoard } from "./board.ts";
import type { Call } from "./calls.ts";
import { type Ctx, ctxId, edgeId, halfContexts, innerId, rootContext } from "./ids.ts";
import type { LeafRules } from "./leaf-rules.ts";
import { solve } from "./solver.ts";
import { type BoardView, cheapTimer, NO_CONTEXT, ownTime } from "./view.ts";

/** Boards with one rule wrong each, and who makes use of it. */

type Attack = (board: Board, party: Party) => readonly Call[];
type Bend = (board: Board, call: Call, from: Hex) => boolean;
type Bends = {
  readonly refused?: Bend;
  readonly instead?: (board: Board, call: Call) => boolean | undefined;
};
type Maker = (options: BoardOptions) => Board;

/** A board that goes on where the right one refuses. `instead`: before it is asked; undefined: the right rule is taken. */
const bent =
  ({ refused = () => false, instead = () => undefined }: Bends): Maker =>
  (options) => {
    const board = createBoard(options);
    const { send } = board;
    return Object.assign(board, {
      send({ from, value }: { from: Hex; value: bigint }, calls: readonly Call[]) {
        const [first, ...rest] = calls;
        const one = (call: Call, amount: bigint): ReturnType<Board["send"]> => {
          const isChanged = instead(board, call);
          if (isChanged !== undefined) return isChanged ? [{ event: "Bent", args: {} }] : [];
          try {
            return send({ from, value: amount }, [call]);
          } catch (error) {
            if (!(error instanceof CodedError) || !refused(board, call, from)) throw error;
            return [{ event: "Bent", args: {} }];
          }
        };
        return first === undefined ? [] : [...one(first, value), ...rest.flatMap((call) => one(call, 0n))];
      },
    });
  };

const idsOf = ({ ctx, node }: { readonly ctx: Ctx; readonly node: Hex }): readonly [Hex, Hex] => {
  const context = ctxId(ctx);
  return [context, edgeId(context, node)];
};

const creditTime = (board: Board, at: { readonly ctx: Ctx; readonly node: Hex }, below: bigint): boolean => {
  const [context, edge] = idsOf(at);
  const spot = board.spot(context, edge);
  const cached = ownTime(spot, board.now) + below;
  if (cached <= spot.edge.cached) return false;
  board.tables.edges.set(edge, { ...spot.edge, cached });
  return true;
};

/** Nobody asks whether an edge has a rival. */
export const opensUnrivalled: Maker = bent({
  refused(board, call) {
    if (!("ctx" in call) || call.type === "update" || call.type === "settle" || call.type === "collect") return false;
    const [context, edge] = idsOf(call);
    const before = board.tables.contexts.get(context);
    if (before === undefined || before.secondAt !== 0n || !board.tables.edges.has(edge)) return false;
    board.tables.contexts.set(context, { ...before, secondAt: board.now });
    try {
      board.send({ from: "0x", value: 0n }, [call]);
      return true;
    } catch {
      return false;
    } finally {
      board.tables.contexts.set(context, before);
    }
  },
});
/** Opens all that is its own, as if it had rivals. */
export const opensAll: Attack = (board, party) => {
  const view: BoardView = {
    ...board,
    now: board.now,
    spot(context, edge) {
      const spot = board.spot(context, edge);
      const isAlone = spot.context.firstAt !== 0n && spot.context.secondAt === 0n;
      return isAlone ? { ...spot, context: { ...spot.context, secondAt: board.now } } : spot;
    },
  };
  const unrivalled = ({ call }: { readonly call: Call }): boolean =>
    call.type === "open" && (board.tables.contexts.get(ctxId(call.ctx)) ?? NO_CONTEXT).secondAt === 0n;
  return solve(view, gameOf(party))
    .moves.filter(unrivalled)
    .map(({ call }) => call);
};

/** A level that does not end in its leaf is taken. */
export const endUnbound: Maker = bent({
  refused(board, call, from) {
    if (call.type !== "refine") return false;
    const { ctx, node, witness, subNode, path } = call;
    const [context, claimed] = idsOf({ ctx, node });
    if (board.spot(context, claimed).context.secondAt === 0n) return false;
    const [subContext, sub] = idsOf({
      ctx: rootContext(ctx.level + 1, context, path.length, witness.pre),
      node: subNode,
    });
    const { contexts, edges, roots, below, preimages } = board.tables;
    if (edges.has(sub)) return false;
    const place = rootContext(ctx.level + 1, context, path.length, witness.pre);
    const before = contexts.get(subContext) ?? NO_CONTEXT;
    const isFirst = before.firstAt === 0n;
    contexts.set(subContext, isFirst ? { ...before, firstAt: board.now } : { ...before, secondAt: board.now });
    edges.set(sub, { ...board.spot(subContext, sub).edge, exists: true, isFirst });
    roots.set(sub, { staker: from, stake: 0n, claimed });
    preimages.set(sub, { ctx: place, node: subNode });
    below.set(claimed, [...(below.get(claimed) ?? []), sub]);
    return true;
  },
});

/** The tree of any party that starts from the same state speaks for a leaf. */
export const linkedByOrigin: Maker = bent({
  refused(board, call) {
    if (call.type !== "update" || call.shown.below !== "level") return false;
    const { context, node } = call.shown;
    const sub = edgeId(context, node);
    const at = board.tables.preimages.get(sub);
    if (at?.ctx.origin !== ctxId(call.ctx)) return false;
    return creditTime(board, call, cheapTimer(board.spot(context, sub), board.now));
  },
});
/** Shows every tree below the place of its own leaf. */
export const showsOthers: Attack = (board, party) => {
  const mine = accountEdges(board, party);
  return mine.flatMap((edge) => {
    const at = board.tables.preimages.get(edge);
    if (at === undefined || at.ctx.height > 0) return [];
    const context = ctxId(at.ctx);
    return [...board.tables.preimages.values()]
      .filter(({ ctx }) => ctx.origin === context && ctx.position === 0n && ctx.level === at.ctx.level + 1)
      .filter((root) => board.tables.roots.get(idsOf(root)[1])?.claimed !== edge)
      .map(({ ctx, node }): Call => ({ type: "update", ...at, shown: { below: "level", context: ctxId(ctx), node } }));
  });
};

/** Of several trees below a leaf the worst counts. */
export const worstOfSubs: Maker = bent({
  instead(board, call) {
    if (call.type !== "update" || call.shown.below !== "level") return undefined;
    const subs = board.tables.below.get(idsOf(call)[1]) ?? [];
    const timers = subs.map((sub) => {
      const at = board.tables.preimages.get(sub);
      return at === undefined ? 0n : cheapTimer(board.spot(ctxId(at.ctx), sub), board.now);
    });
    return creditTime(
      board,
      call,
      timers.reduce((a, b) => (a < b ? a : b)),
    );
  },
});

/** A node may be hashed from its halves in either order. */
export const twoForms: Maker = bent({
  refused(board, call) {
    const { below } = board.tables;
    if (call.type === "open" && innerId(call.right, call.left) === call.node) {
      const [context, edge] = idsOf(call);
      if (board.spot(context, edge).context.secondAt === 0n || below.has(edge)) return false;
      below.set(edge, []);
      // The halves are a rival's: they are there when it is opened.
      return true;
    }
    if (call.type !== "update" || call.shown.below !== "halves") return false;
    const { left, right } = call.shown;
    if (innerId(right, left) !== call.node) return false;
    const timers = halfContexts(call.ctx, left).map((ctx, i) => {
      const [context, edge] = idsOf({ ctx, node: i === 0 ? left : right });
      return cheapTimer(board.spot(context, edge), board.now);
    });
    return creditTime(
      board,
      call,
      timers.reduce((a, b) => (a < b ? a : b)),
    );
  },
});
/** Opens its claim into the right halves, in the other order. */
export const swapsHalves: Attack = (_, party) => {
  const { origin, tree } = gameOf(party);
  const ctx = rootContext(0, origin, tree.height, tree.start);
  const node = tree.node(tree.height, 0) as Hex;
  const left = tree.node(tree.height - 1, 1) as Hex;
  const right = tree.node(tree.height - 1, 0) as Hex;
  return [
    { type: "open", ctx, node, left, right },
    { type: "update", ctx, node, shown: { below: "halves", left, right } },
  ];
};

/** Whoever proves a leaf may say what lies left of it. */
export const startUnbound: Maker = (options) =>
  bent({
    refused(board, call) {
      if (call.type !== "prove") return false;
      const [context, edge] = idsOf(call);
      const { context: record, edge: at } = board.spot(context, edge);
      if (!at.exists || at.proven || record.secondAt === 0n) return false;
      const { head, lefts, pre } = call.witness;
      try {
        const leaf = options.rules.leafOf(
          call.ctx,
          { origin: call.ctx.origin, start: head, lefts, pre },
          call.evidence,
        );
        if (leaf.kind !== "prove" || leaf.post !== call.node) return false;
      } catch {
        return false;
      }
      board.tables.edges.set(edge, { ...at, proven: true });
      return true;
    },
  })(options);

/** Rules that are another's. */
export const withRules =
  (change: (rules: LeafRules) => LeafRules): Maker =>
  (options) =>
    createBoard({ ...options, rules: change(options.rules) });

/** Own edges of a party that are on the board. */
const accountEdges = (board: Board, party: Party): readonly Hex[] => {
  const { tree } = gameOf(party);
  const leaves = new Set(Array.from({ length: 2 ** tree.height }, (_, i) => tree.node(0, i)));
  return [...board.tables.preimages]
    .filter(([, { ctx, node }]) => ctx.level === 0 && leaves.has(node))
    .map(([id]) => id);
};
