import { canStore, sourceOf } from "../frames.ts";
import { frameOf } from "../operations/operation.ts";
import type { Reference } from "../state/memory.ts";
import { encodeRegisters, REGISTERS, type Registers } from "../state/state.ts";
import { openAccess } from "./access.ts";
import { openAccount } from "./accounts.ts";
import type { Evidence, Step } from "./step.ts";
import { openReference } from "./words.ts";

const whole = (reference: Reference): Evidence => openReference(reference, 0n, reference.length);

/** INITCODE: twin of CodeSteps.sol. */
export const initcodeEvidence = (step: Step): Evidence => {
  const { state, after } = step;
  const { world, stateRoot } = state;
  const frame = frameOf(state);
  // INVARIANT: INITCODE has registers.
  const registers = state.registers as Registers;
  const creator = registers.kind === REGISTERS.initcode ? openAccount(world, stateRoot, frame.caller) : [];
  return [
    encodeRegisters(registers),
    ...whole(sourceOf(registers)),
    ...creator,
    ...openAccess(step, frameOf(after).self),
  ];
};

/** DEPOSIT: twin of CodeSteps.sol. */
export const depositEvidence = ({ state, halts }: Step): Evidence => {
  const { world, stateRoot, registers, gas } = state;
  const frame = frameOf(state);
  const account = halts ? [] : openAccount(world, stateRoot, frame.self);
  if (registers === undefined) return account;
  const output = sourceOf(registers);
  const code = canStore(output.length, gas) ? whole(output) : [];
  return [encodeRegisters(registers), ...code, ...account];
};
