import type { Bytes } from "../../foundation/bytes.ts";
import { keccak256 } from "../../foundation/keccak.ts";
import { referTo, wordsOf } from "./memory.ts";
import { encodeRegisters, PHASE, REGISTERS, RESULT, registersOf } from "./state.ts";

const PHASE_AT = 1;
const RESULT_AT = 2;
const REST_HASH_AT = 96;
const REGISTERS_HASH_AT = 269;

/** A machine that is about to call a model, as the preimages of its hash. */
export type MachineBeforeInference = { readonly state: Bytes; readonly rest: Bytes };

/**
 * The 128 bytes of the machine after the call gave `output` (packed, not empty): result 1, phase EXIT, the output in the
 * registers; nothing else changes. Twin of MachineState.sol's `afterInference`.
 */
export const afterInference = ({ state, rest }: MachineBeforeInference, output: Bytes): Bytes => {
  const source = referTo(wordsOf(output), 0, output.length);
  const nextRest = rest.slice();
  nextRest.set(keccak256(encodeRegisters(registersOf({ kind: REGISTERS.output, source }))), REGISTERS_HASH_AT);
  const next = state.slice();
  next[PHASE_AT] = PHASE.exit;
  next[RESULT_AT] = RESULT.success;
  next.set(keccak256(nextRest), REST_HASH_AT);
  return next;
};
