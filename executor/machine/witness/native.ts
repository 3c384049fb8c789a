import { equalBytes, fromHex } from "../../foundation/bytes.ts";
import { maximumInput } from "../../precompiles/precompile.ts";
import { ADMIT_BYTES, INFER_REASON_GAS, MODEL_ID_BYTES, recordSlot } from "../../protocol/model-call.ts";
import { ADDRESS } from "../../protocol/parameters.ts";
import { slotKey } from "../../state/account.ts";
import { isAdmission } from "../native.ts";
import { type Reference, readReference } from "../state/memory.ts";
import type { Frame } from "../state/state.ts";
import type { Evidence, Step } from "./step.ts";
import { openPath } from "./tree.ts";
import { openReference } from "./words.ts";

const INFER = fromHex(ADDRESS.infer);
const REGISTRY = fromHex(ADDRESS.modelRegistry);
const ADMIT = fromHex(ADDRESS.admit);
const IDENTITY = 4;

/** The model's id and what the registry has of it, if they are looked at. */
const modelEvidence = ({ gas, stateRoot }: Step["state"], calldata: Reference): Evidence => {
  if (gas < INFER_REASON_GAS || calldata.length < MODEL_ID_BYTES) return [];
  const slot = recordSlot(readReference(calldata, 0, MODEL_ID_BYTES));
  return [...openReference(calldata, 0n, MODEL_ID_BYTES), ...openPath(stateRoot, slotKey(REGISTRY, slot))];
};

/** One call of a precompile: twin of PrecompileSteps.sol. */
export const precompileEvidence = ({ state }: Step): Evidence => {
  const frame = state.frame as Frame;
  const { codeAddress, calldata } = frame;
  if (equalBytes(codeAddress, ADMIT)) return isAdmission(frame) ? openReference(calldata, 0n, ADMIT_BYTES) : [];
  if (equalBytes(codeAddress, INFER)) return modelEvidence(state, calldata);
  const address = (codeAddress[18] as number) * 256 + (codeAddress[19] as number);
  if (address === IDENTITY || calldata.length > maximumInput(address)) return [];
  return openReference(calldata, 0n, calldata.length);
};
