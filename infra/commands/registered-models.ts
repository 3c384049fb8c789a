import { type Address, createPublicClient, http, type PublicClient, parseEventLogs } from "viem";
import { type BlockRange, createLogWindows, messagesIn, modelRegistry } from "../../bridge/index.ts";
import {
  ADDRESS,
  CodedError,
  decodeManifest,
  fromHex,
  type Hex,
  modelRegistryPredeploy,
} from "../../executor/index.ts";
import type { Rollup } from "../config/rollup.ts";

export type RegisteredModelErrorCode =
  /** Contracts cannot call a model of that id or name. `assay model list` prints those that they can. */
  "MODEL_UNKNOWN";

/** A model that contracts can call. */
export type RegisteredModel = {
  readonly id: Hex;
  /** Names that mean it, oldest first. */
  readonly names: readonly string[];
  /** Of one call. */
  readonly gas: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** L2 block that registered it. */
  readonly block: number;
};

/** What L2 made of a publication. `heldBy`: the model that the wanted name means already. */
export type Verdict = {
  readonly outcome: "waiting" | "registered" | "refused";
  readonly heldBy?: Hex;
};

/** Blocks of L2 whose logs a node gives at a time. */
const WINDOW = 100_000n;
/** Publications of one id that are looked into, the newest ones. */
const MAX_PUBLICATIONS = 16;

const REGISTRY = { address: ADDRESS.modelRegistry as Address, abi: modelRegistryPredeploy.abi } as const;

export const clientOf = (url: string): PublicClient => createPublicClient({ transport: http(url), cacheTime: 0 });

/** Models that the node knows, oldest first. */
export const registeredModels = async (client: PublicClient): Promise<readonly RegisteredModel[]> => {
  const models = new Map<Hex, RegisteredModel>();
  const windows = createLogWindows({ most: WINDOW });
  const all = { fromBlock: 0n, toBlock: await client.getBlockNumber() };
  for await (const found of windows.forwards(all, (range) => client.getLogs({ address: REGISTRY.address, ...range }))) {
    const logs = parseEventLogs({ abi: REGISTRY.abi, logs: found, eventName: ["ModelRegistered", "NameAssigned"] });
    for (const log of logs) {
      const id = log.args.modelId;
      const known = models.get(id);
      if (log.eventName === "NameAssigned") {
        if (known !== undefined) models.set(id, { ...known, names: [...known.names, log.args.name] });
        continue;
      }
      const { gas, inputBytes, outputBytes } = log.args;
      models.set(id, { id, names: [], gas: Number(gas), inputBytes, outputBytes, block: Number(log.blockNumber) });
    }
  }
  return [...models.values()];
};

const isId = (text: string): text is Hex => /^0x[0-9a-f]{64}$/i.test(text);

/** The id that a text is, or is the name of. MODEL_UNKNOWN. */
export const resolveModel = async (client: PublicClient, text: string): Promise<Hex> => {
  if (isId(text)) return text.toLowerCase() as Hex;
  const id = await client.readContract({ ...REGISTRY, functionName: "idOf", args: [text] });
  if (BigInt(id) === 0n)
    throw new CodedError<RegisteredModelErrorCode>("MODEL_UNKNOWN", `no model has the name ${text}`, { name: text });
  return id;
};

/** What contracts see of a model. MODEL_UNKNOWN. */
export const registeredModel = async (client: PublicClient, id: Hex) => {
  const record = await client.readContract({ ...REGISTRY, functionName: "record", args: [id] });
  if (!record.callable)
    throw new CodedError<RegisteredModelErrorCode>("MODEL_UNKNOWN", `contracts cannot call model ${id}`, { id });
  const schema = await client.readContract({ ...REGISTRY, functionName: "schemaOf", args: [id] });
  return { id, ...record, schema };
};

/** What L2 made of the message with this hash. */
export const verdictOf = async (client: PublicClient, transaction: Hex): Promise<Verdict> => {
  const receipt = await client.getTransactionReceipt({ hash: transaction }).catch((error: Error) => {
    if (error.name === "TransactionReceiptNotFoundError") return undefined;
    throw error;
  });
  if (receipt === undefined) return { outcome: "waiting" };
  if (receipt.status !== "success") return { outcome: "refused" };
  const [occupied] = parseEventLogs({ abi: REGISTRY.abi, logs: receipt.logs, eventName: "NameOccupied" });
  return { outcome: "registered", ...(occupied === undefined ? {} : { heldBy: occupied.args.holder }) };
};

/** A publication on L1, and what L2 made of it. */
export type Publication = Verdict & {
  readonly l1Transaction: Hex;
  readonly l1Block: number;
  readonly name: string;
  readonly chunks: number;
  readonly l2Transaction: Hex;
};

/** Publications of a model, oldest first. */
export const publicationsOf = async (
  { l1, l2 }: { readonly l1: PublicClient; readonly l2: PublicClient },
  deployment: Rollup["l1"],
  id: Hex,
): Promise<readonly Publication[]> => {
  const address = deployment.contracts.modelRegistry;
  const all = { fromBlock: BigInt(deployment.startBlock), toBlock: await l1.getBlockNumber() };
  const read = (range: BlockRange) =>
    l1.getContractEvents({
      address,
      abi: modelRegistry.abi,
      eventName: "ModelPublished",
      args: { modelId: id },
      strict: true,
      ...range,
    });
  const logs = [];
  for await (const some of createLogWindows().forwards(all, read)) logs.push(...some);
  const found: Publication[] = [];
  for (const { transactionHash, blockNumber, logIndex, args } of logs.slice(-MAX_PUBLICATIONS)) {
    const receipt = await l1.getTransactionReceipt({ hash: transactionHash });
    // The message is queued right behind the event.
    const [l2Transaction] = messagesIn({ logs: receipt.logs.filter((log) => log.logIndex > logIndex) });
    if (l2Transaction === undefined) continue;
    found.push({
      l1Transaction: transactionHash,
      l1Block: Number(blockNumber),
      name: args.name,
      chunks: decodeManifest(fromHex(args.manifest))?.length ?? 0,
      l2Transaction,
      ...(await verdictOf(l2, l2Transaction)),
    });
  }
  return found;
};
