import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import {
  claimRegistry,
  createRightClaims,
  createTransactor,
  DEVNET_CLAIMS,
  type Transactor,
} from "../../bridge/index.ts";
import {
  type Challenger,
  createAttempts,
  createBoardReader,
  createChallenger,
  createTraces,
  holdTree,
  type Trace,
  visit,
} from "../../challenger/index.ts";
import {
  ADDRESS,
  type Bytes,
  type ChainState,
  concat,
  createMemoryStore,
  createModelRuntime,
  encodeChainState,
  fromHex,
  type Hex,
  hashChainState,
  type KeyValueStore,
  type ModelPrograms,
  type ModelRuntime,
  toHex,
} from "../../executor/index.ts";
import { account } from "./anvil.ts";
import { claimsOn, startClaimant } from "./claimant.ts";
import { everyKind, everyKindInput } from "./every-kind.ts";
import { publishOn } from "./publish.ts";
import { createStage, type NodeActor, type Stage, telemetry } from "./stage.ts";

/** Low trees, so that disputes are short; the period is one that the contract takes for them. */
export const LOW = {
  heights: [5, 9, 16, 26],
  period: 130n,
  censorship: 2n,
  delay: 1n,
  spacing: 1n,
  stakes: DEVNET_CLAIMS.stakes,
  tariffs: DEVNET_CLAIMS.tariffs,
} as const;

export const MODEL = everyKind();
const CLAIMANT = 5;
const CHALLENGER = 6;
const LIAR = 7;

/** A chain on which the model was called once, and nodes that derive it. */
export const createDisputeStage = async (t: TestContext) => {
  const runtimes = new Map<KeyValueStore, ModelRuntime & ModelPrograms>();
  const stage = await createStage(
    t,
    3_600n,
    async (store) => {
      const models = await createModelRuntime({ ...telemetry(), store });
      runtimes.set(store, models);
      return models;
    },
    LOW,
  );
  await publishOn(stage, { id: MODEL.id, artifact: MODEL.artifact, name: "every@1.0" });
  const sequencer = await stage.sequencer();
  await sequencer.follow();
  await sequencer.producer.produce();
  const data = toHex(concat(fromHex(MODEL.id), everyKindInput(1)));
  await sequencer.send({ nonce: 0, to: ADDRESS.infer, data, gas: 300_000n });
  const block = await sequencer.producer.produce();
  assert.ok(block);
  assert.equal(sequencer.chain.receipts(block.header.number)?.[0]?.status, 1);
  await sequencer.post();
  const open = async (): Promise<NodeActor & { readonly models: ModelRuntime & ModelPrograms }> => {
    const store = createMemoryStore();
    const node = await stage.executor(store);
    const models = runtimes.get(store);
    assert.ok(models);
    await node.follow();
    return { ...node, models };
  };
  // The first claim is about what the inbox held when the registry was made: nothing. The next is about the call.
  const claimant = startClaimant(t, stage, await open(), { from: CLAIMANT, depth: 0n, intervalBlocks: 1n });
  for (let looks = 0; (await claimsOn(stage).proposed()).length === 0; looks++) {
    assert.ok(looks < 20, "there is a claim");
    await stage.anvil.mine(1);
    await claimant.act();
  }
  await claimant.stop();
  await stage.anvil.mine(1);
  return { ...stage, open };
};
export type DisputeStage = Awaited<ReturnType<typeof createDisputeStage>>;
type Node = Awaited<ReturnType<DisputeStage["open"]>>;

const rightClaimsOf = (t: TestContext, { anvil, deployment }: Stage, { chain, l1 }: Node) => {
  const right = createRightClaims(
    { ...telemetry(), client: anvil.client, chain, l1, store: createMemoryStore() },
    { registry: deployment.contracts.claimRegistry, depth: 0n },
  );
  t.after(() => right.stop());
  return right;
};

const land = async (transactor: Transactor): Promise<void> => {
  for (let looks = 0; transactor.pending > 0 && looks < 100; looks++) await transactor.tick();
};

export type ChallengerActor = Challenger & {
  readonly address: Hex;
  /** Derives what L1 holds, looks at the disputes, and brings what is sent to L1, which mines on arrival. */
  act(): Promise<void>;
};

