import { CALL_KINDS, type CallKind, delegateFor, MAX_DEPTH } from "../operations/calls.ts";
import { forkOf, frameOf, isStatic } from "../operations/operation.ts";
import { windowOf } from "../state/memory.ts";
import { operands } from "../state/stack.ts";
import type { MachineState } from "../state/state.ts";
import { addressIn } from "../state/word.ts";
import { warmAddress } from "../state/world.ts";
import { openAccess, openMark } from "./access.ts";
import { openAccount } from "./accounts.ts";
import type { Evidence, Step } from "./step.ts";

type Open = (step: Step) => Evidence;

/** The running frame's own account. */
const openSelf = (state: MachineState): Evidence => openAccount(state.world, state.stateRoot, frameOf(state).self);

const call =
  ({ pops, valued, own }: CallKind): Open =>
  (step) => {
    const { state, halts } = step;
    const { world, stateRoot, txTree, depth } = state;
    const values = operands(state.stack, pops);
    const value = valued ? (values[2] as bigint) : 0n;
    const [inOffset, inLength, outOffset, outLength] = values.slice(-4) as [bigint, bigint, bigint, bigint];
    if (own && value !== 0n && isStatic(state)) return [];
    if (windowOf(inOffset, inLength) === undefined || windowOf(outOffset, outLength) === undefined) return [];
    const callee = addressIn(values[1] as bigint);
    const delegate = delegateFor(state, callee);
    const decides = [
      ...openAccess(step, callee),
      ...openAccount(world, stateRoot, callee),
      ...(delegate === undefined ? [] : openMark(step, warmAddress(txTree, callee, forkOf(state)), delegate)),
    ];
    return halts || depth === MAX_DEPTH || value === 0n ? decides : [...decides, ...openSelf(state)];
  };

const create: Open = ({ state, halts }) => (halts || state.depth === MAX_DEPTH ? [] : openSelf(state));

/** Calls and creations: twin of CallSteps.sol. */
export const CALL_EVIDENCE: ReadonlyMap<number, Open> = new Map<number, Open>([
  [0xf0, create],
  [0xf5, create],
  ...[...CALL_KINDS].map(([opcode, kind]) => [opcode, call(kind)] as const),
]);
