import type { StateManagerInterface } from "@ethereumjs/common";
import { EVMError, type ExecResult } from "@ethereumjs/evm";
import { Address } from "@ethereumjs/util";
import { type Bytes, fromHex, readUintBE, toHex } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import type { Pace } from "../foundation/pace.ts";
import type { ModelErrorCode, ModelRuntime } from "../models/runtime.ts";
import {
  ADMIT_BYTES,
  admitGas,
  encodeAdmission,
  INFER_REASON_GAS,
  judgeInfer,
  MODEL_ID_BYTES,
  type ModelRecord,
  readAdmit,
  recordIn,
  recordSlot,
} from "../protocol/model-call.ts";
import { contentHashOf } from "../protocol/model-content.ts";
import { ADDRESS } from "../protocol/parameters.ts";
import { burn } from "./library-precompiles.ts";

/*
 * INFER and ADMIT are precompiles like 1 to 10: warm in every transaction, and without an account that matters, so without
 * code. EXTCODESIZE of them is 0, and a Solidity interface call would revert on it: callers use a low-level call, as the
 * library and the facade of the genesis contracts do.
 */

/** A message to a native precompile: who asks, for what, with how much gas. */
export type NativeCall = {
  readonly data: Bytes;
  readonly gasLimit: bigint;
  /** The account whose code made the call; for a delegate call, its own caller. */
  readonly caller: Address;
  /** The account in whose name the call runs. Not the precompile's under CALLCODE and DELEGATECALL. */
  readonly to: Address;
  readonly delegated: boolean;
};

/** What native precompiles work with. */
export type NativeComponents = {
  readonly state: StateManagerInterface;
  readonly models: ModelRuntime;
  /** Calls have one; blocks are executed without. */
  readonly pace: Pace | undefined;
};

const registry = new Address(fromHex(ADDRESS.modelRegistry));

/** What the registry holds of a model; undefined when it is not callable. */
export const readRecord = async (state: StateManagerInterface, id: Bytes): Promise<ModelRecord | undefined> =>
  recordIn(readUintBE(await state.getStorage(registry, recordSlot(id))));

const fatal = (code: ModelErrorCode, message: string, data: Record<string, unknown>): never => {
  throw new CodedError<ModelErrorCode>(code, message, data);
};

/** The call fails with a reason and keeps the gas that it does not cost, as a REVERT does. */
const revertWith = (reason: Bytes): ExecResult => ({
  returnValue: reason,
  executionGasUsed: INFER_REASON_GAS,
  exceptionError: new EVMError(EVMError.errorMessages.REVERT),
});

/**
 * `modelId ++ packed input` to packed output. Price and lengths come from the registry's record, before anything runs.
 * It changes nothing, so it means the same under CALL, STATICCALL, CALLCODE and DELEGATECALL.
 * A callable model whose artifact is nowhere is the node's failure, not the call's: MODEL_MISSING stops the block.
 */
export const infer = async (
  { data, gasLimit }: NativeCall,
  { state, models, pace }: NativeComponents,
): Promise<ExecResult> => {
  if (gasLimit < INFER_REASON_GAS) return burn(gasLimit);
  const id = data.slice(0, MODEL_ID_BYTES);
  const asked = judgeInfer(data.length, id, id.length < MODEL_ID_BYTES ? undefined : await readRecord(state, id));
  if ("reason" in asked) return revertWith(asked.reason);
  const { record } = asked;
  if (record.gas > gasLimit) return burn(gasLimit);
  const output = await models.run(toHex(id), data.slice(MODEL_ID_BYTES), pace);
  if (output === undefined) return burn(gasLimit);
  if (output.length !== record.outputBytes)
    return fatal("MODEL_CORRUPT", `model ${toHex(id)} gave ${output.length} bytes, its record says otherwise`, {
      id: toHex(id),
      length: output.length,
      expected: record.outputBytes,
    });
  return { executionGasUsed: record.gas, returnValue: output };
};

/**
 * `modelId ++ contentRoot ++ u32 bytes ++ u32 chunks` to `abi.encode(uint64 gas, uint32 inputBytes, uint32 outputBytes, uint32 operators, bytes meta)`,
 * empty when the bytes on L1 are not a well-formed program of that id. Only the registry itself may ask. What it costs does
 * not depend on what is on disk. A call, whose sender is anyone's claim, brings nothing: MODEL_DATA_MISSING.
 */
export const admit = async (
  call: NativeCall,
  components: Pick<NativeComponents, "models" | "pace">,
): Promise<ExecResult> => {
  const { data, gasLimit } = call;
  const isOwn = !call.delegated && call.caller.equals(registry) && call.to.toString() === ADDRESS.admit;
  if (!isOwn || data.length !== ADMIT_BYTES) return burn(gasLimit);
  const { id, content } = readAdmit(data);
  const gas = admitGas(content.length);
  if (gas > gasLimit) return burn(gasLimit);
  const admission = await components.models.admit(toHex(id), contentHashOf(content), components.pace);
  return { executionGasUsed: gas, returnValue: encodeAdmission(admission) };
};
