import { type Bytes, type Hex, toHex } from "../foundation/bytes.ts";
import { batchItemAt, isBlockHeader } from "../protocol/batch.ts";
import type { ChainState } from "../protocol/chain-state.ts";
import { ADDRESS, type ChainParameters } from "../protocol/parameters.ts";
import { unitAt } from "../protocol/unit.ts";
import type { BatchRecord } from "./context.ts";
import { immediateAt, mnemonicAt } from "./operations/mnemonics.ts";
import { operands } from "./state/stack.ts";
import { type MachineState, PHASE, type Phase, RESULT, type Result } from "./state/state.ts";
import { wordOf } from "./state/word.ts";

/** Steps and states as people read them. Nothing here is consensus. */

/** A machine inside a transaction. Gas is what its frame has left. */
export type MachineView = {
  readonly kind: "machine";
  /** Of the machine; what a frame that is ending ended with. */
  readonly phase: keyof typeof PHASE;
  readonly result: keyof typeof RESULT;
  readonly pc: number;
  readonly depth: number;
  readonly gas: number;
  /** Words on the stack, and the topmost of them, the top first. */
  readonly words: number;
  readonly stack: readonly Hex[];
};

/** The chain between two units. */
export type ChainView = {
  readonly kind: "chain";
  readonly phase: ChainState["phase"];
  readonly number: number;
  readonly batch: number;
  readonly cursor: number;
  readonly delayed: number;
  readonly gasUsed: number;
  readonly budget: number;
  readonly stateRoot: Hex;
};

export type StateView = MachineView | ChainView;

/** One step: what it does, and the states around it. */
export type StepView = {
  /**
   * An instruction's mnemonic, with what a PUSH pushes; a phase; for a unit's first step what derivation does: `begin` or
   * `end` of a block (`end-spent`: because the budget is used up), `message` or `envelope` arrives, `refuse` one that is
   * too long, `skip` to the batch's end (`skip-unpaid`: because the budget has no price of a block), `next` batch.
   */
  readonly name: string;
  readonly before: StateView;
  readonly after: StateView;
};

const SHOWN_WORDS = 16;

const nameIn = <Name extends string>(table: Readonly<Record<Name, number>>, value: number): Name =>
  (Object.keys(table) as Name[]).find((name) => table[name] === value) as Name;

const phaseName = (phase: Phase) => nameIn<keyof typeof PHASE>(PHASE, phase);
const resultName = (result: Result) => nameIn<keyof typeof RESULT>(RESULT, result);

export const viewOfMachine = ({ phase, result, pc, depth, gas, stack }: Readonly<MachineState>): MachineView => ({
  kind: "machine",
  phase: phaseName(phase),
  result: resultName(result),
  ...{ pc, depth, gas },
  words: stack.size,
  stack: operands(stack, Math.min(stack.size, SHOWN_WORDS)).map((word) => toHex(wordOf(word))),
});

export const viewOfChain = ({ phase, number, position, gasUsed, budget, stateRoot }: ChainState): ChainView => ({
  kind: "chain",
  phase,
  number: Number(number),
  batch: Number(position.batch),
  cursor: position.cursor,
  delayed: Number(position.delayed),
  gasUsed: Number(gasUsed),
  budget: Number(budget),
  stateRoot: toHex(stateRoot),
});

const OWN_PRECOMPILES: ReadonlyMap<string, string> = new Map([
  [ADDRESS.infer, "infer"],
  [ADDRESS.admit, "admit"],
]);

const precompileAt = (address: Bytes): string => {
  const hex = toHex(address);
  return OWN_PRECOMPILES.get(hex) ?? `0x${hex.replace(/^0x0*/, "").padStart(2, "0")}`;
};

/** A step inside a transaction, as `StepView` names it. PRECOMPILE says which. */
export const nameOfStep = ({ phase, frame, pc }: Readonly<MachineState>): string => {
  if (phase === PHASE.precompile && frame !== undefined) return `precompile ${precompileAt(frame.codeAddress)}`;
  if (phase !== PHASE.op || frame === undefined) return phaseName(phase);
  const { code } = frame;
  if (pc >= code.size) return "stop";
  const immediate = immediateAt(code.bytes, pc);
  return `${mnemonicAt(code.bytes, pc)}${immediate === undefined ? "" : ` ${immediate}`}`;
};

/** A unit's first step, as `StepView` names it. */
export const nameOfUnit = (chain: ChainState, record: BatchRecord, parameters: ChainParameters): string => {
  const unit = unitAt(chain, record, parameters);
  const item = batchItemAt(record.data, chain.position.cursor);
  const isHeader = item !== undefined && isBlockHeader(item.body);
  switch (unit.kind) {
    case "end":
      return item !== undefined && !isHeader ? "end-spent" : "end";
    case "skip":
      return unit.after.batch > chain.position.batch ? "next" : isHeader ? "skip-unpaid" : "skip";
    case "envelope":
      return unit.envelope === undefined ? "refuse" : "envelope";
    default:
      return unit.kind;
  }
};
