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
  type ClaimId,
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
  sleep,
  type TensorData,
} from "../../executor/index.ts";
import { genesisOf, type Rollup } from "../../infra/index.ts";
import { createLiar } from "./liar.ts";
import { machineStep } from "./lies.ts";
import { onlyRegistry } from "./only-registry.ts";
import { telemetry } from "./stage.ts";
import { type Met, type StepKind, surveyOf } from "./step-kinds.ts";

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
};

type Models = Awaited<ReturnType<typeof createModelRuntime>>;

/** A node of somebody who means it ill: it derives the chain as every other. `corrupt`: what its models are instead. */
const openDishonest = async (
  { l1Rpc, rollup, privateKey }: DishonestOptions,
  corrupt: (models: Models) => Models = (models) => models,
) => {
  const { logger, registry } = telemetry();
  const store = createMemoryStore();
  const client = createPublicClient({ transport: http(l1Rpc), cacheTime: 0, pollingInterval: 100 }) as PublicClient;
  const deployment = rollup.l1;
  const beacon = createBeaconSource(l1Rpc);
  const sources = [createL1ArtifactSource({ client, blobSources: [beacon] }, { deployment })];
  const runtime = await createModelRuntime({ logger, registry, store }, { sources });
  const models = corrupt(runtime);
  const chain = await createChain(
    { logger, registry, store, world: createWorldState(store), models },
    { genesis: genesisOf(rollup, rollup.l1.contracts) },
  );
  const l1 = createL1Source(
    { logger, registry, client, store, models, blobSources: [beacon] },
    { deployment, pollMs: 100 },
  );
  const follower = createFollower({ logger, registry, chain, l1, store }, {});
  const right = createRightClaims(
    { logger, client, chain, l1, store },
    { registry: deployment.contracts.claimRegistry, depth: 1n },
  );
  const account = privateKeyToAccount(privateKey);
  const transactor = createTransactor({ logger, registry, client, account }, { pollMs: 100 });
  l1.start();
  follower.start();
  transactor.start();
  return {
    ...{ logger, registry, store, client, models, chain, l1, follower, right, transactor },
    address: account.address.toLowerCase() as Hex,
    async stop() {
      for (const service of [right, transactor, follower, l1, chain, runtime]) await service.stop();
    },
  };
};

/** Whoever lies on a chain until it is stopped. */
export type Dishonest = { readonly address: Hex; stop(): Promise<void> };

/**
 * A proposer whose models answer wrongly. All else is what an honest one runs: it derives the chain, claims what comes of
 * it, and stands up for its claims with its own trees. `onLie` is told of the run that is disputed.
 */
export const startDishonest = async (
  options: DishonestOptions,
  { corruption, onLie }: { readonly corruption: Corruption; readonly onLie?: (lie: Lie) => void },
): Promise<Dishonest> => {
  const open = async (program: Program, input: Bytes) => {
    const run = corruptRun(program, input, corruption);
    onLie?.(run.lie);
    return run;
  };
  const node = await openDishonest(options, (models) =>
    Object.assign(Object.create(models) as Models, {
      async run(id: Hex, input: Bytes) {
        return corruptRun(await models.program(id), input, corruption).output;
      },
    }),
  );
  const claimant = createClaimant(
    { ...node, registries: onlyRegistry(node.right) },
    { intervalBlocks: 1n, pollMs: 100 },
  );
  const defender = createChallenger(
    { ...node, registries: onlyRegistry(node.right), tracesOf: (right) => createTraces({ ...node, right, open }) },
    { startBlock: BigInt(options.rollup.l1.startBlock), pollMs: 100 },
  );
  claimant.start();
  defender.start();
  return {
    address: node.address,
    async stop() {
      await claimant.stop();
      await defender.stop();
      await node.stop();
    },
  };
};

/** Milliseconds between two looks of a liar. */
const LOOK_MS = 100;

/**
 * A proposer who knows what is right and claims otherwise: from one step of a kind on, in the oldest range that has one and
 * is not decided. `onLie` is told of the step.
 */
export const startStepLiar = async (
  options: DishonestOptions,
  { kind, onLie }: { readonly kind: StepKind; readonly onLie?: (met: Met) => void },
): Promise<Dishonest> => {
  const node = await openDishonest(options);
  const { right, client, transactor, l1 } = node;
  const registry = options.rollup.l1.contracts.claimRegistry;
  const traceOf = createTraces(node);
  const ended = new AbortController();
  const { signal } = ended;
  const seen = new Set<Hex>();

  /** On which a claim is not decided. */
  const parents = async (): Promise<readonly ClaimId[]> => {
    await right.walk(await client.getBlockNumber({ cacheTime: 0 }));
    const ids = [(await right.rules()).genesis, ...right.steps.map(({ id }) => id)];
    const open: ClaimId[] = [];
    for (const [i, id] of ids.entries()) {
      const child = ids[i + 1];
      if (child === undefined || (await right.registry.claim(child)).status === "open") open.push(id);
    }
    return open;
  };

  const begin = async (): Promise<(() => Promise<void>) | undefined> => {
    for (const id of await parents()) {
      const parent = await right.claimAt(id);
      const succession = await right.succession(parent);
      if (succession === undefined || seen.has(id)) continue;
      const trace = await traceOf(succession, signal);
      const met = (await surveyOf(trace, { units: succession.range.units, l1 })).get(kind)?.[0];
      seen.add(id);
      if (met === undefined) continue;
      onLie?.(met);
      return createLiar(
        { client, registry, transactor },
        { right, parent, succession, trace },
        machineStep(met.unit, met.step),
      );
    }
    return undefined;
  };

  const run = async (): Promise<void> => {
    let act: (() => Promise<void>) | undefined;
    while (!signal.aborted) {
      try {
        act ??= await begin();
        await act?.();
      } catch (error) {
        // L1 goes on while a look lasts: the next one begins anew.
        node.logger.debug({ err: error }, "a liar's look failed");
      }
      await sleep(LOOK_MS, signal);
    }
  };
  const running = run();
  return {
    address: node.address,
    async stop() {
      ended.abort();
      await running;
      await node.stop();
    },
  };
};
