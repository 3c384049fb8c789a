import solc from "solc";
import type { Abi } from "viem";
import type { Hex } from "../../executor/index.ts";

/** Compiles one contract of a test, for the L2's rules. */
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
    ),
  );
  const contract = output.contracts?.["test.sol"]?.[name];
  if (contract === undefined) throw new Error(JSON.stringify(output.errors));
  return { abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` };
};
