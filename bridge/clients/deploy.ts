import {
  type Account,
  type Address,
  getContractAddress,
  type Chain as L1Chain,
  type PublicClient,
  type Transport,
  type WalletClient,
} from "viem";
import { CodedError, type Hex } from "../../executor/index.ts";
import { batchInbox, modelRegistry, portal } from "../contracts/contracts.gen.ts";

export type L1Contracts = { readonly batchInbox: Hex; readonly portal: Hex; readonly modelRegistry: Hex };

/** The contracts and the first L1 block that can hold something of the chain. */
export type Deployment = { readonly contracts: L1Contracts; readonly startBlock: bigint };

export type DeployErrorCode = "DEPLOY_FAILED" | "DEPLOY_ADDRESS";

export type DeployClients = {
  readonly wallet: WalletClient<Transport, L1Chain, Account>;
  readonly reader: PublicClient;
};

export type DeployOptions = {
  /** The account that may append batches. */
  readonly sequencer: Hex;
  readonly blockGasLimit: bigint;
  /** Seconds after which a delayed message may not be left out. */
  readonly forceDelay: bigint;
};

/**
 * Deploys the L1 contracts. They know each other from the start: the inbox is made for the addresses that the next two
 * transactions of the account create. DEPLOY_FAILED when a creation reverts; DEPLOY_ADDRESS when another transaction of
 * the account came between.
 */
export const deployBridge = async ({ wallet, reader }: DeployClients, options: DeployOptions): Promise<Deployment> => {
  const from = wallet.account.address;
  const first = await reader.getTransactionCount({ address: from, blockTag: "pending" });
  const [inboxAddress, portalAddress, registryAddress] = [0, 1, 2].map((offset) =>
    getContractAddress({ from, nonce: BigInt(first + offset) }),
  ) as [Address, Address, Address];
  const hashes = [
    await wallet.deployContract({
      ...batchInbox,
      args: [options.sequencer, portalAddress, registryAddress, options.blockGasLimit, options.forceDelay],
      nonce: first,
    }),
    await wallet.deployContract({ ...portal, args: [inboxAddress], nonce: first + 1 }),
    await wallet.deployContract({ ...modelRegistry, args: [inboxAddress], nonce: first + 2 }),
  ];
  const receipts = await Promise.all(hashes.map((hash) => reader.waitForTransactionReceipt({ hash })));
  for (const [i, address] of [inboxAddress, portalAddress, registryAddress].entries()) {
    const receipt = receipts[i];
    if (receipt?.status !== "success")
      throw new CodedError<DeployErrorCode>("DEPLOY_FAILED", `the creation of contract ${i} failed on L1`, {
        hash: hashes[i],
      });
    if (receipt.contractAddress?.toLowerCase() !== address.toLowerCase())
      throw new CodedError<DeployErrorCode>("DEPLOY_ADDRESS", "another transaction of the deployer came between", {
        address,
      });
  }
  return {
    contracts: {
      batchInbox: inboxAddress.toLowerCase() as Hex,
      portal: portalAddress.toLowerCase() as Hex,
      modelRegistry: registryAddress.toLowerCase() as Hex,
    },
    startBlock: receipts.reduce((low, { blockNumber }) => (blockNumber < low ? blockNumber : low), 2n ** 64n),
  };
};
