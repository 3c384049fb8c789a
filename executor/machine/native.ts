import { type Bytes, equalBytes, fromHex, toHex } from "../foundation/bytes.ts";
import {
  ADMIT_BYTES,
  admitGas,
  INFER_REASON_GAS,
  judgeInfer,
  MODEL_ID_BYTES,
  readAdmit,
  recordIn,
  recordSlot,
} from "../protocol/model-call.ts";
import { ADDRESS } from "../protocol/parameters.ts";
import { answerTo, fault, type Need, type UnitContext } from "./context.ts";
import { sourceOf } from "./frames.ts";
import { exitWith, frameOf, halt } from "./operations/operation.ts";
import { EMPTY_REFERENCE, type Reference, readReference, referTo, wordsOf } from "./state/memory.ts";
import {
  type Frame,
  type MachineState,
  PHASE,
  type Phase,
  REGISTERS,
  RESULT,
  type Registers,
  registersOf,
} from "./state/state.ts";

/** PRECOMPILE, INFER and ADMIT: calls that no bytecode answers. */

const INFER = fromHex(ADDRESS.infer);
const ADMIT = fromHex(ADDRESS.admit);
const REGISTRY = fromHex(ADDRESS.modelRegistry);
const IDENTITY = 4;

const succeed = (state: MachineState, output: Reference): void => exitWith(state, RESULT.success, output);

const inputOf = (state: MachineState): Reference => frameOf(state).calldata;

/** Whether an ADMIT call is taken: only the registry may ask. Twin of PrecompileSteps.sol's. */
export const isAdmission = ({ caller, self, calldata }: Frame): boolean =>
  equalBytes(caller, REGISTRY) && equalBytes(self, ADMIT) && calldata.length === ADMIT_BYTES;

/** ADMIT's price, by the artifact's length; the artifact is judged in the next step. */
const runAdmission = (state: MachineState) => {
  if (!isAdmission(frameOf(state))) return halt(state);
  const { id, content } = readAdmit(readReference(inputOf(state), 0, ADMIT_BYTES));
  const gas = admitGas(content.length);
  if (gas > state.gas) return halt(state);
  state.gas -= Number(gas);
  const { root: y, length, chunks: cursor } = content;
  state.registers = registersOf({ kind: REGISTERS.admit, source: EMPTY_REFERENCE, length, cursor, x: id, y });
  state.phase = PHASE.admit;
};

/** The call fails with a reason and keeps the gas that it does not cost, as a REVERT does. */
const revertWith = (state: MachineState, reason: Bytes): void => {
  state.gas -= Number(INFER_REASON_GAS);
  exitWith(state, RESULT.revert, referTo(wordsOf(reason), 0, reason.length));
};

/** INFER's price and lengths, from the registry's record; the model runs in the next step. */
const runInference = (state: MachineState) => {
  const input = inputOf(state);
  if (INFER_REASON_GAS > state.gas) return halt(state);
  const id = readReference(input, 0, MODEL_ID_BYTES);
  const found =
    input.length < MODEL_ID_BYTES ? undefined : recordIn(state.world.slot(state.stateRoot, REGISTRY, recordSlot(id)));
  const asked = judgeInfer(input.length, id, found);
  if ("reason" in asked) return revertWith(state, asked.reason);
  const { record } = asked;
  if (record.gas > state.gas) return halt(state);
  state.gas -= Number(record.gas);
  const source = referTo(input.words, input.offset + MODEL_ID_BYTES, record.inputBytes);
  state.registers = registersOf({ kind: REGISTERS.infer, source, length: record.outputBytes, x: id });
  state.phase = PHASE.infer;
};

const runEthereums = (state: MachineState, address: number, { precompiles }: UnitContext): void => {
  const precompile = precompiles.get(address);
  if (precompile === undefined) throw fault("MACHINE_BROKEN", `there is no precompile ${address}`);
  const input = inputOf(state);
  const answer = precompile(readReference(input, 0, input.length), BigInt(state.gas));
  if (answer === undefined) {
    halt(state);
    return;
  }
  state.gas -= Number(answer.gas);
  // The identity's output is its input: nothing is opened.
  const output = address === IDENTITY ? input : referTo(wordsOf(answer.output), 0, answer.output.length);
  succeed(state, output);
};

export const runPrecompile = (state: MachineState, context: UnitContext): void => {
  const { codeAddress } = frameOf(state);
  if (equalBytes(codeAddress, INFER)) runInference(state);
  else if (equalBytes(codeAddress, ADMIT)) runAdmission(state);
  else runEthereums(state, (codeAddress[18] as number) * 256 + (codeAddress[19] as number), context);
};

const modelRegisters = (state: MachineState): Registers => {
  if (state.registers === undefined) throw fault("MACHINE_BROKEN", "an inference without registers");
  return state.registers;
};

/** INFER and ADMIT: one step here, a tree of its own at level 2. */
export const runModel = (state: MachineState, { answers }: UnitContext): void => {
  const registers = modelRegisters(state);
  const need = asked(state.phase, registers);
  const { output } = answerTo(answers, need);
  if (need.kind === "infer" && output.length !== registers.length)
    throw fault("MACHINE_BROKEN", `model ${toHex(registers.x)} gave ${output.length} bytes, not ${registers.length}`);
  succeed(state, referTo(wordsOf(output), 0, output.length));
};

const asked = (phase: Phase, { x: id, y: root, length, cursor: chunks, ...registers }: Registers): Need => {
  if (phase === PHASE.admit) return { kind: "admit", id, content: { root, length, chunks } };
  const source = sourceOf(registers);
  return { kind: "infer", id, input: readReference(source, 0, source.length) };
};

/** What the step from this state takes from the model runtime. */
export const needOf = (state: MachineState): Need | undefined =>
  state.phase === PHASE.infer || state.phase === PHASE.admit ? asked(state.phase, modelRegisters(state)) : undefined;
