import type { Bytes } from "../foundation/bytes.ts";
import { appendLeaf } from "../foundation/merkle.ts";
import { spend } from "../protocol/budget.ts";
import { hashReceipt } from "../protocol/receipt.ts";
import { type Ended, fault, type UnitContext } from "./context.ts";
import { CREATION } from "./decode.ts";
import { writeBytes } from "./state/memory.ts";
import { type Environment, type MachineState, PHASE, RESULT, type SweepLink } from "./state/state.ts";
import { hashTree, type Tree } from "./state/tree.ts";
import { MARK, markOf, type World } from "./state/world.ts";

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

type Credit = { readonly address: Bytes; readonly amount: bigint };

/** What is left of the gas, refunds included, and who is paid: nobody whose amount is nothing. */
export const settle = (
  { gas, refund, env }: Pick<MachineState, "gas" | "refund"> & { readonly env: Environment },
  baseFeeVault: Bytes | undefined,
): { readonly left: number; readonly credits: readonly Credit[] } => {
  const gasLimit = Number(env.gasLimit);
  const refunded = gas + Math.min(refund, Math.floor((gasLimit - gas) / REFUND_QUOTIENT));
  const left = Math.min(refunded, gasLimit - Number(env.floorGas));
  if (env.gasPrice === 0n) return { left, credits: [] };
  const paid = BigInt(gasLimit - left);
  const { baseFee, coinbase } = env.block;
  const credits = [
    { address: env.origin, amount: BigInt(left) * env.gasPrice },
    { address: coinbase, amount: paid * env.tip },
    ...(baseFeeVault === undefined ? [] : [{ address: baseFeeVault, amount: paid * baseFee }]),
  ];
  return { left, credits: credits.filter(({ amount }) => amount > 0n) };
};

/** The state with the amount on top of the account's balance. */
export const credit = (world: World, tree: Tree, { address, amount }: Credit): Tree => {
  const account = world.account(tree, address);
  return world.setAccount(tree, address, { ...account, balance: account.balance + amount });
};

/** Refund, the least price, and fees. `gas` becomes what the transaction did not use, refunds included. */
export const runTxend = (state: MachineState, { baseFeeVault }: UnitContext): void => {
  const { left, credits } = settle({ ...state, env: environmentOf(state) }, baseFeeVault);
  for (const one of credits) state.stateRoot = credit(state.world, state.stateRoot, one);
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
