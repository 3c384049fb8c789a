import { gameHash } from "../../bridge/index.ts";
import {
  type ClaimId,
  type ContextId,
  type EdgeId,
  fromHex,
  type Hex,
  keccak256,
  type L1BlockNumber,
  type NodeHash,
  type RecordIndex,
  type StateHash,
  toClaim,
  toEdge,
  toFirstClaim,
  toHex,
  toLeaf,
  type Wei,
} from "../../executor/index.ts";
import { refuse } from "./board-errors.ts";
import type { Call, CallType, Edge } from "./calls.ts";
import {
  type Ctx,
  ctxId,
  edgeId,
  halfContexts,
  halvesOf,
  innerId,
  isTensorLevel,
  NONE,
  operatorId,
  packedId,
  rootContext,
  type Witness,
  wordHeight,
  ZERO_ID,
} from "./ids.ts";
import type { Leaf, LeafRules } from "./leaf-rules.ts";
import { createLedger, type Tables } from "./ledger.ts";
import { hashUp, pastOf } from "./past.ts";
import {
  type BoardView,
  type ClaimRecord,
  cheapTimer,
  INFINITE,
  NO_CLAIM,
  NO_CONTEXT,
  NO_EDGE,
  NO_ROOT,
  ownTime,
  type RivalRoot,
  type Spot,
  saturatedSum,
} from "./view.ts";

export type BoardOptions = {
  readonly l1ChainId: bigint;
  readonly registry: Hex;
  /** Hash of the chain state of the first claim, which is confirmed from the start. */
  readonly genesis: StateHash;
  /** L1 block in which that was made. */
  readonly genesisAt: L1BlockNumber;
  /** Height of the tree of level 0. */
  readonly height: number;
  readonly period: bigint;
  readonly spacing: bigint;
  /** Of levels 0, 1 and 2, in wei. */
  readonly stakes: readonly [Wei, Wei, Wei];
  /** What a lost stake pays to the winner, per level; the rest is burned. */
  readonly tariffs: readonly [Wei, Wei, Wei];
  readonly rules: LeafRules;
  readonly isChainState: (bytes: Hex) => boolean;
  /** Inbox records that claims on a claim that is made now must derive, from those that it derived itself. */
  readonly furthest: (limitBatch: RecordIndex) => RecordIndex;
  /** Of so many inbox records. */
  readonly lineageAt: (count: RecordIndex) => Hex;
};

export type BoardEvent = { readonly event: string; readonly args: Readonly<Record<string, Hex | bigint | number>> };
export type Sender = { readonly from: Hex; readonly value: Wei };

/** Twin of the contract, in memory: the same ids, requirements, no-ops and events. Time is what the caller says. */
export type Board = Omit<BoardView, "now" | "spot" | "claim" | "rootsIn"> & {
  now: L1BlockNumber;
  spot(context: ContextId, edge: EdgeId): Spot;
  claim(id: ClaimId): ClaimRecord;
  rootsIn(context: ContextId): readonly RivalRoot[];
  /** A multicall: in order, all or nothing. The value is the sender's credit, and stakes are taken from that. */
  send(sender: Sender, calls: readonly Call[]): readonly BoardEvent[];
  readonly tables: Tables;
  snapshot(): { readonly now: L1BlockNumber; readonly tables: Tables };
  restore(snapshot: { readonly now: L1BlockNumber; readonly tables: Tables }): void;
};

type Of<Type extends CallType> = Extract<Call, { type: Type }>;
type Handlers = { readonly [Type in CallType]: (call: Of<Type>) => void };

/** Whether nodes of this place are hashes of packed elements: a word, or a part of one. */
const isPacked = ({ level, height }: Ctx): boolean => height <= wordHeight(level);

const isWhole = ({ ctx, node }: Edge, packed: Hex): boolean =>
  (packed.length - 2) / 2 === 32 >> (wordHeight(ctx.level) - ctx.height) &&
  packedId(ctx.level, ctx.height, packed) === node;

