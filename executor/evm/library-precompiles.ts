import { EVMError, type ExecResult, type PrecompileFunc, type PrecompileInput } from "@ethereumjs/evm";
import { MAX_PRECOMPILE_GAS, maximumInput, type Precompile } from "../precompiles/precompile.ts";
import { OWN_PRECOMPILES } from "../precompiles/table.ts";

/** The call fails and takes all its gas. */
export const burn = (gasLimit: bigint): ExecResult => ({
  returnValue: new Uint8Array(0),
  executionGasUsed: gasLimit,
  exceptionError: new EVMError(EVMError.errorMessages.OUT_OF_GAS),
});

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

type LibraryPrecompile = (input: PrecompileInput) => Promise<ExecResult>;

/** One of the chain's own precompiles as the library calls it. */
const forLibrary =
  (load: () => Promise<Precompile>): LibraryPrecompile =>
  async ({ data, gasLimit }) => {
    const answer = (await load())(data, gasLimit);
    return answer === undefined ? burn(gasLimit) : { executionGasUsed: answer.gas, returnValue: answer.output };
  };

/** The chain's own precompiles, by address. */
export const OWN: ReadonlyMap<number, LibraryPrecompile> = new Map(
  OWN_PRECOMPILES.map(({ address, load }) => [address, forLibrary(load)]),
);

export const pointEvaluation = OWN.get(0x0a) as LibraryPrecompile;
