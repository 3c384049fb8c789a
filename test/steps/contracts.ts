import type { Abi } from "viem";
import type { Compiled } from "../../bridge/contracts/compile.ts";
import { DEVNET_PARAMETERS, type Hex } from "../../executor/index.ts";

/** The contracts that judge steps, by their place in a batch. The last one is there for each coinbase. */
export const CONTRACTS = ["StackSteps", "StateSteps", "TransactionSteps", "DecodeSteps"] as const;
type Contract = (typeof CONTRACTS)[number];

/** Whose steps are whose. */
const STATE = new Set([0x31, 0x3b, 0x3c, 0x3f, 0x40, 0x47, 0x54, 0x55, 0x5c, 0x5d, 0xff]);
const CALLS = new Set([0xf0, 0xf1, 0xf2, 0xf4, 0xf5, 0xfa]);
const PHASES: ReadonlyMap<number, Contract> = new Map([
  [2, "DecodeSteps"],
  [3, "TransactionSteps"],
  [12, "TransactionSteps"],
  [13, "TransactionSteps"],
  [14, "TransactionSteps"],
  [16, "TransactionSteps"],
]);
const ofInstruction = (opcode: number): Contract | undefined => {
  if (CALLS.has(opcode)) return undefined;
  return STATE.has(opcode) ? "StateSteps" : "StackSteps";
};
/** The place of the contract that has the step; -1 where none has. */
export const verifierOf = (phase: number, opcode: number): number => {
  const contract = phase === 6 ? ofInstruction(opcode) : PHASES.get(phase);
  return contract === undefined ? -1 : CONTRACTS.indexOf(contract);
};

/** Ethereum burns base fees. */
const NOBODY = `0x${"00".repeat(20)}`;

/** Timestamps at which Prague's and Osaka's rules begin, packed as the contracts have them. */
export const forksWord = (prague: bigint, osaka: bigint): bigint => (prague << 64n) | osaka;

/** What the contracts have to know of the chain. */
export type Chain = {
  readonly forks: bigint;
  readonly inbox: Hex;
  readonly chainId: bigint;
  readonly gasCap: bigint;
  readonly coinbase: Hex;
};

const ARGUMENTS: Readonly<Record<Contract, (chain: Chain) => readonly unknown[]>> = {
  StackSteps: ({ forks }) => [forks],
  StateSteps: ({ forks }) => [forks],
  TransactionSteps: ({ forks }) => [forks, NOBODY],
  DecodeSteps: ({ forks, ...constants }) => [forks, { ...constants, refusalPrice: DEVNET_PARAMETERS.budget.refusal }],
};

export const deployables = (
  compiled: ReadonlyMap<string, Pick<Compiled, "abi" | "bytecode">>,
  chain: Omit<Chain, "coinbase">,
  coinbases: readonly Hex[],
): { abi: Abi; bytecode: Hex; args: readonly unknown[] }[] =>
  CONTRACTS.flatMap((name) => {
    const one = compiled.get(name);
    if (one === undefined) throw new Error(`no contract ${name}`);
    return (name === CONTRACTS.at(-1) ? coinbases : coinbases.slice(0, 1)).map((coinbase) => ({
      abi: one.abi as Abi,
      bytecode: one.bytecode,
      args: ARGUMENTS[name]({ ...chain, coinbase }),
    }));
  });
