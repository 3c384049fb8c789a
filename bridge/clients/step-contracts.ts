import type { Abi } from "viem";
import {
  ADDRESS,
  type ChainParameters,
  type ForkSchedule,
  type Hex,
  STEP_PARTS,
  type StepPart,
  TRANSACTION_GAS_CAP,
} from "../../executor/index.ts";
import {
  bulkSteps,
  callSteps,
  codeSteps,
  decodeSteps,
  derivationSteps,
  frameSteps,
  loadSteps,
  precompileSteps,
  stackSteps,
  stateSteps,
  transactionSteps,
} from "../contracts/contracts.gen.ts";

/** What the contracts that judge steps are made with. */
export type StepRules = {
  readonly inbox: Hex;
  /** The permutation of Keccak: no part, for it judges nothing. */
  readonly keccakF: Hex;
  readonly parameters: ChainParameters;
  /** Who gets tips of every block, and who base fees. The zero address: they are burned. */
  readonly coinbase?: Hex;
  readonly baseFeeVault?: Hex;
  /** Gas limit of a transaction, at most. */
  readonly gasCap?: bigint;
};

/** Everything that a contract is deployed from. */
export type Creation = { readonly abi: Abi; readonly bytecode: Hex; readonly args: readonly unknown[] };

const NEVER = 2n ** 64n - 1n;

/** Timestamps from which Prague's and Osaka's rules hold, packed as the contracts have them. */
export const packedForks = ({ prague, osaka = NEVER }: ForkSchedule): bigint => ((prague ?? osaka) << 64n) | osaka;

/** The schedule that is packed so. */
export const forksIn = (packed: bigint): ForkSchedule => {
  const [prague, osaka] = [packed >> 64n, packed & NEVER];
  return { ...(prague === NEVER ? {} : { prague }), ...(osaka === NEVER ? {} : { osaka }) };
};

/** Timestamp of the first block to which contracts with one schedule apply other rules than those with the other. */
export const otherwiseFrom = (one: ForkSchedule, other: ForkSchedule): bigint | undefined => {
  const halves = [one, other].map((schedule) => [packedForks(schedule) >> 64n, packedForks(schedule) & NEVER] as const);
  const [[prague, osaka], [otherPrague, otherOsaka]] = halves as [readonly [bigint, bigint], readonly [bigint, bigint]];
  const apart = [
    ...(prague === otherPrague ? [] : [prague, otherPrague]),
    ...(osaka === otherOsaka ? [] : [osaka, otherOsaka]),
  ];
  return apart.length === 0 ? undefined : apart.reduce((least, time) => (time < least ? time : least));
};

/** The chain's parameters as contracts take them: twin of ChainRules.sol. */
export const chainRules = ({ inbox, parameters }: Pick<StepRules, "inbox" | "parameters">) => ({
  inbox,
  forks: packedForks(parameters.forks),
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

type Made = Pick<Creation, "abi" | "bytecode">;
/** Made by the compiler, by name. */
export type CompiledParts = {
  get(name: string): { readonly abi: readonly object[]; readonly bytecode: Hex } | undefined;
};
type Part = { readonly name: string; readonly made: Made; readonly takes: (rules: StepRules) => readonly unknown[] };

const forks = ({ parameters }: StepRules) => [packedForks(parameters.forks)];
const inbox = ({ inbox }: StepRules) => [inbox];
/** What transactions are judged by. */
const constants = ({
  inbox,
  parameters: { chainId, budget },
  coinbase = ADDRESS.sequencerFeeVault,
  gasCap = TRANSACTION_GAS_CAP,
}: StepRules) => ({ inbox, chainId, gasCap, refusalPrice: budget.refusal, coinbase });
const all = (rules: StepRules) => [chainRules(rules)];

const PARTS: Readonly<Record<StepPart, Part>> = {
  derivation: { name: "DerivationSteps", made: derivationSteps, takes: all },
  load: { name: "LoadSteps", made: loadSteps, takes: inbox },
  code: { name: "CodeSteps", made: codeSteps, takes: forks },
  frames: { name: "FrameSteps", made: frameSteps, takes: forks },
  stack: { name: "StackSteps", made: stackSteps, takes: forks },
  state: { name: "StateSteps", made: stateSteps, takes: forks },
  calls: { name: "CallSteps", made: callSteps, takes: forks },
  bulk: { name: "BulkSteps", made: bulkSteps, takes: ({ keccakF }) => [keccakF] },
  precompiles: { name: "PrecompileSteps", made: precompileSteps, takes: forks },
  decode: { name: "DecodeSteps", made: decodeSteps, takes: (rules) => [...forks(rules), constants(rules)] },
  transaction: {
    name: "TransactionSteps",
    made: transactionSteps,
    takes: ({ baseFeeVault = ADDRESS.baseFeeVault, ...rules }) => [...forks(rules), baseFeeVault],
  },
};

/** The parts of the step verifier, in their order. `compiled`: in place of those that are kept with the program. */
export const stepCreations = (rules: StepRules, compiled?: CompiledParts): readonly (readonly [StepPart, Creation])[] =>
  STEP_PARTS.map((part) => {
    const { name, made, takes } = PARTS[part];
    const { abi, bytecode } = compiled?.get(name) ?? made;
    return [part, { abi: abi as Abi, bytecode, args: takes(rules) }];
  });
