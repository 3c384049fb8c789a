import type { PrecompileFunc, PrecompileInput } from "@ethereumjs/evm";
import { EVMError, type ExecResult } from "@ethereumjs/evm";

/** Bytes of input above which a precompile fails: L1 must be able to replay the call. */
export const MAX_PRECOMPILE_INPUT = 65_536;
export const MAX_PAIRING_INPUT = 192 * 200;
/** A call that costs more than this fails: an L1 transaction could not forward it. */
export const MAX_PRECOMPILE_GAS = 8_000_000n;

/** The call fails and takes all its gas. */
export const burn = (gasLimit: bigint): ExecResult => ({
  returnValue: new Uint8Array(0),
  executionGasUsed: gasLimit,
  exceptionError: new EVMError(EVMError.errorMessages.OUT_OF_GAS),
});

const maximumInput = (address: number): number => (address === 8 ? MAX_PAIRING_INPUT : MAX_PRECOMPILE_INPUT);

/**
 * A library precompile under the protocol's bounds. The library prices before it computes, so a call above the bound of
 * gas is refused before the work is done.
 */
export const bounded =
  (address: number, precompile: PrecompileFunc): PrecompileFunc =>
  async (input: PrecompileInput): Promise<ExecResult> => {
    if (input.data.length > maximumInput(address)) return burn(input.gasLimit);
    const gasLimit = input.gasLimit < MAX_PRECOMPILE_GAS ? input.gasLimit : MAX_PRECOMPILE_GAS;
    const result = await precompile({ ...input, gasLimit });
    return result.exceptionError === undefined ? result : burn(input.gasLimit);
  };
