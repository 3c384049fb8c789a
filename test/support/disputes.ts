import assert from "node:assert/strict";
import type { PublicClient } from "viem";
import {
  claimRegistry,
  createRetention,
  createRightClaims,
  createTransactor,
  DEVNET_CLAIMS,
  type Registries,
  type RightClaims,
  rootOverLast,
  type Transactor,
} from "../../bridge/index.ts";
import { type Challenger, type ChallengerOptions, createChallenger, createTraces } from "../../challenger/index.ts";
import {
  ADDRESS,
  type Bytes,
  type BytesOf,
  concat,
  createMemoryStore,
  createModelRuntime,
  type ForkSchedule,
  fromHex,
  type Hex,
  type KeyValueStore,
  keccakOf,
  type ModelPrograms,
  type ModelRuntime,
  type NodeHash,
  toHex,
} from "../../executor/index.ts";
import { account } from "./anvil.ts";
import { type ClaimantActor, claimsOn, clientOf, createLife, type Life, startClaimant } from "./claimant.ts";
import { everyKind, everyKindInput } from "./every-kind.ts";
import { createLiar, type RightRange, type Story } from "./liar.ts";
import { wrongState } from "./lying-trace.ts";
import { onlyRegistry } from "./only-registry.ts";
import type { Ends } from "./peers.ts";
import { publishOn } from "./publish.ts";
import { createStage, type NodeActor, type Stage, type StageRules, telemetry } from "./stage.ts";

/** Low trees, so that disputes are short; the period is one that the contract takes for them. */
export const LOW = {
  heights: [5, 9, 18, 29],
  period: 140n,
  censorship: 2n,
  delay: 1n,
  spacing: 1n,
  stakes: DEVNET_CLAIMS.stakes,
  tariffs: DEVNET_CLAIMS.tariffs,
} as const;

export const MODEL = everyKind();
const MODEL_USER = "0x00000000000000000000000000000000000000aa";
const CALL_GAS = 3_000_000n;
const CONFIRMED_STATUS = 2;
const CLAIMANT = 5;
const CHALLENGER = 6;
const LIAR = 7;

type CallOptions = {
  readonly model: { readonly id: Hex; readonly artifact: Bytes };
  /** Of the call. */
  readonly input: Bytes;
  /** Units beside the call's: transfers before it. */
  readonly transfers: number;
};
/** Publishes a model and calls it once. */
const callOnce = async (stage: Stage, { model, input, transfers }: CallOptions): Promise<void> => {
  await publishOn(stage, { ...model, name: "called@1.0" });
  const sequencer = await stage.sequencer();
  await sequencer.follow();
  await sequencer.producer.produce();
  for (let nonce = 0; nonce < transfers; nonce++) await sequencer.send({ nonce, to: MODEL_USER, value: 1n });
  const data = toHex(concat(fromHex(model.id), input));
  await sequencer.send({ nonce: transfers, to: ADDRESS.infer, data, gas: CALL_GAS });
  const block = await sequencer.producer.produce();
  assert.ok(block);
  const receipts = sequencer.chain.receipts(block.header.number) ?? [];
  assert.deepEqual(
    receipts.map(({ status }) => status),
    Array(transfers + 1).fill(1),
  );
  await sequencer.post();
};

type StageOptions = CallOptions & {
  readonly claims: StageRules;
  /** Brings to L1 what the claims are about, in place of the call. */
  readonly fill?: (stage: Stage) => Promise<void>;
};
const STAGE: StageOptions = { claims: LOW, model: MODEL, input: everyKindInput(1), transfers: 0 };

/** A chain about which nobody has claimed more than its beginning, and nodes that derive it. */
export const createDisputeStage = async (t: Ends, options: Partial<StageOptions> = {}) => {
  const { claims, fill, ...call } = { ...STAGE, ...options };
  const runtimes = new Map<KeyValueStore, ModelRuntime & ModelPrograms>();
  const stage = await createStage(
    t,
    3_600n,
    async (store) => {
      const models = await createModelRuntime({ ...telemetry(), store });
      runtimes.set(store, models);
      return models;
    },
    claims,
  );
  await (fill ?? ((on) => callOnce(on, call)))(stage);
  /** A node that has derived nothing yet. */
  const prepare = async (
    store: KeyValueStore = createMemoryStore(),
    forks: ForkSchedule | undefined = claims.forks,
  ): Promise<NodeActor & { readonly models: ModelRuntime & ModelPrograms }> => {
    const node = await stage.executor(store, { ...(forks && { forks }) });
    const models = runtimes.get(store);
    assert.ok(models);
    return { ...node, models };
  };
  /** `forks`: as its rollup file has them, where that is not what L1's contracts were made for. */
  const open = async (store?: KeyValueStore, forks?: ForkSchedule) => {
    const node = await prepare(store, forks);
    await node.follow();
    return node;
  };
  // The first claim is about what the inbox held when the registry was made: nothing. The next is about all of it.
  const claimant = startClaimant(t, stage, await open(), { from: CLAIMANT, depth: 0n, intervalBlocks: 1n });
  for (let looks = 0; (await claimsOn(stage).proposed()).length === 0; looks++) {
    assert.ok(looks < 20, "there is a claim");
    await stage.anvil.mine(1);
    await claimant.act();
  }
  await claimant.stop();
  await stage.anvil.mine(Number(claims.spacing ?? DEVNET_CLAIMS.spacing));
  return { ...stage, claims: { ...DEVNET_CLAIMS, ...claims }, prepare, open };
};
export type DisputeStage = Awaited<ReturnType<typeof createDisputeStage>>;
type Node = Awaited<ReturnType<DisputeStage["open"]>>;

