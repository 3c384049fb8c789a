import type { Abi } from "viem";
import type { Compiled } from "../../bridge/contracts/compile.ts";
import { derivationSteps, loadSteps, stackSteps, stateSteps } from "../../bridge/contracts/contracts.gen.ts";
import {
  type ChainParameters,
  DEVNET_PARAMETERS,
  type Fork,
  type ForkSchedule,
  type Hex,
} from "../../executor/index.ts";
import { PHASE } from "../../executor/machine/state/state.ts";

/** The contracts that judge steps, by their place in a batch. */
export const CONTRACTS = ["StackSteps", "StateSteps", "LoadSteps", "DerivationSteps"] as const;
type Contract = (typeof CONTRACTS)[number];

type CompiledContracts = { get(name: Contract): Pick<Compiled, "abi" | "bytecode"> | undefined };

/** As they are deployed. */
export const GENERATED: CompiledContracts = new Map<Contract, Pick<Compiled, "abi" | "bytecode">>([
  ["StackSteps", stackSteps],
  ["StateSteps", stateSteps],
  ["LoadSteps", loadSteps],
  ["DerivationSteps", derivationSteps],
]);

/** Whose steps are whose. */
const STATE = new Set([0x31, 0x3b, 0x3c, 0x3f, 0x40, 0x47, 0x54, 0x55, 0x5c, 0x5d, 0xff]);
const CALLS = new Set([0xf0, 0xf1, 0xf2, 0xf4, 0xf5, 0xfa]);
const place = (name: Contract): number => CONTRACTS.indexOf(name);

/** Of a unit's first step. */
export const DERIVATION = place("DerivationSteps");
/** Of a step in a phase, before an opcode in OP; undefined where no contract has it. */
export const verifierOf = (phase: number, opcode: number): number | undefined => {
  if (phase === PHASE.load) return place("LoadSteps");
  if (phase !== PHASE.op || CALLS.has(opcode)) return undefined;
  return place(STATE.has(opcode) ? "StateSteps" : "StackSteps");
};

const NEVER = 2n ** 64n - 1n;

/** Timestamps from which Prague's and Osaka's rules hold, packed as the contracts have them. */
const forksOf = ({ prague, osaka = NEVER }: ForkSchedule): bigint => ((prague ?? osaka) << 64n) | osaka;

/** What the contracts are made with. */
export type Rules = { readonly inbox: Hex; readonly parameters: ChainParameters };

/** Of a chain that begins with a fork, and has no inbox. */
export const rulesFrom = (fork: Fork): Rules => ({
  inbox: `0x${"00".repeat(20)}`,
  parameters: { ...DEVNET_PARAMETERS, forks: { [fork]: 0n } },
});

/** The chain's parameters as contracts take them. */
const chainRules = ({ inbox, parameters }: Rules) => ({
  inbox,
  forks: forksOf(parameters.forks),
  chainId: parameters.chainId,
  blockGasLimit: parameters.blockGasLimit,
  minimumBaseFee: parameters.minimumBaseFee,
  maxDrift: parameters.maxDrift,
  maxLag: parameters.maxLag,
  budgetRate: parameters.budget.rate,
  budgetCap: parameters.budget.cap,
  blockPrice: parameters.budget.block,
  refusalPrice: parameters.budget.refusal,
});

const ARGUMENTS: Readonly<Record<Contract, (rules: Rules) => readonly unknown[]>> = {
  StackSteps: (rules) => [chainRules(rules).forks],
  StateSteps: (rules) => [chainRules(rules).forks],
  LoadSteps: ({ inbox }) => [inbox],
  DerivationSteps: (rules) => [chainRules(rules)],
};

export const deployables = (
  compiled: CompiledContracts,
  rules: Rules,
): { abi: Abi; bytecode: Hex; args: readonly unknown[] }[] =>
  CONTRACTS.map((name) => {
    const one = compiled.get(name);
    if (one === undefined) throw new Error(`no contract ${name}`);
    return { abi: one.abi as Abi, bytecode: one.bytecode, args: ARGUMENTS[name](rules) };
  });
