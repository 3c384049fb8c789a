import { createPublicClient, http, type PublicClient } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import {
  createBeaconSource,
  createClaimant,
  createFollower,
  createL1ArtifactSource,
  createL1Source,
  createRightClaims,
  createTransactor,
} from "../../bridge/index.ts";
import { createChallenger, createTraces } from "../../challenger/index.ts";
import {
  type Bytes,
  constantData,
  createChain,
  createMemoryStore,
  createModelRuntime,
  createTensorTree,
  createWorldState,
  evaluate,
  type Hex,
  type Openings,
  type Operator,
  type Program,
  packOutputs,
  packTensor,
  runReference,
  type Source,
  type TensorData,
} from "../../executor/index.ts";
import { genesisOf, type Rollup } from "../../infra/index.ts";
import { onlyRegistry } from "./only-registry.ts";
import { telemetry } from "./stage.ts";

/** One element of one operator's output, and what is added to it. */
export type Corruption = { readonly operator: number; readonly element: number; readonly by: number };

/** What the corrupted element is said to be, and what it is. */
export type Lie = { readonly claimed: number; readonly computed: number };

/** A run in which one element is another, and everything after it is computed from that. */
export const corruptRun = (
  program: Program,
  input: Bytes,
  { operator, element, by }: Corruption,
): Openings & { readonly lie: Lie } => {
  const tensors: TensorData[] = [...runReference(program, input).tensors];
  const corrupted = (tensors[operator] as TensorData).slice();
  const computed = corrupted[element] as number;
  corrupted[element] = computed + by;
  tensors[operator] = corrupted;
  const tensorOf = ({ constant, index }: Source): TensorData => {
    const record = constant ? program.constants[index] : undefined;
    return record === undefined ? (tensors[index] as TensorData) : constantData(record);
  };
  for (let index = operator + 1; index < program.operators.length; index++)
    tensors[index] = evaluate(program.operators[index] as Operator, tensorOf);
  const treeOf = ({ constant, index }: Source) => {
    const record = constant ? program.constants[index] : undefined;
    if (record !== undefined) return createTensorTree(record.dtype, record.data);
    const { dtype } = program.operators[index] as Operator;
    return createTensorTree(dtype, packTensor(dtype, tensors[index] as TensorData));
  };
  return {
    program,
    roots: tensors.map((_, index) => treeOf({ constant: false, index }).root),
    output: packOutputs(program, tensors),
    tree: async (source) => treeOf(source),
    lie: { claimed: corrupted[element] as number, computed },
  };
};

export type DishonestOptions = {
  readonly l1Rpc: string;
  readonly rollup: Rollup;
  readonly privateKey: Hex;
  readonly corruption: Corruption;
  /** Is told of the run that is disputed. */
  readonly onLie?: (lie: Lie) => void;
};

/**
 * A proposer whose models answer wrongly. All else is what an honest one runs: it derives the chain, claims what comes of
 * it, and stands up for its claims with its own trees.
 */
export const startDishonest = async ({ l1Rpc, rollup, privateKey, corruption, onLie }: DishonestOptions) => {
  const { logger, registry } = telemetry();
  const store = createMemoryStore();
  const client = createPublicClient({ transport: http(l1Rpc), cacheTime: 0, pollingInterval: 100 }) as PublicClient;
  const deployment = rollup.l1;
  const beacon = createBeaconSource(l1Rpc);
  const sources = [createL1ArtifactSource({ client, blobSources: [beacon] }, { deployment })];
  const models = await createModelRuntime({ logger, registry, store }, { sources });
  const open = async (program: Program, input: Bytes) => {
    const run = corruptRun(program, input, corruption);
    onLie?.(run.lie);
    return run;
  };
  const lying: typeof models = Object.assign(Object.create(models) as typeof models, {
    async run(id: Hex, input: Bytes) {
      return corruptRun(await models.program(id), input, corruption).output;
    },
  });
  const chain = await createChain(
    { logger, registry, store, world: createWorldState(store), models: lying },
    { genesis: genesisOf(rollup, rollup.l1.contracts) },
  );
  const l1 = createL1Source(
    { logger, registry, client, store, models: lying, blobSources: [beacon] },
    { deployment, pollMs: 100 },
  );
  const follower = createFollower({ logger, registry, chain, l1, store }, {});
  const right = createRightClaims(
    { logger, client, chain, l1, store },
    { registry: deployment.contracts.claimRegistry, depth: 1n },
  );
  const account = privateKeyToAccount(privateKey);
  const transactor = createTransactor({ logger, registry, client, account }, { pollMs: 100 });
  const claimant = createClaimant(
    { logger, registry, client, chain, l1, registries: onlyRegistry(right), transactor },
    { intervalBlocks: 1n, pollMs: 100 },
  );
  const defender = createChallenger(
    {
      logger,
      registry,
      client,
      chain,
      l1,
      follower,
      registries: onlyRegistry(right),
      store,
      transactor,
      tracesOf: (right) => createTraces({ chain, l1, models: lying, right, open }),
    },
    { startBlock: BigInt(deployment.startBlock), pollMs: 100 },
  );
  l1.start();
  follower.start();
  transactor.start();
  claimant.start();
  defender.start();
  return {
    address: account.address.toLowerCase() as Hex,
    async stop() {
      for (const service of [claimant, defender, right, transactor, follower, l1, chain, models]) await service.stop();
    },
  };
};
