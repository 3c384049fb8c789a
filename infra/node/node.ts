import { readFileSync } from "node:fs";
import { privateKeyToAccount } from "viem/accounts";
import {
  createClaimant,
  createKeyring,
  createRetention,
  createTransactor,
  describeSystem,
  openRegistries,
  type RightClaims,
  readWindow,
} from "../../bridge/index.ts";
import {
  createChallenger,
  createTraceMemory,
  createTraces,
  describeChallenger,
  describeDispute,
} from "../../challenger/index.ts";
import { type Backend, type ClaimId, createRpcServer, type Telemetry } from "../../executor/index.ts";
import { createPublisher, createSequencer } from "../../sequencer/index.ts";
import type { ChallengerConfig, ExecutorConfig, NodeConfig, SequencerConfig } from "../config/config.ts";
import type { Rollup } from "../config/rollup.ts";
import { createSnapshotKeeper } from "../snapshot/serve.ts";
import { createMetricsServer, type ReadinessCheck } from "../telemetry/metrics-server.ts";
import { connectL1 } from "./l1.ts";
import type { Running } from "./lifecycle.ts";
import { type Core, openCore } from "./node-core.ts";
import { startPeering } from "./node-peers.ts";
import { challengerChecks, judgesCheck, type ReadinessParts, readinessOf } from "./readiness.ts";
import { createSequencerKeys } from "./sequencer-keys.ts";

/** A node that runs. `rpc` and `metrics`: where it listens. `p2p`: where peers can dial it; empty without peers. */
export type AssayNode = Running & {
  readonly rpc: string;
  readonly metrics: string;
  readonly p2p: readonly string[];
};

/** A quiet chain's last block is followed by an empty one, for tools that wait for it. */
const TRAILING_MS = 2_000;

const clientVersion = (): string => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return `assay/v${version}/${process.platform}-${process.arch}/node${process.versions.node}`;
};

type Parts = Pick<Backend, "pool" | "disputes" | "disputedSteps" | "challenger"> & {
  readonly start: () => void;
  /** What must hold beside the chain's own conditions before the node is ready. */
  readonly checks?: readonly ReadinessCheck[];
  /** Where blocks are built. */
  readonly batches?: NonNullable<ReadinessParts["batches"]>;
};

/** Meets the peers, opens the servers, last, so that a node that answers is whole; starts everything. */
const serve = async (
  telemetry: Telemetry,
  config: NodeConfig,
  core: Core,
  { pool, disputes, disputedSteps, challenger, batches, start, checks = [] }: Parts,
): Promise<AssayNode> => {
  const { services, chain, client, store, world, l1, system, follower, peering, claims, contracts, failed } = core;
  try {
    const p2p = await startPeering(peering);
    const metrics = services.add(
      await createMetricsServer(telemetry, {
        port: config.metricsPort,
        checks: [...readinessOf({ ...core, batches }), ...checks],
      }),
    );
    const backend = {
      chain,
      l1,
      derivation: follower,
      claims,
      system: () => describeSystem(system.state, system.foreign),
      identity: { clientVersion: clientVersion() },
      ...(pool === undefined ? {} : { pool }),
      ...(disputes === undefined ? {} : { disputes }),
      ...(disputedSteps === undefined ? {} : { disputedSteps }),
      ...(challenger === undefined ? {} : { challenger }),
      ...(peering === undefined ? {} : { peering }),
    };
    const without = config.rpcNoAdmin ? ["admin"] : [];
    const rpc = services.add(await createRpcServer({ ...telemetry, backend }, { port: config.rpcPort, without }));
    if (config.snapshotServe) {
      const parts = { ...telemetry, client, contracts, store, world, blocks: chain };
      services.add(createSnapshotKeeper(parts, { hold: () => chain.hold(chain.retained) })).start();
    }
    l1.start();
    system.start();
    follower.start();
    start();
    return { failed, rpc: rpc.url, metrics: metrics.url, p2p, stop: () => services.stop() };
  } catch (error) {
    await services.stop();
    throw error;
  }
};

