import {
  type ChallengerView,
  CodedError,
  type DisputedStep,
  type DisputeMove,
  type DisputeView,
  type DoubtfulClaim,
  type StateView,
} from "../../executor/index.ts";
import type { CommandConfig } from "../config/config.ts";
import { askNode } from "../node/rpc-client.ts";
import { columns } from "./columns.ts";

export type DisputeCommandErrorCode =
  /** Nothing is disputed at that claim, as far as the challenger knows. `assay dispute list` prints what is. */
  "DISPUTE_UNKNOWN";

const print = (text: string): void => void process.stdout.write(`${text}\n`);

const LEVELS: Readonly<Record<number, string>> = { 0: "chain", 1: "execution", 2: "inference" };
const levelName = (level: number): string => LEVELS[level] ?? "tensor";

/** Some claim is not known to be right, or nothing is known of all of them. */
const DOUBTFUL = 3;

/** A line of the list: a claim that is not judged right, or one that is shown because its game is not over. */
type Line = Pick<DoubtfulClaim, "id" | "parent" | "lack"> & {
  readonly verdict: DoubtfulClaim["verdict"] | "beaten";
  readonly dispute: DisputeView | undefined;
};

const linesOf = ({ doubtful }: ChallengerView, disputes: readonly DisputeView[]): readonly Line[] => {
  const on = new Map(disputes.map((dispute) => [dispute.parent, dispute] as const));
  const listed = new Set(doubtful.map(({ id }) => id));
  const beaten = disputes.flatMap(({ parent, rivals }) =>
    rivals.flatMap(({ id }) => (listed.has(id) ? [] : [{ id, parent, verdict: "beaten", lack: null } as const])),
  );
  return [...doubtful, ...beaten].map((claim) => ({ ...claim, dispute: on.get(claim.parent) }));
};

const clockOf = (id: string, { rivals, period }: DisputeView): string => {
  const rival = rivals.find((one) => one.id === id);
  return rival === undefined || rival.status !== "open" ? "" : `${rival.timer} of ${period}`;
};

const printList = (view: ChallengerView, disputes: readonly DisputeView[]): void => {
  const { claims, oldestUnjudgedSeconds, failures, heldBack, isRehearsal, plan, l1Block } = view;
  const lines = linesOf(view, disputes);
  const { right, wrong, unjudged } = claims;
  print(
    `L1 block ${l1Block}: of the claims that are not decided ${right} are right, ${wrong} wrong, ${unjudged} unjudged`,
  );
  if (unjudged > 0) print(`the oldest unjudged one is ${oldestUnjudgedSeconds} s old`);
  for (const { part, error } of failures) print(`the last look failed at ${part}: ${error}`);
  if (heldBack !== null) print(`moves are held back: ${heldBack}`);
  if (isRehearsal) print(`a rehearsal: nothing is sent; ${plan?.moves.length ?? 0} moves would have been last`);
  if (lines.length > 0)
    print(
      columns([
        ["claim", "on claim", "verdict", "state", "its clock", "moves", "what is missing"],
        ...lines.map(({ id, parent, verdict, lack, dispute }) => [
          id,
          parent,
          verdict,
          dispute?.state ?? "",
          dispute === undefined ? "" : clockOf(id, dispute),
          dispute === undefined ? "" : String(dispute.moves.length),
          dispute?.lack ?? lack ?? "",
        ]),
      ]),
    );
};

/**
 * `assay dispute list`: a line for every claim that is not judged right; exit code 3 when one of them is not decided, or
 * was confirmed, or when the node has not looked. The codes of `askNode`; DISPUTES_UNKNOWN: the node is no challenger.
 */
export const listDisputesCommand = async (config: CommandConfig<"dispute list">): Promise<number> => {
  const disputes = await askNode<readonly DisputeView[]>(config.nodeRpc, "rollup_disputes");
  const view = await askNode<ChallengerView | null>(config.nodeRpc, "rollup_challenger");
  if (config.json) print(JSON.stringify({ challenger: view, disputes }));
  else if (view === null) print("the challenger has not looked at the claims yet");
  else printList(view, disputes);
  const isSure = view !== null && view.doubtful.length === 0 && !view.failures.some(({ part }) => part === "claims");
  return isSure ? 0 : DOUBTFUL;
};

