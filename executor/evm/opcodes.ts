import type { StateManagerInterface } from "@ethereumjs/common";
import { EVMError } from "@ethereumjs/evm";
import { Address } from "@ethereumjs/util";
import { type Bytes, EMPTY_BYTES, fromHex, uintBE } from "../foundation/bytes.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { ADDRESS, HISTORY_WINDOW } from "../protocol/parameters.ts";

/** The part of the library's run state that these handlers use. */
export type OpcodeState = {
  readonly stack: {
    _store: bigint[];
    _len: number;
    pop(): bigint;
    popN(count: number): bigint[];
    push(value: bigint): void;
  };
  readonly memory: { _store: Bytes; extend(offset: number, size: number): void };
  readonly interpreter: {
    readonly _env: { readonly address: Address; readonly callData: Bytes };
    readonly journal: {
      isWarmedStorage(address: Bytes, slot: Bytes): boolean;
      addWarmedStorage(address: Bytes, slot: Bytes): void;
    };
    isStatic(): boolean;
    getBlockNumber(): bigint;
    refundGas(amount: bigint): void;
    subRefund(amount: bigint): void;
    log(data: Bytes, count: number, topics: readonly Bytes[]): void;
    create(gas: bigint, value: bigint, code: Bytes, salt?: Bytes): Promise<bigint>;
  };
  readonly stateManager: StateManagerInterface;
  readonly validJumps: Bytes;
  readonly code: Bytes;
  readonly cachedPushes: (bigint | undefined)[];
  readonly opCode: number;
  readonly gasLeft: bigint;
  programCounter: number;
  messageGasLimit: bigint | undefined;
};

export type OpcodeHandler = (state: OpcodeState) => void | Promise<void>;

const halt = (reason: EVMError["error"]): never => {
  throw new EVMError(reason);
};
const { STACK_UNDERFLOW, STATIC_STATE_CHANGE, INVALID_JUMP, INITCODE_SIZE_VIOLATION, OUT_OF_GAS } =
  EVMError.errorMessages;

const QUARTER = 1n << 64n;

/** Writes a word at `offset`. */
const writeWord = (target: Bytes, offset: number, value: bigint): void => {
  const view = new DataView(target.buffer, target.byteOffset + offset, 32);
  if (value < QUARTER) {
    view.setBigUint64(0, 0n);
    view.setBigUint64(8, 0n);
    view.setBigUint64(16, 0n);
    view.setBigUint64(24, value);
    return;
  }
  const high = value >> 128n;
  const low = BigInt.asUintN(128, value);
  view.setBigUint64(0, high >> 64n);
  view.setBigUint64(8, BigInt.asUintN(64, high));
  view.setBigUint64(16, low >> 64n);
  view.setBigUint64(24, BigInt.asUintN(64, low));
};

const wordOf = (value: bigint): Bytes => {
  const word = new Uint8Array(32);
  writeWord(word, 0, value);
  return word;
};

/** Reads the 32 bytes at `offset`. */
const readWord = (source: Bytes, offset: number): bigint => {
  const view = new DataView(source.buffer, source.byteOffset + offset, 32);
  const a = view.getBigUint64(0);
  const b = view.getBigUint64(8);
  const c = view.getBigUint64(16);
  const d = view.getBigUint64(24);
  if (a === 0n && b === 0n) return c === 0n ? d : (c << 64n) | d;
  return (((a << 64n) | b) << 128n) | (c << 64n) | d;
};

const scratch = new Uint8Array(32);
/** A big-endian number of at most 32 bytes. */
const readValue = (bytes: Bytes): bigint => {
  if (bytes.length === 32) return readWord(bytes, 0);
  if (bytes.length === 0) return 0n;
  scratch.fill(0);
  scratch.set(bytes, 32 - bytes.length);
  return readWord(scratch, 0);
};

const operand = ({ stack }: OpcodeState, depth: number): bigint => {
  const index = stack._len - 1 - depth;
  if (index < 0) halt(STACK_UNDERFLOW);
  return stack._store[index] as bigint;
};

/** A part of memory, which the gas handler has paid for. Not a copy. */
const window = ({ memory }: OpcodeState, offset: bigint, length: bigint): Bytes => {
  if (length === 0n) return EMPTY_BYTES;
  const start = Number(offset);
  const size = Number(length);
  memory.extend(start, size);
  return memory._store.subarray(start, start + size);
};

const jump = (state: OpcodeState, target: bigint): void => {
  if (target >= BigInt(state.validJumps.length) || state.validJumps[Number(target)] !== 1) halt(INVALID_JUMP);
  state.programCounter = Number(target);
};

/** The bytes behind a PUSH; those behind the end of the code are zero. */
const immediate = (code: Bytes, from: number, size: number): bigint => {
  const bytes = code.subarray(from, from + size);
  return readValue(bytes) << BigInt(8 * (size - bytes.length));
};

const push: OpcodeHandler = (state) => {
  const { programCounter, opCode, cachedPushes } = state;
  const size = opCode - 0x5f;
  let value = cachedPushes[programCounter];
  if (value === undefined) {
    value = immediate(state.code, programCounter, size);
    cachedPushes[programCounter] = value;
  }
  state.stack.push(value);
  state.programCounter = programCounter + size;
};

const log: OpcodeHandler = (state) => {
  const count = state.opCode - 0xa0;
  const [offset = 0n, length = 0n, ...topics] = state.stack.popN(2 + count);
  state.interpreter.log(window(state, offset, length).slice(), count, topics.map(wordOf));
};

