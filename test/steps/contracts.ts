import type { Abi } from "viem";
import type { Compiled } from "../../bridge/contracts/compile.ts";
import {
  bulkSteps,
  callSteps,
  checkSteps,
  codeSteps,
  derivationSteps,
  frameSteps,
  keccakF,
  loadSteps,
  precompileSteps,
  stackSteps,
  stateSteps,
} from "../../bridge/contracts/contracts.gen.ts";
import {
  type ChainParameters,
  DEVNET_PARAMETERS,
  type Fork,
  type ForkSchedule,
  type Hex,
} from "../../executor/index.ts";
import { PHASE } from "../../executor/machine/state/state.ts";
import type { Deployable } from "./verifier.ts";

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

const onlyForks = ({ parameters }: Rules) => [forksOf(parameters.forks)];
const onlyInbox = ({ inbox }: Rules) => [inbox];
/** The chain's parameters as contracts take them. */
const chainRules = ({ inbox, parameters }: Rules) => [
  {
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
  },
];

/** The address of a contract that stands before this one in the list. */
type Earlier = (name: string) => Hex;

type Made = Pick<Compiled, "abi" | "bytecode">;

/** A contract that judges steps: as it is deployed, what it is made with, the phases that it has. */
type Contract = {
  readonly name: string;
  readonly made: Made;
  readonly takes: (rules: Rules, earlier: Earlier) => readonly unknown[];
  readonly phases: readonly number[];
};

/** In the order of their places in a batch. */
export const CONTRACTS: readonly Contract[] = [
  { name: "DerivationSteps", made: derivationSteps, takes: chainRules, phases: [] },
  { name: "LoadSteps", made: loadSteps, takes: onlyInbox, phases: [PHASE.load] },
  { name: "CodeSteps", made: codeSteps, takes: onlyForks, phases: [PHASE.initcode, PHASE.deposit] },
  { name: "FrameSteps", made: frameSteps, takes: onlyForks, phases: [PHASE.enter, PHASE.exit] },
  { name: "StackSteps", made: stackSteps, takes: onlyForks, phases: [] },
  { name: "StateSteps", made: stateSteps, takes: onlyForks, phases: [] },
  { name: "CallSteps", made: callSteps, takes: onlyForks, phases: [] },
  { name: "KeccakF", made: keccakF, takes: () => [], phases: [] },
  { name: "BulkSteps", made: bulkSteps, takes: (_, earlier) => [earlier("KeccakF")], phases: [PHASE.bulk] },
  { name: "PrecompileSteps", made: precompileSteps, takes: onlyForks, phases: [PHASE.precompile] },
  { name: "CheckSteps", made: checkSteps, takes: () => [], phases: [PHASE.check] },
];

/** Instructions by the contract that has them; all others, undefined ones too, are StackSteps'. */
const STATE = new Set([0x31, 0x3b, 0x3c, 0x3f, 0x40, 0x47, 0x54, 0x55, 0x5c, 0x5d, 0xff]);
const CALLS = new Set([0xf0, 0xf1, 0xf2, 0xf4, 0xf5, 0xfa]);

const placeOf = (name: string): number => CONTRACTS.findIndex((contract) => contract.name === name);

/** The place of the contract that has a unit's first step. */
export const DERIVATION = placeOf("DerivationSteps");

/** The place of the contract that has a step in this phase, in OP before this opcode; undefined where none has it. */
export const verifierOf = (phase: number, opcode: number): number | undefined => {
  if (phase === PHASE.op)
    return placeOf(CALLS.has(opcode) ? "CallSteps" : STATE.has(opcode) ? "StateSteps" : "StackSteps");
  const place = CONTRACTS.findIndex(({ phases }) => phases.includes(phase));
  return place === -1 ? undefined : place;
};

/** The contracts as they are deployed, or as they were just compiled. */
export const deployables = (rules: Rules, compiled?: { get(name: string): Made | undefined }): readonly Deployable[] =>
  CONTRACTS.map(({ name, made, takes }) => {
    const { abi, bytecode } = compiled === undefined ? made : (compiled.get(name) as Made);
    return {
      abi: abi as Abi,
      bytecode,
      args: (addresses) => takes(rules, (other) => addresses[placeOf(other)] as Hex),
    };
  });
