import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  createBeaconSource,
  createClaimView,
  createFollower,
  createJudges,
  createL1ArtifactSource,
  createL1Source,
  createPeerBlobSource,
  type FollowerOptions,
  isSigner,
  openSystemWatch,
} from "../../bridge/index.ts";
import {
  type BlockBuilder,
  type Chain,
  CodedError,
  createChain,
  createModelRuntime,
  createPeerArchive,
  createPeerArtifactSource,
  createServices,
  createWorldState,
  openRocksStore,
  type Telemetry,
} from "../../executor/index.ts";
import type { NodeConfig } from "../config/config.ts";
import { genesisOf, type Rollup } from "../config/rollup.ts";
import { beginWith, isToRestore } from "../snapshot/begin.ts";
import { warnOfForks } from "./fork-warnings.ts";
import { connectL1, requireGenesis, requireJudges, requireMetering } from "./l1.ts";
import { createContentSlot, openPeering } from "./node-peers.ts";
import { showProgress } from "./restoring.ts";
import { createRestoringMetrics } from "./restoring-metrics.ts";

/** Errors of the node's own disk: what it would say of any block is a guess. */
const DAMAGE = ["STORE_IO", "STORE_CORRUPT", "CHAIN_CORRUPT", "STATE_CORRUPT"];
/** Errors after which a block that is certain to be the next cannot be executed. */
const FATAL = [...DAMAGE, "MODEL_MISSING", "MODEL_DATA_MISSING", "MODEL_CORRUPT"];

type Alarm = { readonly codes: readonly string[]; readonly fail: (error: unknown) => void };

/** The chain, telling `fail` when building or sealing a block met an error of these codes. Calls never do. */
const watched = (chain: Chain, { codes, fail }: Alarm): Chain => {
  const watch = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (error instanceof CodedError && codes.includes(error.code)) fail(error);
      throw error;
    }
  };
  const begin: Chain["begin"] = async (attributes) => {
    const builder = await watch(chain.begin(attributes));
    const methods: Pick<BlockBuilder, "add" | "seal"> = {
      add: (envelope) => watch(builder.add(envelope)),
      seal: (options) => watch(builder.seal(options)),
    };
    return Object.assign(Object.create(builder) as BlockBuilder, methods);
  };
  return Object.assign(Object.create(chain) as Chain, { begin });
};

export type CoreOptions = {
  readonly following: FollowerOptions;
  /** Whether blocks of peers become the unsafe head: not on the node that makes them. */
  readonly hears: "blocks" | "nothing";
  /** Shown to peers. */
  readonly agent: string;
};

/** What every node consists of below its servers; nothing of it moves before it is started. */
export const openCore = async (
  telemetry: Telemetry,
  config: NodeConfig,
  rollup: Rollup,
  { following, hears, agent }: CoreOptions,
) => {
  const services = createServices(telemetry);
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  try {
    const client = await connectL1(config.l1Rpc, rollup);
    const genesis = genesisOf(rollup, rollup.l1.contracts);
    // Before anything of it is on disk.
    await requireMetering(client, rollup);
    await requireGenesis(client, rollup, genesis);
    const judges = createJudges(client, { ...rollup.l1.contracts, parameters: rollup.chain });
    await requireJudges(client, judges, rollup);
    mkdirSync(config.dataDir, { recursive: true });
    const store = await openRocksStore(join(config.dataDir, "store"));
    services.add({ name: "store", stop: () => store.close() });
    // Models are opened before the peers that they may come from.
    const content = createContentSlot();
    const beacons = (config.l1Beacon ?? []).map((url) => createBeaconSource(url));
    const sources = [
      ...(config.p2pOff ? [] : [createPeerArtifactSource(content)]),
      createL1ArtifactSource({ client, blobSources: beacons }, { deployment: rollup.l1 }),
    ];
    const blobSources = config.p2pOff ? beacons : [...beacons, createPeerBlobSource(content)];
    const models = await createModelRuntime({ ...telemetry, store }, { sources });
    const modelService = services.add({ name: "models", stop: () => models.stop() });
    const restoring = createRestoringMetrics(telemetry.registry);
    if (!isToRestore(store, config)) restoring.restored.set(1);
    else {
      const { progress, stop } = await showProgress({ ...telemetry, metrics: restoring }, config);
      await beginWith({ ...telemetry, client, store, rollup, progress }, config, { agent }).finally(stop);
    }
    const world = createWorldState(store, { keep: config.keepStates });
    const opened = await createChain(
      { ...telemetry, store, world, models },
      { genesis, calls: { timeoutMs: config.callTimeoutMs } },
    );
    services.add({ name: "chain", stop: () => opened.stop() });
    const chain = watched(opened, { codes: FATAL, fail });
    const l1 = services.add(
      createL1Source(
        {
          ...telemetry,
          client,
          store,
          models,
          blobSources,
          ...(config.p2pOff ? {} : { archive: createPeerArchive(content) }),
        },
        {
          deployment: rollup.l1,
          pollMs: config.l1PollMs,
          ...(chain.base === undefined ? {} : { start: chain.base.position }),
        },
      ),
    );
    const system = services.add(
      await openSystemWatch({ ...telemetry, client, l1, judges }, rollup.l1.contracts, { pollMs: config.l1PollMs }),
    );
    const claims = createClaimView({ ...telemetry, client, l1 }, rollup.l1.contracts);
    const follower = services.add(createFollower({ ...telemetry, chain, l1, store }, following));
    const peering = config.p2pOff
      ? undefined
      : services.add(
          await openPeering(
            // What a peer's block lacks, L1 brings: only damage to the disk ends the node here.
            { ...telemetry, chain: watched(opened, { codes: DAMAGE, fail }), store, models, l1 },
            { config, isSigner: (account, origin) => isSigner(system.state, account, origin), hears, agent },
          ),
        );
    if (peering !== undefined) content.fill(peering.content);
    // Before those that wait for a model: they are let go.
    services.add(modelService);
    telemetry.logger.info({ chainId: rollup.chain.chainId, head: chain.head.header.number }, "chain is open");
    warnOfForks(telemetry.logger, chain.parameters.forks, l1);
    const { contracts } = rollup.l1;
    return {
      services,
      failed,
      contracts,
      client,
      store,
      models,
      world,
      chain,
      l1,
      follower,
      system,
      judges,
      peering,
      claims,
      hears,
    };
  } catch (error) {
    await services.stop();
    throw error;
  }
};
export type Core = Awaited<ReturnType<typeof openCore>>;
