import { fromHex } from "../../foundation/bytes.ts";
import { ADDRESS, HISTORY_WINDOW } from "../../protocol/parameters.ts";
import { readReference } from "../state/memory.ts";
import { push } from "../state/stack.ts";
import type { BlockContext, Environment, MachineState } from "../state/state.ts";
import { addressIn, numberIn, numberOf, wordOf } from "../state/word.ts";
import { warmAddress } from "../state/world.ts";
import { forkOf, frameOf, halt, next, type Operation, spend } from "./operation.ts";

const BASE = 2;
const BLOB_HASH = 3;
const CALL_DATA_LOAD = 3;
const SELF_BALANCE = 5;
const BLOCK_HASH = 20;
/** EIP-2929. */
export const WARM_ACCOUNT = 100;
export const COLD_ACCOUNT = 2600;

/** INVARIANT: there is one from the end of DECODE on. */
const environmentOf = ({ env }: MachineState): Environment => env as Environment;
const blockOf = (state: MachineState): BlockContext => environmentOf(state).block;

/** A word that needs no operand and no opening. */
const reading = (read: (state: MachineState) => bigint, gas = BASE): Operation => ({
  pops: 0,
  pushes: 1,
  run: (state) => {
    if (!spend(state, gas)) return halt(state);
    next(state, push(state.stack, read(state)));
  },
});

/** A word for the word on top. */
const answering = (answer: (state: MachineState, operand: bigint) => bigint, gas: number): Operation => ({
  pops: 1,
  pushes: 1,
  run: (state) => {
    if (!spend(state, gas)) return halt(state);
    const { value, below } = state.stack;
    next(state, push(below, answer(state, value)));
  },
});

/** A word about an account, which is warm afterwards. */
const ofAccount = (read: (state: MachineState, address: Uint8Array) => bigint): Operation => ({
  pops: 1,
  pushes: 1,
  run: (state) => {
    const { stack, txTree } = state;
    const address = addressIn(stack.value);
    const warmed = warmAddress(txTree, address, forkOf(state));
    if (!spend(state, warmed === txTree ? WARM_ACCOUNT : COLD_ACCOUNT)) return halt(state);
    state.txTree = warmed;
    next(state, push(stack.below, read(state, address)));
  },
});

const callDataAt = (state: MachineState, offset: bigint): bigint => {
  const { calldata } = frameOf(state);
  return offset >= BigInt(calldata.length) ? 0n : numberIn(readReference(calldata, Number(offset), 32));
};

const HISTORY = fromHex(ADDRESS.history);
const HASHES_BACK = 256n;

/** From EIP-2935's ring (EIP-7709). */
const blockHashOf = (state: MachineState, number: bigint): bigint => {
  const current = blockOf(state).number;
  if (number >= current || number + HASHES_BACK < current) return 0n;
  return state.world.slot(state.stateRoot, HISTORY, wordOf(number % HISTORY_WINDOW));
};

/** The frame, the transaction, the block, and accounts. */
export const ENVIRONMENT: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [0x30, reading((state) => numberOf(frameOf(state).self))],
  [0x31, ofAccount(({ world, stateRoot }, address) => world.account(stateRoot, address).balance)],
  [0x32, reading((state) => numberOf(environmentOf(state).origin))],
  [0x33, reading((state) => numberOf(frameOf(state).caller))],
  [0x34, reading((state) => frameOf(state).value)],
  [0x35, answering(callDataAt, CALL_DATA_LOAD)],
  [0x36, reading((state) => BigInt(frameOf(state).calldata.length))],
  [0x38, reading((state) => BigInt(frameOf(state).code.size))],
  [0x3a, reading((state) => environmentOf(state).gasPrice)],
  [0x3b, ofAccount(({ world, stateRoot }, address) => BigInt(world.account(stateRoot, address).code.size))],
  [0x3d, reading((state) => BigInt(state.returndata.length))],
  [
    0x3f,
    ofAccount(({ world, stateRoot }, address) => {
      const account = world.findAccount(stateRoot, address);
      return account === undefined ? 0n : numberIn(account.code.hash);
    }),
  ],
  [0x40, answering(blockHashOf, BLOCK_HASH)],
  [0x41, reading((state) => numberOf(blockOf(state).coinbase))],
  [0x42, reading((state) => blockOf(state).timestamp)],
  [0x43, reading((state) => blockOf(state).number)],
  [0x44, reading((state) => numberIn(blockOf(state).prevRandao))],
  [0x45, reading((state) => blockOf(state).gasLimit)],
  [0x46, reading((state) => blockOf(state).chainId)],
  [0x47, reading((state) => state.world.account(state.stateRoot, frameOf(state).self).balance, SELF_BALANCE)],
  [0x48, reading((state) => blockOf(state).baseFee)],
  // There are no blob transactions: no hash, and the least price.
  [0x49, answering(() => 0n, BLOB_HASH)],
  [0x4a, reading(() => 1n)],
]);
