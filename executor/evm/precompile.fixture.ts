import { type ExecResult, getActivePrecompiles, NobleBN254, type PrecompileInput } from "@ethereumjs/evm";
import { type Bytes, toHex } from "../foundation/bytes.ts";
import { createRules } from "./rules.ts";

const common = createRules(918273n, "osaka");
const library = getActivePrecompiles(common);

type Call = (input: PrecompileInput) => ExecResult | Promise<ExecResult>;

/** What consensus sees of a precompile's answer: a failure takes all gas and has no output. */
const observe = async (call: Call, data: Bytes, gasLimit: bigint) => {
  const input = { data, gasLimit, common, _EVM: { _bn254: new NobleBN254() } } as unknown as PrecompileInput;
  const { executionGasUsed, returnValue, exceptionError } = await call(input);
  return { ok: exceptionError === undefined, gas: executionGasUsed, output: toHex(returnValue) };
};
export type Observed = Awaited<ReturnType<typeof observe>>;

/** The answer of a precompile of the chain, and of the library's in plain JavaScript. */
export const runBoth = async (
  address: number,
  call: Call,
  data: Bytes,
  gasLimit: bigint,
): Promise<readonly [Observed, Observed]> => {
  const definition = library.get(address.toString(16).padStart(40, "0")) as Call;
  return [await observe(call, data, gasLimit), await observe(definition, data, gasLimit)];
};