export const startChallenger = (
  t: TestContext,
  stage: DisputeStage,
  node: Node,
  { from = CHALLENGER }: { readonly from?: number } = {},
): ChallengerActor => {
  const { anvil, deployment } = stage;
  const { chain, l1, models } = node;
  const { client } = anvil;
  const right = rightClaimsOf(t, stage, node);
  const transactor = createTransactor({ ...telemetry(), client, account: account(from) });
  const challenger = createChallenger(
    { ...telemetry(), client, chain, l1, right, transactor, traceOf: createTraces({ chain, l1, models, right }) },
    { startBlock: deployment.startBlock },
  );
  t.after(async () => {
    await challenger.stop();
    await transactor.stop();
  });
  return Object.assign(Object.create(challenger) as Challenger, {
    address: transactor.address,
    async act() {
      await node.follow();
      await challenger.tick();
      await transactor.tick();
      await land(transactor);
    },
  });
};

/** Changes what a chain state says; its bytes stay ones that L1 takes. */
export const otherState = (state: ChainState, seed: number): ChainState => {
  const stateRoot = state.stateRoot.slice();
  stateRoot[31] = ((stateRoot[31] as number) + seed) & 255;
  return { ...state, stateRoot };
};

export type LiarActor = {
  /** The claim that he stands for. */
  readonly claim: Hex;
  readonly address: Hex;
  /** Answers like a client that believes in his trees, and brings it to L1. */
  act(): Promise<void>;
};

/** How a liar's tree of units comes from the right one; `end`: hash of the state that he claims. */
export type Story = (right: Trace, about: { readonly units: number; readonly end: Bytes }) => Promise<Trace> | Trace;

export const startLiar = async (
  t: TestContext,
  stage: DisputeStage,
  node: Node,
  /** `seed` 0: he claims the right end. */
  { story, seed = 1, from = LIAR }: { readonly story: Story; readonly seed?: number; readonly from?: number },
): Promise<LiarActor> => {
  const { anvil, deployment } = stage;
  const { client } = anvil;
  const registry = deployment.contracts.claimRegistry;
  const right = rightClaimsOf(t, stage, node);
  const transactor = createTransactor({ ...telemetry(), client, account: account(from) });
  t.after(() => transactor.stop());
  await anvil.control.setBalance({ address: transactor.address, value: 10n ** 21n });
  const { parameters } = await right.rules();
  await right.walk(await client.getBlockNumber());
  const parent = await right.tip();
  const succession = await right.succession(parent);
  assert.ok(succession);
  const end = seed === 0 ? succession.range.end : otherState(succession.range.end, seed);
  const trace = await createTraces({ chain: node.chain, l1: node.l1, models: node.models, right })(
    succession,
    new AbortController().signal,
  );
  const tree = holdTree(await story(trace, { units: succession.range.units, end: hashChainState(end) }));
  const reader = createBoardReader(client, { registry, startBlock: deployment.startBlock });
  const attempt = createAttempts(client, { registry, account: transactor.address, stakes: parameters.stakes });
  const { signal } = new AbortController();
  const game = {
    parent: parent.id,
    origin: toHex(succession.origin),
    limitBatch: parent.claim.limitBatch,
    tree,
    endState: toHex(encodeChainState(end)),
    isDue: true,
    account: transactor.address,
  };
  const act = async () => {
    const { moves } = await visit(await reader.atHead(), game, { signal });
    if (moves.length === 0) return;
    const { data, value, moves: sent } = await attempt(moves);
    if (sent.length === 0) return;
    void transactor.send({ to: registry, data, value }).catch(() => undefined);
    await transactor.tick();
    await land(transactor);
  };
  await act();
  const made = await client.getContractEvents({
    address: registry,
    abi: claimRegistry.abi,
    eventName: "ClaimProposed",
    fromBlock: 0n,
    strict: true,
  });
  const own = made.find(({ args }) => args.staker.toLowerCase() === transactor.address);
  assert.ok(own, "the liar's claim is on L1");
  return { claim: own.args.id, address: transactor.address, act };
};
