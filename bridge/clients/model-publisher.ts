import { encodeFunctionData, type PublicClient, parseEventLogs, type TransactionReceipt } from "viem";
import {
  type Bytes,
  type CommittedBlob,
  fromHex,
  type Hex,
  keccak256,
  type Telemetry,
  TRANSACTION_GAS_CAP,
  toHex,
} from "../../executor/index.ts";
import { batchInbox, modelRegistry } from "../contracts/contracts.gen.ts";
import { chunksOf, type ModelChunk, type ModelData } from "./model-chunks.ts";
import { type BlobCall, gasFor, type L1Call, type Transactor } from "./transactor.ts";

export type ModelPublisherComponents = Pick<Telemetry, "logger"> & {
  readonly client: PublicClient;
  readonly transactor: Transactor;
};

export type ModelToPublish = {
  readonly id: Hex;
  readonly artifact: Bytes;
  /** `name@major.minor`, or empty. */
  readonly name: string;
  /** L2 gas of the registration; by default what `registrationGas` says. */
  readonly gas?: bigint;
};

/** What a publication comes to. */
export type PublicationPlan = {
  readonly model: ModelToPublish;
  readonly data: ModelData;
  readonly chunks: readonly ModelChunk[];
  /** Those that L1 lacks, or has had for too long. */
  readonly missing: readonly ModelChunk[];
  /** L1 gas of what is left to be sent, and blob gas. */
  readonly gas: bigint;
  readonly blobGas: bigint;
  /** Wei for these, at L1's present base fees, tips aside. */
  readonly cost: bigint;
};

export type Published = {
  /** On L1. */
  readonly transactionHash: Hex;
  /** On L2, where the model is judged: the hash of the queued message. */
  readonly l2Transaction: Hex;
  readonly chunks: number;
  readonly posted: number;
};

/** Chunks that are on L1, of all. */
export type PublicationProgress = (done: number, chunks: number) => void;

export type ModelPublisher = {
  /** What is left to be done, in calldata or blobs, or in what costs less. Sends nothing. */
  plan(model: ModelToPublish, data: ModelData | "auto"): Promise<PublicationPlan>;
  /**
   * Posts the chunks that L1 lacks, then publishes. Can be planned and called again after any failure: what L1 has is
   * not sent twice, and a model that is registered already stays as it is. L1_REVERTED for a bad name.
   */
  publish(plan: PublicationPlan, onProgress?: PublicationProgress): Promise<Published>;
};

/** Position of the length of names and shapes in an artifact's header. */
const META_LENGTH_OFFSET = 44;

/** L2 gas of a registration: judging the artifact, 8 bytes a unit, and storing names and shapes, 32 bytes a slot. */
export const registrationGas = (artifact: Bytes): bigint => {
  const view = new DataView(artifact.buffer, artifact.byteOffset, artifact.byteLength);
  const metaBytes = artifact.length >= META_LENGTH_OFFSET + 4 ? view.getUint32(META_LENGTH_OFFSET) : 0;
  const units = (bytes: number, size: number) => BigInt(Math.ceil(bytes / size));
  const gas = 300_000n + 2n * units(artifact.length, 8) + 25_000n * units(metaBytes, 32);
  return gas < TRANSACTION_GAS_CAP ? gas : TRANSACTION_GAS_CAP;
};

/** Chunks in calldata sent at a time, and transactions with blobs: mempools hold few of one account. */
const PARALLEL: Readonly<Record<ModelData, number>> = { calldata: 8, blobs: 2 };
/** Blobs that one transaction carries. */
const BLOBS_AT_ONCE = 6;
const BLOB_GAS = 131_072n;
/** L1 gas beside the price of the input: hashing, a slot or some, the event. */
const POST_GAS = 120_000n;
const POST_BLOBS_GAS = 260_000n;
const PUBLISH_GAS = 150_000n;
/** More for each chunk that a publication names. */
const NAME_GAS = 5_000n;

/** Hashes on L2 of the messages that a transaction queued. */
export const messagesIn = ({ logs }: Pick<TransactionReceipt, "logs">): readonly Hex[] =>
  parseEventLogs({ abi: batchInbox.abi, logs, eventName: "MessageQueued" }).map(({ args }) =>
    toHex(keccak256(fromHex(args.envelope))),
  );

