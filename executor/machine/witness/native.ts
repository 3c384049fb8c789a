import { equalBytes, fromHex } from "../../foundation/bytes.ts";
import { maximumInput } from "../../precompiles/precompile.ts";
import { ADDRESS } from "../../protocol/parameters.ts";
import { encodeFrame, type Frame } from "../state/state.ts";
import type { Evidence, Step } from "./step.ts";
import { openReference } from "./words.ts";

const ADMIT = fromHex(ADDRESS.admit);
const IDENTITY = 4;

/** One call of a precompile: twin of PrecompileSteps.sol. */
export const precompileEvidence = ({ state }: Step): Evidence => {
  const frame = state.frame as Frame;
  const { codeAddress, calldata } = frame;
  const head = [encodeFrame(frame)];
  if (equalBytes(codeAddress, ADMIT)) return head;
  const address = (codeAddress[18] as number) * 256 + (codeAddress[19] as number);
  if (address === IDENTITY || calldata.length > maximumInput(address)) return head;
  return [...head, ...openReference(calldata, 0n, calldata.length)];
};
