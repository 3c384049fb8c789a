import type { Abi } from "viem";
import type { Compiled } from "../../bridge/contracts/compile.ts";
import type { Hex } from "../../executor/index.ts";
import type { Deployable } from "./verifier.ts";

/** The contracts that judge steps, by their place in a batch. */
export const CONTRACTS = ["StackSteps", "KeccakF", "BulkSteps", "PrecompileSteps"] as const;
type Contract = (typeof CONTRACTS)[number];

/** Whose steps are whose. */
const STATE = new Set([0x31, 0x3b, 0x3c, 0x3f, 0x40, 0x47, 0x54, 0x55, 0x5c, 0x5d, 0xff]);
const CALLS = new Set([0xf0, 0xf1, 0xf2, 0xf4, 0xf5, 0xfa]);
const PHASES: Readonly<Record<number, Contract>> = { 7: "BulkSteps", 8: "PrecompileSteps" };
const contractOf = (phase: number, opcode: number): Contract | undefined => {
  if (phase === 6 && !STATE.has(opcode) && !CALLS.has(opcode)) return "StackSteps";
  return PHASES[phase];
};
export const verifierOf = (phase: number, opcode: number): number => {
  const contract = contractOf(phase, opcode);
  return contract === undefined ? -1 : CONTRACTS.indexOf(contract);
};

/** Timestamps at which Prague's and Osaka's rules begin, packed as the contracts have them. */
export const forksWord = (prague: bigint, osaka: bigint): bigint => (prague << 64n) | osaka;

/** Addresses of the contracts before this one. */
type Earlier = (name: Contract) => Hex;

const ARGUMENTS: Readonly<Record<Contract, (forks: bigint, earlier: Earlier) => readonly unknown[]>> = {
  StackSteps: (forks) => [forks],
  KeccakF: () => [],
  PrecompileSteps: (forks) => [forks],
  BulkSteps: (_, earlier) => [earlier("KeccakF")],
};

export const deployables = (
  compiled: ReadonlyMap<string, Pick<Compiled, "abi" | "bytecode">>,
  forks: bigint,
): Deployable[] =>
  CONTRACTS.map((name) => {
    const one = compiled.get(name);
    if (one === undefined) throw new Error(`no contract ${name}`);
    return {
      abi: one.abi as Abi,
      bytecode: one.bytecode,
      args: (addresses) => ARGUMENTS[name](forks, (other) => addresses[CONTRACTS.indexOf(other)] as Hex),
    };
  });
