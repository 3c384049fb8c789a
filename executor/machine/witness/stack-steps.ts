import { expandTo, type Words } from "../state/memory.ts";
import { encodeLogs, type Frame } from "../state/state.ts";
import { openBlock, openEnvironment } from "./block.ts";
import type { Evidence, Step } from "./step.ts";
import { openBytes, openCode, openReference } from "./words.ts";

type Open = (step: Step) => Evidence;

const nothing: Open = () => [];

/** Read once the gas is taken: a frame that halts needs none of it. */
const unlessHalted =
  (open: Open): Open =>
  (step) =>
    step.halts ? [] : open(step);

/** The words in which an operand on top points, of memory as it is before anything is written. */
const memoryWindow = (length: number): Open =>
  unlessHalted(({ state, after }) => openBytes(expanded({ state, after }), Number(state.stack.value), length));
const expanded = ({ state, after }: Pick<Step, "state" | "after">): Words => expandTo(state.memory, after.memory.count);

const JUMP_GAS: Readonly<Record<number, number>> = { 86: 8, 87: 10 };

/** The target's chunk, whether or not a jump may land there; nothing where none is taken or it is behind the code. */
const jump =
  (opcode: number): Open =>
  ({ state }) => {
    const { stack, gas } = state;
    const { code } = state.frame as Frame;
    const taken = opcode === 0x56 || stack.below.value !== 0n;
    if (gas < (JUMP_GAS[opcode] as number) || !taken || stack.value >= BigInt(code.size)) return [];
    return openCode(code, Number(stack.value), Number(stack.value) + 1);
  };

const environment = unlessHalted(openEnvironment);
const block = unlessHalted(openBlock);

const log = unlessHalted(({ state }) => [encodeLogs(state.logs), state.logs.bloom]);

const range = (first: number, last: number, open: Open): (readonly [number, Open])[] =>
  Array.from({ length: last - first + 1 }, (_, i) => [first + i, open] as const);

/** Instructions that need no account and no slot: twin of StackSteps.sol. */
export const STACK_EVIDENCE: ReadonlyMap<number, Open> = new Map<number, Open>([
  ...range(0x00, 0x0b, nothing),
  ...range(0x10, 0x1e, nothing),
  [0x20, nothing],
  [0x30, nothing],
  [0x32, environment],
  ...range(0x33, 0x39, nothing),
  [0x35, unlessHalted(({ state }) => openReference((state.frame as Frame).calldata, state.stack.value, 32))],
  [0x3a, environment],
  ...range(0x3d, 0x3e, nothing),
  ...range(0x41, 0x46, block),
  [0x48, block],
  ...range(0x49, 0x4a, nothing),
  [0x50, nothing],
  [0x51, memoryWindow(32)],
  [0x52, memoryWindow(32)],
  [0x53, memoryWindow(1)],
  ...[0x56, 0x57].map((opcode) => [opcode, jump(opcode)] as const),
  ...range(0x58, 0x5b, nothing),
  ...range(0x5e, 0x9f, nothing),
  ...range(0xa0, 0xa4, log),
  [0xf3, nothing],
  [0xfd, nothing],
]);
