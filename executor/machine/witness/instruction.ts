import { OPERATIONS } from "../operations/opcodes.ts";
import { forkOf } from "../operations/operation.ts";
import { drop, hashStack, operands } from "../state/stack.ts";
import type { Frame } from "../state/state.ts";
import { wordOf } from "../state/word.ts";
import { openBlock } from "./block.ts";
import { CALL_EVIDENCE } from "./call-steps.ts";
import { STACK_EVIDENCE } from "./stack-steps.ts";
import { STATE_EVIDENCE } from "./state-steps.ts";
import type { Evidence, Step } from "./step.ts";
import { openCode } from "./words.ts";

const CLZ = 0x1e;
const STACK_LIMIT = 1024;

/** What an instruction reads behind its operands, by opcode; undefined where no contract has it. */
const EVIDENCE: ReadonlyMap<number, (step: Step) => Evidence> = new Map([
  ...STACK_EVIDENCE,
  ...STATE_EVIDENCE,
  ...CALL_EVIDENCE,
]);

/**
 * One instruction: its chunks, for CLZ environment and block, the operands, and what its family reads. Undefined where
 * no contract has it.
 */
export const instructionEvidence = (step: Step): Evidence | undefined => {
  const { state } = step;
  const frame = state.frame as Frame;
  const { code } = frame;
  if (state.pc >= code.size) return [];
  const opcode = code.bytes[state.pc] as number;
  const immediate = opcode >= 0x60 && opcode <= 0x7f ? opcode - 0x5f : 0;
  const head = [...openCode(code, state.pc, state.pc + 1 + immediate), ...(opcode === CLZ ? openBlock(step) : [])];
  const operation = OPERATIONS[forkOf(state)][opcode];
  if (operation === undefined) return head;
  const { pops, pushes } = operation;
  const { stack } = state;
  if (stack.size < pops || stack.size - pops + pushes > STACK_LIMIT) return head;
  const words = operands(stack, pops).toReversed().map(wordOf);
  const own = EVIDENCE.get(opcode);
  if (own === undefined) return undefined;
  return [...head, ...(pops === 0 ? [] : [hashStack(drop(stack, pops)), ...words]), ...own(step)];
};
