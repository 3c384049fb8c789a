import { drop, operands, push, type Stack } from "../state/stack.ts";
import type { MachineState } from "../state/state.ts";
import { numberIn } from "../state/word.ts";
import { frameOf, halt, next, type Operation, spend, stop } from "./operation.ts";

const BASE = 2;
const VERY_LOW = 3;
const JUMP = 8;
const JUMP_IF = 10;
const JUMPDEST = 1;

/** The instruction after a PUSH, and the word that it pushes: bytes behind the end of the code are zero. */
const pushOf = (size: number): Operation => {
  const gas = size === 0 ? BASE : VERY_LOW;
  return {
    pops: 0,
    pushes: 1,
    run: (state) => {
      if (!spend(state, gas)) return halt(state);
      const { pc, stack } = state;
      state.stack = push(stack, immediateAt(frameOf(state).code.bytes, pc + 1, size));
      state.pc = pc + 1 + size;
    },
  };
};

const immediateAt = (code: Uint8Array, at: number, size: number): bigint => {
  if (size > 6) return numberIn(code, at, size);
  let value = 0;
  for (let i = at; i < at + size; i++) value = value * 256 + (code[i] ?? 0);
  return BigInt(value);
};

/** DUP1 to DUP16: a copy of the word below `depth - 1` others. */
const duplicateOf = (depth: number): Operation => ({
  pops: depth,
  pushes: depth + 1,
  run: (state) => {
    if (!spend(state, VERY_LOW)) return halt(state);
    next(state, push(state.stack, drop(state.stack, depth - 1).value));
  },
});

/** SWAP1 to SWAP16: every link above the exchanged word is new. */
const swapOf = (depth: number): Operation => ({
  pops: depth + 1,
  pushes: depth + 1,
  run: (state) => {
    if (!spend(state, VERY_LOW)) return halt(state);
    const words = operands(state.stack, depth + 1);
    let stack = push(drop(state.stack, depth + 1), words[0] as bigint);
    for (let i = depth - 1; i > 0; i--) stack = push(stack, words[i] as bigint);
    next(state, push(stack, words[depth] as bigint));
  },
});

/** A jump lands on an instruction JUMPDEST, or the frame halts. */
const jumpTo = (state: MachineState, target: bigint, stack: Stack): void => {
  const { targets } = frameOf(state).code;
  if (target < BigInt(targets.length) && targets[Number(target)] === 1) {
    state.stack = stack;
    state.pc = Number(target);
  } else halt(state);
};

/** A word that the state has at hand. */
const pushing = (read: (state: MachineState) => bigint): Operation => ({
  pops: 0,
  pushes: 1,
  run: (state) => {
    if (!spend(state, BASE)) return halt(state);
    next(state, push(state.stack, read(state)));
  },
});

/** The stack, the program counter and the gas counter. */
export const STACK_AND_CONTROL: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [0x00, { pops: 0, pushes: 0, run: stop }],
  [
    0x50,
    {
      pops: 1,
      pushes: 0,
      run: (state) => {
        if (!spend(state, BASE)) return halt(state);
        next(state, state.stack.below);
      },
    },
  ],
  [
    0x56,
    {
      pops: 1,
      pushes: 0,
      run: (state) => {
        if (!spend(state, JUMP)) return halt(state);
        jumpTo(state, state.stack.value, state.stack.below);
      },
    },
  ],
  [
    0x57,
    {
      pops: 2,
      pushes: 0,
      run: (state) => {
        if (!spend(state, JUMP_IF)) return halt(state);
        const { value, below } = state.stack;
        if (below.value === 0n) return next(state, below.below);
        jumpTo(state, value, below.below);
      },
    },
  ],
  [0x58, pushing(({ pc }) => BigInt(pc))],
  // What is left after its own charge.
  [0x5a, pushing(({ gas }) => BigInt(gas))],
  [
    0x5b,
    {
      pops: 0,
      pushes: 0,
      run: (state) => {
        if (!spend(state, JUMPDEST)) return halt(state);
        next(state, state.stack);
      },
    },
  ],
  ...Array.from({ length: 33 }, (_, size) => [0x5f + size, pushOf(size)] as const),
  ...Array.from({ length: 16 }, (_, i) => [0x80 + i, duplicateOf(i + 1)] as const),
  ...Array.from({ length: 16 }, (_, i) => [0x90 + i, swapOf(i + 1)] as const),
]);
