import assert from "node:assert/strict";
import pino from "pino";
import { Registry } from "prom-client";
import type { PublicClient } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import {
  type Archive,
  appendBlobsCall,
  appendCall,
  type BlobCall,
  type BlobSource,
  createFollower,
  createL1Source,
  createTransactor,
  type Deployment,
  deployBridge,
  type L1Call,
  type L1Contracts,
  type L1SourceOptions,
  partnersOf,
  type TransactorOptions,
} from "../../bridge/index.ts";
import {
  type AddResult,
  type Block,
  type Bytes,
  type Chain,
  commitBlob,
  createChain,
  createGenesis,
  createMemoryStore,
  createWorldState,
  DEVNET_PARAMETERS,
  encodeBatch,
  encodeBlobs,
  fromHex,
  type Genesis,
  type Hex,
  type InboxEnvelope,
  type KeyValueStore,
  type ModelRuntime,
  type Origin,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { type Anvil, account } from "./anvil.ts";
import { settlement } from "./settlement.ts";

export const SEQUENCER = 1;
export const GWEI = 10n ** 9n;
export const telemetry = () => ({
  logger: pino({ level: "silent" }),
  registry: new Registry(),
});

/** A key of the L2's tests, by number; the first four have 1,000 ether in genesis. */
export const l2Account = (index: number) => privateKeyToAccount(toHex(uintBE(index + 1, 32)));
const alloc = Object.fromEntries(
  [0, 1, 2, 3].map((i) => [l2Account(i).address.toLowerCase() as Hex, { balance: 1000n * 10n ** 18n }]),
);

/** A signed transfer of 1 wei, unless told otherwise. */
export const transfer = async (
  from: number,
  nonce: number,
  change: { readonly to?: Hex; readonly value?: bigint; readonly gas?: bigint; readonly data?: Hex } = {},
): Promise<Bytes> =>
  fromHex(
    await l2Account(from).signTransaction({
      type: "eip1559",
      chainId: Number(DEVNET_PARAMETERS.chainId),
      nonce,
      to: change.to ?? (l2Account(9).address as Hex),
      value: change.value ?? 1n,
      data: change.data ?? "0x",
      gas: change.gas ?? 21_000n,
      maxFeePerGas: 10n * GWEI,
      maxPriorityFeePerGas: GWEI,
    }),
  );

const genesisOf = (contracts: L1Contracts): Genesis => createGenesis(DEVNET_PARAMETERS, alloc, partnersOf(contracts));

/** Contracts on a fresh L1 that mines on command from now on, and the genesis that knows them. */
export const layOut = async (
  l1: Anvil,
  { forceDelay = 3600n }: { readonly forceDelay?: bigint } = {},
): Promise<Deployment & { readonly genesis: Genesis }> => {
  const deployment = await deployBridge(
    { wallet: l1.wallet(0), reader: l1.client },
    {
      forceDelay,
      genesisOf,
      ...settlement({ guardian: account(0).address, sequencer: account(SEQUENCER).address }),
    },
  );
  await l1.manual();
  return { ...deployment, genesis: genesisOf(deployment.contracts) };
};
export type Layout = Awaited<ReturnType<typeof layOut>>;

const noModels: ModelRuntime = {
  run: () => Promise.reject(new Error("no model is called here")),
  admit: () => Promise.reject(new Error("no model is admitted here")),
  putChunks: () => Promise.reject(new Error("no chunk is kept here")),
  stop: async () => undefined,
};

export type NodeOptions = Omit<L1SourceOptions, "deployment"> & {
  readonly keepUnsafe?: boolean;
  readonly store?: KeyValueStore;
  readonly client?: PublicClient;
  readonly models?: ModelRuntime;
  readonly archive?: Archive;
  readonly blobSources?: readonly BlobSource[];
};

/** A node that reads L1 when it is told to. */
export const startNode = async (l1: Anvil, layout: Layout, options: NodeOptions = {}) => {
  const {
    keepUnsafe = false,
    store = createMemoryStore(),
    client = l1.client,
    models = noModels,
    archive,
    blobSources = [],
    ...reading
  } = options;
  const components = { ...telemetry(), store };
  const world = createWorldState(store);
  const chain: Chain = await createChain({ ...components, world, models }, { genesis: layout.genesis });
  const source = createL1Source(
    { ...components, client, models, blobSources, ...(archive === undefined ? {} : { archive }) },
    { deployment: layout, ...reading },
  );
  const follower = createFollower({ ...components, chain, l1: source }, { keepUnsafe });
  return {
    store,
    chain,
    source,
    follower,
    registry: components.registry,
    async sync() {
      await source.sync();
      await follower.sync();
    },
    /** Seals an unsafe block. */
    async build(envelopes: readonly (Bytes | InboxEnvelope)[], origin: Origin, timestamp = origin.timestamp) {
      return chain.exclusive(async () => {
        const builder = await chain.begin({ timestamp, origin });
        const results: AddResult[] = [];
        for (const envelope of envelopes)
          results.push(await builder.add(envelope instanceof Uint8Array ? { bytes: envelope } : envelope));
        return { ...(await builder.seal()), results };
      });
    },
    /** Delayed messages as a block takes them. */
    delayed(from: bigint, to: bigint): InboxEnvelope[] {
      return Array.from({ length: Number(to - from) }, (_, i) => {
        const message = source.message(from + BigInt(i));
        assert.ok(message);
        return { bytes: message.envelope, delayed: { kind: message.kind, gas: message.gas } };
      });
    },
    async stop() {
      await follower.stop();
      await source.stop();
      await chain.stop();
    },
  };
};
export type Node = Awaited<ReturnType<typeof startNode>>;

/** Sends L1 transactions, mining a block for each attempt. */
export const startSender = (l1: Anvil, from: number, options: TransactorOptions = {}) => {
  const components = telemetry();
  const transactor = createTransactor({ ...components, client: l1.client, account: account(from) }, options);
  return {
    transactor,
    registry: components.registry,
    /** All at once, in order; mined together. */
    async land(...calls: readonly (L1Call | BlobCall)[]) {
      const sent = Promise.all(calls.map((call) => transactor.send(call)));
      sent.catch(() => undefined);
      for (let i = 0; i < 20 && transactor.pending > 0; i++) {
        await transactor.tick();
        await l1.mine();
        await transactor.tick();
      }
      return sent;
    },
  };
};
type BatchPlace = {
  readonly index: bigint;
  readonly origin: Origin;
  /** Messages taken through this batch; `taken`: in its first block. */
  readonly delayedEnd?: bigint;
  readonly taken?: number;
};

const placeOf = (node: Node, { index, origin, delayedEnd = 0n }: BatchPlace) => {
  const accumulator = node.source.accumulator(delayedEnd);
  assert.ok(accumulator);
  return { index, origin, delayedEnd, delayedAccumulator: accumulator };
};

const bytesOf = (blocks: readonly Block[], { taken = 0 }: BatchPlace): Bytes =>
  encodeBatch(
    blocks.map(({ header, transactions }, i) => ({
      timestamp: header.timestamp,
      envelopes: transactions.slice(i === 0 ? taken : 0).map(({ envelope }) => envelope),
    })),
  );

/** Enough for a batch of a test: those of one L1 block cannot be tried out one after the other. */
const enough = async () => 1_000_000n;

/** The call that posts blocks as one batch. */
export const batchOf = (layout: Layout, node: Node, blocks: readonly Block[], place: BatchPlace): L1Call =>
  appendCall(layout.contracts.batchInbox, { ...placeOf(node, place), data: bytesOf(blocks, place) }, enough);

/** The same in blobs, which a test may make worse. */
export const blobBatchOf = async (
  layout: Layout,
  node: Node,
  blocks: readonly Block[],
  place: BatchPlace & { readonly change?: (blobs: Bytes[]) => Bytes[] },
): Promise<BlobCall> => {
  const { change = (blobs) => blobs } = place;
  const blobs = await Promise.all(change(encodeBlobs(bytesOf(blocks, place))).map(commitBlob));
  return appendBlobsCall(layout.contracts.batchInbox, { ...placeOf(node, place), blobs }, enough);
};

export const tip = (chain: Chain) => ({ hash: chain.head.hash, stateRoot: chain.head.header.stateRoot });
