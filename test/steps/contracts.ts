import type { Abi } from "viem";
import type { Compiled } from "../../bridge/contracts/compile.ts";
import { callSteps, codeSteps, frameSteps, stackSteps, stateSteps } from "../../bridge/contracts/contracts.gen.ts";
import type { Fork, Hex } from "../../executor/index.ts";

/** The contracts that judge steps, by their place in a batch. */
export const CONTRACTS = ["StackSteps", "StateSteps", "CallSteps", "FrameSteps", "CodeSteps"] as const;
type Contract = (typeof CONTRACTS)[number];

type CompiledContracts = { get(name: Contract): Pick<Compiled, "abi" | "bytecode"> | undefined };

/** As they are deployed. */
export const GENERATED: CompiledContracts = new Map<Contract, Pick<Compiled, "abi" | "bytecode">>([
  ["StackSteps", stackSteps],
  ["StateSteps", stateSteps],
  ["CallSteps", callSteps],
  ["FrameSteps", frameSteps],
  ["CodeSteps", codeSteps],
]);

/** Whose steps are whose. */
const STATE = new Set([0x31, 0x3b, 0x3c, 0x3f, 0x40, 0x47, 0x54, 0x55, 0x5c, 0x5d, 0xff]);
const CALLS = new Set([0xf0, 0xf1, 0xf2, 0xf4, 0xf5, 0xfa]);
const PHASES: ReadonlyMap<number, Contract> = new Map([
  [4, "CodeSteps"],
  [5, "FrameSteps"],
  [10, "FrameSteps"],
  [11, "CodeSteps"],
]);
const OP = 6;

const ofInstruction = (opcode: number): Contract => {
  if (CALLS.has(opcode)) return "CallSteps";
  return STATE.has(opcode) ? "StateSteps" : "StackSteps";
};

/** The place of the contract that has the step. */
export const verifierOf = (phase: number, opcode: number): number | undefined => {
  const contract = phase === OP ? ofInstruction(opcode) : PHASES.get(phase);
  return contract === undefined ? undefined : CONTRACTS.indexOf(contract);
};

const NEVER = 2n ** 64n - 1n;

/** Timestamps from which Prague's and Osaka's rules hold, packed as the contracts have them, where a chain begins with `fork`. */
export const forksFrom = (fork: Fork): bigint =>
  ((fork === "cancun" ? NEVER : 0n) << 64n) | (fork === "osaka" ? 0n : NEVER);

const ARGUMENTS: Readonly<Record<Contract, (forks: bigint) => readonly unknown[]>> = {
  StackSteps: (forks) => [forks],
  StateSteps: (forks) => [forks],
  CallSteps: (forks) => [forks],
  FrameSteps: (forks) => [forks],
  CodeSteps: (forks) => [forks],
};

export const deployables = (
  compiled: CompiledContracts,
  forks: bigint,
): { abi: Abi; bytecode: Hex; args: readonly unknown[] }[] =>
  CONTRACTS.map((name) => {
    const one = compiled.get(name);
    if (one === undefined) throw new Error(`no contract ${name}`);
    return { abi: one.abi as Abi, bytecode: one.bytecode, args: ARGUMENTS[name](forks) };
  });
