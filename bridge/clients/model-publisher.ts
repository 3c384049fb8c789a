import { encodeFunctionData, type PublicClient, parseEventLogs, type TransactionReceipt } from "viem";
import {
  type Bytes,
  type CommittedBlob,
  decodeProgram,
  fromHex,
  type Hex,
  hasCode,
  keccak256,
  MAX_ENVELOPE_BYTES,
  modelRecordOf,
  requireCallable,
  type Telemetry,
  TRANSACTION_GAS_CAP,
  toHex,
  ZERO_32,
} from "../../executor/index.ts";
import { batchInbox, modelRegistry } from "../contracts/contracts.gen.ts";
import { BLOB_GAS, estimateGas } from "./gas.ts";
import { enqueueCall } from "./inbox.ts";
import { chunksOf, type ModelChunk, type ModelData } from "./model-chunks.ts";
import type { BlobCall, L1Call, Transactor } from "./transactor.ts";

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
  /** What L1 estimates for what is left to be sent, and blob gas. */
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
  /**
   * What is left to be done, in calldata or blobs, or in what costs less. Sends nothing. MODEL_UNCALLABLE for a program that
   * no transaction of this chain has the gas to call or to register.
   */
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

/** What the bytes say of a call; undefined when they are no program, which the rollup will refuse. */
const recordOf = (artifact: Bytes) => {
  try {
    return modelRecordOf(decodeProgram(artifact));
  } catch (error) {
    if (hasCode(error, "PROGRAM_MALFORMED")) return undefined;
    throw error;
  }
};

/** Chunks in calldata sent at a time, and transactions with blobs: mempools hold few of one account. */
const PARALLEL: Readonly<Record<ModelData, number>> = { calldata: 8, blobs: 2 };
/** Blobs that one transaction carries. */
const BLOBS_AT_ONCE = 6;

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
    return { to: registry, data };
  };
  const postBlobsCall = (chunks: readonly ModelChunk[]): BlobCall => {
    const data = encodeFunctionData({ abi: modelRegistry.abi, functionName: "postBlobs" });
    const blobs = chunks.map(({ blob }) => blob).filter((blob): blob is CommittedBlob => blob !== undefined);
    return { to: registry, data, blobs };
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
      args: [id, chunks.map(({ hash }) => hash), artifact.length, name, gas ?? registrationGas(artifact)],
    }),
  });

  const estimate = (call: L1Call | BlobCall): Promise<bigint> => {
    const blobHashes = "blobs" in call ? call.blobs.map(({ hash }) => hash) : [];
    return estimateGas(client, { from: transactor.address, call: { ...call, blobHashes } });
  };

  /** One of each length is estimated: bytes of a model are much alike. */
  const postingGas = async (posted: readonly { readonly call: L1Call | BlobCall; readonly brings: number }[]) => {
    const byLength = Map.groupBy(posted, ({ call, brings }) => `${call.data.length} ${brings}`);
    const parts = [...byLength.values()].map(async (alike) => {
      const [first] = alike;
      return first === undefined ? 0n : (await estimate(first.call)) * BigInt(alike.length);
    });
    return (await Promise.all(parts)).reduce((sum, part) => sum + part, 0n);
  };

  const inboxOf = async (): Promise<Hex> => {
    const inbox = await client.readContract({ address: registry, abi: modelRegistry.abi, functionName: "INBOX" });
    return inbox.toLowerCase() as Hex;
  };

  const requireCallableHere = async ({ artifact }: ModelToPublish): Promise<void> => {
    const record = recordOf(artifact);
    if (record === undefined) return;
    const inbox = { address: await inboxOf(), abi: batchInbox.abi };
    const blockGasLimit = await client.readContract({ ...inbox, functionName: "BLOCK_GAS_LIMIT" });
    requireCallable({ ...record, artifactBytes: artifact.length }, blockGasLimit);
  };

  /** L1 cannot be asked before the chunks are there: but about a message as long, and about looking a chunk up. */
  const publicationGas = async (model: ModelToPublish, chunks: readonly ModelChunk[]): Promise<bigint> => {
    const inbox = await inboxOf();
    const envelope = fromHex(publishCall(model, chunks).data).subarray(0, MAX_ENVELOPE_BYTES);
    const lookUp = encodeFunctionData({ abi: modelRegistry.abi, functionName: "isPosted", args: [toHex(ZERO_32)] });
    const [message, asking, nothing] = await Promise.all([
      estimate(enqueueCall(inbox, envelope, model.gas ?? registrationGas(model.artifact))),
      estimate({ to: registry, data: lookUp }),
      estimate({ to: transactor.address, data: "0x" }),
    ]);
    return message + BigInt(chunks.length) * (asking - nothing);
  };

  const planIn = async (model: ModelToPublish, data: ModelData): Promise<PublicationPlan> => {
    const chunks = await chunksOf(model.artifact, data);
    const missing: ModelChunk[] = [];
    for (const group of grouped(chunks, PARALLEL.calldata)) {
      const there = await Promise.all(group.map(({ hash }) => isPosted(hash)));
      missing.push(...group.filter((_, i) => !there[i]));
    }
    const absent = [...new Map(missing.map((chunk) => [chunk.hash, chunk])).values()];
    const gas = (await postingGas(postings(data, absent))) + (await publicationGas(model, chunks));
    const blobGas = data === "blobs" ? BLOB_GAS * BigInt(absent.length) : 0n;
    const [block, blobFee] = await Promise.all([client.getBlock(), blobGas === 0n ? 0n : client.getBlobBaseFee()]);
    return {
      model,
      data,
      chunks,
      missing: absent,
      gas,
      blobGas,
      cost: gas * (block.baseFeePerGas ?? 0n) + blobGas * blobFee,
    };
  };

  return {
    async plan(model, data) {
      await requireCallableHere(model);
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
