import {
  BaseError,
  ContractFunctionRevertedError,
  decodeErrorResult,
  encodeFunctionData,
  type PublicClient,
} from "viem";
import {
  claimGames,
  claimRegistry,
  createJudges,
  deploySuccessors,
  latestConfirmed,
  ROLES,
  readSystem,
  type SystemState,
  systemConfig,
} from "../../bridge/index.ts";
import { CodedError, type Hex, messageOf, toHex } from "../../executor/index.ts";
import type { CommandConfig, ConfigErrorCode } from "../config/config.ts";
import { address } from "../config/config-values.ts";
import { readRollup } from "../config/rollup.ts";
import { clientsOf } from "../devnet/contract.ts";
import { connectL1 } from "../node/l1.ts";

export type OwnerErrorCode =
  /** L1 would refuse the call. The message names the contract's error, which the catalogue explains. */
  | "OWNER_REFUSED"
  /** The transaction is on L1, and failed there. Somebody else was quicker, or it ran out of gas: look, and try again. */
  | "OWNER_FAILED"
  /**
   * A fork of the rollup file begins before the registry can take over, so blocks behind it would be claimed by the rules
   * before. Write a later time for it.
   */
  | "OWNER_FORK_TOO_SOON";

type OwnerConfig = CommandConfig<"upgrade schedule">;
type Call = {
  readonly functionName: "scheduleUpgrade" | "cancelUpgrade" | "executeUpgrade" | "scheduleRotation" | "cancelRotation";
  readonly args: readonly unknown[];
};

const POLL_MS = 1_000;
const ERRORS = [...systemConfig.abi, ...claimRegistry.abi, ...claimGames.abi].filter(({ type }) => type === "error");

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const timeOf = (seconds: bigint): string => new Date(Number(seconds) * 1000).toISOString();

const invalid = (what: string) => new CodedError<ConfigErrorCode>("CONFIG_INVALID", what);

const addressOf = (text: string): Hex => {
  try {
    return address(text);
  } catch (error) {
    throw invalid(`${text}: ${messageOf(error)}`);
  }
};

/** The contract's error, or what else is wrong. */
const reasonOf = (error: unknown): string => {
  const revert =
    error instanceof BaseError ? error.walk((cause) => cause instanceof ContractFunctionRevertedError) : null;
  const raw = (revert as ContractFunctionRevertedError | null)?.raw;
  if (raw === undefined) return error instanceof BaseError ? error.shortMessage : messageOf(error);
  try {
    return decodeErrorResult({ abi: ERRORS, data: raw }).errorName;
  } catch {
    return raw;
  }
};

/** Makes the call as the account of the key, or prints it; L1 is asked first whether it takes it. OWNER_REFUSED. */
const make = async (
  config: OwnerConfig,
  callOf: (client: PublicClient, state: SystemState) => Call | Promise<Call>,
  tell: (state: SystemState) => string,
): Promise<number> => {
  const rollup = readRollup(config.rollup);
  const { contracts, chainId } = rollup.l1;
  const client = await connectL1(config.l1Rpc, rollup);
  const before = await readSystem(client, contracts);
  const call = await callOf(client, before);
  const key = config.ownerKey;
  if (key === undefined && !config.printCall)
    throw new CodedError<ConfigErrorCode>(
      "CONFIG_MISSING",
      "--private-key (or ASSAY_PRIVATE_KEY) is needed to send the call; --print prints it for another to make",
    );
  const clients = key && !config.printCall ? clientsOf(BigInt(chainId), config.l1Rpc, key, POLL_MS) : undefined;
  const to = contracts.systemConfig;
  const request = { address: to, abi: systemConfig.abi, ...call } as Parameters<PublicClient["simulateContract"]>[0];
  const account = clients?.wallet.account ?? before.owner;
  await client.simulateContract({ ...request, ...(account && { account }) }).catch((error: unknown) => {
    const why = reasonOf(error);
    throw new CodedError<OwnerErrorCode>(
      "OWNER_REFUSED",
      `L1 would refuse ${call.functionName}: ${why}`,
      { why },
      error,
    );
  });
  const data = encodeFunctionData({ abi: systemConfig.abi, ...call } as Parameters<typeof encodeFunctionData>[0]);
  if (clients === undefined) {
    if (config.json) print(JSON.stringify({ to, data, value: "0", chainId }));
    else print(`to     ${to}\nvalue  0\ndata   ${data}`);
    return 0;
  }
  const transaction = await clients.wallet.sendTransaction({ to, data });
  const receipt = await clients.reader.waitForTransactionReceipt({ hash: transaction });
  if (receipt.status !== "success")
    throw new CodedError<OwnerErrorCode>("OWNER_FAILED", `${call.functionName} failed on L1`, { transaction });
  const said = tell(await readSystem(client, contracts));
  if (config.json) print(JSON.stringify({ transaction, l1Block: Number(receipt.blockNumber), said }));
  else print(said);
  return 0;
};

