import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Account, createAddressFromString } from "@ethereumjs/util";
import solc from "solc";
import { type Abi, decodeErrorResult, decodeFunctionResult, encodeFunctionData } from "viem";
import { withoutModels } from "../../executor/chain/chain.fixture.ts";
import {
  createMachine,
  createMemoryStore,
  createRules,
  createWorldState,
  fromHex,
  type Hex,
  toHex,
} from "../../executor/index.ts";

const ROOT = join(import.meta.dirname, "../..");

const FROM_ROOT = { import: (path: string) => ({ contents: readFileSync(join(ROOT, path), "utf8") }) };

/** Compiles one contract of a test, for the L2's rules. It imports by paths from the repository's root. */
export const compile = (name: string, source: string): { readonly abi: Abi; readonly bytecode: Hex } => {
  const output = JSON.parse(
    solc.compile(
      JSON.stringify({
        language: "Solidity",
        sources: { "test.sol": { content: `// SPDX-License-Identifier: MIT\npragma solidity ^0.8.30;\n${source}` } },
        settings: {
          optimizer: { enabled: true, runs: 200 },
          evmVersion: "cancun",
          outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
        },
      }),
      FROM_ROOT,
    ),
  );
  const contract = output.contracts?.["test.sol"]?.[name];
  if (contract === undefined) throw new Error(JSON.stringify(output.errors));
  return { abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` };
};

/** A contract that shows internal functions to a test. It imports by paths from the repository's root. */
export const compileHarness = (name: string, source: string): { readonly abi: Abi; readonly code: Hex } => {
  const settings = {
    viaIR: true,
    optimizer: { enabled: true, runs: 200 },
    evmVersion: "cancun",
    outputSelection: { "*": { "*": ["abi", "evm.deployedBytecode.object"] } },
  };
  const content = `// SPDX-License-Identifier: MIT\npragma solidity ^0.8.30;\n${source}`;
  const output = JSON.parse(
    solc.compile(
      JSON.stringify({ language: "Solidity", sources: { "harness.sol": { content } }, settings }),
      FROM_ROOT,
    ),
  );
  const contract = output.contracts?.["harness.sol"]?.[name];
  if (contract === undefined) throw new Error(JSON.stringify(output.errors));
  return { abi: contract.abi, code: `0x${contract.evm.deployedBytecode.object}` };
};

/** A harness on a machine of its own. */
export const startHarness = async (name: string, source: string) => {
  const { abi, code } = compileHarness(name, source);
  const { manager } = createWorldState(createMemoryStore());
  const machine = createMachine(manager, { models: withoutModels, rules: createRules(1n, "osaka") });
  const to = createAddressFromString(`0x${"77".repeat(20)}`);
  await manager.putAccount(to, new Account(1n));
  await manager.putCode(to, fromHex(code));
  return {
    /** The result, or the name of the error with which the call ended. */
    async call<T>(
      functionName: string,
      args: readonly unknown[],
    ): Promise<{ result: T; gas: bigint } | { error: string }> {
      const { execResult } = await machine.runCall({
        to,
        data: fromHex(encodeFunctionData({ abi, functionName, args })),
        gasLimit: 100_000_000n,
        skipNonceIncrement: true,
      });
      const data = toHex(execResult.returnValue);
      if (execResult.exceptionError !== undefined)
        return { error: data === "0x" ? execResult.exceptionError.error : decodeErrorResult({ abi, data }).errorName };
      return { result: decodeFunctionResult({ abi, functionName, data }) as T, gas: execResult.executionGasUsed };
    },
  };
};