/** CREATE and CREATE2 as Ethereum defines them: init code that begins with 0xEF00 runs and halts like any other. */
const creation =
  (salted: boolean): OpcodeHandler =>
  async (state) => {
    if (state.interpreter.isStatic()) halt(STATIC_STATE_CHANGE);
    const [value = 0n, offset = 0n, length = 0n, salt = 0n] = state.stack.popN(salted ? 4 : 3);
    if (length > MAX_INITCODE) halt(INITCODE_SIZE_VIOLATION);
    const gas = state.messageGasLimit ?? 0n;
    state.messageGasLimit = undefined;
    const code = window(state, offset, length);
    state.stack.push(await state.interpreter.create(gas, value, code, salted ? wordOf(salt) : undefined));
  };
const MAX_INITCODE = 49_152n;

const history = new Address(fromHex(ADDRESS.history));

/** Opcodes whose library handler is wrong for this chain, or slow: numbers through hex strings, promises for nothing. */
export const OPCODE_HANDLERS: ReadonlyMap<number, OpcodeHandler> = new Map<number, OpcodeHandler>([
  [
    0x20,
    (state) => {
      const [offset = 0n, length = 0n] = state.stack.popN(2);
      state.stack.push(readWord(keccak256(window(state, offset, length)), 0));
    },
  ],
  [
    0x35,
    (state) => {
      const position = state.stack.pop();
      const { callData } = state.interpreter._env;
      if (position >= BigInt(callData.length)) return state.stack.push(0n);
      const start = Number(position);
      if (start + 32 <= callData.length) return state.stack.push(readWord(callData, start));
      const word = new Uint8Array(32);
      word.set(callData.subarray(start));
      state.stack.push(readWord(word, 0));
    },
  ],
  [
    // BLOCKHASH from EIP-2935's ring, at most 256 blocks back.
    0x40,
    async (state) => {
      const number = state.stack.pop();
      const current = state.interpreter.getBlockNumber();
      if (number >= current || current - number > 256n) return state.stack.push(0n);
      const slot = uintBE(number % HISTORY_WINDOW, 32);
      state.stack.push(readValue(await state.stateManager.getStorage(history, slot)));
    },
  ],
  [
    0x51,
    (state) => {
      const offset = Number(state.stack.pop());
      state.memory.extend(offset, 32);
      state.stack.push(readWord(state.memory._store, offset));
    },
  ],
  [
    0x52,
    (state) => {
      const offset = Number(state.stack.pop());
      const value = state.stack.pop();
      state.memory.extend(offset, 32);
      writeWord(state.memory._store, offset, value);
    },
  ],
  [
    0x54,
    async (state) => {
      const slot = wordOf(state.stack.pop());
      state.stack.push(readValue(await state.stateManager.getStorage(state.interpreter._env.address, slot)));
    },
  ],
  [
    0x55,
    (state) => {
      if (state.interpreter.isStatic()) halt(STATIC_STATE_CHANGE);
      const slot = wordOf(state.stack.pop());
      const value = state.stack.pop();
      return state.stateManager.putStorage(
        state.interpreter._env.address,
        slot,
        value === 0n ? EMPTY_BYTES : wordOf(value),
      );
    },
  ],
  [0x56, (state) => jump(state, state.stack.pop())],
  [
    0x57,
    (state) => {
      const [target = 0n, condition = 0n] = state.stack.popN(2);
      if (condition !== 0n) jump(state, target);
    },
  ],
  ...Array.from({ length: 32 }, (_, i) => [0x60 + i, push] as const),
  ...Array.from({ length: 5 }, (_, i) => [0xa0 + i, log] as const),
  [0xf0, creation(false)],
  [0xf5, creation(true)],
]);

const COLD_SLOT = 2100n;
const WARM = 100n;
const SENTRY = 2300n;
const CLEAR_REFUND = 4800n;

/** SSTORE: EIP-2200 as changed by 2929 and 3529. */
const storeGas = async (state: OpcodeState): Promise<bigint> => {
  const { interpreter, stateManager } = state;
  if (interpreter.isStatic()) halt(STATIC_STATE_CHANGE);
  const slot = wordOf(operand(state, 0));
  const value = operand(state, 1);
  const { address } = interpreter._env;
  if (state.gasLeft <= SENTRY) halt(OUT_OF_GAS);
  const current = readValue(await stateManager.getStorage(address, slot));
  const original = readValue(await stateManager.originalStorageCache.get(address, slot));
  let gas = 0n;
  if (!interpreter.journal.isWarmedStorage(address.bytes, slot)) {
    interpreter.journal.addWarmedStorage(address.bytes, slot);
    gas = COLD_SLOT;
  }
  if (value === current) return gas + WARM;
  if (current === original) {
    if (original === 0n) return gas + 20_000n;
    if (value === 0n) interpreter.refundGas(CLEAR_REFUND);
    return gas + 2900n;
  }
  if (original !== 0n) {
    if (current === 0n) interpreter.subRefund(CLEAR_REFUND);
    else if (value === 0n) interpreter.refundGas(CLEAR_REFUND);
  }
  if (value === original) interpreter.refundGas(original === 0n ? 19_900n : 2800n);
  return gas + WARM;
};

const loadGas = (state: OpcodeState): bigint => {
  const slot = wordOf(operand(state, 0));
  const { journal, _env } = state.interpreter;
  if (journal.isWarmedStorage(_env.address.bytes, slot)) return WARM;
  journal.addWarmedStorage(_env.address.bytes, slot);
  return COLD_SLOT;
};

/** Gas of SLOAD and SSTORE, in full. */
export const STORAGE_GAS: ReadonlyMap<number, (state: OpcodeState) => bigint | Promise<bigint>> = new Map<
  number,
  (state: OpcodeState) => bigint | Promise<bigint>
>([
  [0x54, loadGas],
  [0x55, storeGas],
]);
