import type { TestContext } from "node:test";
import pino from "pino";
import { Registry } from "prom-client";
import { type Hex, type PublicClient, parseGwei } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import {
  type ClaimParameters,
  createBeaconSource,
  createFollower,
  createL1Source,
  createTransactor,
  type Deployment,
  deployBridge,
  type Follower,
  type L1Contracts,
  type L1Source,
  partnersOf,
  readWindow,
  type Transactor,
} from "../../bridge/index.ts";
import {
  type Chain,
  createChain,
  createGenesis,
  createMemoryStore,
  createWorldState,
  DEVNET_PARAMETERS,
  type ForkSchedule,
  fromHex,
  type Genesis,
  type KeyValueStore,
  type ModelRuntime,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { createSequencer, type Sequencer, type SequencerOptions } from "../../sequencer/index.ts";
import { type Anvil, account as l1Account, startAnvil } from "./anvil.ts";
import { settlement } from "./settlement.ts";

/** Keys of the L2, each with 1,000 ether at genesis. */
export const l2Account = (index: number) => privateKeyToAccount(toHex(uintBE(index + 1, 32)));
export const L2_ACCOUNTS = 8;

export const telemetry = () => ({
  logger: pino({ level: process.env["ASSAY_LOG"] ?? "silent" }),
  registry: new Registry(),
});

/** For a stage on which no model is published: its nodes open faster. */
export const withoutModels: ModelRuntime = {
  run: () => Promise.reject(new Error("no model is called here")),
  admit: () => Promise.reject(new Error("no model is admitted here")),
  putChunks: () => Promise.reject(new Error("no chunk is kept here")),
  stop: async () => {},
};

const genesisOf = (contracts?: L1Contracts, forks: ForkSchedule = DEVNET_PARAMETERS.forks): Genesis => {
  const alloc = Object.fromEntries(
    Array.from({ length: L2_ACCOUNTS }, (_, i) => [l2Account(i).address.toLowerCase(), { balance: 10n ** 21n }]),
  );
  return createGenesis({ ...DEVNET_PARAMETERS, forks }, alloc, contracts === undefined ? {} : partnersOf(contracts));
};

export const openNodeChain = (
  store: KeyValueStore,
  contracts?: L1Contracts,
  models: ModelRuntime = withoutModels,
  forks: ForkSchedule = DEVNET_PARAMETERS.forks,
): Promise<Chain> =>
  createChain(
    { ...telemetry(), store, world: createWorldState(store), models },
    { genesis: genesisOf(contracts, forks) },
  );

export type NodeActor = {
  /** Metrics of its derivation. */
  readonly registry: Registry;
  readonly chain: Chain;
  readonly l1: L1Source;
  readonly follower: Follower;
  /** Reads L1 and derives all it holds. */
  follow(): Promise<void>;
  stop(): Promise<void>;
};

export type SequencerActor = NodeActor &
  Sequencer & {
    /** Of what it builds and posts. */
    readonly metrics: Registry;
    /** Signs and submits a transfer or a call; answers the transaction's hash. */
    send(request: {
      readonly from?: number;
      readonly nonce: number;
      readonly to?: Hex;
      readonly value?: bigint;
      readonly data?: Hex;
      readonly gas?: bigint;
      readonly fee?: bigint;
      readonly tip?: bigint;
    }): Promise<Hex>;
    /** Closes the open batch and brings all to L1, which mines on arrival. */
    post(): Promise<void>;
    /** Closes the open batch and sends what is pending, without waiting for it to be mined. */
    launch(): Promise<void>;
    /** Sends what is due, without waiting for it to be mined. */
    forward(): Promise<void>;
    /** Looks at L1 for what was sent. */
    settle(): Promise<void>;
  };

/**
 * `client`: L1 as the sequencer asks it for prices; L1 itself, when not given. `forks`: as its rollup file has them. A name
 * that the code does not know stands for a fork that came after the node's version.
 */
type StageSequencerOptions = Partial<SequencerOptions> & {
  readonly client?: PublicClient;
  readonly forks?: ForkSchedule;
  /** Of whoever posts the batches; the stage's own account, when not given. */
  readonly transactor?: Transactor;
};

export type Stage = {
  readonly anvil: Anvil;
  readonly deployment: Deployment;
  /** A node that knows L1 only. */
  executor(store?: KeyValueStore, options?: { readonly forks?: ForkSchedule }): Promise<NodeActor>;
  /** The node that orders. With the store of one before: its next life. */
  sequencer(store?: KeyValueStore, options?: StageSequencerOptions): Promise<SequencerActor>;
};

const SEQUENCER = 1;
/** Who may announce changes on a stage. */
export const STAGE_OWNER = 8;
/** Longer than the exit by any rules that a test takes for claims; keys change soon. */
const STAGE_DELAYS = { upgradeDelay: 30n * 86_400n, rotationDelay: 10n } as const;
export const START = 1_800_000_000n;

/**
 * What differs from the devnet's rules for claims; an L1, in place of a new one on anvil; and the schedule of forks that L1's
 * contracts are made for.
 */
export type StageRules = Partial<ClaimParameters> & { readonly l1?: Anvil; readonly forks?: ForkSchedule };

/** `modelsOf`: what a node runs models with. */
export const createStage = async (
  t: Pick<TestContext, "after">,
  forceDelay = 3600n,
  modelsOf: (store: KeyValueStore) => Promise<ModelRuntime> = async () => withoutModels,
  { l1, forks: first, ...claims }: StageRules = {},
): Promise<Stage> => {
  const anvil = l1 ?? (await startAnvil(t));
  const rules = settlement({
    guardian: l1Account(0).address,
    sequencer: l1Account(SEQUENCER).address,
    owner: l1Account(STAGE_OWNER).address,
    ...STAGE_DELAYS,
  });
  const deployment = await deployBridge(
    { wallet: anvil.wallet(0), reader: anvil.client },
    {
      forceDelay,
      genesisOf: (contracts) => genesisOf(contracts, first),
      ...rules,
      claims: { ...rules.claims, ...claims },
    },
  );

  const node = async (store: KeyValueStore, keepUnsafe: boolean, forks = first): Promise<NodeActor> => {
    const models = await modelsOf(store);
    const chain = await openNodeChain(store, deployment.contracts, models, forks);
    const common = { ...telemetry(), store };
    const blobSources = [createBeaconSource(anvil.url)];
    const l1 = createL1Source(
      { ...common, client: anvil.client, models, blobSources },
      { deployment, ...(chain.base === undefined ? {} : { start: chain.base.position }) },
    );
    const follower = createFollower({ ...common, chain, l1 }, { keepUnsafe });
    const stop = async () => {
      await follower.stop();
      await l1.stop();
      await chain.stop();
      await models.stop();
    };
    t.after(stop);
    return {
      registry: common.registry,
      chain,
      l1,
      follower,
      async follow() {
        await l1.sync();
        await follower.sync();
      },
      stop,
    };
  };

  return {
    anvil,
    deployment,
    executor: (store = createMemoryStore(), { forks } = {}) => node(store, false, forks),
    async sequencer(store = createMemoryStore(), { client = anvil.client, forks, transactor: given, ...options } = {}) {
      const base = await node(store, true, forks);
      const { chain, l1 } = base;
      const common = telemetry();
      const transactor = given ?? createTransactor({ ...common, client, account: l1Account(SEQUENCER) });
      let time = START;
      const window = await readWindow(anvil.client, deployment.contracts.batchInbox);
      const sequencer = createSequencer(
        { ...common, chain, store, l1, transactor, client },
        {
          inbox: deployment.contracts.batchInbox,
          producer: { clock: () => ++time },
          mempool: { clock: () => time },
          ...options,
          batches: { window, ...options.batches },
        },
      );
      const stop = async () => {
        await sequencer.stop();
        await transactor.stop();
        await base.stop();
      };
      t.after(stop);
      const settle = async () => {
        // L1 mines a moment after it took a transaction; each look is a round trip to it.
        for (let looks = 0; looks === 0 || (transactor.pending > 0 && looks < 1_000); looks++) await transactor.tick();
        await l1.sync();
      };
      const forward = async () => {
        await sequencer.poster.tick();
        await transactor.tick();
      };
      const launch = async () => {
        await chain.exclusive(() => sequencer.batches.close("full"));
        await forward();
      };
      return {
        ...base,
        ...sequencer,
        metrics: common.registry,
        async send({ from = 0, nonce, to, value = 0n, data = "0x", gas = 100_000n, fee, tip }) {
          const envelope = await l2Account(from).signTransaction({
            type: "eip1559",
            chainId: Number(DEVNET_PARAMETERS.chainId),
            nonce,
            gas,
            value,
            data,
            maxFeePerGas: fee ?? parseGwei("10"),
            maxPriorityFeePerGas: tip ?? parseGwei("1"),
            ...(to === undefined ? {} : { to }),
          });
          return sequencer.pool.submit(fromHex(envelope));
        },
        forward,
        launch,
        settle,
        async post() {
          await launch();
          await settle();
        },
        stop,
      };
    },
  };
};
