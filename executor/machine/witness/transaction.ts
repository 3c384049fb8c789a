import { type Bytes, concat, uintBE } from "../../foundation/bytes.ts";
import type { Frontier } from "../../foundation/merkle.ts";
import { TAG, tagByte } from "../../foundation/tags.ts";
import { encodeChainState } from "../../protocol/chain-state.ts";
import { accountKey, slotKey } from "../../state/account.ts";
import {
  authorityFor,
  CREATION,
  ENTRY_BYTES,
  HEADER_BYTES,
  MOST_AUTHORIZATION_BYTES,
  nextAuthorization,
  nextEntry,
  nextSlot,
} from "../decode.ts";
import { sourceOf } from "../frames.ts";
import { forkOf, frameOf } from "../operations/operation.ts";
import { referTo } from "../state/memory.ts";
import {
  type Environment,
  encodeFrame,
  encodeLogs,
  encodeRegisters,
  encodeSweep,
  type MachineState,
  PHASE,
  RESULT,
  type Registers,
  type SweepLink,
} from "../state/state.ts";
import { addressMark, MARK, markOf, slotMark } from "../state/world.ts";
import { credit, settle } from "../transaction.ts";
import { openAccount } from "./accounts.ts";
import { openBlock, openEnvironment } from "./block.ts";
import { openMark } from "./decode.ts";
import type { Evidence, Step } from "./step.ts";
import { openPath, openRemoval } from "./tree.ts";
import { openReference } from "./words.ts";

/** Phases before and behind a transaction's frames: twin of TransactionSteps.sol. */

type Running = { readonly env: Environment; readonly registers: Registers };

/** INVARIANT: these phases have them. */
const runningOf = ({ env, registers }: Readonly<MachineState>): Running => ({
  env: env as Environment,
  registers: registers as Registers,
});

/** One slot or one entry of the access list. */
export const accessEvidence = (step: Step): Evidence => {
  const { state, after } = step;
  const { env, registers } = runningOf(state);
  const { cursor, length } = registers;
  const list = sourceOf(registers);
  const isSlot = cursor < length;
  const item = isSlot ? openReference(list, BigInt(cursor + 1), 32) : openReference(list, BigInt(cursor), ENTRY_BYTES);
  const mark = isSlot
    ? openPath(state.txTree, slotMark(registers.address, nextSlot(registers)))
    : openMark(state.txTree, nextEntry(registers).address, forkOf(state));
  const authorizations =
    after.phase === PHASE.authorize
      ? openReference(referTo(list.words, env.authorizationOffset, HEADER_BYTES), 0n, HEADER_BYTES)
      : [];
  return [encodeRegisters(registers), ...openBlock(step), ...item, ...mark, ...authorizations];
};

/** One authorization. */
export const authorizeEvidence = (step: Step): Evidence => {
  const { state } = step;
  const { env, registers } = runningOf(state);
  const list = sourceOf(registers);
  const head = [
    encodeRegisters(registers),
    ...openBlock(step),
    ...openReference(list, BigInt(registers.cursor), MOST_AUTHORIZATION_BYTES),
  ];
  const authority = authorityFor(nextAuthorization(registers).authorization, env.block);
  if (authority === undefined) return head;
  return [
    ...head,
    ...openMark(state.txTree, authority, forkOf(state)),
    ...openAccount(state.world, state.stateRoot, authority),
  ];
};

/** Who is paid at the end, each in the state behind the one before. */
export const endEvidence = (step: Step): Evidence => {
  const { state, context } = step;
  const { env } = runningOf(state);
  const { world } = state;
  const { credits } = settle({ ...state, env }, context.baseFeeVault);
  let tree = state.stateRoot;
  const accounts: Bytes[] = [];
  for (const one of credits) {
    accounts.push(...openAccount(world, tree, one.address));
    tree = credit(world, tree, one);
  }
  return [...openBlock(step), encodeSweep(state.sweep), ...accounts];
};

const encodeLink = ({ previous, address, slot }: SweepLink): Bytes => {
  const before = previous?.hash ?? new Uint8Array(32);
  return slot === undefined
    ? concat(tagByte(TAG.destroyedAccount), before, address)
    : concat(tagByte(TAG.freshSlot), before, address, slot);
};

/** The last link of the chain that is popped, and what it removes. */
export const sweepEvidence = ({ state }: Step): Evidence => {
  const { sweep, stateRoot, txTree } = state;
  const { fresh, destroyed } = sweep;
  const record = encodeSweep(sweep);
  if (fresh !== undefined) {
    const { address, slot } = fresh;
    const isGone = (markOf(txTree, address) & MARK.destroyed) !== 0n;
    const removed = isGone ? openRemoval(stateRoot, slotKey(address, slot as Bytes)) : [];
    return [record, encodeLink(fresh), ...openPath(txTree, addressMark(address)), ...removed];
  }
  const last = destroyed as SweepLink;
  return [record, encodeLink(last), ...openRemoval(stateRoot, accountKey(last.address))];
};

const encodeFrontier = ({ count, peaks }: Frontier): Bytes => concat(uintBE(count, 4), ...peaks);

/** The logs, and the chain state before with all that it names. */
export const receiptEvidence = (step: Step): Evidence => {
  const { state, context } = step;
  const { pre } = context;
  const ok = state.result === RESULT.success || state.result === RESULT.created;
  const creates = ((state.env as Environment).kind & CREATION) !== 0;
  return [
    ...openEnvironment(step),
    ...(ok && creates ? [encodeFrame(frameOf(state))] : []),
    encodeLogs(state.logs),
    state.logs.bloom,
    encodeChainState(pre),
    pre.bloom,
    encodeFrontier(pre.transactions),
    encodeFrontier(pre.receipts),
  ];
};