/** `assay upgrade deploy`. OWNER_FORK_TOO_SOON, the codes of `connectL1` and `deploySuccessors`. */
export const deployUpgradeCommand = async (config: CommandConfig<"upgrade deploy">): Promise<number> => {
  const rollup = readRollup(config.rollup);
  const { contracts, chainId } = rollup.l1;
  const client = await connectL1(config.l1Rpc, rollup);
  const { registries, block, upgradeDelay } = await readSystem(client, contracts);
  const predecessor = registries.at(-1) as Hex;
  const { from = 0n } =
    (await createJudges(client, { ...contracts, parameters: rollup.chain }).foreign(predecessor)) ?? {};
  // INVARIANT: no block that L1 can hold before the registry takes over is behind a fork that the one in force does not know.
  const least = block.timestamp + upgradeDelay + rollup.chain.maxDrift + rollup.chain.maxLag;
  if (from > 0n && from <= least)
    throw new CodedError<OwnerErrorCode>(
      "OWNER_FORK_TOO_SOON",
      `a fork begins at L2 time ${from}, and the registry in force, which does not know it, may take claims until ${least}`,
      { from, least },
    );
  const claims = await client.readContract({
    address: predecessor,
    abi: claimRegistry.abi,
    functionName: "parameters",
  });
  const clients = clientsOf(BigInt(chainId), config.l1Rpc, config.privateKey, POLL_MS);
  const made = await deploySuccessors(clients, contracts, { predecessor, claims, parameters: rollup.chain });
  if (config.json) print(JSON.stringify({ predecessor, ...made }));
  else {
    for (const [name, at] of Object.entries(made)) print(`${name.padEnd(24)}${at}`);
    print(`nothing has changed; the owner announces it with: assay upgrade schedule ${made.claimRegistry}`);
  }
  return 0;
};

/** `assay upgrade schedule REGISTRY` */
export const scheduleUpgradeCommand = (config: OwnerConfig, registry?: string): Promise<number> => {
  const args = [addressOf(registry as string)];
  return make(
    config,
    () => ({ functionName: "scheduleUpgrade", args }),
    ({ scheduled }) =>
      scheduled === undefined
        ? "nothing is announced any more"
        : `claim registry ${scheduled.registry} can take over from ${timeOf(scheduled.time)} on`,
  );
};

/** `assay upgrade cancel` */
export const cancelUpgradeCommand = (config: OwnerConfig): Promise<number> =>
  make(
    config,
    () => ({ functionName: "cancelUpgrade", args: [] }),
    ({ registries }) => `claim registry ${registries.at(-1)} stays in force`,
  );

/** `assay upgrade execute`. CLAIMS_NO_LATEST, CLAIMS_NO_STATE. */
export const executeUpgradeCommand = (config: OwnerConfig): Promise<number> => {
  const { contracts } = readRollup(config.rollup).l1;
  return make(
    config,
    async (client) => {
      const { id, endState } = await latestConfirmed(client, contracts);
      return { functionName: "executeUpgrade", args: [id, toHex(endState)] };
    },
    ({ registries }) => `claim registry ${registries.at(-1)} is in force`,
  );
};

/** `assay keys rotate ADDRESS` */
export const rotateKeyCommand = (config: CommandConfig<"keys rotate">, key?: string): Promise<number> => {
  const { role } = config;
  const args = [ROLES.indexOf(role), addressOf(key as string)];
  return make(
    config,
    () => ({ functionName: "scheduleRotation", args }),
    ({ keys }) => `${keys[role].key} is the ${role} from ${timeOf(keys[role].since)} on`,
  );
};

/** `assay keys cancel` */
export const cancelKeyCommand = (config: CommandConfig<"keys cancel">): Promise<number> => {
  const { role } = config;
  return make(
    config,
    () => ({ functionName: "cancelRotation", args: [ROLES.indexOf(role)] }),
    ({ keys }) => `${keys[role].key} stays the ${role}`,
  );
};
