import type { Bytes } from "../foundation/bytes.ts";
import { appendLeaf } from "../foundation/merkle.ts";
import { spend } from "../protocol/budget.ts";
import { hashReceipt } from "../protocol/receipt.ts";
import { type Ended, fault, type UnitContext } from "./context.ts";
import { CREATION } from "./decode.ts";
import { writeBytes } from "./state/memory.ts";
import { type Environment, type MachineState, PHASE, RESULT, type SweepLink } from "./state/state.ts";
import { hashTree, type Tree } from "./state/tree.ts";
import { MARK, markOf } from "./state/world.ts";

/** What is before and after the frames of a transaction: LOAD, TXEND, SWEEP, RECEIPT. */

/** Bytes of a batch in one field element of a blob. */
const ELEMENT_BYTES = 31;
/** At most this part of the used gas is refunded (EIP-3529). */
const REFUND_QUOTIENT = 5;

/** The part of the envelope that lies in the next field element. */
export const runLoad = (state: MachineState, { envelope, start }: UnitContext): void => {
  const { registers } = state;
  if (registers === undefined) throw fault("MACHINE_BROKEN", "LOAD without registers");
  const { cursor, length } = registers;
  const size = Math.min(ELEMENT_BYTES - ((start + cursor) % ELEMENT_BYTES), length - cursor);
  state.memory = writeBytes(state.memory, cursor, envelope.subarray(cursor, cursor + size));
  state.registers = { ...registers, cursor: cursor + size };
  if (cursor + size === length) state.phase = PHASE.decode;
};

const environmentOf = (state: MachineState): Environment => {
  if (state.env === undefined) throw fault("MACHINE_BROKEN", `phase ${state.phase} without a transaction`);
  return state.env;
};

const credit = (state: MachineState, address: Bytes | undefined, amount: bigint): void => {
  if (amount === 0n || address === undefined) return;
  const account = state.world.account(state.stateRoot, address);
  const balance = account.balance + amount;
  state.stateRoot = state.world.setAccount(state.stateRoot, address, { ...account, balance });
};

/** Refund, the least price, and fees. `gas` becomes what the transaction did not use, refunds included. */
export const runTxend = (state: MachineState, { baseFeeVault, block }: UnitContext): void => {
  const env = environmentOf(state);
  const gasLimit = Number(env.gasLimit);
  const used = gasLimit - state.gas;
  const refunded = state.gas + Math.min(state.refund, Math.floor(used / REFUND_QUOTIENT));
  const left = Math.min(refunded, gasLimit - Number(env.floorGas));
  const paid = BigInt(gasLimit - left);
  if (env.gasPrice > 0n) {
    credit(state, env.origin, BigInt(left) * env.gasPrice);
    credit(state, block.coinbase, paid * env.tip);
    credit(state, baseFeeVault, paid * block.baseFee);
  }
  state.gas = left;
  state.refund = 0;
  state.phase = state.sweep.destroyed === undefined ? PHASE.receipt : PHASE.sweep;
};

const sweepSlot = (state: MachineState, { address, slot }: SweepLink): Tree => {
  const isGone = (markOf(state.txTree, address) & MARK.destroyed) !== 0n;
  return isGone ? state.world.setSlot(state.stateRoot, address, slot as Bytes, 0n) : state.stateRoot;
};

/** One slot of a destroyed account, or one account. */
export const runSweep = (state: MachineState): void => {
  const { fresh, destroyed } = state.sweep;
  if (fresh !== undefined) {
    state.stateRoot = sweepSlot(state, fresh);
    state.sweep = { fresh: fresh.previous, destroyed };
  } else if (destroyed !== undefined) {
    state.stateRoot = state.world.removeAccount(state.stateRoot, destroyed.address);
    state.sweep = { fresh, destroyed: destroyed.previous };
  }
  if (state.sweep.destroyed === undefined) state.phase = PHASE.receipt;
};

/** The chain state with the transaction and its receipt. */
export const runReceipt = (state: MachineState, { pre }: UnitContext): Ended => {
  const env = environmentOf(state);
  const ok = state.result === RESULT.success || state.result === RESULT.created;
  const gasUsed = env.gasLimit - BigInt(state.gas);
  const cumulativeGasUsed = pre.gasUsed + gasUsed;
  const { logs } = state;
  const receipt = hashReceipt({
    transaction: env.txLeaf,
    status: ok ? 1 : 0,
    cumulativeGasUsed,
    gasUsed,
    logsChain: logs.chain,
    logs: logs.count,
    bloom: logs.bloom,
    created: ok && (env.kind & CREATION) !== 0 ? state.frame?.self : undefined,
  });
  const chain = {
    ...pre,
    position: env.after,
    gasUsed: cumulativeGasUsed,
    budget: spend(pre.budget, gasUsed),
    stateRoot: hashTree(state.stateRoot),
    bloom: pre.bloom.map((byte, i) => byte | (logs.bloom[i] as number)),
    transactions: appendLeaf(pre.transactions, env.txLeaf),
    receipts: appendLeaf(pre.receipts, receipt),
  };
  return { chain, tree: state.stateRoot };
};
