import { EVMError } from "@ethereumjs/evm";

/** What the gas of an opcode is computed from: a part of the library's run state. */
export type GasState = {
  readonly stack: { readonly _store: readonly bigint[]; readonly _len: number };
  readonly interpreter: { isStatic(): boolean; getReturnDataSize(): bigint };
  memoryWordCount: bigint;
  highestMemCost: bigint;
};

export type GasHandler = (state: GasState, gas: bigint) => bigint;

const { STACK_UNDERFLOW, STATIC_STATE_CHANGE, OUT_OF_GAS } = EVMError.errorMessages;

const words = (bytes: bigint): bigint => (bytes + 31n) / 32n;

/** Memory of `length` bytes at `offset`: 3 a word and the square of the words by 512. */
const expand = (state: GasState, offset: bigint, length: bigint): bigint => {
  if (length === 0n) return 0n;
  const count = words(offset + length);
  if (count <= state.memoryWordCount) return 0n;
  let cost = count * 3n + (count * count) / 512n;
  if (cost > state.highestMemCost) {
    const paid = state.highestMemCost;
    state.highestMemCost = cost;
    cost -= paid;
  }
  state.memoryWordCount = count;
  return cost;
};

const peek = (state: GasState, count: number): number => {
  const top = state.stack._len - 1;
  if (top < count - 1) throw new EVMError(STACK_UNDERFLOW);
  return top;
};
const at = (state: GasState, index: number): bigint => state.stack._store[index] as bigint;

const copy: GasHandler = (state, gas) => {
  const top = peek(state, 3);
  const length = at(state, top - 2);
  return gas + expand(state, at(state, top), length) + 3n * words(length);
};

const window: GasHandler = (state, gas) => {
  const top = peek(state, 2);
  return gas + expand(state, at(state, top), at(state, top - 1));
};

const fixedWindow =
  (length: bigint): GasHandler =>
  (state, gas) =>
    gas + expand(state, at(state, peek(state, 1)), length);

const log =
  (topics: bigint): GasHandler =>
  (state, gas) => {
    if (state.interpreter.isStatic()) throw new EVMError(STATIC_STATE_CHANGE);
    const top = peek(state, 2);
    const length = at(state, top - 1);
    return gas + expand(state, at(state, top), length) + 375n * topics + 8n * length;
  };

/** Dynamic gas of the opcodes that need no state, without a promise. Same answers as the library's handlers. */
export const GAS_HANDLERS: ReadonlyMap<number, GasHandler> = new Map<number, GasHandler>([
  [
    0x0a,
    (state, gas) => {
      const exponent = at(state, peek(state, 2) - 1);
      return exponent === 0n ? gas : gas + 50n * BigInt(Math.ceil(exponent.toString(16).length / 2));
    },
  ],
  [
    0x20,
    (state, gas) => {
      const top = peek(state, 2);
      const length = at(state, top - 1);
      return gas + expand(state, at(state, top), length) + 6n * words(length);
    },
  ],
  [0x37, copy],
  [0x39, copy],
  [
    0x3e,
    (state, gas) => {
      const top = peek(state, 3);
      if (at(state, top - 1) + at(state, top - 2) > state.interpreter.getReturnDataSize())
        throw new EVMError(OUT_OF_GAS);
      return copy(state, gas);
    },
  ],
  [0x51, fixedWindow(32n)],
  [0x52, fixedWindow(32n)],
  [0x53, fixedWindow(1n)],
  [
    0x5e,
    (state, gas) => {
      const top = peek(state, 3);
      const length = at(state, top - 2);
      const source = expand(state, at(state, top - 1), length);
      return gas + 3n * words(length) + source + expand(state, at(state, top), length);
    },
  ],
  ...[0n, 1n, 2n, 3n, 4n].map((topics) => [0xa0 + Number(topics), log(topics)] as const),
  [0xf3, window],
  [0xfd, window],
]);
