import { createPublicClient, custom, type PublicClient } from "viem";
import { anvil as anvilChain } from "viem/chains";
import {
  createClaimant,
  createFollower,
  createL1Source,
  createRetention,
  createRightClaims,
  createTransactor,
  type RightClaims,
} from "../../bridge/index.ts";
import { type Challenger, createChallenger, createTraces } from "../../challenger/index.ts";
import {
  createChain,
  createMemoryStore,
  createWorldState,
  type Hex,
  type KeyValueStore,
} from "../../executor/index.ts";
import { account } from "./anvil.ts";
import { onlyRegistry } from "./only-registry.ts";
import { telemetry, withoutModels } from "./stage.ts";
import type { SteppedL1 } from "./stepped-l1.ts";

/** What is wrong with answers of L1. */
export type Fault = {
  /** Requests that are not answered. */
  readonly isLost?: (method: string, params: unknown) => boolean;
  /** Logs of later blocks are not shown, as if there were none. */
  readonly logsThrough?: number;
};

/** L1 as an honest process reads it, with a fault or without. */
export const createReads = ({ client: inner, note }: SteppedL1) => {
  let fault: Fault = {};
  const request = async ({ method, params }: { readonly method: string; readonly params?: unknown }) => {
    const { isLost, logsThrough } = fault;
    if (isLost?.(method, params)) throw new Error(`L1 does not answer ${method}`);
    if (method === "eth_sendRawTransaction") note((params as readonly [Hex])[0]);
    const answer: unknown = await inner.request({ method, params } as never);
    if (method !== "eth_getLogs" || logsThrough === undefined) return answer;
    return (answer as readonly { readonly blockNumber: Hex }[]).filter(
      ({ blockNumber }) => Number(blockNumber) <= logsThrough,
    );
  };
  const client = createPublicClient({
    chain: anvilChain,
    transport: custom({ request }, { retryCount: 0 }),
    pollingInterval: 20,
    cacheTime: 0,
  }) as PublicClient;
  return {
    client,
    fail: (given: Fault) => {
      fault = given;
    },
    mend: () => {
      fault = {};
    },
  };
};
export type Reads = ReturnType<typeof createReads>;

/** States that are kept for queries alone: few, so that what claims need is kept for their sake. */
const KEPT_STATES = 8;
const nothing = () => Promise.reject(new Error("there is no model"));
const MODELS = { ...withoutModels, program: nothing, artifact: nothing };

/** A node that derives L1 and knows which claims are right. */
export const openDeriving = async (
  { deployment, genesis }: SteppedL1,
  {
    client,
    store = createMemoryStore(),
    depth,
  }: { readonly client: PublicClient; readonly store?: KeyValueStore; readonly depth: bigint },
) => {
  const common = { ...telemetry(), store, client };
  const world = createWorldState(store, { keep: KEPT_STATES });
  const chain = await createChain({ ...common, world, models: MODELS }, { genesis });
  const l1 = createL1Source({ ...common, models: MODELS, blobSources: [] }, { deployment });
  const follower = createFollower({ ...common, chain, l1 }, {});
  const right = createRightClaims(
    { ...common, chain, l1 },
    { registry: deployment.contracts.claimRegistry as Hex, depth },
  );
  const registries = onlyRegistry(right);
  const retention = createRetention({ ...common, chain, l1, registries });
  return {
    client,
    store,
    chain,
    l1,
    follower,
    right,
    registries,
    retention,
    tracesOf: (of: RightClaims) => createTraces({ chain, l1, models: MODELS, right: of }),
    /** Reads L1 and derives all it holds. */
    async follow(): Promise<void> {
      await l1.sync();
      await follower.sync();
    },
    async stop(): Promise<void> {
      for (const service of [retention, right, follower, l1, chain]) await service.stop();
    },
  };
};
export type Deriving = Awaited<ReturnType<typeof openDeriving>>;

/** A process of the honest side, one look at a time. What fails in a look is told, as a process would log it. */
export type HonestProcess = {
  readonly node: Deriving;
  readonly address: Hex;
  readonly challenger: Challenger | undefined;
  look(): Promise<readonly string[]>;
  stop(): Promise<void>;
};

export type HonestOptions = {
  readonly role: "claimant" | "challenger";
  /** Account of L1. */
  readonly from: number;
  /** What a life before it left behind. */
  readonly store?: KeyValueStore;
  /** L1 blocks above a claim before another stands on it. */
  readonly depth: bigint;
  readonly also?: readonly Hex[];
};

export const openHonest = async (
  l1: SteppedL1,
  { client }: Pick<Reads, "client">,
  { role, from, store, depth, also = [] }: HonestOptions,
): Promise<HonestProcess> => {
  const node = await openDeriving(l1, { client, depth, ...(store && { store }) });
  const transactor = createTransactor({ ...telemetry(), client, account: account(from) });
  const components = { ...telemetry(), ...node, transactor };
  const challenger =
    role === "challenger"
      ? createChallenger(components, {
          startBlock: l1.deployment.startBlock,
          // A look waits for all that it needs: how long that takes says nothing here.
          patienceMs: 600_000,
          isJanitor: true,
          also,
        })
      : undefined;
  const service = challenger ?? createClaimant(components, { intervalBlocks: 1n });
  const parts: readonly (readonly [string, () => Promise<void>])[] = [
    ["derivation", node.follow],
    ["transactor", transactor.tick],
    [role, service.tick],
    ["retention", node.retention.look],
    ["transactor", transactor.tick],
  ];
  return {
    node,
    address: transactor.address,
    challenger,
    async look() {
      const failures: string[] = [];
      for (const [name, part] of parts)
        try {
          await part();
        } catch (error) {
          failures.push(`${name}: ${(error as Error).message.split("\n")[0]}`);
        }
      for (const { part, error } of challenger?.findings?.failures ?? [])
        failures.push(`${part}: ${error.split("\n")[0]}`);
      return failures;
    },
    async stop() {
      await service.stop();
      await transactor.stop();
      await node.stop();
    },
  };
};
