import type { ChallengerView, DisputeMove, DisputeView } from "../executor/index.ts";
import type { Challenger } from "./challenger.ts";
import type { Dispute } from "./dispute.ts";
import { sentenceOf } from "./game/rules.ts";
import type { Move } from "./game/solver.ts";

/** A challenger as the RPC gives it. */

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

/** Undefined before the first look. */
export const describeChallenger = (challenger: Challenger): ChallengerView | undefined => {
  const { findings, plan, spending, address, isRehearsal, l1Sources } = challenger;
  if (findings === undefined) return undefined;
  return {
    l1Block: Number(findings.l1Block),
    account: address,
    claims: findings.counts,
    oldestUnjudgedSeconds: Number(findings.oldestUnjudgedSeconds),
    doubtful: findings.doubts.map(({ id, parent, staker, l1Block, verdict, lack }) => ({
      ...{ id, parent, staker, verdict },
      l1Block: Number(l1Block),
      lack: lack ?? null,
    })),
    failures: findings.failures,
    heldBack: findings.heldBack ?? null,
    isRehearsal,
    plan:
      plan === undefined
        ? null
        : {
            moves: plan.moves.map(describeMove),
            value: String(plan.value),
            gas: Number(plan.gas),
            l1Block: Number(plan.l1Block),
          },
    spending: { spent: String(spending.spent), cap: spending.cap === undefined ? null : String(spending.cap) },
    l1Sources,
  };
};
