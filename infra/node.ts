import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import {
  batchInbox,
  createFollower,
  createL1Source,
  createTransactor,
  type FollowerOptions,
  type L1Source,
} from "../bridge/index.ts";
import {
  type BlockBuilder,
  type Chain,
  CodedError,
  createChain,
  createGenesis,
  createModelRuntime,
  createRpcServer,
  createServices,
  createWorldState,
  type GenesisAlloc,
  openRocksStore,
  type Telemetry,
  type TransactionPool,
} from "../executor/index.ts";
import { createSequencer } from "../sequencer/index.ts";
import type { ExecutorConfig, SequencerConfig } from "./config.ts";
import { connectL1, type L1ErrorCode } from "./l1.ts";
import type { Running } from "./lifecycle.ts";
import type { Rollup } from "./rollup.ts";
import { createMetricsServer, type ReadinessCheck } from "./telemetry/metrics-server.ts";

export type NodeErrorCode = L1ErrorCode | "NODE_SEQUENCER_KEY";

/** A node that runs. `rpc` and `metrics`: where it listens. */
export type AssayNode = Running & { readonly rpc: string; readonly metrics: string };

/** L1 that has not shown a new block for so long makes a node not ready. */
const L1_SILENCE_MS = 120_000;

/** Errors after which no further block can be executed: to go on would be to guess. */
const FATAL: ReadonlySet<string> = new Set([
  "MODEL_MISSING",
  "MODEL_DATA_MISSING",
  "MODEL_CORRUPT",
  "STORE_IO",
  "STORE_CORRUPT",
  "CHAIN_CORRUPT",
  "STATE_CORRUPT",
]);

const clientVersion = (): string => {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return `assay/v${version}/${process.platform}-${process.arch}/node${process.versions.node}`;
};

const allocOf = ({ genesis }: Rollup): GenesisAlloc =>
  Object.fromEntries(genesis.accounts.map(({ address, balance }) => [address, { balance }]));

/** The chain, telling `fail` when building or sealing a block met a fatal error. Calls never do. */
const reportFatal = (chain: Chain, fail: (error: unknown) => void): Chain => {
  const watched = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (error instanceof CodedError && FATAL.has(error.code)) fail(error);
      throw error;
    }
  };
  const begin: Chain["begin"] = async (attributes) => {
    const builder = await watched(chain.begin(attributes));
    const methods: Pick<BlockBuilder, "add" | "seal"> = {
      add: (envelope) => watched(builder.add(envelope)),
      seal: (options) => watched(builder.seal(options)),
    };
    return Object.assign(Object.create(builder) as BlockBuilder, methods);
  };
  return Object.assign(Object.create(chain) as Chain, { begin });
};

/** What every node consists of below its servers; nothing of it moves before `l1.start` and `follower.start`. */
const openCore = async (telemetry: Telemetry, config: ExecutorConfig, rollup: Rollup, following: FollowerOptions) => {
  const services = createServices(telemetry);
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  try {
    const client = await connectL1(config.l1Rpc, rollup);
    mkdirSync(config.dataDir, { recursive: true });
    const store = await openRocksStore(join(config.dataDir, "store"));
    services.add({ name: "store", stop: () => store.close() });
    const models = await createModelRuntime({ ...telemetry, store });
    services.add({ name: "models", stop: () => models.stop() });
    const world = createWorldState(store, { keep: config.keepStates });
    const genesis = createGenesis(rollup.chain, allocOf(rollup), {
      l1ModelRegistry: rollup.l1.contracts.modelRegistry,
    });
    const opened = await createChain(
      { ...telemetry, store, world, models },
      { genesis, calls: { timeoutMs: config.callTimeoutMs } },
    );
    services.add({ name: "chain", stop: () => opened.stop() });
    const chain = reportFatal(opened, fail);
    const l1 = services.add(
      createL1Source({ ...telemetry, client, store, models }, { deployment: rollup.l1, pollMs: config.l1PollMs }),
    );
    const follower = services.add(createFollower({ ...telemetry, chain, l1, store }, following));
    telemetry.logger.info({ chainId: rollup.chain.chainId, head: chain.head.header.number }, "chain is open");
    return { services, failed, client, store, chain, l1, follower };
  } catch (error) {
    await services.stop();
    throw error;
  }
};
type Core = Awaited<ReturnType<typeof openCore>>;

