import { type Bytes, equalBytes } from "../../foundation/bytes.ts";
import { DELEGATION_BYTES, delegateOf } from "../../protocol/delegation.ts";
import { MAX_INITCODE_BYTES } from "../../protocol/envelope.ts";
import { includes } from "../../protocol/forks.ts";
import { isEmptyAccount } from "../../state/account.ts";
import {
  EMPTY_REFERENCE,
  expandTo,
  expansionGas,
  NO_WORDS,
  type Reference,
  referTo,
  type Window,
  type Words,
  windowOf,
  wordsAfter,
} from "../state/memory.ts";
import { drop, EMPTY_STACK, operands, push, type Stack } from "../state/stack.ts";
import {
  addDestroyed,
  FLAG,
  type Frame,
  type MachineState,
  PHASE,
  REGISTERS,
  RESULT,
  type Registers,
  registersOf,
} from "../state/state.ts";
import type { Tree } from "../state/tree.ts";
import { addressIn, wordOf } from "../state/word.ts";
import { isPrecompile, MARK, markOf, NO_CODE, setMark, warmAddress } from "../state/world.ts";
import { exitWith, forkOf, frameOf, halt, isStatic, next, type Operation, spend } from "./operation.ts";

/** Of frames below the transaction's own. */
export const MAX_DEPTH = 1024;
const WARM_GAS = 100;
const COLD_GAS = 2600;
const VALUE_GAS = 9000;
const NEW_ACCOUNT_GAS = 25_000;
const STIPEND = 2300;
const CREATE_GAS = 32_000;
const INITCODE_WORD_GAS = 2;
const HASH_WORD_GAS = 6;
const SELFDESTRUCT_GAS = 5000;
const MAX_NONCE = 2n ** 64n - 1n;
const NO_ADDRESS: Bytes = new Uint8Array(20);

const isWarm = (state: MachineState, address: Bytes): boolean =>
  isPrecompile(address, forkOf(state)) || (markOf(state.txTree, address) & MARK.warm) !== 0n;

const isEmpty = (state: MachineState, address: Bytes): boolean =>
  isEmptyAccount(state.world.account(state.stateRoot, address));

/** Whose code runs in the account's place (EIP-7702); undefined: its own. Only a code of that one size is opened. */
export const delegateFor = (state: MachineState, address: Bytes): Bytes | undefined => {
  if (!includes(forkOf(state), "prague")) return undefined;
  const { code } = state.world.account(state.stateRoot, address);
  return code.size === DELEGATION_BYTES ? delegateOf(code.bytes) : undefined;
};

/** All but a 64th, which the caller keeps (EIP-150). */
const forwardable = (gas: number): number => gas - Math.floor(gas / 64);

type Child = {
  readonly gas: number;
  /** The caller's stack without the operands, and its memory with both windows. */
  readonly stack: Stack;
  readonly memory: Words;
  readonly frame: Omit<Frame, "parent" | "code" | "entry">;
  readonly phase: typeof PHASE.enter | typeof PHASE.initcode;
  readonly registers: Registers | undefined;
};

/** The caller waits behind its instruction, the child begins. */
const descend = (state: MachineState, { gas, stack, memory, frame, phase, registers }: Child): void => {
  const parent = {
    phase: PHASE.op,
    result: RESULT.none,
    pc: state.pc + 1,
    depth: state.depth,
    gas: state.gas,
    refund: state.refund,
    stack,
    memory,
    frame: frameOf(state),
  };
  state.frame = { ...frame, parent, code: NO_CODE, entry: undefined };
  state.phase = phase;
  state.pc = 0;
  state.depth++;
  state.gas = gas;
  state.stack = EMPTY_STACK;
  state.memory = NO_WORDS;
  state.returndata = EMPTY_REFERENCE;
  state.registers = registers;
};

/** How the four calls differ. */
export type CallKind = {
  readonly pops: number;
  /** Whether a value is among the operands. */
  readonly valued: boolean;
  /** Whether the callee runs in its own name. */
  readonly own: boolean;
  /** Whether caller and value are the running frame's. */
  readonly delegated: boolean;
  readonly flag: number;
};

