import assert from "node:assert/strict";
import { Common, Hardfork, Mainnet } from "@ethereumjs/common";
import { createEVM } from "@ethereumjs/evm";
import { createAddressFromString } from "@ethereumjs/util";
import { type Abi, decodeErrorResult, decodeFunctionResult, encodeFunctionData } from "viem";
import { type Bytes, fromHex, type Hex, toHex } from "../foundation/bytes.ts";
import { ADDRESS } from "../protocol/parameters.ts";
import { inferencePredeploy, l1BlockPredeploy, modelRegistryPredeploy } from "./predeploys.gen.ts";

export const USER: Hex = "0x00000000000000000000000000000000000000aa";

/** `value * 10^-decimals`, as the contract has it. */
export type Decimal = { readonly value: bigint; readonly decimals: bigint };
export const num = (value: bigint | number, decimals: bigint | number = 0): Decimal => ({
  value: BigInt(value),
  decimals: BigInt(decimals),
});

/** The predeploys on an EVM without a chain. */
export const createBench = async () => {
  const evm = await createEVM({ common: new Common({ chain: Mainnet, hardfork: Hardfork.Cancun }) });
  const putCode = (address: Hex, code: Bytes) => evm.stateManager.putCode(createAddressFromString(address), code);
  await putCode(ADDRESS.l1Block, fromHex(l1BlockPredeploy.code));
  await putCode(ADDRESS.modelRegistry, fromHex(modelRegistryPredeploy.code));
  await putCode(ADDRESS.inference, fromHex(inferencePredeploy.code));

  const call = async (to: Hex, abi: Abi, functionName: string, args: readonly unknown[], from: Hex = USER) => {
    const { execResult } = await evm.runCall({
      to: createAddressFromString(to),
      caller: createAddressFromString(from),
      origin: createAddressFromString(from),
      data: fromHex(encodeFunctionData({ abi, functionName, args })),
      gasLimit: 100_000_000n,
    });
    const data = toHex(execResult.returnValue);
    const gas = execResult.executionGasUsed;
    if (execResult.exceptionError !== undefined) {
      if (data === "0x") throw new Error(`halt: ${execResult.exceptionError.error}`);
      const { errorName, args: details } = decodeErrorResult({ abi, data });
      return { error: errorName, details: details ?? [], logs: [], gas } as const;
    }
    return { result: decodeFunctionResult({ abi, functionName, data }), logs: execResult.logs ?? [], gas } as const;
  };
  return {
    evm,
    putCode,
    call,
    async resultOf<T>(...args: Parameters<typeof call>): Promise<T> {
      const answer = await call(...args);
      assert.ok("result" in answer, `reverted: ${JSON.stringify(answer.error)}`);
      return answer.result as T;
    },
    async errorOf(...args: Parameters<typeof call>): Promise<{ error: string; details: readonly unknown[] }> {
      const answer = await call(...args);
      assert.ok("error" in answer && answer.error !== undefined, "did not revert");
      return { error: answer.error, details: answer.details };
    },
  };
};
