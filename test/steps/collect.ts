import { hashChainState, toHex } from "../../executor/index.ts";
import { PHASE, RESULT } from "../../executor/machine/state/state.ts";
import type { openTransaction } from "../../executor/machine/transaction.fixture.ts";
import type { WitnessSources } from "../../executor/machine/witness/step.ts";
import { witnessOf } from "../../executor/machine/witness/witness.ts";
import { verifierOf } from "./contracts.ts";
import type { Record } from "./verifier.ts";

type Machine = ReturnType<typeof openTransaction>;

/** A step that a contract has. `what`: its phase or opcode, and whether the frame halts. */
export type Taken = Record & { readonly what: string };

/** What tells steps of one phase apart: the kind of a copy or a hash, the precompile's address. */
const detailOf = ({ phase, registers, frame }: Machine["state"]): string => {
  if (phase === PHASE.bulk) return ` kind ${registers?.kind}`;
  return phase === PHASE.precompile && frame !== undefined ? ` ${toHex(frame.codeAddress).replace(/^0x0*/, "")}` : "";
};

const endOf = ({ ended }: Machine) => ended;

/** Takes a transaction to its end. Every step is counted in `counts`, and given with its evidence where a contract has it. */
export function* stepsOf(
  machine: Machine,
  counts: Map<string, number>,
  sources?: Partial<WitnessSources>,
): Generator<Taken> {
  while (endOf(machine) === undefined) {
    const { state, context } = machine;
    const { phase, frame, pc } = state;
    const code = phase === PHASE.op && frame !== undefined && frame.code.size > 0 ? frame.code.bytes : undefined;
    const opcode = code?.[pc] ?? 0;
    const verifier = verifierOf(phase, opcode);
    const evidence = verifier === undefined ? undefined : witnessOf(state, context, sources);
    const detail = detailOf(state);
    const pre = machine.hash().slice();
    machine.step();
    const ended = endOf(machine);
    const post = ended === undefined ? machine.hash().slice() : hashChainState(ended.chain);
    const kind = phase === PHASE.op ? `op ${opcode.toString(16).padStart(2, "0")}` : `phase ${phase}${detail}`;
    const what =
      ended === undefined && state.phase === PHASE.exit && state.result === RESULT.halt ? `${kind} halt` : kind;
    counts.set(what, (counts.get(what) ?? 0) + 1);
    if (verifier !== undefined && evidence !== undefined) yield { verifier, pre, post, evidence, what };
  }
}
