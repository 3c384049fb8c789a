import { hashChainState } from "../../executor/index.ts";
import type { openTransaction } from "../../executor/machine/transaction.fixture.ts";
import { partOf, STEP_PARTS } from "../../executor/machine/witness/parts.ts";
import { witnessOf } from "../../executor/machine/witness/witness.ts";
import type { Record } from "./verifier.ts";

type Machine = ReturnType<typeof openTransaction>;

/** A step that a contract has. `what`: its phase or opcode, and whether the frame halts. */
export type Taken = Record & { readonly what: string };

const OP = 6;
const EXIT = 10;
const HALT = 3;

const endOf = ({ ended }: Machine) => ended;

/** Takes a transaction to its end. Every step is counted in `counts`, and given with its evidence where a contract has it. */
export function* stepsOf(machine: Machine, counts: Map<string, number>): Generator<Taken> {
  while (endOf(machine) === undefined) {
    const { state, context } = machine;
    const { phase, frame, pc } = state;
    const code = phase === OP && frame !== undefined && frame.code.size > 0 ? frame.code.bytes : undefined;
    const opcode = code?.[pc] ?? 0;
    const part = partOf(state);
    const evidence = part === undefined ? undefined : witnessOf(state, context);
    const pre = machine.hash().slice();
    machine.step();
    const ended = endOf(machine);
    const post = ended === undefined ? machine.hash().slice() : hashChainState(ended.chain);
    const kind = phase === OP ? `op ${opcode.toString(16).padStart(2, "0")}` : `phase ${phase}`;
    const what = ended === undefined && state.phase === EXIT && state.result === HALT ? `${kind} halt` : kind;
    counts.set(what, (counts.get(what) ?? 0) + 1);
    if (part !== undefined && evidence !== undefined)
      yield { verifier: STEP_PARTS.indexOf(part), pre, post, evidence, what };
  }
}