export const rightClaimsOf = (
  t: Ends,
  { anvil, deployment }: Stage,
  { chain, l1 }: Node,
  store: KeyValueStore = createMemoryStore(),
) => {
  const right = createRightClaims(
    { ...telemetry(), client: anvil.client, chain, l1, store },
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
  /** The same, but does not wait for L1. */
  launch(): Promise<void>;
};

type Traces = ReturnType<typeof createTraces>;

export const startChallenger = (
  t: Ends,
  stage: Stage,
  node: Node,
  {
    from = CHALLENGER,
    life = createLife(),
    told = telemetry(),
    store = createMemoryStore(),
    others = [],
    client: given = stage.anvil.client,
    wrapTraces = (traceOf) => traceOf,
    wrapRight = (right) => right,
    registries: following,
    ...options
  }: Partial<ChallengerOptions> & {
    readonly client?: PublicClient;
    /** What differs in this challenger's trees, and in what it knows of right claims. */
    readonly wrapTraces?: (traceOf: Traces) => Traces;
    readonly wrapRight?: (right: RightClaims) => RightClaims;
    /** All that L1 has, in place of the chain's first. */
    readonly registries?: Pick<Registries, "all" | "onEntered">;
    readonly from?: number;
    readonly life?: Life;
    readonly told?: ReturnType<typeof telemetry>;
    readonly store?: KeyValueStore;
    readonly others?: readonly PublicClient[];
  } = {},
): ChallengerActor => {
  const { deployment } = stage;
  const { chain, l1, follower, models } = node;
  const client = clientOf(given, life);
  const registries = following ?? onlyRegistry(wrapRight(rightClaimsOf(t, stage, node, store)));
  const transactor = createTransactor({ ...telemetry(), client, account: account(from) });
  const common = { client, chain, l1, follower, registries, transactor, store, others };
  const retention = createRetention({ ...telemetry(), client, chain, l1, registries });
  const challenger = createChallenger(
    { ...told, ...common, tracesOf: (right) => wrapTraces(createTraces({ chain, l1, models, right })) },
    // A look waits for all that it needs: how long that takes says nothing here.
    { startBlock: deployment.startBlock, patienceMs: 600_000, ...options },
  );
  t.after(async () => {
    await retention.stop();
    await challenger.stop();
    await transactor.stop();
  });
  const launch = async () => {
    await node.follow();
    await transactor.tick();
    await challenger.tick();
    await retention.look();
    await transactor.tick();
  };
  return Object.assign(Object.create(challenger) as Challenger, {
    address: transactor.address,
    launch,
    async act() {
      await launch();
      await land(transactor);
    },
  });
};

export type LiarActor = {
  /** The claim that he stands for. */
  readonly claim: Hex;
  readonly address: Hex;
  /** Answers like a client that believes in his trees, and brings it to L1. */
  act(): Promise<void>;
  /** The same, but does not wait for L1. */
  launch(): Promise<void>;
};

/** The range that is claimed next, as a node computes it. `back`: so many right claims before the newest stands its parent. */
export const rightRange = async (
  stage: DisputeStage,
  node: Node,
  right: RightClaims,
  back = 0,
): Promise<RightRange> => {
  await right.walk(await stage.anvil.client.getBlockNumber());
  const on = right.steps.at(-1 - back);
  const parent = on === undefined ? await right.tip() : await right.claimAt(on.id);
  const succession = await right.succession(parent);
  assert.ok(succession);
  const traceOf = createTraces({ chain: node.chain, l1: node.l1, models: node.models, right });
  const trace = await traceOf(succession, new AbortController().signal);
  return { right, parent, succession, trace };
};

export const startLiar = async (
  t: Ends,
  stage: DisputeStage,
  node: Node,
  /** `seed` 0: he claims the right end. */
  {
    story,
    seed = 1,
    from = LIAR,
    back = 0,
    right,
    range: given,
  }: {
    readonly story: Story;
    readonly seed?: number;
    readonly from?: number;
    /** Of the registry in which he claims; the chain's first when not given. */
    readonly right?: RightClaims;
    /** So many right claims before the newest stands the one that he claims on. */
    readonly back?: number;
    /** What is right there, where several lie about the same. */
    readonly range?: RightRange;
  },
): Promise<LiarActor> => {
  const { anvil } = stage;
  const { client } = anvil;
  const range = given ?? (await rightRange(stage, node, right ?? rightClaimsOf(t, stage, node), back));
  const registry = range.right.registry.address;
  const transactor = createTransactor({ ...telemetry(), client, account: account(from) });
  t.after(() => transactor.stop());
  await anvil.control.setBalance({ address: transactor.address, value: 10n ** 21n });
  const launch = await createLiar({ client, registry, transactor }, range, { story, seed });
  const act = async () => {
    await launch();
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
  const own = made.findLast(({ args }) => args.staker.toLowerCase() === transactor.address);
  assert.ok(own, "the liar's claim is on L1");
  return { claim: own.args.id, address: transactor.address, act, launch };
};

/** Lets the time of a claim pass, and the claimant confirm it. */
export const untilConfirmed = async (stage: DisputeStage, claimant: ClaimantActor, id: Hex): Promise<void> => {
  const { status } = registryOf(stage);
  await stage.anvil.mine(Number(LOW.period));
  for (let looks = 0; (await status(id)) !== CONFIRMED_STATUS; looks++) {
    assert.ok(looks < 20, "the claim is confirmed");
    await claimant.act();
    await stage.anvil.mine(1);
  }
};

/** What L1 holds of a dispute. */
export const registryOf = ({ anvil, deployment }: DisputeStage, address = deployment.contracts.claimRegistry) => {
  const contract = { address, abi: claimRegistry.abi } as const;
  const { client } = anvil;
  const claimOf = (id: Hex) => client.readContract({ ...contract, functionName: "claimOf", args: [id] });
  const range = { ...contract, fromBlock: 0n, strict: true } as const;
  return {
    status: async (id: Hex) => (await claimOf(id)).status,
    read: (functionName: "held" | "burned") => client.readContract({ ...contract, functionName }),
    /** Edges of which a contract took the proof. */
    proven: async () =>
      (await client.getContractEvents({ ...range, eventName: "EdgeProven" })).map(({ args }) => args.edge),
    /** Whose stakes were lost, one by one. */
    async losers() {
      const lost = await client.getContractEvents({ ...range, eventName: "StakeLost" });
      return Promise.all(
        lost.map(async ({ args }) => {
          const root = await client.readContract({ ...contract, functionName: "rootOf", args: [args.edge] });
          return root.staker.toLowerCase();
        }),
      );
    },
    /** A claim on another one, of anything. */
    async proposeOn(parent: Hex, from: number): Promise<Hex> {
      const [made] = await client.getContractEvents({ ...range, eventName: "ClaimProposed" });
      assert.ok(made);
      const { endState } = made.args;
      const game = await client.readContract({ ...contract, functionName: "gameOn", args: [parent] });
      const path = Array.from({ length: LOW.heights[0] }, (_, i) => toHex(wrongState(i)));
      const leaf = keccakOf(fromHex(endState)) as BytesOf<NodeHash>;
      const node = toHex(rootOverLast(leaf, path.map((sibling) => fromHex(sibling)) as BytesOf<NodeHash>[]));
      const hash = await anvil.wallet(from).writeContract({
        ...contract,
        functionName: "propose",
        args: [parent, game, endState, node, path],
        value: LOW.stakes[0],
      });
      await client.waitForTransactionReceipt({ hash });
      const found = await client.getContractEvents({ ...range, eventName: "ClaimProposed", args: { parent } });
      assert.ok(found[0], "the claim is on L1");
      return found[0].args.id;
    },
  };
};

/** Everybody acts, block by block, until the right claim is confirmed and no stakes but `left` are undecided. */
export const playOut = async (
  stage: DisputeStage,
  challengers: readonly ChallengerActor[],
  { liars, left = 0n }: { readonly liars: readonly LiarActor[]; readonly left?: bigint },
): Promise<number> => {
  const { read } = registryOf(stage);
  for (let rounds = 0; rounds < 150; rounds++) {
    for (const liar of liars) await liar.act();
    for (const challenger of challengers) await challenger.act();
    const disputes = challengers.flatMap((challenger) => challenger.disputes);
    const isSettled = disputes.length > 0 && disputes.every(({ state }) => state === "settled");
    if (isSettled && (await read("held")) <= left) return rounds;
    const idle = disputes.every(({ moves }) => moves.length === 0);
    await stage.anvil.mine(idle ? 40 : 1);
  }
  const told = challengers.flatMap(({ disputes }) => disputes);
  throw new Error(`not decided: ${JSON.stringify(told.map(({ state, lack }) => ({ state, lack })))}`);
};
