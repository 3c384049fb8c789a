import { delegateFor } from "../operations/calls.ts";
import { forkOf, frameOf } from "../operations/operation.ts";
import { encodeRegisters, encodeSuspended, FLAG, RESULT } from "../state/state.ts";
import type { Tree } from "../state/tree.ts";
import { addressMark, isPrecompile } from "../state/world.ts";
import { openAccount, openTransfer } from "./accounts.ts";
import { openBlock } from "./block.ts";
import type { Evidence, Step } from "./step.ts";
import { openPath } from "./tree.ts";

/** What the frame's value moves, in this tree. */
const payment = ({ state }: Step, tree: Tree): Evidence => {
  const { flags, caller, self, value } = frameOf(state);
  return (flags & FLAG.delegated) !== 0 ? [] : openTransfer(state.world, tree, { from: caller, to: self, value });
};

const enterCreation = (step: Step): Evidence => {
  const { world, stateRoot, txTree } = step.state;
  const { self } = frameOf(step.state);
  const decides = openAccount(world, stateRoot, self);
  if (step.halts) return decides;
  const created = world.setAccount(stateRoot, self, { ...world.account(stateRoot, self), nonce: 1n });
  return [...decides, ...openPath(txTree, addressMark(self)), ...payment(step, created)];
};

/** The account whose code runs, and the one to which it delegates. */
const runningCode = ({ state }: Step): Evidence => {
  const { world, stateRoot, txTree, depth } = state;
  const { codeAddress } = frameOf(state);
  const own = openAccount(world, stateRoot, codeAddress);
  const delegate = delegateFor(state, codeAddress);
  if (delegate === undefined || isPrecompile(delegate, forkOf(state))) return own;
  const mark = depth === 0 ? openPath(txTree, addressMark(delegate)) : [];
  return [...own, ...mark, ...openAccount(world, stateRoot, delegate)];
};

const enterCall = (step: Step): Evidence => {
  const { state } = step;
  const native = isPrecompile(frameOf(state).codeAddress, forkOf(state));
  return [...openBlock(step), ...(native ? [] : runningCode(step)), ...payment(step, state.stateRoot)];
};

/** ENTER: twin of FrameSteps.sol. */
export const enterEvidence = (step: Step): Evidence => {
  const frame = frameOf(step.state);
  const creates = (frame.flags & FLAG.create) !== 0;
  return creates ? enterCreation(step) : enterCall(step);
};

/** EXIT: twin of FrameSteps.sol. */
export const exitEvidence = ({ state }: Step): Evidence => {
  const frame = frameOf(state);
  const { result, registers } = state;
  const { parent } = frame;
  const creates = (frame.flags & FLAG.create) !== 0;
  if (parent === undefined || (creates && result === RESULT.success)) return [];
  const shown = creates ? result === RESULT.revert : result !== RESULT.halt;
  const output = shown && registers !== undefined ? [encodeRegisters(registers)] : [];
  return [...output, encodeSuspended(parent)];
};
