import { type Abi, createPublicClient, http, isAddressEqual, type PublicClient } from "viem";
import {
  batchInbox,
  claimGames,
  claimRegistry,
  type Judges,
  type L1Contracts,
  l1CrossDomainMessenger,
  l1StandardBridge,
  leafRules,
  meteringOf,
  modelRegistry,
  portal,
  systemConfig,
} from "../../bridge/index.ts";
import { CodedError, type Genesis, genesisChainState, type Hex, hashChainState, toHex } from "../../executor/index.ts";
import type { Rollup } from "../config/rollup.ts";

export type L1ErrorCode =
  /** No L1 node answers at --l1-rpc. Check the endpoint. */
  | "NODE_L1_UNREACHABLE"
  /** The L1 node is of another chain than the rollup file says. Check --l1-rpc and --rollup. */
  | "NODE_L1_CHAIN"
  /** L1 has no contracts at the rollup file's addresses, or others. Check --l1-rpc and --rollup. */
  | "NODE_L1_CONTRACTS"
  /**
   * L1's first claim is the genesis of another chain than the rollup file's. Give the file that `deploy` wrote, with its
   * accounts and parameters unchanged.
   */
  | "NODE_L1_GENESIS"
  /**
   * The inbox on L1 meters by other constants than the rollup file's parameters, so claims would not fit their trees. Give
   * the file that `deploy` wrote; contracts that were deployed otherwise serve no chain.
   */
  | "NODE_L1_PARAMETERS"
  /**
   * The contracts that judge steps are not this version's, or were made for other parameters than the rollup file's: a
   * dispute could be lost by being right. Run the version that the chain was deployed with, with the file that `deploy`
   * wrote.
   */
  | "NODE_L1_STEPS";

const TIMEOUT_MS = 10_000;

type Link = readonly [of: keyof L1Contracts, contract: { readonly abi: Abi }, view: string, names: keyof L1Contracts];

/** Which contract names which other. Together they reach all of them from the inbox, and lead back. */
const LINKS: readonly Link[] = [
  ["batchInbox", batchInbox, "PORTAL", "portal"],
  ["batchInbox", batchInbox, "MODEL_REGISTRY", "modelRegistry"],
  ["modelRegistry", modelRegistry, "INBOX", "batchInbox"],
  ["portal", portal, "INBOX", "batchInbox"],
  ["portal", portal, "GAMES", "claimGames"],
  ["batchInbox", batchInbox, "CONFIG", "systemConfig"],
  ["portal", portal, "CONFIG", "systemConfig"],
  ["claimGames", claimGames, "CONFIG", "systemConfig"],
  ["systemConfig", systemConfig, "PORTAL", "portal"],
  ["claimRegistry", claimRegistry, "LISTING", "claimGames"],
  ["claimRegistry", claimRegistry, "INBOX", "batchInbox"],
  ["claimRegistry", claimRegistry, "RULES", "leafRules"],
  ["leafRules", leafRules, "STEP_VERIFIER", "stepVerifier"],
  ["leafRules", leafRules, "TENSOR_STEP_VERIFIER", "tensorStepVerifier"],
  ["leafRules", leafRules, "ADMISSION_VERIFIER", "admissionVerifier"],
  ["l1CrossDomainMessenger", l1CrossDomainMessenger, "PORTAL", "portal"],
  ["l1StandardBridge", l1StandardBridge, "messenger", "l1CrossDomainMessenger"],
];

/** L1 at `url`, whose chain id must be this one. NODE_L1_UNREACHABLE, NODE_L1_CHAIN. */
export const openL1 = async (url: string, expected?: number): Promise<PublicClient> => {
  const client = createPublicClient({ transport: http(url, { timeout: TIMEOUT_MS }), cacheTime: 0 });
  const chainId = await client.getChainId().catch(unreachable);
  if (expected !== undefined && chainId !== expected)
    throw new CodedError<L1ErrorCode>(
      "NODE_L1_CHAIN",
      `--l1-rpc is chain ${chainId}, and the rollup is on chain ${expected}`,
      { given: chainId, expected },
    );
  return client;
};

const unreachable = (error: unknown): never => {
  throw new CodedError<L1ErrorCode>("NODE_L1_UNREACHABLE", "no L1 node answers at --l1-rpc", {}, error);
};