const readinessOf = ({ chain, l1 }: Core): ReadinessCheck[] => {
  let heard = performance.now();
  l1.onAdvance(() => {
    heard = performance.now();
  });
  return [
    {
      name: "l1",
      check: () => {
        if (l1.head === undefined) return "nothing of L1 has been read";
        const silence = performance.now() - heard;
        return silence > L1_SILENCE_MS ? `no new L1 block for ${Math.round(silence / 1000)} s` : undefined;
      },
    },
    { name: "derivation", check: () => behind(chain, l1) },
  ];
};

const behind = (chain: Chain, l1: L1Source): string | undefined => {
  const left = l1.recordCount - chain.position.batch;
  return left > 1n ? `${left} batches of L1 are not derived` : undefined;
};

/** Opens the servers, last, so that a node that answers is whole; starts everything. */
const serve = async (
  telemetry: Telemetry,
  config: ExecutorConfig,
  core: Core,
  { pool, start }: { readonly pool?: TransactionPool; readonly start: () => void },
): Promise<AssayNode> => {
  const { services, chain, l1, follower, failed } = core;
  try {
    const metrics = services.add(
      await createMetricsServer(telemetry, { port: config.metricsPort, checks: readinessOf(core) }),
    );
    const backend = { chain, identity: { clientVersion: clientVersion() }, ...(pool === undefined ? {} : { pool }) };
    const rpc = services.add(await createRpcServer({ ...telemetry, backend }, { port: config.rpcPort }));
    l1.start();
    follower.start();
    start();
    return { failed, rpc: rpc.url, metrics: metrics.url, stop: () => services.stop() };
  } catch (error) {
    await services.stop();
    throw error;
  }
};

/** A node that knows the chain from L1 alone. The codes of `connectL1` and of its parts. */
export const createExecutorNode = async (
  telemetry: Telemetry,
  config: ExecutorConfig,
  rollup: Rollup,
): Promise<AssayNode> => {
  const core = await openCore(telemetry, config, rollup, {});
  return serve(telemetry, config, core, { start: () => undefined });
};

/** The node that builds the blocks. NODE_SEQUENCER_KEY: the inbox takes batches from another account. */
export const createSequencerNode = async (
  telemetry: Telemetry,
  config: SequencerConfig,
  rollup: Rollup,
): Promise<AssayNode> => {
  const core = await openCore(telemetry, config, rollup, { keepUnsafe: true });
  const { services, chain, client, l1, store } = core;
  const inbox = rollup.l1.contracts.batchInbox;
  try {
    const account = privateKeyToAccount(config.sequencerKey);
    const expected = await client.readContract({ address: inbox, abi: batchInbox.abi, functionName: "SEQUENCER" });
    if (expected.toLowerCase() !== account.address.toLowerCase())
      throw new CodedError<NodeErrorCode>(
        "NODE_SEQUENCER_KEY",
        `the inbox takes batches from ${expected}; --sequencer-key is the key of ${account.address}`,
        { expected, given: account.address },
      );
    const transactor = services.add(createTransactor({ ...telemetry, client, account }, { pollMs: config.l1PollMs }));
    const sequencer = services.add(
      createSequencer(
        { ...telemetry, chain, store, l1, transactor, client },
        {
          inbox,
          producer: { intervalMs: config.blockTimeMs },
          batches: { intervalMs: config.batchIntervalMs, maxUnsafe: Math.floor(config.keepStates / 2) },
          poster: { pollMs: config.l1PollMs },
        },
      ),
    );
    return await serve(telemetry, config, core, {
      pool: sequencer.pool,
      start: () => {
        transactor.start();
        sequencer.start();
      },
    });
  } catch (error) {
    await services.stop();
    throw error;
  }
};
