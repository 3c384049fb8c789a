import {
  type Account,
  BaseError,
  concatHex,
  encodeDeployData,
  getContractAddress,
  getCreate2Address,
  type Chain as L1Chain,
  type PublicClient,
  type Transport,
  type Hex as ViemHex,
  type WalletClient,
  zeroAddress,
  zeroHash,
} from "viem";
import {
  type ChainParameters,
  CodedError,
  encodeChainState,
  type Genesis,
  genesisChainState,
  type Hex,
  type L1Partners,
  leastUnitPrice,
  messageOf,
  STEP_PARTS,
  toHex,
} from "../../executor/index.ts";
import {
  admissionVerifier,
  batchInbox,
  claimGames,
  claimRegistry,
  keccakF,
  l1CrossDomainMessenger,
  l1StandardBridge,
  leafRules,
  modelRegistry,
  portal,
  programIntervals,
  programRules,
  stepVerifier,
  systemConfig,
  tensorStepVerifier,
} from "../contracts/contracts.gen.ts";
import {
  type ClaimParameters,
  DEVNET_CLAIMS,
  type SystemParameters,
  type WithdrawalParameters,
} from "./claim-parameters.ts";
import { type Creation, type StepRules, stepCreations } from "./step-contracts.ts";

/** What judges steps of disputes, in the order in which it is deployed, behind what it is made with. */
const JUDGES = ["stepVerifier", "tensorStepVerifier", "admissionVerifier", "leafRules"] as const;

/** In the order in which they are deployed. */
const CONTRACTS = [
  ...JUDGES,
  "batchInbox",
  "portal",
  "modelRegistry",
  "claimRegistry",
  "claimGames",
  "l1CrossDomainMessenger",
  "l1StandardBridge",
  "systemConfig",
] as const;

export type L1Contracts = { readonly [name in (typeof CONTRACTS)[number]]: Hex };

/** The contracts that L2's genesis knows. */
export const partnersOf = ({ modelRegistry, l1CrossDomainMessenger, l1StandardBridge }: L1Contracts): L1Partners => ({
  l1ModelRegistry: modelRegistry,
  l1CrossDomainMessenger,
  l1StandardBridge,
});

/** The contracts and the first L1 block that can hold something of the chain. */
export type Deployment = { readonly contracts: L1Contracts; readonly startBlock: bigint };

export type DeployErrorCode =
  /**
   * L1 refused, lost or reverted the creation of a contract. See the cause; a new attempt begins with new addresses.
   */
  | "DEPLOY_FAILED"
  /**
   * Another transaction of the deploying account came between, so the addresses are not those foretold. Use an account
   * that sends nothing else.
   */
  | "DEPLOY_ADDRESS";

export type DeployClients = {
  readonly wallet: WalletClient<Transport, L1Chain, Account>;
  readonly reader: PublicClient;
};

export type DeployOptions = {
  readonly system: SystemParameters;
  /** Seconds after which a delayed message may not be left out. */
  readonly forceDelay: bigint;
  /** Seconds that an origin's timestamp may be old when its batch comes to L1. */
  readonly maxOriginAge?: bigint;
  /** The chain whose first state is the first claim; it knows the contracts on L1. */
  readonly genesisOf: (contracts: L1Contracts) => Genesis;
  readonly claims: ClaimParameters;
  readonly withdrawals: WithdrawalParameters;
  /** A contract that says what the leaves of a dispute are, in place of `leafRules`. */
  readonly rules?: Hex;
};

/** An hour of L1 blocks, three quarters of which are missing: older origins are no delay but a stopped clock. */
const MAX_ORIGIN_AGE = 14_400n;

/** What the inbox meters by: it must be what derivation goes by. */
export const meteringOf = ({ blockGasLimit, maxDrift, maxLag, budget }: ChainParameters) => ({
  blockGasLimit,
  maxDrift: maxDrift + maxLag,
  budgetRate: budget.rate,
  budgetCap: budget.cap,
  unitPrice: leastUnitPrice(budget),
});

/** Addresses of what judges are made with: the step verifier's parts, and the rules of programs. */
export type JudgeParts = { readonly steps: readonly Hex[]; readonly programRules: Hex };

/**
 * What judges leaves. Beside other rules none of it is asked: their heights may be any that they take.
 */
export const judgesOf = (
  made: Pick<L1Contracts, (typeof JUDGES)[number]>,
  { steps, programRules }: JudgeParts,
  claims: Pick<ClaimParameters, "heights">,
  rules?: Hex,
) => {
  const [, ...heights] = rules === undefined ? claims.heights : DEVNET_CLAIMS.heights;
  return {
    stepVerifier: { ...stepVerifier, args: [steps] },
    tensorStepVerifier: { ...tensorStepVerifier, args: [] },
    admissionVerifier: { ...admissionVerifier, args: [programRules] },
    leafRules: {
      ...leafRules,
      args: [...heights, made.tensorStepVerifier, made.stepVerifier, made.admissionVerifier],
    },
  };
};