const grouped = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));

export const createModelPublisher = (
  { client, transactor, logger }: ModelPublisherComponents,
  registry: Hex,
): ModelPublisher => {
  const isPosted = (hash: Hex) =>
    client.readContract({ address: registry, abi: modelRegistry.abi, functionName: "isPosted", args: [hash] });

  const postCall = ({ bytes }: ModelChunk): L1Call => {
    const data = encodeFunctionData({ abi: modelRegistry.abi, functionName: "post", args: [toHex(bytes)] });
    return { to: registry, data, gas: gasFor(fromHex(data), POST_GAS) };
  };
  const postBlobsCall = (chunks: readonly ModelChunk[]): BlobCall => {
    const data = encodeFunctionData({ abi: modelRegistry.abi, functionName: "postBlobs" });
    const blobs = chunks.map(({ blob }) => blob).filter((blob): blob is CommittedBlob => blob !== undefined);
    return { to: registry, data, gas: gasFor(fromHex(data), POST_BLOBS_GAS), blobs };
  };
  /** Transactions that bring these chunks to L1, and how many each brings. */
  const postings = (data: ModelData, chunks: readonly ModelChunk[]): { call: L1Call | BlobCall; brings: number }[] =>
    data === "blobs"
      ? grouped(chunks, BLOBS_AT_ONCE).map((group) => ({ call: postBlobsCall(group), brings: group.length }))
      : chunks.map((chunk) => ({ call: postCall(chunk), brings: 1 }));

  const publishCall = ({ id, artifact, name, gas }: ModelToPublish, chunks: readonly ModelChunk[]): L1Call => ({
    to: registry,
    data: encodeFunctionData({
      abi: modelRegistry.abi,
      functionName: "publish",
      args: [id, chunks.map(({ hash }) => hash), name, gas ?? registrationGas(artifact)],
    }),
  });

  const planIn = async (model: ModelToPublish, data: ModelData): Promise<PublicationPlan> => {
    const chunks = await chunksOf(model.artifact, data);
    const missing: ModelChunk[] = [];
    for (const group of grouped(chunks, PARALLEL.calldata)) {
      const there = await Promise.all(group.map(({ hash }) => isPosted(hash)));
      missing.push(...group.filter((_, i) => !there[i]));
    }
    const naming = gasFor(fromHex(publishCall(model, chunks).data), PUBLISH_GAS + NAME_GAS * BigInt(chunks.length));
    const gas = postings(data, missing).reduce((sum, { call }) => sum + (call.gas ?? 0n), naming);
    const blobGas = data === "blobs" ? BLOB_GAS * BigInt(missing.length) : 0n;
    const [block, blobFee] = await Promise.all([client.getBlock(), blobGas === 0n ? 0n : client.getBlobBaseFee()]);
    return { model, data, chunks, missing, gas, blobGas, cost: gas * (block.baseFeePerGas ?? 0n) + blobGas * blobFee };
  };

  return {
    async plan(model, data) {
      if (data !== "auto") return planIn(model, data);
      const [calldata, blobs] = [await planIn(model, "calldata"), await planIn(model, "blobs")];
      return blobs.cost < calldata.cost ? blobs : calldata;
    },
    async publish({ model, data, chunks, missing }, onProgress = () => undefined) {
      const { id, name } = model;
      let done = chunks.length - missing.length;
      onProgress(done, chunks.length);
      for (const group of grouped(postings(data, missing), PARALLEL[data]))
        await Promise.all(
          group.map(async ({ call, brings }) => {
            await transactor.send(call);
            done += brings;
            onProgress(done, chunks.length);
            logger.debug({ modelId: id, posted: done, chunks: chunks.length }, "posted chunks of a model");
          }),
        );
      const receipt = await transactor.send(publishCall(model, chunks));
      const posted = missing.length;
      logger.info({ modelId: id, name, data, chunks: chunks.length, posted }, "published a model on L1");
      const [l2Transaction] = messagesIn(receipt);
      if (l2Transaction === undefined) throw new RangeError("a publication queues a message");
      return { transactionHash: receipt.transactionHash, l2Transaction, chunks: chunks.length, posted };
    },
  };
};
