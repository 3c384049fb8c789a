import { createEVM, EVM } from "@ethereumjs/evm";
import type { Bytes } from "../foundation/bytes.ts";
import { readBytes } from "./state/memory.ts";
import type { MachineState } from "./state/state.ts";

/** What the library's interpreter holds before an opcode; it goes on to change it. */
export type LibraryState = {
  readonly programCounter: number;
  readonly gasLeft: bigint;
  readonly gasRefund: bigint;
  readonly stack: { readonly _store: readonly bigint[]; readonly _len: number };
  readonly memory: { readonly _store: Bytes };
  readonly memoryWordCount: bigint;
  readonly env: { readonly depth: number };
};

type Interpreter = { readonly _evm: EVM; readonly _runState: LibraryState };
type Step = (this: Interpreter, opcode: unknown) => Promise<void>;

const observers = new WeakMap<EVM, (state: LibraryState) => void>();

/** The library keeps its interpreter to itself: one run of one opcode gives an instance. */
const { runState } = await (await createEVM()).runCode({ code: Uint8Array.of(0x5f) });
const { prototype } = (runState as unknown as { interpreter: { constructor: { prototype: { runStep: Step } } } })
  .interpreter.constructor;
const { runStep } = prototype;
prototype.runStep = function (opcode) {
  observers.get(this._evm)?.(this._runState);
  return runStep.call(this, opcode);
};

/** Runs the machine's frames in the library's own loop, and calls `observe` before each opcode. */
export const observeOpcodes = (machine: EVM, observe: (state: LibraryState) => void): void => {
  observers.set(machine, observe);
  const { runInterpreter } = EVM.prototype as unknown as { runInterpreter: unknown };
  Object.assign(machine, { runInterpreter });
};

const differing = (what: string, ours: unknown, theirs: unknown): string =>
  `${what} ${ours}, the library has ${theirs}`;

/** Memory up to here is compared at every opcode, more of it when one of our words is another. */
const EVERY_TIME = 64;

/** Compares states before opcodes of one transaction: what differs first, or undefined. */
export const createComparison = () => {
  let seen: unknown;

  const memoryDiffers = ({ memory }: MachineState, library: LibraryState): boolean => {
    if (memory.count > EVERY_TIME && seen === memory.root) return false;
    seen = memory.root;
    const length = 32 * memory.count;
    const theirs = new Uint8Array(length);
    theirs.set(library.memory._store.subarray(0, length));
    return Buffer.compare(readBytes(memory, 0, length), theirs) !== 0;
  };

  /** `given`: refunds that the library does not count. */
  return (ours: MachineState, library: LibraryState, given = 0n): string | undefined => {
    const { programCounter, gasLeft, gasRefund, stack, memoryWordCount, env } = library;
    if (ours.pc !== programCounter) return differing("pc", ours.pc, programCounter);
    if (ours.depth !== env.depth) return differing("depth", ours.depth, env.depth);
    if (BigInt(ours.gas) !== gasLeft) return differing("gas", ours.gas, gasLeft);
    if (BigInt(ours.refund) !== gasRefund + given) return differing("refund", ours.refund, gasRefund + given);
    if (ours.stack.size !== stack._len) return differing("stack size", ours.stack.size, stack._len);
    let link = ours.stack;
    for (let i = stack._len - 1; i >= 0; i--, link = link.below)
      if (link.value !== stack._store[i]) return differing(`word ${i} of the stack`, link.value, stack._store[i]);
    if (BigInt(ours.memory.count) !== memoryWordCount)
      return differing("memory words", ours.memory.count, memoryWordCount);
    return memoryDiffers(ours, library) ? "memory differs" : undefined;
  };
};