export const createBoard = (options: BoardOptions): Board => {
  const { rules, period, spacing, stakes, tariffs } = options;
  const { tables, set, begin, undo, snapshot, restore } = createLedger();
  const { contexts, edges, roots, winners, claims, credits, sums, preimages, below, tensors, rootsIn } = tables;
  let events: BoardEvent[] = [];
  let sender: Hex = ZERO_ID;
  claims.set(toFirstClaim(options.genesis), {
    ...NO_CLAIM,
    status: "confirmed",
    endState: options.genesis,
    madeAt: options.genesisAt,
  });

  const emit = (event: string, args: BoardEvent["args"]): void => void events.push({ event, args });
  const contextOf = (id: ContextId) => contexts.get(id) ?? NO_CONTEXT;
  const edgeOf = (id: EdgeId) => edges.get(id) ?? NO_EDGE;
  const rootOf = (id: EdgeId) => roots.get(id) ?? NO_ROOT;
  const claimOf = (id: ClaimId) => claims.get(id) ?? NO_CLAIM;
  const creditOf = (account: Hex) => credits.get(account) ?? 0n;
  const credit = (account: Hex, amount: Wei) => set(credits, account, creditOf(account) + amount);
  const grow = (sum: "burned" | "held", amount: Wei) => set(sums, sum, (sums.get(sum) ?? 0n) + amount);
  const spot = (context: ContextId, edge: EdgeId): Spot => ({
    context: contextOf(context),
    winner: winners.get(context) ?? NONE.edge,
    edge: edgeOf(edge),
    root: rootOf(edge),
  });
  const timer = (context: ContextId, edge: EdgeId): bigint => cheapTimer(spot(context, edge), board.now);

  /** Ids of an edge that a caller shows. */
  const idsOf = ({ ctx, node }: Edge): readonly [context: ContextId, edge: EdgeId] => {
    const context = ctxId(ctx);
    return [context, edgeId(context, node)];
  };

  /** Third and later rivals change nothing. */
  const add = (ctx: Ctx, node: NodeHash): EdgeId => {
    const [context, edge] = idsOf({ ctx, node });
    if (edgeOf(edge).exists) return edge;
    const record = contextOf(context);
    const isFirst = record.firstAt === 0n;
    if (isFirst) set(contexts, context, { ...record, firstAt: board.now });
    else if (record.secondAt === 0n) set(contexts, context, { ...record, secondAt: board.now });
    set(edges, edge, { ...NO_EDGE, exists: true, isFirst });
    set(preimages, edge, { ctx, node });
    return edge;
  };

  const addBelow = (edge: EdgeId, children: readonly EdgeId[]): void =>
    set(below, edge, [...(below.get(edge) ?? []), ...children]);

  /** INVARIANT: only an edge with a rival is played on, so that no block counts at two levels. */
  const playable = (edge: Edge): readonly [context: ContextId, edge: EdgeId] => {
    const ids = idsOf(edge);
    const { context, edge: record } = spot(...ids);
    if (!record.exists || context.secondAt === 0n) refuse("NotRivalled");
    return ids;
  };

  /** A root at the sender's stake, unless it is there or its context is settled. */
  const addRoot = (ctx: Ctx, node: NodeHash, claimed: EdgeId): { readonly edge: EdgeId; readonly isNew: boolean } => {
    const [context, edge] = idsOf({ ctx, node });
    if (edgeOf(edge).exists || contextOf(context).settled) return { edge, isNew: false };
    const stake = stakes[ctx.level] as bigint;
    if (creditOf(sender) < stake) refuse("BadStake");
    credit(sender, -stake);
    grow("held", stake);
    set(roots, edge, { staker: sender, stake, claimed });
    set(rootsIn, context, [...(rootsIn.get(context) ?? []), { edge, node }]);
    add(ctx, node);
    return { edge, isNew: true };
  };

  const release = (edge: EdgeId): Wei => {
    const root = rootOf(edge);
    grow("held", -root.stake);
    set(roots, edge, { ...root, stake: 0n });
    return root.stake;
  };

  const openInto = (edge: Edge, left: NodeHash, right: NodeHash): void => {
    const [, id] = idsOf(edge);
    if (below.has(id)) return;
    const [atLeft, atRight] = halfContexts(edge.ctx, left);
    const children = [add(atLeft, left), add(atRight, right)] as const;
    addBelow(id, children);
    emit("EdgeOpened", { edge: id, left, right });
  };

  const leafAt = ({ ctx }: Edge, witness: Witness, evidence: Hex): Leaf => {
    if (ctx.level > 2 || ctx.height !== 0) refuse("WrongKind");
    return rules.leafOf(ctx, pastOf(ctx, witness), evidence);
  };

  const postAt = (call: Of<"prove">): NodeHash => {
    const { ctx, operator, witness, evidence } = call;
    if (operator !== undefined) {
      if (!isTensorLevel(ctx.level) || ctx.height !== 0) refuse("WrongKind");
      // INVARIANT: the witness is of the operator whose tensor this is; only its leaf makes contexts of this origin.
      if (ctxId(operator) !== ctx.origin) refuse("BadWitness");
      const at = { k: wordHeight(ctx.level), position: ctx.position, operator: operator.position };
      return rules.elementOf(at, pastOf(operator, witness), evidence);
    }
    const leaf = leafAt(call, witness, evidence);
    return leaf.kind === "prove" ? toLeaf(leaf.post) : refuse("WrongKind");
  };

  const gameOn = (parent: ClaimId): ContextId => {
    const { l1ChainId, registry, lineageAt } = options;
    const { limitBatch } = claimOf(parent);
    return toHex(gameHash({ l1ChainId, registry, parent, limitBatch, lineage: lineageAt(limitBatch) }));
  };
  const contextOn = (parent: ClaimId): Ctx => rootContext(0, gameOn(parent), options.height, claimOf(parent).endState);
  const isAlive = (id: ClaimId): boolean => {
    const { status, parent } = claimOf(id);
    return status === "confirmed" || (status === "open" && !contextOf(ctxId(contextOn(parent))).settled);
  };

  /** Timer of the half that lags. */
  const slowerOf = (ctx: Ctx, left: NodeHash, right: NodeHash): bigint => {
    const [atLeft, atRight] = halfContexts(ctx, left);
    const timers = [
      timer(...idsOf({ ctx: atLeft, node: left })),
      timer(...idsOf({ ctx: atRight, node: right })),
    ] as const;
    return timers[0] < timers[1] ? timers[0] : timers[1];
  };

  /** What is shown below an edge, as far as it was updated. */
  const belowOf = ({ ctx, node, shown }: Of<"update">, context: ContextId, id: EdgeId): bigint => {
    const isNode = ctx.height > 0 && !isPacked(ctx);
    const isOpened = below.has(id);
    const tensor = tensors.get(id);
    if (shown.below === "halves" && isNode && isOpened && innerId(shown.left, shown.right) === node)
      return slowerOf(ctx, shown.left, shown.right);
    if (shown.below === "packed" && ctx.height > 0 && isPacked(ctx) && isOpened && isWhole({ ctx, node }, shown.packed))
      return slowerOf(ctx, ...halvesOf(ctx.height, shown.packed));
    if (shown.below === "tensor" && tensor !== undefined && operatorId(ctx.position, shown.root) === node)
      return timer(...idsOf({ ctx: rootContext(tensor.level, context, tensor.height, NONE.state), node: shown.root }));
    // INVARIANT: a tree speaks for the leaf that it ends in, never for a rival of that.
    if (shown.below === "level" && ctx.height === 0) {
      const sub = edgeId(shown.context, shown.node);
      if (rootOf(sub).claimed === id) return timer(shown.context, sub);
    }
    return refuse("NotLinked");
  };

  const handlers: Handlers = {
    propose({ parent, game, endState, node, path }) {
      const claim = claimOf(parent);
      // INVARIANT: no claim stands on one that is known to be wrong.
      if (!isAlive(parent)) refuse("UnknownParent");
      // INVARIANT: nobody stands for another range, or another history of the inbox, than what was computed.
      if (game !== gameOn(parent)) refuse("WrongGame");
      const end = toHex(keccak256(fromHex(endState))) as StateHash;
      if (!options.isChainState(endState) || path.length !== options.height || hashUp(toLeaf(end), path) !== node)
        refuse("BadEnd");
      if (board.now < claim.madeAt + spacing) refuse("TooEarly");
      const { edge, isNew } = addRoot(contextOn(parent), node, NONE.edge);
      if (!isNew) return;
      const id = toClaim(edge);
      const limit = options.furthest(claim.limitBatch);
      set(claims, id, { status: "open", parent, endState: end, madeAt: board.now, limitBatch: limit });
      emit("ClaimProposed", { id, parent, node, endState, limitBatch: limit, staker: sender });
    },
    open(call) {
      const { ctx, node, left, right } = call;
      // INVARIANT: level and height alone say which preimage a node has.
      if (ctx.height === 0 || isPacked(ctx)) refuse("IsLeaf");
      playable(call);
      if (innerId(left, right) !== node) refuse("BadPreimage");
      openInto(call, left, right);
    },
    openWord(call) {
      const { ctx, packed } = call;
      if (ctx.height === 0 || !isPacked(ctx)) refuse("IsLeaf");
      playable(call);
      if (!isWhole(call, packed)) refuse("BadPreimage");
      openInto(call, ...halvesOf(ctx.height, packed));
    },
    refine(call) {
      const { node, witness, evidence, subNode, path } = call;
      const [context, id] = playable(call);
      const leaf = leafAt(call, witness, evidence);
      if (leaf.kind !== "refine") return refuse("WrongKind");
      // INVARIANT: the tree below ends where the leaf ends, at its full height.
      if (path.length !== leaf.height || hashUp(node, path) !== subNode) refuse("BadEnd");
      // INVARIANT: and it begins with the state before the leaf.
      const sub = rootContext(leaf.level, context, leaf.height, witness.pre);
      const { edge, isNew } = addRoot(sub, subNode, id);
      if (!isNew) return;
      addBelow(id, [edge]);
      const { level, height } = leaf;
      emit("LevelOpened", { sub: edge, edge: id, ctx: ctxId(sub), node: subNode, level, height, staker: sender });
    },
    descend(call) {
      const { ctx, node, witness, evidence, tensorRoot } = call;
      const [context, id] = playable(call);
      const leaf = leafAt(call, witness, evidence);
      if (leaf.kind !== "descend") return refuse("WrongKind");
      if (operatorId(ctx.position, tensorRoot) !== node) refuse("BadPreimage");
      if (tensors.has(id)) return;
      set(tensors, id, { level: leaf.level, height: leaf.height });
      const child = add(rootContext(leaf.level, context, leaf.height, NONE.state), tensorRoot);
      addBelow(id, [child]);
      emit("TensorOpened", { edge: id, child });
    },
    prove(call) {
      const [, id] = playable(call);
      if (postAt(call) !== call.node) refuse("WrongPost");
      if (edgeOf(id).proven) return;
      set(edges, id, { ...edgeOf(id), proven: true });
      emit("EdgeProven", { edge: id });
    },
    update(call) {
      const [context, id] = idsOf(call);
      const at = spot(context, id);
      if (!at.edge.exists) refuse("UnknownEdge");
      const sum = saturatedSum(ownTime(at, board.now), belowOf(call, context, id));
      if (sum <= at.edge.cached) return;
      set(edges, id, { ...at.edge, cached: sum });
      emit("TimerUpdated", { edge: id, cached: sum });
    },
    settle(call) {
      const [context, id] = idsOf(call);
      const { staker } = rootOf(id);
      if (staker === NO_ROOT.staker) refuse("NotRoot");
      if (timer(context, id) < period) refuse("TooEarly");
      const isClaim = call.ctx.level === 0;
      const claim = claimOf(toClaim(id));
      // INVARIANT: a confirmed claim stands on confirmed claims down to genesis.
      if (isClaim && claimOf(claim.parent).status !== "confirmed") refuse("ParentOpen");
      if (contextOf(context).settled) return;
      set(contexts, context, { ...contextOf(context), settled: true });
      set(winners, context, id);
      credit(staker, release(id));
      emit("LevelSettled", { ctx: context, edge: id });
      if (!isClaim) return;
      set(claims, toClaim(id), { ...claim, status: "confirmed" });
      emit("ClaimConfirmed", { id });
    },
    collect(call) {
      const [context, id] = idsOf(call);
      const winner = winners.get(context);
      if (rootOf(id).staker === NO_ROOT.staker || winner === undefined || winner === id) return refuse("NotLoser");
      if (rootOf(id).stake === 0n) return;
      const tariff = tariffs[call.ctx.level] as bigint;
      const burned = release(id) - tariff;
      credit(rootOf(winner).staker, tariff);
      grow("burned", burned);
      emit("StakeLost", { edge: id, tariff, burned });
    },
    forfeit({ claim: id }) {
      const claim = claimOf(id);
      if (rootOf(toEdge(id)).staker === NO_ROOT.staker || claim.status === "none") refuse("NotRoot");
      if (claimOf(claim.parent).status === "none" || isAlive(claim.parent)) refuse("ParentAlive");
      if (claim.status === "forfeited") return;
      grow("burned", release(toEdge(id)));
      set(claims, id, { ...claim, status: "forfeited" });
      emit("ClaimForfeited", { id });
    },
  };

  const board: Board = {
    now: 1n,
    period,
    spacing,
    tables,
    spot,
    claim: claimOf,
    rootsIn: (context) => rootsIn.get(context) ?? [],
    send({ from, value }, calls) {
      begin();
      [sender, events] = [from, []];
      if (value > 0n) credit(from, value);
      try {
        for (const call of calls) (handlers[call.type] as (call: Call) => void)(call);
      } catch (error) {
        undo();
        throw error;
      }
      return events;
    },
    snapshot: () => ({ now: board.now, tables: snapshot() }),
    restore(from) {
      board.now = from.now;
      restore(from.tables);
    },
  };
  return board;
};

/** Recursive timer: what updates of everything below would make of an edge. Of the levels that refine a leaf the best. */
export const fullTimer = (board: Board, edge: EdgeId): bigint => {
  const { preimages, below } = board.tables;
  const at = preimages.get(edge);
  if (at === undefined) return 0n;
  const spot = board.spot(ctxId(at.ctx), edge);
  if (spot.edge.proven) return INFINITE;
  const timers = (below.get(edge) ?? []).map((child) => fullTimer(board, child));
  const worst = timers.length > 0 && at.ctx.height > 0;
  const sum = timers.reduce((a, b) => (a < b === worst ? a : b), timers[0] ?? 0n);
  const own = saturatedSum(ownTime(spot, board.now), sum);
  return own > spot.edge.cached ? own : spot.edge.cached;
};