const call =
  ({ pops, valued, own, delegated, flag }: CallKind): Operation["run"] =>
  (state) => {
    const values = operands(state.stack, pops);
    const [wanted, target] = values as [bigint, bigint];
    const value = valued ? (values[2] as bigint) : 0n;
    const [inOffset, inLength, outOffset, outLength] = values.slice(-4) as [bigint, bigint, bigint, bigint];
    if (own && value !== 0n && isStatic(state)) return halt(state);
    const input = windowOf(inOffset, inLength);
    const output = windowOf(outOffset, outLength);
    if (input === undefined || output === undefined) return halt(state);
    const { memory, world, stateRoot } = state;
    const self = frameOf(state);
    const callee = addressIn(target);
    const words = wordsAfter(wordsAfter(memory.count, input), output);
    const isCold = !isWarm(state, callee);
    let gas = expansionGas(memory.count, words) + (isCold ? COLD_GAS : WARM_GAS);
    const delegate = delegateFor(state, callee);
    if (delegate !== undefined)
      gas += isWarm(state, delegate) || (isCold && equalBytes(delegate, callee)) ? WARM_GAS : COLD_GAS;
    if (value !== 0n) gas += VALUE_GAS + (own && isEmpty(state, callee) ? NEW_ACCOUNT_GAS : 0);
    if (!spend(state, gas)) return halt(state);
    const available = forwardable(state.gas);
    const given = wanted < BigInt(available) ? Number(wanted) : available;
    state.gas -= given;
    const childGas = value === 0n ? given : given + STIPEND;
    const expanded = expandTo(memory, words);
    const stack = drop(state.stack, pops);
    state.returndata = EMPTY_REFERENCE;
    state.txTree = warmAddress(state.txTree, callee, forkOf(state));
    if (delegate !== undefined) state.txTree = warmAddress(state.txTree, delegate, forkOf(state));
    const short = value !== 0n && value > world.account(stateRoot, self.self).balance;
    if (state.depth === MAX_DEPTH || short) {
      state.memory = expanded;
      state.gas += childGas;
      return next(state, push(stack, 0n));
    }
    const created = own && !isPrecompile(callee, forkOf(state)) && (markOf(state.txTree, callee) & MARK.created) !== 0n;
    const fresh = own ? (created ? FLAG.fresh : 0) : self.flags & FLAG.fresh;
    return descend(state, {
      gas: childGas,
      stack,
      memory: expanded,
      frame: {
        self: own ? callee : self.self,
        caller: delegated ? self.caller : self.self,
        codeAddress: callee,
        value: delegated ? self.value : value,
        flags: (self.flags & FLAG.static) | flag | fresh,
        calldata: referTo(expanded, input.offset, input.length),
        outOffset: output.offset,
        outLength: output.length,
      },
      phase: PHASE.enter,
      registers: undefined,
    });
  };

/** The four calls, by opcode. */
export const CALL_KINDS: ReadonlyMap<number, CallKind> = new Map([
  [0xf1, { pops: 7, valued: true, own: true, delegated: false, flag: 0 }],
  [0xf2, { pops: 7, valued: true, own: false, delegated: false, flag: 0 }],
  [0xf4, { pops: 6, valued: false, own: false, delegated: true, flag: FLAG.delegated }],
  [0xfa, { pops: 6, valued: false, own: true, delegated: false, flag: FLAG.static }],
]);

