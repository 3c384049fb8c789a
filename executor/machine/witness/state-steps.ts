import { equalBytes, fromHex } from "../../foundation/bytes.ts";
import { ADDRESS, HISTORY_WINDOW } from "../../protocol/parameters.ts";
import { slotKey } from "../../state/account.ts";
import { forkOf, frameOf, isStatic } from "../operations/operation.ts";
import { encodeSweep, FLAG } from "../state/state.ts";
import { addressIn, wordOf } from "../state/word.ts";
import { addressMark, MARK, markOf, slotMark, transientKey, warmAddress } from "../state/world.ts";
import { openAccess } from "./access.ts";
import { openAccount, openChange, openCredit, openSlot } from "./accounts.ts";
import { openBlock } from "./block.ts";
import type { Evidence, Step } from "./step.ts";
import { openPath, openSibling } from "./tree.ts";

type Open = (step: Step) => Evidence;

const HISTORY = fromHex(ADDRESS.history);
const SENTRY = 2300;
const HASHES_BACK = 256n;

const account: Open = (step) => {
  const { state, halts } = step;
  const address = addressIn(state.stack.value);
  return [...openAccess(step, address), ...(halts ? [] : openAccount(state.world, state.stateRoot, address))];
};

const copyCode: Open = (step) => {
  const { state, halts } = step;
  const { stack, world, stateRoot } = state;
  const address = addressIn(stack.value);
  const length = stack.below.below.below.value;
  return [...openAccess(step, address), ...(halts || length === 0n ? [] : openAccount(world, stateRoot, address))];
};

const blockHash: Open = (step) => {
  const { state, halts } = step;
  if (halts) return [];
  const number = state.stack.value;
  const current = state.env?.block.number ?? 0n;
  const known = number < current && number + HASHES_BACK >= current;
  const slot = wordOf(number % HISTORY_WINDOW);
  return [...openBlock(step), ...(known ? openSlot(state.stateRoot, HISTORY, slot) : [])];
};

const selfBalance: Open = ({ state, halts }) =>
  halts ? [] : openAccount(state.world, state.stateRoot, frameOf(state).self);

const load: Open = ({ state, halts }) => {
  const { self } = frameOf(state);
  const slot = wordOf(state.stack.value);
  const mark = openPath(state.txTree, slotMark(self, slot));
  return halts ? mark : [...mark, ...openSlot(state.stateRoot, self, slot)];
};

const store: Open = ({ state, halts }) => {
  if (isStatic(state) || state.gas <= SENTRY) return [];
  const { stack, stateRoot, txStartRoot, txTree, world } = state;
  const { self, flags } = frameOf(state);
  const slot = wordOf(stack.value);
  const fresh = (flags & FLAG.fresh) !== 0;
  const decides = [
    ...openSlot(stateRoot, self, slot),
    ...(fresh ? [] : openSlot(txStartRoot, self, slot)),
    ...openPath(txTree, slotMark(self, slot)),
  ];
  const current = world.slot(stateRoot, self, slot);
  const value = stack.below.value;
  if (halts || value === current) return decides;
  return [
    ...decides,
    ...(value === 0n ? openSibling(stateRoot, slotKey(self, slot)) : []),
    ...(fresh && current === 0n ? [encodeSweep(state.sweep)] : []),
  ];
};

const transientLoad: Open = ({ state, halts }) =>
  halts ? [] : openPath(state.txTree, transientKey(frameOf(state).self, wordOf(state.stack.value)));

const transientStore: Open = ({ state, halts }) => {
  if (halts) return [];
  const key = transientKey(frameOf(state).self, wordOf(state.stack.value));
  const removes = state.stack.below.value === 0n;
  return [...openPath(state.txTree, key), ...(removes ? openSibling(state.txTree, key) : [])];
};

const selfDestruct: Open = (step) => {
  const { state, halts } = step;
  if (isStatic(state)) return [];
  const { world, stateRoot } = state;
  const { self, flags } = frameOf(state);
  const beneficiary = addressIn(state.stack.value);
  const own = world.account(stateRoot, self);
  const { balance } = own;
  const decides = [
    ...openAccess(step, beneficiary),
    ...openAccount(world, stateRoot, self),
    ...openCredit(world, stateRoot, beneficiary, balance),
  ];
  if (halts) return decides;
  const fresh = (flags & FLAG.fresh) !== 0;
  const itself = equalBytes(self, beneficiary);
  const left = { ...own, balance: 0n };
  const moves = balance > 0n && (!itself || fresh);
  const paid = world.setAccount(stateRoot, self, left);
  const marks = warmAddress(state.txTree, beneficiary, forkOf(state));
  const destroys = fresh && (markOf(marks, self) & MARK.destroyed) === 0n;
  return [
    ...decides,
    ...(moves ? openChange(stateRoot, self, left) : []),
    ...(moves && !itself ? openAccount(world, paid, beneficiary) : []),
    ...(fresh ? openPath(marks, addressMark(self)) : []),
    ...(destroys ? [encodeSweep(state.sweep)] : []),
  ];
};

/** Instructions that read or write accounts and slots, but for calls: twin of StateSteps.sol. */
export const STATE_EVIDENCE: ReadonlyMap<number, Open> = new Map<number, Open>([
  [0x31, account],
  [0x3b, account],
  [0x3c, copyCode],
  [0x3f, account],
  [0x40, blockHash],
  [0x47, selfBalance],
  [0x54, load],
  [0x55, store],
  [0x5c, transientLoad],
  [0x5d, transientStore],
  [0xff, selfDestruct],
]);
