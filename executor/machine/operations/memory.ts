import { keccak256 } from "../../foundation/keccak.ts";
import { expandTo, expansionGas, readWord, referTo, windowOf, wordsAfter, writeBytes } from "../state/memory.ts";
import { push } from "../state/stack.ts";
import { type MachineState, PHASE, REGISTERS, RESULT, type Result, registersOf } from "../state/state.ts";
import { numberIn, wordOf } from "../state/word.ts";
import { exitWith, halt, next, type Operation, spend } from "./operation.ts";

const BASE = 2;
const VERY_LOW = 3;
const KECCAK = 30;
const KECCAK_WORD = 6;

const WORD = 32n;
const EMPTY_HASH = numberIn(keccak256(new Uint8Array(0)));

/**
 * Charges for `gas` and for memory that holds `length` bytes at `offset`, expands it and says where they begin.
 * Undefined: the caller halts.
 */
const windowIn = (
  state: MachineState,
  [offset, length]: readonly [bigint, bigint],
  gas: number,
): number | undefined => {
  const { memory } = state;
  const window = windowOf(offset, length);
  if (window === undefined) return undefined;
  const words = wordsAfter(memory.count, window);
  if (!spend(state, gas + expansionGas(memory.count, words))) return undefined;
  if (words > memory.count) state.memory = expandTo(memory, words);
  return window.offset;
};

const storing = (bytes: bigint, encode: (value: bigint) => Uint8Array): Operation => ({
  pops: 2,
  pushes: 0,
  run: (state) => {
    const { value: place, below } = state.stack;
    const offset = windowIn(state, [place, bytes], VERY_LOW);
    if (offset === undefined) return halt(state);
    state.memory = writeBytes(state.memory, offset, encode(below.value));
    next(state, below.below);
  },
});

/** RETURN and REVERT: the output is a part of memory as it is now. */
const returning = (result: Result): Operation => ({
  pops: 2,
  pushes: 0,
  run: (state) => {
    const { value, below } = state.stack;
    const offset = windowIn(state, [value, below.value], 0);
    if (offset === undefined) return halt(state);
    state.stack = below.below;
    exitWith(state, result, referTo(state.memory, offset, Number(below.value)));
  },
});

/** Memory, word by word; its hash, and the ends of a frame that give a part of it. */
export const MEMORY: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [
    0x20,
    {
      pops: 2,
      pushes: 1,
      run: (state) => {
        const { value, below } = state.stack;
        const length = below.value;
        const words = length >= 2n ** 32n ? 0 : Math.ceil(Number(length) / 32);
        const offset = windowIn(state, [value, length], KECCAK + KECCAK_WORD * words);
        if (offset === undefined) return halt(state);
        if (length === 0n) return next(state, push(below.below, EMPTY_HASH));
        next(state, below.below);
        const source = referTo(state.memory, offset, Number(length));
        state.registers = registersOf({ kind: REGISTERS.hash, source, length: source.length });
        state.phase = PHASE.bulk;
      },
    },
  ],
  [
    0x51,
    {
      pops: 1,
      pushes: 1,
      run: (state) => {
        const { value, below } = state.stack;
        const offset = windowIn(state, [value, WORD], VERY_LOW);
        if (offset === undefined) return halt(state);
        next(state, push(below, readWord(state.memory, offset)));
      },
    },
  ],
  [0x52, storing(WORD, wordOf)],
  [0x53, storing(1n, (value) => Uint8Array.of(Number(value & 0xffn)))],
  [
    0x59,
    {
      pops: 0,
      pushes: 1,
      run: (state) => {
        if (!spend(state, BASE)) return halt(state);
        next(state, push(state.stack, 32n * BigInt(state.memory.count)));
      },
    },
  ],
  [0xf3, returning(RESULT.success)],
  [0xfd, returning(RESULT.revert)],
]);
