import { type Bytes, type Hex, toHex, ZERO_32 } from "../foundation/bytes.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { ceilLog2 } from "../foundation/merkle.ts";
import type { AskedAdmission } from "../models/admission.ts";
import type { OpenableTree } from "../tensor/multi-proof.ts";
import type { InferenceCall } from "../tensor/step-proof.ts";
import { sourceOf } from "./frames.ts";
import type { EvmMachine } from "./machine.ts";
import { hashWords, readReference, referTo, type Words, wordsOf } from "./state/memory.ts";
import { nodeAt } from "./state/range.ts";
import { encodeRegisters, PHASE, REGISTERS, RESULT, registersOf } from "./state/state.ts";

/** A call of a model: the machine that is about to make it, the program's id, and the packed input. */
export type PendingInference = { readonly call: InferenceCall; readonly id: Hex; readonly input: Bytes };

const openable = (words: Words): OpenableTree => ({
  height: ceilLog2(words.count),
  word: (index) => hashWords(nodeAt(words, 0, index)),
  node: (height, index) => hashWords(nodeAt(words, height, index)),
});

/** Undefined unless the machine's next step is INFER. */
export const pendingInference = (machine: EvmMachine): PendingInference | undefined => {
  if (machine.state?.phase !== PHASE.infer || machine.state.registers === undefined) return undefined;
  const source = sourceOf(machine.state.registers);
  const { state, rest, registers } = machine.preimages() as Record<"state" | "rest" | "registers", Bytes>;
  return {
    call: { state, rest, registers, offset: source.offset, memory: openable(source.words) },
    id: toHex(machine.state.registers.x),
    input: readReference(source, 0, source.length),
  };
};

/** An admission: the machine that is about to make it, and what it asks. */
export type AdmissionCall = AskedAdmission & Pick<InferenceCall, "state" | "rest" | "registers">;

/** Undefined unless the machine's next step is ADMIT. */
export const pendingAdmission = (machine: EvmMachine): AdmissionCall | undefined => {
  if (machine.state?.phase !== PHASE.admit || machine.state.registers === undefined) return undefined;
  const { x: id, y: root, length, cursor: chunks } = machine.state.registers;
  const preimages = machine.preimages() as Record<"state" | "rest" | "registers", Bytes>;
  return { ...preimages, id, content: { root, length, chunks } };
};

const PHASE_AT = 1;
const RESULT_AT = 2;
const REST_HASH_AT = 96;
const REGISTERS_HASH_AT = 269;

/**
 * The 128 bytes of the machine after the call gave `output` (an empty one is written as no registers): result 1, phase EXIT,
 * the output in the registers; nothing else changes. Twin of MachineState.sol's `afterInference`.
 */
export const afterInference = ({ state, rest }: Pick<InferenceCall, "state" | "rest">, output: Bytes): Bytes => {
  const source = referTo(wordsOf(output), 0, output.length);
  const nextRest = rest.slice();
  const registers = () => keccak256(encodeRegisters(registersOf({ kind: REGISTERS.output, source })));
  nextRest.set(output.length === 0 ? ZERO_32 : registers(), REGISTERS_HASH_AT);
  const next = state.slice();
  next[PHASE_AT] = PHASE.exit;
  next[RESULT_AT] = RESULT.success;
  next.set(keccak256(nextRest), REST_HASH_AT);
  return next;
};