const creations = async (
  contracts: L1Contracts,
  parts: JudgeParts,
  { system, forceDelay, maxOriginAge = MAX_ORIGIN_AGE, genesisOf, claims, withdrawals, rules }: DeployOptions,
): Promise<{ readonly [name in keyof L1Contracts]: Creation }> => {
  const genesis = genesisOf(contracts);
  const inbox = { ...meteringOf(genesis.parameters), forceDelay, maxOriginAge };
  const first = toHex(encodeChainState(await genesisChainState(genesis)));
  const { proofMaturityDelay, finalityDelay, pauseDuration } = withdrawals;
  return {
    batchInbox: {
      ...batchInbox,
      args: [contracts.systemConfig, contracts.portal, contracts.modelRegistry, inbox],
    },
    portal: {
      ...portal,
      args: [contracts.systemConfig, contracts.batchInbox, contracts.claimGames, { proofMaturityDelay, pauseDuration }],
    },
    modelRegistry: { ...modelRegistry, args: [contracts.batchInbox] },
    claimRegistry: {
      ...claimRegistry,
      args: [contracts.batchInbox, contracts.claimGames, rules ?? contracts.leafRules, zeroAddress, first, claims],
    },
    claimGames: { ...claimGames, args: [contracts.claimRegistry, contracts.systemConfig, finalityDelay] },
    l1CrossDomainMessenger: { ...l1CrossDomainMessenger, args: [contracts.portal] },
    l1StandardBridge: { ...l1StandardBridge, args: [contracts.l1CrossDomainMessenger] },
    ...judgesOf(contracts, parts, claims, rules),
    systemConfig: { ...systemConfig, args: [contracts.portal, system] },
  };
};

/** Contracts that are made before the step verifier's parts. */
const TOOLS = 3;

type Addresses<Name extends string> = { readonly [name in Name]: Hex };
/** `steps`: what the step verifier's parts are made with. */
type Creations<Name extends string> = {
  readonly steps: Omit<StepRules, "keccakF">;
  readonly made: { readonly [name in Name]: Creation };
};

/**
 * Creates contracts that know each other from the start: each is made for the addresses that the account's next transactions
 * create, the step verifier's parts first. DEPLOY_FAILED, DEPLOY_ADDRESS.
 */
const createAll = async <Name extends string>(
  { wallet, reader }: DeployClients,
  { names, hasParts }: { readonly names: readonly Name[]; readonly hasParts: boolean },
  creationsOf: (contracts: Addresses<Name>, parts: JudgeParts) => Promise<Creations<Name>>,
) => {
  const from = wallet.account.address;
  const first = await reader.getTransactionCount({ address: from, blockTag: "pending" });
  const addressAt = (place: number): Hex =>
    getContractAddress({ from, nonce: BigInt(first + place) }).toLowerCase() as Hex;
  // Beside other rules no step is judged.
  const before = hasParts ? TOOLS + STEP_PARTS.length : 0;
  const contracts = Object.fromEntries(names.map((name, i) => [name, addressAt(before + i)])) as Addresses<Name>;
  const { steps, made } = await creationsOf(contracts, {
    steps: hasParts ? STEP_PARTS.map((_, i) => addressAt(TOOLS + i)) : [],
    programRules: hasParts ? addressAt(2) : zeroAddress,
  });
  const partsOf = (): readonly (readonly [string, Creation])[] => [
    ["keccakF", { ...keccakF, args: [] }],
    ["programIntervals", { ...programIntervals, args: [] }],
    ["programRules", { ...programRules, args: [addressAt(1)] }],
    ...stepCreations({ ...steps, keccakF: addressAt(0) }).map(
      ([part, creation]) => [`the step verifier's part ${part}`, creation] as const,
    ),
  ];
  const all: readonly (readonly [string, Creation])[] = [
    ...(hasParts ? partsOf() : []),
    ...names.map((name) => [name, made[name]] as const),
  ];
  const hashes: ViemHex[] = [];
  for (const [i, [name, creation]] of all.entries())
    try {
      hashes.push(await wallet.deployContract({ ...creation, nonce: first + i }));
    } catch (error) {
      const why = error instanceof BaseError ? error.shortMessage : messageOf(error);
      const data = { contract: name };
      throw new CodedError<DeployErrorCode>("DEPLOY_FAILED", `L1 does not take ${name}: ${why}`, data, error);
    }
  const receipts = await Promise.all(hashes.map((hash) => reader.waitForTransactionReceipt({ hash }))).catch(
    (error: unknown) => {
      const why = error instanceof BaseError ? error.shortMessage : messageOf(error);
      throw new CodedError<DeployErrorCode>("DEPLOY_FAILED", `L1 does not show the creations: ${why}`, { hashes });
    },
  );
  for (const [i, [name]] of all.entries()) {
    const receipt = receipts[i];
    if (receipt?.status !== "success")
      throw new CodedError<DeployErrorCode>("DEPLOY_FAILED", `the creation of ${name} failed on L1`, {
        hash: hashes[i],
      });
    if (receipt.contractAddress?.toLowerCase() !== addressAt(i))
      throw new CodedError<DeployErrorCode>("DEPLOY_ADDRESS", "another transaction of the deployer came between", {
        address: addressAt(i),
      });
  }
  return {
    contracts,
    startBlock: receipts.reduce((low, { blockNumber }) => (blockNumber < low ? blockNumber : low), 2n ** 64n),
  };
};

