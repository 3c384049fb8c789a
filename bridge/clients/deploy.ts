import {
  type Account,
  BaseError,
  getContractAddress,
  type Chain as L1Chain,
  type PublicClient,
  type Transport,
  type Hex as ViemHex,
  type WalletClient,
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
  batchInbox,
  claimGames,
  claimRegistry,
  keccakF,
  l1CrossDomainMessenger,
  l1StandardBridge,
  leafRules,
  modelRegistry,
  portal,
  stepVerifier,
  tensorStepVerifier,
} from "../contracts/contracts.gen.ts";
import { type ClaimParameters, DEVNET_CLAIMS, type WithdrawalParameters } from "./claim-parameters.ts";
import { type Creation, stepCreations } from "./step-contracts.ts";

/** In the order in which they are deployed. */
const CONTRACTS = [
  "stepVerifier",
  "tensorStepVerifier",
  "leafRules",
  "batchInbox",
  "portal",
  "modelRegistry",
  "claimRegistry",
  "claimGames",
  "l1CrossDomainMessenger",
  "l1StandardBridge",
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
  /** The account that may append batches. */
  readonly sequencer: Hex;
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

/** `parts`: addresses of the step verifier's. */
const creations = async (
  contracts: L1Contracts,
  parts: readonly Hex[],
  { sequencer, forceDelay, maxOriginAge = MAX_ORIGIN_AGE, genesisOf, claims, withdrawals, rules }: DeployOptions,
): Promise<{ readonly [name in keyof L1Contracts]: Creation }> => {
  const genesis = genesisOf(contracts);
  const inbox = { ...meteringOf(genesis.parameters), forceDelay, maxOriginAge };
  const first = toHex(encodeChainState(await genesisChainState(genesis)));
  // Beside other rules these are never asked: their heights may be any that they take.
  const [, ...heights] = rules === undefined ? claims.heights : DEVNET_CLAIMS.heights;
  const { guardian, proofMaturityDelay, finalityDelay, pauseDuration } = withdrawals;
  return {
    batchInbox: {
      ...batchInbox,
      args: [sequencer, contracts.portal, contracts.modelRegistry, inbox],
    },
    portal: {
      ...portal,
      args: [contracts.batchInbox, contracts.claimGames, { guardian, proofMaturityDelay, pauseDuration }],
    },
    modelRegistry: { ...modelRegistry, args: [contracts.batchInbox] },
    claimRegistry: {
      ...claimRegistry,
      args: [contracts.batchInbox, contracts.claimGames, rules ?? contracts.leafRules, first, claims],
    },
    claimGames: { ...claimGames, args: [contracts.claimRegistry, finalityDelay] },
    l1CrossDomainMessenger: { ...l1CrossDomainMessenger, args: [contracts.portal] },
    l1StandardBridge: { ...l1StandardBridge, args: [contracts.l1CrossDomainMessenger] },
    stepVerifier: { ...stepVerifier, args: [parts] },
    tensorStepVerifier: { ...tensorStepVerifier, args: [] },
    leafRules: { ...leafRules, args: [...heights, contracts.tensorStepVerifier, contracts.stepVerifier] },
  };
};

/**
 * Deploys the L1 contracts. They know each other from the start: each is made for the addresses that the account's next
 * transactions create. DEPLOY_FAILED when a creation is refused or reverts; DEPLOY_ADDRESS when another transaction of
 * the account came between.
 */
export const deployBridge = async ({ wallet, reader }: DeployClients, options: DeployOptions): Promise<Deployment> => {
  const from = wallet.account.address;
  const first = await reader.getTransactionCount({ address: from, blockTag: "pending" });
  const addressAt = (place: number): Hex =>
    getContractAddress({ from, nonce: BigInt(first + place) }).toLowerCase() as Hex;
  // Beside other rules no step is judged.
  const isWhole = options.rules === undefined;
  const parts = isWhole ? STEP_PARTS : [];
  const before = isWhole ? 1 + parts.length : 0;
  const contracts = Object.fromEntries(CONTRACTS.map((name, i) => [name, addressAt(before + i)])) as L1Contracts;
  const { parameters } = options.genesisOf(contracts);
  const made = await creations(
    contracts,
    parts.map((_, i) => addressAt(1 + i)),
    options,
  );
  const steps = stepCreations({ inbox: contracts.batchInbox, keccakF: addressAt(0), parameters });
  const all: readonly (readonly [string, Creation])[] = [
    ...(isWhole ? [["keccakF", { ...keccakF, args: [] }] as const] : []),
    ...(isWhole ? steps.map(([part, creation]) => [`the step verifier's part ${part}`, creation] as const) : []),
    ...CONTRACTS.map((name) => [name, made[name]] as const),
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
