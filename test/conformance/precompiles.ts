import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Address } from "@ethereumjs/util";
import {
  createMachine,
  createMemoryStore,
  createRules,
  createWorldState,
  fromHex,
  type Hex,
  type ModelRuntime,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import type { Suite } from "./suite.ts";

/** One call of geth's tests: gas and output, or a failure. */
type Vector = { readonly Name: string; readonly Input: string } & (
  | { readonly Expected: string; readonly Gas: number }
  | { readonly ExpectedError: string }
);

const chain = createRules(1n, "osaka");
/** Modular exponentiation as Cancun prices it, without EIP-7823 and EIP-7883. */
const cancun = createRules(1n, "cancun", [2935, 7709]);

const FILES = [
  { file: "ecRecover", address: 1, rules: chain },
  { file: "modexp_eip7883", address: 5, rules: chain },
  { file: "modexp_eip2565", address: 5, rules: cancun },
  { file: "bn256Add", address: 6, rules: chain },
  { file: "bn256ScalarMul", address: 7, rules: chain },
  { file: "bn256Pairing", address: 8, rules: chain },
  { file: "blake2F", address: 9, rules: chain },
  { file: "fail-blake2f", address: 9, rules: chain },
  { file: "pointEvaluation", address: 10, rules: chain },
  ...(
    [
      ["blsG1Add", 0x0b],
      ["blsG1Mul", 0x0c],
      ["blsG1MultiExp.first12", 0x0c],
      ["blsG2Add", 0x0d],
      ["blsG2Mul", 0x0e],
      ["blsG2MultiExp.first12", 0x0e],
      ["blsPairing", 0x0f],
      ["blsMapG1", 0x10],
      ["blsMapG2", 0x11],
      ["fail-blsG1Add", 0x0b],
      ["fail-blsG1Mul", 0x0c],
      ["fail-blsG1MultiExp", 0x0c],
      ["fail-blsG2Add", 0x0d],
      ["fail-blsG2Mul", 0x0e],
      ["fail-blsG2MultiExp", 0x0e],
      ["fail-blsPairing", 0x0f],
      ["fail-blsMapG1", 0x10],
      ["fail-blsMapG2", 0x11],
      ["p256Verify.first12", 0x100],
    ] as const
  ).map(([file, address]) => ({ file, address, rules: chain })),
] as const;

const GAS = 30_000_000n;

const unreachable = async () => {
  throw new Error("no vector calls a model");
};
const noModels: ModelRuntime = {
  run: unreachable,
  admit: unreachable,
  putChunks: unreachable,
  stop: async () => {},
};

const check = async (vector: Vector, { address, rules }: (typeof FILES)[number]): Promise<string> => {
  const call = async (gasLimit: bigint) => {
    const { manager } = createWorldState(createMemoryStore());
    const machine = createMachine(manager, { models: noModels, rules });
    const to = new Address(uintBE(address, 20));
    const data = fromHex(`0x${vector.Input}`);
    return (await machine.runCall({ to, data, gasLimit, skipNonceIncrement: true })).execResult;
  };
  const { exceptionError, executionGasUsed, returnValue } = await call(GAS);
  if ("ExpectedError" in vector)
    return exceptionError === undefined || executionGasUsed !== GAS ? "did not fail with all its gas" : "";
  if (exceptionError !== undefined) return `failed: ${exceptionError.error}`;
  if (executionGasUsed !== BigInt(vector.Gas)) return `${executionGasUsed} gas, expected ${vector.Gas}`;
  const expected: Hex = `0x${vector.Expected}`;
  if (toHex(returnValue) !== expected) return `output ${toHex(returnValue)}, expected ${expected}`;
  const exact = await call(BigInt(vector.Gas));
  if (exact.exceptionError !== undefined) return "failed with exactly its gas";
  const short = vector.Gas === 0 ? undefined : await call(BigInt(vector.Gas) - 1n);
  return short !== undefined && short.exceptionError === undefined ? "ran with a gas too little" : "";
};

export const precompilesSuite: Suite = {
  name: "precompiles",
  folder: "evm/precompiles",
  async run(directory, { filter = "" }) {
    const failures: { name: string; reason: string }[] = [];
    let passed = 0;
    for (const source of FILES)
      for (const vector of JSON.parse(readFileSync(join(directory, `${source.file}.json`), "utf8")) as Vector[]) {
        const name = `${source.file}: ${vector.Name}`;
        if (!name.includes(filter)) continue;
        const reason = await check(vector, source);
        if (reason === "") passed++;
        else failures.push({ name, reason });
      }
    return {
      passed,
      failures,
      exclusions: [],
      notes: [],
    };
  },
};