const find = async (rpc: string, id: string): Promise<DisputeView> => {
  const dispute = await askNode<DisputeView | null>(rpc, "rollup_dispute", id);
  if (dispute === null)
    throw new CodedError<DisputeCommandErrorCode>("DISPUTE_UNKNOWN", `nothing is disputed at claim ${id}`, { id });
  return dispute;
};

const placeOf = ({ level, height, position }: DisputeMove): string =>
  level === null ? "" : `${levelName(level)}, leaf ${position}, height ${height}`;

const heading = (dispute: DisputeView): string =>
  [
    ["on claim", dispute.parent],
    ["right claim", dispute.right ?? "not known here"],
    ["state", dispute.state],
    ["L1 block", String(dispute.l1Block)],
    ...(dispute.lack === null ? [] : [["missing", dispute.lack]]),
  ]
    .map(([name = "", value = ""]) => `${name.padEnd(14)}${value}`)
    .join("\n");

/** `assay dispute show ID`. DISPUTE_UNKNOWN, the codes of `askNode`. */
export const showDisputeCommand = async (config: CommandConfig<"dispute show">, id: string): Promise<number> => {
  const dispute = await find(config.nodeRpc, id);
  if (config.json) print(JSON.stringify(dispute));
  else {
    print(heading(dispute));
    print(
      columns([
        ["wrong claim", "by", "status", "clock"],
        ...dispute.rivals.map((rival) => [rival.id, rival.staker, rival.status, `${rival.timer} of ${dispute.period}`]),
      ]),
    );
    if (dispute.moves.length > 0)
      print(
        columns([["move", "rule", "place"], ...dispute.moves.map((move) => [move.call, move.rule, placeOf(move)])]),
      );
  }
  return 0;
};

/** Fields of a state but its kind, each on a line; the stack's words by their place from the top. */
const fieldsOf = (state: StateView | null): ReadonlyMap<string, string> => {
  if (state === null) return new Map();
  const { kind: _, ...fields } = state;
  return new Map(
    Object.entries(fields).flatMap(([name, value]): (readonly [string, string])[] =>
      Array.isArray(value)
        ? value.map((word: string, i) => [`stack[${i}]`, word.replace(/^0x0*(?=.)/, "0x")])
        : [[name, String(value)]],
    ),
  );
};

const stepTable = ({ before, after }: DisputedStep): string => {
  const [left, right] = [fieldsOf(before), fieldsOf(after)];
  const names = [...new Set([...left.keys(), ...right.keys()])];
  return columns([
    ["", "before", "after"],
    ...names.map((name) => [name, left.get(name) ?? "", right.get(name) ?? ""]),
  ]);
};

/** A disputed step in words: what it does to the state, and what each side says comes of it. */
export const stepText = (told: DisputedStep): string => {
  const { unit, step, name, computed, claimed, isProven, before } = told;
  return [
    `\nunit ${unit}, step ${step}: ${name}${isProven ? ", proven" : ""}`,
    ...(before === null ? [] : [stepTable(told)]),
    `the state after it, computed: ${computed}`,
    ...claimed.map((node) => `                   claimed:  ${node}`),
  ].join("\n");
};

/** `assay dispute explain ID`. DISPUTE_UNKNOWN, the codes of `askNode`. */
export const explainDisputeCommand = async (config: CommandConfig<"dispute explain">, id: string): Promise<number> => {
  const dispute = await find(config.nodeRpc, id);
  const steps = (await askNode<readonly DisputedStep[] | null>(config.nodeRpc, "rollup_disputedSteps", id)) ?? [];
  if (config.json) {
    const { moves, refusals, lack, state } = dispute;
    print(JSON.stringify({ state, lack, moves, refusals, steps }));
    return 0;
  }
  print(heading(dispute));
  if (dispute.moves.length === 0 && dispute.lack === null)
    print("no move: every own edge on the board is answered, or has no rival and gains time");
  for (const move of dispute.moves)
    print(`${move.call} at ${placeOf(move) || "the claim"}\n  ${move.says}\n  ${move.because}`);
  for (const { error, ...move } of dispute.refusals)
    print(`${move.call} at ${placeOf(move)} is not sent: L1 says ${error}`);
  for (const step of steps) print(stepText(step));
  return 0;
};
