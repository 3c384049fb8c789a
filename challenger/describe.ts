import type { DisputeMove, DisputeView } from "../executor/index.ts";
import type { Dispute } from "./challenger.ts";
import { sentenceOf } from "./game/rules.ts";
import type { Move } from "./game/solver.ts";

/** Disputes as the RPC gives them. */

const describeMove = ({ rule, call }: Move): DisputeMove => {
  const ctx = "ctx" in call ? call.ctx : undefined;
  const { says, because } = sentenceOf(rule);
  return {
    call: call.type,
    rule,
    says,
    because,
    level: ctx?.level ?? null,
    height: ctx?.height ?? null,
    position: ctx === undefined ? null : Number(ctx.position),
  };
};

export const describeDispute = ({
  parent,
  right,
  rivals,
  state,
  moves,
  refusals,
  lack,
  period,
  l1Block,
}: Dispute): DisputeView => ({
  parent,
  right: right ?? null,
  rivals: rivals.map(({ id, staker, status, timer }) => ({ id, staker, status, timer: Number(timer) })),
  state,
  lack: lack ?? null,
  moves: moves.map(describeMove),
  refusals: refusals.map(({ move, error }) => ({ ...describeMove(move), error })),
  period: Number(period),
  l1Block: Number(l1Block),
});
