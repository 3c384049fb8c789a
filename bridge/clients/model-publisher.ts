import { encodeFunctionData, type PublicClient } from "viem";
import {
  type Bytes,
  fromHex,
  type Hex,
  keccak256,
  type Telemetry,
  TRANSACTION_GAS_CAP,
  toHex,
} from "../../executor/index.ts";
import { modelRegistry } from "../contracts/contracts.gen.ts";
import { gasFor, type Transactor } from "./transactor.ts";

/** Bytes of one chunk: a transaction with it stays below the 128 KiB that mempools take. */
export const CHUNK_BYTES = 100_000;

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

export type Published = { readonly transactionHash: Hex; readonly chunks: number; readonly posted: number };

export type ModelPublisher = {
  /**
   * Posts the chunks that L1 lacks, then publishes. Can be called again after any failure: what L1 has is not sent
   * twice, and a model that is registered already stays as it is. L1_REVERTED for a bad name.
   */
  publish(model: ModelToPublish): Promise<Published>;
};

/** In order, no two equal: a chunk that stood before, as runs of one value give, is made shorter. */
export const chunksOf = (artifact: Bytes): Bytes[] => {
  const chunks: Bytes[] = [];
  const seen = new Set<Hex>();
  for (let offset = 0; offset < artifact.length; ) {
    let chunk = artifact.subarray(offset, offset + CHUNK_BYTES);
    while (chunk.length > 1 && seen.has(toHex(keccak256(chunk)))) chunk = chunk.subarray(0, -1);
    seen.add(toHex(keccak256(chunk)));
    chunks.push(chunk);
    offset += chunk.length;
  }
  return chunks;
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

/** Chunks sent at a time. */
const PARALLEL = 8;

export const createModelPublisher = (
  { client, transactor, logger }: ModelPublisherComponents,
  registry: Hex,
): ModelPublisher => {
  const isPosted = (hash: Hex) =>
    client.readContract({ address: registry, abi: modelRegistry.abi, functionName: "isPosted", args: [hash] });

  const post = (chunk: Bytes) => {
    const data = encodeFunctionData({ abi: modelRegistry.abi, functionName: "post", args: [toHex(chunk)] });
    return transactor.send({ to: registry, data, gas: gasFor(fromHex(data), 120_000n) });
  };

  return {
    async publish({ id, artifact, name, gas }) {
      const chunks = chunksOf(artifact);
      const hashes = chunks.map((chunk) => toHex(keccak256(chunk)));
      let posted = 0;
      for (let i = 0; i < chunks.length; i += PARALLEL)
        await Promise.all(
          chunks.slice(i, i + PARALLEL).map(async (chunk, j) => {
            if (await isPosted(hashes[i + j] as Hex)) return;
            await post(chunk);
            posted++;
            logger.debug({ modelId: id, posted, chunks: chunks.length }, "posted a chunk of a model");
          }),
        );
      const data = encodeFunctionData({
        abi: modelRegistry.abi,
        functionName: "publish",
        args: [id, hashes, name, gas ?? registrationGas(artifact)],
      });
      const receipt = await transactor.send({ to: registry, data });
      logger.info({ modelId: id, name, chunks: chunks.length, posted }, "published a model on L1");
      return { transactionHash: receipt.transactionHash, chunks: chunks.length, posted };
    },
  };
};
