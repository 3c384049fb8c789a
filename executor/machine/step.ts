import type { Bytes } from "../foundation/bytes.ts";
import type { Ended, UnitContext } from "./context.ts";
import { runAccess, runAuthorize, runDecode } from "./decode.ts";
import { type Arrival, refuse } from "./derive.ts";
import { runDeposit, runEnter, runExit, runInitcode } from "./frames.ts";
import { runModel, runPrecompile } from "./native.ts";
import { runBulk } from "./operations/bulk.ts";
import { OPERATIONS } from "./operations/opcodes.ts";
import { forkOf, runOperation } from "./operations/operation.ts";
import { EMPTY_REFERENCE, expandTo, NO_WORDS, wordsOf } from "./state/memory.ts";
import { EMPTY_STACK } from "./state/stack.ts";
import {
  type MachineState,
  NO_LOGS,
  NO_SWEEP,
  PHASE,
  type Phase,
  REGISTERS,
  RESULT,
  registersOf,
} from "./state/state.ts";
import type { Tree } from "./state/tree.ts";
import type { World } from "./state/world.ts";
import { runLoad, runReceipt, runSweep, runTxend } from "./transaction.ts";

/** A step that does not end the unit, by phase. RECEIPT and a refusing DECODE end it. */
const STEPS: Readonly<Record<Exclude<Phase, 2 | 14>, (state: MachineState, context: UnitContext) => void>> = {
  [PHASE.load]: runLoad,
  [PHASE.access]: runAccess,
  [PHASE.authorize]: runAuthorize,
  [PHASE.initcode]: runInitcode,
  [PHASE.enter]: runEnter,
  [PHASE.op]: (state) => runOperation(state, OPERATIONS[forkOf(state)]),
  [PHASE.bulk]: runBulk,
  [PHASE.precompile]: runPrecompile,
  [PHASE.infer]: runModel,
  [PHASE.admit]: runModel,
  [PHASE.exit]: runExit,
  [PHASE.deposit]: runDeposit,
  [PHASE.txend]: runTxend,
  [PHASE.sweep]: runSweep,
};

/** A transaction's machine before its first phase. */
export const arrive = ({ envelope, inPieces }: Arrival, { tree, world, chainPre }: StartOf): MachineState => {
  const words = wordsOf(envelope);
  const { length } = envelope;
  return {
    phase: inPieces ? PHASE.load : PHASE.decode,
    result: RESULT.none,
    pc: 0,
    depth: 0,
    gas: 0,
    refund: 0,
    stack: EMPTY_STACK,
    memory: inPieces ? expandTo(NO_WORDS, words.count) : words,
    frame: undefined,
    stateRoot: tree,
    txStartRoot: undefined,
    txTree: undefined,
    logs: NO_LOGS,
    sweep: NO_SWEEP,
    returndata: EMPTY_REFERENCE,
    env: undefined,
    chainPre,
    registers: registersOf({
      kind: REGISTERS.load,
      source: EMPTY_REFERENCE,
      cursor: inPieces ? 0 : length,
      length,
    }),
    world,
  };
};
type StartOf = { readonly tree: Tree; readonly world: World; readonly chainPre: Bytes };

/** One step of a transaction; the unit's end, if it was the last. */
export const stepTransaction = (state: MachineState, context: UnitContext): Ended | undefined => {
  const { phase } = state;
  if (phase === PHASE.receipt) return runReceipt(state, context);
  if (phase === PHASE.decode) {
    const tree = state.stateRoot;
    if (runDecode(state, context)) return undefined;
    const { pre, after, delayed } = context;
    return { tree, chain: delayed === undefined ? refuse(pre, after, context) : { ...pre, position: after } };
  }
  STEPS[phase](state, context);
  return undefined;
};
