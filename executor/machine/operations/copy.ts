import {
  EMPTY_REFERENCE,
  expandTo,
  expansionGas,
  type Reference,
  referTo,
  type Window,
  type Words,
  windowOf,
  wordsAfter,
} from "../state/memory.ts";
import { drop, operands } from "../state/stack.ts";
import {
  type CodeReference,
  type MachineState,
  PHASE,
  REGISTERS,
  type RegistersKind,
  registersOf,
} from "../state/state.ts";
import { addressIn } from "../state/word.ts";
import { type Code, warmAddress } from "../state/world.ts";
import { COLD_ACCOUNT, WARM_ACCOUNT } from "./environment.ts";
import { forkOf, frameOf, halt, next, type Operation, spend } from "./operation.ts";

const VERY_LOW = 3;
const COPY_WORD = 3;

type Source = Reference | CodeReference;

/** The bytes of a reference from `from` on; behind its end there are zeros alone, and no opening. */
const rest = ({ words, offset, length }: Reference, from: bigint): Reference =>
  from >= BigInt(length) ? EMPTY_REFERENCE : referTo(words, offset + Number(from), length - Number(from));

const restOfCode = (code: Code, from: bigint): Source =>
  from >= BigInt(code.size) ? EMPTY_REFERENCE : { code, offset: Number(from), length: code.size - Number(from) };

/** What a copy does once its gas is known: the opcode charges, expands and sets the registers, nothing more. */
type Copy = {
  readonly kind: RegistersKind;
  /** Static gas, access included. */
  readonly gas: number;
  readonly destination: bigint;
  readonly length: bigint;
  /** A second window that memory must hold. */
  readonly also?: Window;
  /** Memory after expansion is its argument. */
  readonly source: (memory: Words) => Source;
};

/** False: the frame has halted. */
const begin = (state: MachineState, pops: number, { kind, gas, destination, length, also, source }: Copy): boolean => {
  const { memory, stack } = state;
  const window = windowOf(destination, length);
  if (window === undefined) return false;
  const words = wordsAfter(also === undefined ? memory.count : wordsAfter(memory.count, also), window);
  const charge = gas + COPY_WORD * Math.ceil(window.length / 32) + expansionGas(memory.count, words);
  if (!spend(state, charge)) return false;
  if (words > memory.count) state.memory = expandTo(memory, words);
  next(state, drop(stack, pops));
  if (window.length === 0) return true;
  state.registers = registersOf({
    kind,
    source: source(state.memory),
    destination: window.offset,
    length: window.length,
  });
  state.phase = PHASE.bulk;
  return true;
};

/** The operands of CALLDATACOPY, CODECOPY, RETURNDATACOPY and MCOPY. */
type Operands = { readonly destination: bigint; readonly from: bigint; readonly length: bigint };

/** `copy` undefined: the frame halts. */
const copying = (copyOf: (state: MachineState, given: Operands) => Copy | undefined): Operation => ({
  pops: 3,
  pushes: 0,
  run: (state) => {
    const [destination = 0n, from = 0n, length = 0n] = operands(state.stack, 3);
    const copy = copyOf(state, { destination, from, length });
    if (copy === undefined || !begin(state, 3, copy)) halt(state);
  },
});

/** The opcodes that copy: as many steps in phase `bulk` as the length takes follow. */
export const COPIES: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [
    0x37,
    copying((state, { destination, from, length }) => ({
      kind: REGISTERS.copy,
      gas: VERY_LOW,
      destination,
      length,
      source: () => rest(frameOf(state).calldata, from),
    })),
  ],
  [
    0x39,
    copying((state, { destination, from, length }) => ({
      kind: REGISTERS.copyCode,
      gas: VERY_LOW,
      destination,
      length,
      source: () => restOfCode(frameOf(state).code, from),
    })),
  ],
  [
    0x3c,
    {
      pops: 4,
      pushes: 0,
      run: (state) => {
        const [operand = 0n, destination = 0n, from = 0n, length = 0n] = operands(state.stack, 4);
        const { txTree, world, stateRoot } = state;
        const address = addressIn(operand);
        const warmed = warmAddress(txTree, address, forkOf(state));
        const begun = begin(state, 4, {
          kind: REGISTERS.copyCode,
          gas: warmed === txTree ? WARM_ACCOUNT : COLD_ACCOUNT,
          destination,
          length,
          source: () => restOfCode(world.account(stateRoot, address).code, from),
        });
        if (!begun) return halt(state);
        state.txTree = warmed;
      },
    },
  ],
  [
    // Bytes that were not returned cannot be read, not even none of them.
    0x3e,
    copying(({ returndata }, { destination, from, length }) =>
      from + length > BigInt(returndata.length)
        ? undefined
        : { kind: REGISTERS.copy, gas: VERY_LOW, destination, length, source: () => rest(returndata, from) },
    ),
  ],
  [
    // The source is memory as it is when the copy begins, so that an overlap needs no direction.
    0x5e,
    copying((_, { destination, from, length }) => {
      const also = windowOf(from, length);
      if (also === undefined) return undefined;
      return {
        kind: REGISTERS.copy,
        gas: VERY_LOW,
        destination,
        length,
        also,
        source: (memory) => referTo(memory, also.offset, also.length),
      };
    }),
  ],
]);
