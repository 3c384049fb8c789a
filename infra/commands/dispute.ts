import { CodedError, type DisputeMove, type DisputeView } from "../../executor/index.ts";
import type { CommandConfig } from "../config/config.ts";
import { askNode } from "../node/rpc-client.ts";
import { columns } from "./columns.ts";

export type DisputeCommandErrorCode =
  /** Nothing is disputed at that claim, as far as the challenger knows. `assay dispute list` prints what is. */
  "DISPUTE_UNKNOWN";

const print = (text: string): void => void process.stdout.write(`${text}\n`);

const LEVELS: Readonly<Record<number, string>> = { 0: "chain", 1: "execution", 2: "inference" };
const levelName = (level: number): string => LEVELS[level] ?? "tensor";

const clockOf = ({ rivals, period }: DisputeView): string => {
  const most = Math.max(0, ...rivals.filter(({ status }) => status === "open").map(({ timer }) => timer));
  return `${most} of ${period}`;
};

/** `assay dispute list`. The codes of `askNode`; DISPUTES_UNKNOWN: the node is no challenger. */
export const listDisputesCommand = async (config: CommandConfig<"dispute list">): Promise<number> => {
  const disputes = await askNode<readonly DisputeView[]>(config.nodeRpc, "rollup_disputes");
  if (config.json) print(JSON.stringify(disputes));
  else if (disputes.length === 0) print("no disputes: every claim is the right one");
  else
    print(
      columns([
        ["on claim", "state", "wrong claims", "their clock", "moves", "what is missing"],
        ...disputes.map((dispute) => [
          dispute.parent,
          dispute.state,
          String(dispute.rivals.length),
          clockOf(dispute),
          String(dispute.moves.length),
          dispute.lack ?? "",
        ]),
      ]),
    );
  return 0;
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

/** `assay dispute explain ID`. DISPUTE_UNKNOWN, the codes of `askNode`. */
export const explainDisputeCommand = async (config: CommandConfig<"dispute explain">, id: string): Promise<number> => {
  const dispute = await find(config.nodeRpc, id);
  if (config.json) {
    const { moves, refusals, lack, state } = dispute;
    print(JSON.stringify({ state, lack, moves, refusals }));
    return 0;
  }
  print(heading(dispute));
  if (dispute.moves.length === 0 && dispute.lack === null)
    print("no move: every own edge on the board is answered, or has no rival and gains time");
  for (const move of dispute.moves)
    print(`${move.call} at ${placeOf(move) || "the claim"}\n  ${move.says}\n  ${move.because}`);
  for (const { error, ...move } of dispute.refusals)
    print(`${move.call} at ${placeOf(move)} is not sent: L1 says ${error}`);
  return 0;
};