/** A node that knows the chain from L1, its newest blocks from peers before, and claims what it knows, if it has a key. */
export const createExecutorNode = async (
  telemetry: Telemetry,
  config: ExecutorConfig,
  rollup: Rollup,
): Promise<AssayNode> => {
  const core = await openCore(telemetry, config, rollup, { following: {}, hears: "blocks", agent: clientVersion() });
  const { services, client } = core;
  const { claimKey } = config;
  if (claimKey === undefined) return serve(telemetry, config, core, { start: () => undefined });
  const account = privateKeyToAccount(claimKey);
  const transactor = services.add(createTransactor({ ...telemetry, client, account }, { pollMs: config.l1PollMs }));
  try {
    const registries = services.add(
      await openRegistries({ ...telemetry, ...core }, { depth: BigInt(config.claimDepth) }),
    );
    const retention = services.add(createRetention({ ...telemetry, ...core, registries }, { pollMs: config.l1PollMs }));
    const claimant = services.add(
      createClaimant(
        { ...telemetry, ...core, registries, transactor },
        { intervalBlocks: BigInt(config.claimIntervalBlocks), pollMs: config.l1PollMs },
      ),
    );
    return await serve(telemetry, config, core, {
      checks: [judgesCheck(core.system)],
      start: () => {
        transactor.start();
        retention.start();
        claimant.start();
      },
    });
  } catch (error) {
    await services.stop();
    throw error;
  }
};

/** A node that recomputes every claim from L1 alone and disputes those that are wrong. */
export const createChallengerNode = async (
  telemetry: Telemetry,
  config: ChallengerConfig,
  rollup: Rollup,
): Promise<AssayNode> => {
  const [l1Rpc, ...further] = config.l1Rpcs as readonly [string, ...string[]];
  const others = await Promise.all(further.map((url) => connectL1(url, rollup)));
  const node = { ...config, l1Rpc };
  const core = await openCore(telemetry, node, rollup, { following: {}, hears: "blocks", agent: clientVersion() });
  const { services, client } = core;
  const account = privateKeyToAccount(config.challengeKey);
  const transactor = services.add(createTransactor({ ...telemetry, client, account }, { pollMs: config.l1PollMs }));
  try {
    const registries = services.add(
      await openRegistries({ ...telemetry, ...core }, { depth: BigInt(config.claimDepth) }),
    );
    const retention = services.add(createRetention({ ...telemetry, ...core, registries }, { pollMs: config.l1PollMs }));
    const memory = createTraceMemory();
    const tracesOf = (right: RightClaims) => createTraces({ ...core, right, memory });
    const challenger = services.add(
      createChallenger(
        { ...telemetry, ...core, registries, transactor, others, tracesOf },
        {
          startBlock: rollup.l1.startBlock,
          pollMs: config.l1PollMs,
          also: config.alsoFor ?? [],
          isJanitor: config.janitor,
          isRehearsal: config.dryRun,
          spendCap: config.maxSpendPerDay,
        },
      ),
    );
    return await serve(telemetry, node, core, {
      disputes: () => challenger.disputes.map(describeDispute),
      disputedSteps: (parent) => challenger.stepsOf(parent as ClaimId),
      challenger: () => describeChallenger(challenger),
      checks: [judgesCheck(core.system), ...challengerChecks(challenger)],
      start: () => {
        transactor.start();
        retention.start();
        challenger.start();
      },
    });
  } catch (error) {
    await services.stop();
    throw error;
  }
};

/** The node that builds the blocks. NODE_BATCHER_KEY, NODE_SIGNER_KEY: L1 names another account. */
export const createSequencerNode = async (
  telemetry: Telemetry,
  config: SequencerConfig,
  rollup: Rollup,
): Promise<AssayNode> => {
  const following = { keepUnsafe: true };
  const core = await openCore(telemetry, config, rollup, { following, hears: "nothing", agent: clientVersion() });
  const { services, chain, client, l1, store, peering, system } = core;
  const inbox = rollup.l1.contracts.batchInbox;
  try {
    const keys = createSequencerKeys(config, () => system.state);
    // Before the sequencer, so that it is there for its last block.
    const publisher =
      peering === undefined
        ? undefined
        : services.add(createPublisher({ ...telemetry, chain, peering }, { sign: keys.sign }));
    const accounts = keys.batchers.map((account) =>
      services.add(createTransactor({ ...telemetry, client, account }, { pollMs: config.l1PollMs })),
    );
    const transactor = createKeyring(accounts, keys.batcher);
    const sequencer = services.add(
      createSequencer(
        { ...telemetry, chain, store, l1, transactor, client },
        {
          inbox,
          producer: { intervalMs: config.blockTimeMs, trailingMs: TRAILING_MS },
          batches: {
            data: config.batchData,
            intervalMs: config.batchIntervalMs,
            window: await readWindow(client, inbox),
          },
          poster: { pollMs: config.l1PollMs },
        },
      ),
    );
    return await serve(telemetry, config, core, {
      pool: sequencer.pool,
      batches: sequencer.batches,
      checks: [keys.check],
      start: () => {
        publisher?.start();
        transactor.start();
        sequencer.start();
      },
    });
  } catch (error) {
    await services.stop();
    throw error;
  }
};