/** Deploys the L1 contracts. DEPLOY_FAILED when a creation is refused or reverts; DEPLOY_ADDRESS. */
export const deployBridge = (clients: DeployClients, options: DeployOptions): Promise<Deployment> => {
  const shape = { names: CONTRACTS, hasParts: options.rules === undefined };
  return createAll(clients, shape, async (contracts, parts) => ({
    steps: { inbox: contracts.batchInbox, parameters: options.genesisOf(contracts).parameters },
    made: await creations(contracts, parts, options),
  }));
};

/** What an upgrade puts in the place of what is in force. */
export type Successors = { readonly [name in (typeof JUDGES)[number] | "claimRegistry"]: Hex };

export type SuccessorOptions = {
  /** The registry that is in force. */
  readonly predecessor: Hex;
  readonly claims: ClaimParameters;
  /** What the chain goes by, which the step verifier is made for. */
  readonly parameters: ChainParameters;
  /** A contract that says what the leaves of a dispute are, in place of `leafRules`. */
  readonly rules?: Hex;
};

/**
 * The usual factory for creation by salt: 32 bytes of salt, then the creation code. Its address is the same on every chain that
 * has it, and it has no owner.
 */
const FACTORY: Hex = "0x4e59b44847b379578588920ca78fbf26c0b4956c";
const SALT = zeroHash;

/** This version's registry, to go on from another one. */
export const successorOf = (
  { batchInbox: inbox, claimGames: games }: Pick<L1Contracts, "batchInbox" | "claimGames">,
  { rules, predecessor, claims }: { readonly rules: Hex; readonly predecessor: Hex; readonly claims: ClaimParameters },
): Creation => ({ ...claimRegistry, args: [inbox, games, rules, predecessor, "0x", claims] });

/**
 * Where the factory creates a contract. The address is a hash of the creation code: whoever finds the contract there knows its
 * code, and that its storage began as that code leaves it.
 */
export const provenAddress = (creation: Creation): Hex =>
  getCreate2Address({ from: FACTORY, salt: SALT, bytecode: encodeDeployData(creation) }).toLowerCase() as Hex;

/** Creates a contract where its address proves it, unless somebody has. DEPLOY_FAILED. */
const createProven = async ({ wallet, reader }: DeployClients, name: string, creation: Creation): Promise<Hex> => {
  const address = provenAddress(creation);
  if ((await reader.getCode({ address })) !== undefined) return address;
  const failed = (why: string, cause?: unknown) =>
    new CodedError<DeployErrorCode>("DEPLOY_FAILED", `L1 does not take ${name}: ${why}`, { contract: name }, cause);
  if ((await reader.getCode({ address: FACTORY })) === undefined)
    throw failed(`it has no factory for creation by salt at ${FACTORY}`);
  try {
    const hash = await wallet.sendTransaction({ to: FACTORY, data: concatHex([SALT, encodeDeployData(creation)]) });
    await reader.waitForTransactionReceipt({ hash });
  } catch (error) {
    throw failed(error instanceof BaseError ? error.shortMessage : messageOf(error), error);
  }
  if ((await reader.getCode({ address })) === undefined) throw failed("its creation failed");
  return address;
};

/**
 * Deploys this version's claim registry, rules of leaves and verifiers, to take over from a registry of a deployment. Any
 * account may: nothing changes before the owner has announced the registry. DEPLOY_FAILED, DEPLOY_ADDRESS.
 */
export const deploySuccessors = async (
  clients: DeployClients,
  contracts: Pick<L1Contracts, "batchInbox" | "claimGames">,
  { predecessor, claims, parameters, rules }: SuccessorOptions,
): Promise<Successors> => {
  const shape = { names: JUDGES, hasParts: rules === undefined };
  const { contracts: made } = await createAll(clients, shape, async (to, parts) => ({
    steps: { inbox: contracts.batchInbox, parameters },
    made: judgesOf(to, parts, claims, rules),
  }));
  const creation = successorOf(contracts, { rules: rules ?? made.leafRules, predecessor, claims });
  return { ...made, claimRegistry: await createProven(clients, "claimRegistry", creation) };
};
