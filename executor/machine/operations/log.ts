import { EMPTY_BYTES } from "../../foundation/bytes.ts";
import { keccak256, keccakOf } from "../../foundation/keccak.ts";
import { addToBloom } from "../../protocol/bloom.ts";
import { expandTo, expansionGas, referTo, windowOf, wordsAfter } from "../state/memory.ts";
import { drop, operands } from "../state/stack.ts";
import { PHASE, REGISTERS, registersOf } from "../state/state.ts";
import { wordOf } from "../state/word.ts";
import { completeLog } from "./bulk.ts";
import { frameOf, halt, isStatic, next, type Operation, spend } from "./operation.ts";

const LOG = 375;
const TOPIC = 375;
const BYTE = 8;

const NO_DATA = keccak256(EMPTY_BYTES);

/** LOG0 to LOG4: address and topics here, the data's hash in the steps that follow. */
const logging = (count: number): Operation => ({
  pops: 2 + count,
  pushes: 0,
  run: (state) => {
    if (isStatic(state)) return halt(state);
    const { memory, stack, logs } = state;
    const [offset = 0n, length = 0n, ...topics] = operands(stack, 2 + count);
    const window = windowOf(offset, length);
    if (window === undefined) return halt(state);
    const words = wordsAfter(memory.count, window);
    const gas = LOG + TOPIC * count + BYTE * window.length + expansionGas(memory.count, words);
    if (!spend(state, gas)) return halt(state);
    if (words > memory.count) state.memory = expandTo(memory, words);
    next(state, drop(stack, 2 + count));

    const { self } = frameOf(state);
    const topicBytes = topics.map(wordOf);
    const bloom = logs.bloom.slice();
    for (const value of [self, ...topicBytes]) addToBloom(bloom, value);
    const what = keccakOf(self, Uint8Array.of(count), ...topicBytes);
    state.logs = { ...logs, bloom };
    if (window.length === 0) {
      state.logs = completeLog(state.logs, { what, length: 0, hash: NO_DATA });
      return;
    }
    const source = referTo(state.memory, window.offset, window.length);
    state.registers = registersOf({ kind: REGISTERS.hashLog, source, length: source.length, x: what });
    state.phase = PHASE.bulk;
  },
});

export const LOGS: ReadonlyMap<number, Operation> = new Map(
  [0, 1, 2, 3, 4].map((count) => [0xa0 + count, logging(count)]),
);
