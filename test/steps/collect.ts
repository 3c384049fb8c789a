import { type Bytes, concat, equalBytes, hashChainState, toHex } from "../../executor/index.ts";
import { FLAG, type MachineState, PHASE, RESULT } from "../../executor/machine/state/state.ts";
import type { openTransaction } from "../../executor/machine/transaction.fixture.ts";
import { partOf, STEP_PARTS } from "../../executor/machine/witness/parts.ts";
import type { WitnessSources } from "../../executor/machine/witness/step.ts";
import { witnessOf } from "../../executor/machine/witness/witness.ts";
import type { Record } from "./verifier.ts";

type Machine = ReturnType<typeof openTransaction>;

/**
 * A step that a contract has. `what`: its phase or opcode, and whether the frame halts. `forms`: evidence that has another form
 * than the step's, for a frame that halts where this does not and the reverse.
 */
export type Taken = Record & { readonly what: string; forms(): readonly Bytes[] };

const MORE_GAS = 10_000_000;
/** State, rest and frame. */
const HEAD_BYTES = 128 + 301 + 350;

/** What the step would read with no gas, with more, in a static frame and in none, behind the parts that it has. */
const formsOf = (machine: Machine, evidence: Bytes) => {
  const state: MachineState = { ...machine.state };
  const { context } = machine;
  const { frame, phase } = state;
  return (): readonly Bytes[] => {
    if (frame === undefined || (phase !== PHASE.op && phase !== PHASE.deposit)) return [];
    const others: readonly Partial<MachineState>[] = [
      { gas: 0 },
      { gas: state.gas + MORE_GAS },
      { frame: { ...frame, flags: frame.flags | FLAG.static } },
      { frame: { ...frame, flags: frame.flags & ~FLAG.static } },
    ];
    return others
      .map((other) => witnessOf({ ...state, ...other }, context))
      .filter((form) => form !== undefined)
      .map((form) => concat(evidence.subarray(0, HEAD_BYTES), form.subarray(HEAD_BYTES)))
      .filter((form) => !equalBytes(form, evidence));
  };
};

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
    const part = partOf(state);
    const evidence = part === undefined ? undefined : witnessOf(state, context, sources);
    const detail = detailOf(state);
    const pre = machine.hash().slice();
    const forms = evidence === undefined ? undefined : formsOf(machine, evidence);
    machine.step();
    const ended = endOf(machine);
    const post = ended === undefined ? machine.hash().slice() : hashChainState(ended.chain);
    const kind = phase === PHASE.op ? `op ${opcode.toString(16).padStart(2, "0")}` : `phase ${phase}${detail}`;
    const what =
      ended === undefined && state.phase === PHASE.exit && state.result === RESULT.halt ? `${kind} halt` : kind;
    counts.set(what, (counts.get(what) ?? 0) + 1);
    if (part === undefined || evidence === undefined || forms === undefined) continue;
    yield { verifier: STEP_PARTS.indexOf(part), pre, post, evidence, what, forms };
  }
}
