import type { TestContext } from "node:test";
import { createPublicClient, custom, type PublicClient, parseAbiItem } from "viem";
import { anvil as anvilChain } from "viem/chains";
import {
  type ClaimantOptions,
  claimRegistry,
  createClaimant,
  createRetention,
  createRightClaims,
  createTransactor,
  type Registries,
} from "../../bridge/index.ts";
import { createMemoryStore, type Hex, type KeyValueStore } from "../../executor/index.ts";
import { account } from "./anvil.ts";
import { onlyRegistry } from "./only-registry.ts";
import { type NodeActor, type Stage, telemetry } from "./stage.ts";

/** One life of a process: from its step number `limit` on, nothing that it does has an effect. */
export type Life = { readonly isOver: boolean; step<T>(work: () => Promise<T>): Promise<T> };

export const createLife = (limit = Number.POSITIVE_INFINITY): Life => {
  let steps = 0;
  return {
    get isOver() {
      return steps > limit;
    },
    step: (work) => (steps++ < limit ? work() : Promise.reject(new Error("killed"))),
  };
};

/** A client of L1 that ends with the life of its process. */
export const clientOf = (client: PublicClient, life: Life): PublicClient =>
  createPublicClient({
    chain: anvilChain,
    transport: custom({ request: (call) => life.step(() => client.request(call)) }, { retryCount: 0 }),
    pollingInterval: 20,
    cacheTime: 0,
  }) as PublicClient;

const storeOf = (store: KeyValueStore, life: Life): KeyValueStore => ({
  get: (key) => store.get(key),
  scan: (range) => store.scan(range),
  write: (batch) => life.step(() => store.write(batch)),
  get syncs() {
    return store.syncs;
  },
  close: () => store.close(),
});

export type ClaimantActor = {
  readonly address: Hex;
  /** Derives what L1 holds, looks at the claims, and brings what is sent to L1, which mines on arrival. */
  act(): Promise<void>;
  /** The same, but does not wait for L1. */
  launch(): Promise<void>;
  stop(): Promise<void>;
};

const CLAIMANT = 6;

export const startClaimant = (
  t: Pick<TestContext, "after">,
  { anvil, deployment }: Stage,
  node: NodeActor,
  options: Partial<ClaimantOptions> & {
    readonly from?: number;
    readonly depth?: bigint;
    readonly store?: KeyValueStore;
    readonly life?: Life;
    /** All that L1 has, in place of the chain's first. */
    readonly registries?: Pick<Registries, "all" | "onEntered">;
  } = {},
): ClaimantActor => {
  const {
    from = CLAIMANT,
    store = createMemoryStore(),
    life = createLife(),
    depth = 2n,
    registries: following,
    ...rest
  } = options;
  const client = clientOf(anvil.client, life);
  const transactor = createTransactor({ ...telemetry(), client, account: account(from) });
  const { chain, l1 } = node;
  const right = createRightClaims(
    { ...telemetry(), client, chain, l1, store: storeOf(store, life) },
    { registry: deployment.contracts.claimRegistry, depth },
  );
  const registries = following ?? onlyRegistry(right);
  const retention = createRetention({ ...telemetry(), client, chain, l1, registries });
  const claimant = createClaimant(
    { ...telemetry(), client, chain, l1, registries, transactor },
    { intervalBlocks: 5n, ...rest },
  );
  const stop = async () => {
    await right.stop();
    await retention.stop();
    await claimant.stop();
    await transactor.stop();
  };
  t.after(stop);
  const launch = async () => {
    await node.follow();
    await claimant.tick();
    await retention.look();
    await transactor.tick();
  };
  return {
    address: transactor.address,
    launch,
    async act() {
      await launch();
      for (let looks = 0; transactor.pending > 0 && looks < 100; looks++) await transactor.tick();
    },
    stop,
  };
};

const PROPOSED = parseAbiItem(
  "event ClaimProposed(bytes32 indexed id, bytes32 indexed parent, bytes32 node, bytes endState, uint64 limitBatch, address staker)",
);

/** What L1 holds of claims. */
export const claimsOn = ({ anvil, deployment }: Stage) => {
  const address = deployment.contracts.claimRegistry;
  const contract = { address, abi: claimRegistry.abi } as const;
  const { client } = anvil;
  const logs = () => client.getLogs({ address, event: PROPOSED, fromBlock: 0n, strict: true });
  return {
    /** Oldest first. */
    proposed: async () => (await logs()).map(({ args }) => args),
    /** Inputs of the transactions that made them. */
    async recorded() {
      const inputs: Hex[] = [];
      for (const { transactionHash } of await logs())
        inputs.push((await client.getTransaction({ hash: transactionHash })).input);
      return inputs;
    },
    claim: (id: Hex) => client.readContract({ ...contract, functionName: "claimOf", args: [id] }),
    genesis: () => client.readContract({ ...contract, functionName: "anchorClaim" }),
    held: () => client.readContract({ ...contract, functionName: "held" }),
    credit: (of: Hex) => client.readContract({ ...contract, functionName: "credits", args: [of] }),
  };
};
