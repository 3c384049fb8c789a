import { type Bytes, equalBytes, fromHex, toHex } from "../foundation/bytes.ts";
import { INFER_REASON_GAS, judgeInfer, MODEL_ID_BYTES, recordIn, recordSlot } from "../protocol/model-call.ts";
import { ADDRESS } from "../protocol/parameters.ts";
import { answerTo, fault, type Need, type UnitContext } from "./context.ts";
import { sourceOf } from "./frames.ts";
import { exitWith, frameOf, halt } from "./operations/operation.ts";
import { type Reference, readReference, referTo, wordsOf } from "./state/memory.ts";
import { type MachineState, PHASE, REGISTERS, RESULT, type Registers, registersOf } from "./state/state.ts";

/** PRECOMPILE and INFER: calls that no bytecode answers. */

const INFER = fromHex(ADDRESS.infer);
const ADMIT = fromHex(ADDRESS.admit);
const REGISTRY = fromHex(ADDRESS.modelRegistry);
const ADMIT_BYTES = 64;
const IDENTITY = 4;

const succeed = (state: MachineState, output: Reference): void => exitWith(state, RESULT.success, output);

const inputOf = (state: MachineState): Reference => frameOf(state).calldata;

/** What an ADMIT call asks; undefined when it fails whatever the answer: only the registry may ask. */
const admission = (state: MachineState): Extract<Need, { kind: "admit" }> | undefined => {
  const { caller, self } = frameOf(state);
  const input = inputOf(state);
  if (!equalBytes(caller, REGISTRY) || !equalBytes(self, ADMIT) || input.length !== ADMIT_BYTES) return undefined;
  const id = readReference(input, 0, MODEL_ID_BYTES);
  return {
    kind: "admit",
    id,
    contentHash: readReference(input, MODEL_ID_BYTES, MODEL_ID_BYTES),
    gas: BigInt(state.gas),
  };
};

/**
 * ADMIT, one step. Its answer is the model runtime's: L1 cannot replay the judgement of an artifact in a call, so a false
 * admission is refuted on L1 as a registration.
 */
const runAdmit = (state: MachineState, { answers }: UnitContext): void => {
  const need = admission(state);
  if (need === undefined) {
    halt(state);
    return;
  }
  const { gas, output } = answerTo(answers, need);
  if (gas > state.gas) {
    halt(state);
    return;
  }
  state.gas -= Number(gas);
  succeed(state, referTo(wordsOf(output), 0, output.length));
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
  else if (equalBytes(codeAddress, ADMIT)) runAdmit(state, context);
  else runEthereums(state, (codeAddress[18] as number) * 256 + (codeAddress[19] as number), context);
};

const modelRegisters = (state: MachineState): Registers => {
  if (state.registers === undefined) throw fault("MACHINE_BROKEN", "an inference without registers");
  return state.registers;
};

/** One step here, a tree of its own at level 2. */
export const runInfer = (state: MachineState, { answers }: UnitContext): void => {
  const registers = modelRegisters(state);
  const { output } = answerTo(answers, inference(registers));
  if (output.length !== registers.length)
    throw fault("MACHINE_BROKEN", `model ${toHex(registers.x)} gave ${output.length} bytes, not ${registers.length}`);
  succeed(state, referTo(wordsOf(output), 0, output.length));
};

const inference = (registers: Registers): Extract<Need, { kind: "infer" }> => {
  const source = sourceOf(registers);
  return { kind: "infer", id: registers.x, input: readReference(source, 0, source.length) };
};

/** What the step from this state takes from the model runtime. */
export const needOf = (state: MachineState): Need | undefined => {
  if (state.phase === PHASE.infer) return inference(modelRegisters(state));
  if (state.phase === PHASE.precompile && equalBytes(frameOf(state).codeAddress, ADMIT)) return admission(state);
  return undefined;
};
