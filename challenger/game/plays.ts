import type { ContextId, EdgeId, NodeHash } from "../../executor/index.ts";
import type { Call, Edge, Shown } from "./calls.ts";
import type { Hand } from "./hand.ts";
import { type Ctx, ctxId, edgeId, halfContexts, halvesOf, NONE, rootContext, type Witness, wordHeight } from "./ids.ts";
import type { OwnTree } from "./own-tree.ts";
import type { Answer, Stands } from "./rules.ts";

/** In which own tree a visit stands. */
export type Level = {
  readonly tree: OwnTree;
  /** The level is decided, and nothing of one's own is at stake in it. */
  readonly isIdle: boolean;
  /** Below level 0: index of the leaf above, and context of the own tree's root. */
  readonly above?: { readonly leaf: number; readonly root: Ctx };
  /** Level 3: the operator's leaf above. */
  readonly operator?: { readonly ctx: Ctx; readonly witness: Witness };
};

/** An own edge, on the board or not. */
export type OwnEdge = Edge & { readonly level: Level; readonly context: ContextId; readonly edge: EdgeId };

/** What lies below an own edge, and how the contract is shown that it does. */
export type Links = { readonly below: readonly OwnEdge[]; readonly shown?: Shown };

export const ownEdge = (level: Level, ctx: Ctx, node: NodeHash): OwnEdge => {
  const context = ctxId(ctx);
  return { level, ctx, node, context, edge: edgeId(context, node) };
};

export const indexOf = ({ position, height }: Ctx): number => Number(position) / 2 ** height;
const leafOf = ({ position }: Ctx): number => Number(position);

export const standsAt = (hand: Hand, { level, ctx }: OwnEdge): Stands | undefined => {
  if (ctx.height > 0) return ctx.height <= wordHeight(ctx.level) ? "word" : "node";
  return level.operator === undefined ? hand.leafKind(level.tree, leafOf(ctx))?.kind : "prove";
};

const halves = ({ level, ctx }: OwnEdge, nodes: readonly [NodeHash, NodeHash], shown: Shown): Links => {
  const [left, right] = halfContexts(ctx, nodes[0]);
  return { below: [ownEdge(level, left, nodes[0]), ownEdge(level, right, nodes[1])], shown };
};

/** The tree below a leaf, whose root is the only edge there. */
const treeBelow = (hand: Hand, { level, ctx, context }: OwnEdge): OwnEdge | undefined => {
  const kind = hand.leafKind(level.tree, leafOf(ctx));
  const tree = hand.below(level.tree, leafOf(ctx));
  const root = tree && hand.node(tree, tree.height, 0);
  if (kind === undefined || kind.kind === "prove" || tree === undefined || root === undefined) return undefined;
  if (kind.kind === "refine") {
    const below = rootContext(kind.level, context, kind.height, tree.start);
    return ownEdge({ tree, isIdle: level.isIdle, above: { leaf: leafOf(ctx), root: below } }, below, root);
  }
  const witness = hand.witness(level.tree, ctx);
  const below = rootContext(kind.level, context, kind.height, NONE.state);
  return witness && ownEdge({ tree, isIdle: level.isIdle, operator: { ctx, witness } }, below, root);
};

/** What the own tree has below an edge; undefined while that is not at hand. */
export const LINKS: Record<Stands, (hand: Hand, at: OwnEdge) => Links | undefined> = {
  node(hand, at) {
    const { tree } = at.level;
    const left = hand.node(tree, at.ctx.height - 1, 2 * indexOf(at.ctx));
    const right = hand.node(tree, at.ctx.height - 1, 2 * indexOf(at.ctx) + 1);
    return left && right && halves(at, [left, right], { below: "halves", left, right });
  },
  word(hand, at) {
    const packed = hand.packed(at.level.tree, at.ctx.height, indexOf(at.ctx));
    return packed && halves(at, halvesOf(at.ctx.height, packed), { below: "packed", packed });
  },
  prove: () => ({ below: [] }),
  refine(hand, at) {
    const root = treeBelow(hand, at);
    return root && { below: [root], shown: { below: "level", context: root.context, node: root.node } };
  },
  descend(hand, at) {
    const root = treeBelow(hand, at);
    return root && { below: [root], shown: { below: "tensor", root: root.node } };
  },
};

type Play = (hand: Hand, at: OwnEdge, links: Links) => Call | undefined;

/** How each answer is put; undefined while something is not at hand. */
export const PLAYS: Record<Exclude<Answer, "nothing" | "visit">, Play> = {
  open: (_, { ctx, node }, { shown }) =>
    shown?.below === "halves" ? { type: "open", ctx, node, left: shown.left, right: shown.right } : undefined,
  openWord: (_, { ctx, node }, { shown }) =>
    shown?.below === "packed" ? { type: "openWord", ctx, node, packed: shown.packed } : undefined,
  prove(hand, { level, ctx, node }) {
    const { tree, operator } = level;
    const evidence = hand.evidence(tree, leafOf(ctx));
    const witness = operator?.witness ?? hand.witness(tree, ctx);
    if (evidence === undefined || witness === undefined) return undefined;
    return { type: "prove", ctx, node, witness, evidence, ...(operator && { operator: operator.ctx }) };
  },
  refine(hand, { level, ctx, node }, { below: [root] }) {
    const evidence = hand.evidence(level.tree, leafOf(ctx));
    const witness = hand.witness(level.tree, ctx);
    if (root === undefined) return undefined;
    const path = hand.lastPath(root.level.tree);
    if (evidence === undefined || witness === undefined || path === undefined) return undefined;
    return { type: "refine", ctx, node, witness, evidence, subNode: root.node, path };
  },
  descend(hand, { level, ctx, node }, { below: [root] }) {
    const evidence = hand.evidence(level.tree, leafOf(ctx));
    const witness = root?.level.operator?.witness;
    if (evidence === undefined || root === undefined || witness === undefined) return undefined;
    return { type: "descend", ctx, node, witness, evidence, tensorRoot: root.node };
  },
};
