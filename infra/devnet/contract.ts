import { createPublicClient, createWalletClient, defineChain, http, parseEventLogs } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { ADDRESS, CodedError, digitClassifier, type Hex, modelRegistryPredeploy } from "../../executor/index.ts";
import { poll } from "./poll.ts";
import { type Scan, sampleScans } from "./sample.ts";

export type SampleErrorCode =
  /** A transaction of the devnet's sample failed. See the logs in the devnet's directory. */
  "SAMPLE_FAILED";

/** What the sample contract said about one scan. `confidence` is a probability. */
export type Answer = {
  readonly label: number;
  readonly digit: number;
  readonly confidence: number;
  readonly transaction: Hex;
  readonly block: number;
};

const chainOf = (chainId: bigint, rpc: string) =>
  defineChain({
    id: Number(chainId),
    name: "Assay devnet",
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [rpc] } },
  });

const POLL_MS = 50;

/** Viem's clients for one chain and one account. `pollMs`: for a chain that is not on this machine. */
export const clientsOf = (chainId: bigint, rpc: string, privateKey: Hex, pollMs = POLL_MS) => {
  const chain = chainOf(chainId, rpc);
  const shared = { chain, transport: http(rpc, { retryCount: 0 }), pollingInterval: pollMs } as const;
  return {
    reader: createPublicClient({ ...shared, cacheTime: 0 }),
    wallet: createWalletClient({ ...shared, account: privateKeyToAccount(privateKey) }),
  };
};
export type Clients = ReturnType<typeof clientsOf>;

/**
 * Asks for the receipt until it is there. viem's own wait asks again only when another block comes, which on a chain
 * without empty blocks is never. DEVNET_TIMEOUT.
 */
const receiptOf = ({ reader }: Clients, hash: Hex, signal: AbortSignal) =>
  poll({ what: `transaction ${hash} to be in a block`, signal }, () => reader.getTransactionReceipt({ hash }));

const requireSuccess = (status: string, what: string, transaction: Hex): void => {
  if (status !== "success")
    throw new CodedError<SampleErrorCode>("SAMPLE_FAILED", `${what} failed on L2`, { transaction });
};

/** Waits until a contract can call the model. DEVNET_TIMEOUT. */
export const untilCallable = ({ reader }: Clients, modelId: Hex, signal: AbortSignal): Promise<bigint> =>
  poll({ what: `model ${modelId} to become callable`, signal }, async () => {
    const record = await reader.readContract({
      address: ADDRESS.modelRegistry,
      abi: modelRegistryPredeploy.abi,
      functionName: "record",
      args: [modelId],
    });
    return record.callable ? record.gas : undefined;
  });

/** Deploys the sample contract and has it classify every scan, one transaction each. SAMPLE_FAILED, DEVNET_TIMEOUT. */
export const runSample = async (
  clients: Clients,
  modelId: Hex,
  signal: AbortSignal,
): Promise<{ readonly contract: Hex; readonly answers: readonly Answer[] }> => {
  const { reader, wallet } = clients;
  const deployment = await wallet.deployContract({
    abi: digitClassifier.abi,
    bytecode: digitClassifier.bytecode,
    args: [modelId],
  });
  const deployed = await receiptOf(clients, deployment, signal);
  requireSuccess(deployed.status, "the deployment of the sample contract", deployment);
  const address = deployed.contractAddress as Hex;
  const classify = async (scan: Scan, nonce: number): Promise<Answer> => {
    const transaction = await wallet.writeContract({
      address,
      abi: digitClassifier.abi,
      functionName: "classify",
      args: [scan.pixels],
      nonce,
    });
    const receipt = await receiptOf(clients, transaction, signal);
    requireSuccess(receipt.status, `the classification of a ${scan.label}`, transaction);
    const [event] = parseEventLogs({ abi: digitClassifier.abi, eventName: "Classified", logs: receipt.logs });
    if (event === undefined)
      throw new CodedError<SampleErrorCode>("SAMPLE_FAILED", "the sample contract told nothing", { transaction });
    return {
      label: scan.label,
      digit: event.args.digit,
      confidence: Number(event.args.confidence) / 1e6,
      transaction,
      block: Number(receipt.blockNumber),
    };
  };
  const first = await reader.getTransactionCount({ address: wallet.account.address });
  const answers = await Promise.all(sampleScans().map((scan, i) => classify(scan, first + i)));
  return { contract: address.toLowerCase() as Hex, answers };
};
