import { encodeFunctionData, type Log, parseEventLogs } from "viem";
import { claimRegistry } from "../../bridge/index.ts";
import { concat, fromHex, type Hex, toHex, type Wei } from "../../executor/index.ts";
import type { Call, CallType, Shown } from "./calls.ts";
import { ctxId, edgeId } from "./ids.ts";
import type { Move } from "./solver.ts";

/** Moves as L1 takes them, and what L1 tells of them. */

const { abi } = claimRegistry;

/** What links an edge to what lies below it, as `update` takes it. */
const SHOWN: { readonly [Below in Shown["below"]]: (shown: Extract<Shown, { below: Below }>) => Hex } = {
  halves: ({ left, right }) => toHex(concat(fromHex(left), fromHex(right))),
  packed: ({ packed }) => packed,
  tensor: ({ root }) => root,
  level: ({ context, node }) => toHex(concat(fromHex(context), fromHex(node))),
};
const shownBytes = (shown: Shown): Hex => (SHOWN[shown.below] as (shown: Shown) => Hex)(shown);

type Of<Type extends CallType> = Extract<Call, { type: Type }>;
type Encoders = { readonly [Type in CallType]: (call: Of<Type>) => Hex };

const ENCODERS: Encoders = {
  propose: ({ parent, game, endState, node, path }) =>
    encodeFunctionData({ abi, functionName: "propose", args: [parent, game, endState, node, path] }),
  open: ({ ctx, node, left, right }) =>
    encodeFunctionData({ abi, functionName: "open", args: [ctx, node, left, right] }),
  openWord: ({ ctx, node, packed }) => encodeFunctionData({ abi, functionName: "openWord", args: [ctx, node, packed] }),
  refine: ({ ctx, node, witness, evidence, subNode, path }) =>
    encodeFunctionData({ abi, functionName: "refine", args: [ctx, node, witness, evidence, subNode, path] }),
  descend: ({ ctx, node, witness, evidence, tensorRoot }) =>
    encodeFunctionData({ abi, functionName: "descend", args: [ctx, node, witness, evidence, tensorRoot] }),
  prove: ({ ctx, node, operator, witness, evidence }) =>
    operator === undefined
      ? encodeFunctionData({ abi, functionName: "prove", args: [ctx, node, witness, evidence] })
      : encodeFunctionData({ abi, functionName: "proveElement", args: [ctx, node, operator, witness, evidence] }),
  update: ({ ctx, node, shown }) =>
    encodeFunctionData({ abi, functionName: "update", args: [ctx, node, shownBytes(shown)] }),
  // A claim is settled, and collected, by its id: that asks for its parent too.
  settle: ({ ctx, node }) =>
    ctx.level === 0
      ? encodeFunctionData({ abi, functionName: "settle", args: [edgeId(ctxId(ctx), node)] })
      : encodeFunctionData({ abi, functionName: "settle", args: [ctx, node] }),
  collect: ({ ctx, node }) =>
    ctx.level === 0
      ? encodeFunctionData({ abi, functionName: "collect", args: [edgeId(ctxId(ctx), node)] })
      : encodeFunctionData({ abi, functionName: "collect", args: [ctx, node] }),
  forfeit: ({ claim }) => encodeFunctionData({ abi, functionName: "forfeit", args: [claim] }),
};

export const encodeCall = (call: Call): Hex => (ENCODERS[call.type] as (call: Call) => Hex)(call);

type Stakes = readonly [Wei, Wei, Wei];

/** Wei that a call stakes: the root's of level 0, or of the level below a leaf. */
export const stakeOf = (call: Call, stakes: Stakes): Wei => {
  if (call.type === "propose") return stakes[0];
  return call.type === "refine" ? (stakes[call.ctx.level + 1] ?? 0n) : 0n;
};

/** One transaction of them all, in order, all or nothing. Stakes that turn out not to be needed are credited. */
export const multicallOf = (
  moves: readonly Pick<Move, "call">[],
  stakes: Stakes,
): { readonly data: Hex; readonly value: Wei } => ({
  data: encodeFunctionData({
    abi,
    functionName: "multicall",
    args: [moves.map(({ call }) => encodeCall(call))],
  }),
  value: moves.reduce((sum, { call }) => sum + stakeOf(call, stakes), 0n),
});

/** The contract's events in words. */
const SENTENCES = {
  ClaimsBegun: "the claim that all others stand on is there",
  ClaimProposed: "a claim was made",
  ClaimConfirmed: "a claim was confirmed",
  ClaimForfeited: "a claim on a lost one was forfeited",
  EdgeOpened: "a node was opened into its halves",
  LevelOpened: "a leaf was refined by a tree of the next level",
  TensorOpened: "an operator's leaf was descended into its tensor",
  EdgeProven: "a leaf was proven",
  TimerUpdated: "what an edge gained below was carried up",
  LevelSettled: "a root won its place",
  StakeLost: "the stake of a lost root was taken",
  Withdrawn: "an account was paid its credit",
} as const;

export type BoardEventName = keyof typeof SENTENCES;

export type NamedEvent = {
  readonly name: BoardEventName;
  readonly says: string;
  readonly args: Readonly<Record<string, unknown>>;
};

/** The board's events among logs, in order; other logs are left out. */
export const eventsOf = (logs: readonly Log[]): readonly NamedEvent[] =>
  parseEventLogs({ abi, logs: [...logs] }).map(({ eventName, args }) => ({
    name: eventName,
    says: SENTENCES[eventName],
    args: args as Readonly<Record<string, unknown>>,
  }));