const create =
  (kind: typeof REGISTERS.initcode | typeof REGISTERS.initcode2): Operation["run"] =>
  (state) => {
    const salted = kind === REGISTERS.initcode2;
    const pops = salted ? 4 : 3;
    const [value, offset, length, salt = 0n] = operands(state.stack, pops) as [bigint, bigint, bigint, bigint?];
    if (isStatic(state)) return halt(state);
    const window: Window | undefined = windowOf(offset, length);
    if (window === undefined || window.length > MAX_INITCODE_BYTES) return halt(state);
    const { memory, world } = state;
    const words = wordsAfter(memory.count, window);
    const each = INITCODE_WORD_GAS + (salted ? HASH_WORD_GAS : 0);
    const gas = CREATE_GAS + each * Math.ceil(window.length / 32) + expansionGas(memory.count, words);
    if (!spend(state, gas)) return halt(state);
    const expanded = expandTo(memory, words);
    const stack = drop(state.stack, pops);
    const creator = frameOf(state).self;
    const account = world.account(state.stateRoot, creator);
    state.returndata = EMPTY_REFERENCE;
    if (state.depth === MAX_DEPTH || value > account.balance || account.nonce === MAX_NONCE) {
      state.memory = expanded;
      return next(state, push(stack, 0n));
    }
    const given = forwardable(state.gas);
    state.gas -= given;
    state.stateRoot = world.setAccount(state.stateRoot, creator, { ...account, nonce: account.nonce + 1n });
    const source: Reference = referTo(expanded, window.offset, window.length);
    return descend(state, {
      gas: given,
      stack,
      memory: expanded,
      frame: creationFrame(creator, value),
      phase: PHASE.initcode,
      registers: registersOf({ kind, source, x: wordOf(salt) }),
    });
  };

/** The frame of a creation until INITCODE gives it an address. */
export const creationFrame = (creator: Bytes, value: bigint): Child["frame"] => ({
  self: NO_ADDRESS,
  caller: creator,
  codeAddress: NO_ADDRESS,
  value,
  flags: FLAG.create | FLAG.fresh,
  calldata: EMPTY_REFERENCE,
  outOffset: 0,
  outLength: 0,
});

/** Balance moved from `from` to `to`; between one account and itself nothing changes. */
export const transfer = (state: MachineState, from: Bytes, to: Bytes, value: bigint): Tree => {
  const { world } = state;
  const payer = world.account(state.stateRoot, from);
  const paid = world.setAccount(state.stateRoot, from, { ...payer, balance: payer.balance - value });
  const payee = world.account(paid, to);
  return world.setAccount(paid, to, { ...payee, balance: payee.balance + value });
};

const selfDestruct: Operation["run"] = (state) => {
  if (isStatic(state)) return halt(state);
  const { self, flags } = frameOf(state);
  const { world } = state;
  const beneficiary = addressIn(state.stack.value);
  const { balance } = world.account(state.stateRoot, self);
  const cold = isWarm(state, beneficiary) ? 0 : COLD_GAS;
  const fresh = balance > 0n && isEmpty(state, beneficiary) ? NEW_ACCOUNT_GAS : 0;
  if (!spend(state, SELFDESTRUCT_GAS + cold + fresh)) return halt(state);
  let marks = warmAddress(state.txTree, beneficiary, forkOf(state));
  state.stateRoot = transfer(state, self, beneficiary, balance);
  if ((flags & FLAG.fresh) !== 0) {
    // To itself: burned, because the account goes.
    const left = world.account(state.stateRoot, self);
    state.stateRoot = world.setAccount(state.stateRoot, self, { ...left, balance: 0n });
    const mark = markOf(marks, self);
    if ((mark & MARK.destroyed) === 0n) {
      marks = setMark(marks, self, mark | MARK.destroyed);
      state.sweep = addDestroyed(state.sweep, self);
    }
  }
  state.txTree = marks;
  state.stack = drop(state.stack, 1);
  exitWith(state, RESULT.success, EMPTY_REFERENCE);
};

/** CALL, CALLCODE, DELEGATECALL, STATICCALL, CREATE, CREATE2, SELFDESTRUCT. */
export const CALLS: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [0xf0, { pops: 3, pushes: 1, run: create(REGISTERS.initcode) }],
  [0xf5, { pops: 4, pushes: 1, run: create(REGISTERS.initcode2) }],
  ...[...CALL_KINDS].map(([opcode, kind]) => [opcode, { pops: kind.pops, pushes: 1, run: call(kind) }] as const),
  [0xff, { pops: 1, pushes: 0, run: selfDestruct }],
]);