/** L1 at `url`, which must be the L1 of the rollup and have its contracts. The codes of L1ErrorCode. */
export const connectL1 = async (url: string, { l1 }: Pick<Rollup, "l1">): Promise<PublicClient> => {
  const client = await openL1(url, l1.chainId);
  const { contracts } = l1;
  const wrong = (what: string, address: Hex, cause?: unknown) =>
    new CodedError<L1ErrorCode>("NODE_L1_CONTRACTS", `${what}: is the rollup file of this L1?`, { address }, cause);
  const requireCode = async ([name, address]: [string, Hex]): Promise<void> => {
    if ((await client.getCode({ address }).catch(unreachable)) === undefined)
      throw wrong(`L1 has no contract at the address of ${name}, ${address}`, address);
  };
  await Promise.all(Object.entries(contracts).map(requireCode));
  const requireLink = async ([of, { abi }, functionName, names]: Link): Promise<void> => {
    const address = contracts[of];
    const actual = await client.readContract({ address, abi, functionName }).catch((error: unknown) => {
      throw wrong(`the contract at ${address} is no ${of}`, address, error);
    });
    if (!isAddressEqual(contracts[names], actual as Hex))
      throw wrong(`the ${names} of ${of} is ${actual}, not ${contracts[names]}`, address);
  };
  await Promise.all(LINKS.map(requireLink));
  const games = { address: contracts.claimGames, abi: claimGames.abi } as const;
  const [first] = await client.readContract({ ...games, functionName: "registries" }).catch(unreachable);
  if (first === undefined || !isAddressEqual(contracts.claimRegistry, first))
    throw wrong(`the first claimRegistry of claimGames is ${first}, not ${contracts.claimRegistry}`, games.address);
  return client;
};

/** Where the inbox tells what it meters by. */
const METERING = {
  blockGasLimit: "BLOCK_GAS_LIMIT",
  maxDrift: "MAX_DRIFT",
  budgetRate: "BUDGET_RATE",
  budgetCap: "BUDGET_CAP",
  unitPrice: "UNIT_PRICE",
} as const satisfies Record<keyof ReturnType<typeof meteringOf>, string>;

/** The inbox must meter by what derivation goes by. NODE_L1_PARAMETERS. */
export const requireMetering = async (client: PublicClient, { l1, chain }: Pick<Rollup, "l1" | "chain">) => {
  const contract = { address: l1.contracts.batchInbox, abi: batchInbox.abi } as const;
  const own = meteringOf(chain);
  const views = Object.entries(METERING) as [keyof typeof METERING, (typeof METERING)[keyof typeof METERING]][];
  const compare = async ([name, functionName]: (typeof views)[number]): Promise<void> => {
    const stated = await client.readContract({ ...contract, functionName }).catch(unreachable);
    if (stated !== own[name])
      throw new CodedError<L1ErrorCode>(
        "NODE_L1_PARAMETERS",
        `${functionName} of the inbox on L1 is ${stated}, and ${own[name]} by the rollup file`,
        { name: functionName, stated, own: own[name] },
      );
  };
  await Promise.all(views.map(compare));
};

/**
 * Claims of one registry at least must be judged by this version's contracts, made for the rollup file's parameters; of the
 * others the node says so. NODE_L1_STEPS.
 */
export const requireJudges = async (
  client: PublicClient,
  judges: Judges,
  { l1 }: Pick<Rollup, "l1">,
): Promise<void> => {
  const { address, abi } = { address: l1.contracts.claimGames, abi: claimGames.abi };
  const registries = await client.readContract({ address, abi, functionName: "registries" }).catch(unreachable);
  let why: string | undefined;
  for (const registry of registries.toReversed()) {
    const departure = await judges.foreign(registry.toLowerCase() as Hex).catch(unreachable);
    if (departure === undefined || departure.from > 0n) return;
    why ??= departure.why;
  }
  throw new CodedError<L1ErrorCode>("NODE_L1_STEPS", `claims on L1 are not judged by this version: ${why}`, {
    registries,
  });
};

/**
 * The first claim on L1, which all others stand on, must be this genesis: a node of another would derive a chain that nobody
 * else has, and find each claim wrong. NODE_L1_GENESIS.
 */
export const requireGenesis = async (
  client: PublicClient,
  { l1 }: Pick<Rollup, "l1">,
  genesis: Genesis,
): Promise<void> => {
  const contract = { address: l1.contracts.claimRegistry, abi: claimRegistry.abi } as const;
  const stated = await client.readContract({ ...contract, functionName: "anchorClaim" }).catch(unreachable);
  const own = toHex(hashChainState(await genesisChainState(genesis)));
  if (stated !== own)
    throw new CodedError<L1ErrorCode>(
      "NODE_L1_GENESIS",
      `the first claim on L1 is the chain state ${stated}, and genesis of the rollup file is ${own}: are its accounts and parameters those of this chain?`,
      { stated, own },
    );
};
