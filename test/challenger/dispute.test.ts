import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { claimRegistry } from "../../bridge/index.ts";
import type { Trace } from "../../challenger/index.ts";
import type { Hex } from "../../executor/index.ts";
import {
  type ChallengerActor,
  createDisputeStage,
  type DisputeStage,
  type LiarActor,
  LOW,
  MODEL,
  type Story,
  startChallenger,
  startLiar,
} from "../support/disputes.ts";
import { lyingOperator, lyingTensor, lyingTrace, wrongState } from "../support/lying-trace.ts";

const [OPEN, CONFIRMED] = [1, 2];
const LAST = 2 ** LOW.heights[0] - 1;
const FIRST_LIAR = 20;

/** The leaf below which the model is called, at levels 0 and 1. */
const callOf = async (right: Trace, units: number): Promise<{ readonly unit: number; readonly step: number }> => {
  for (let unit = units - 1; unit >= 0; unit--) {
    const execution = await right.below(unit);
    for (let step = 1; step < 64; step++) {
      const { kind } = await execution.leafKind(step);
      if (kind === "refine") return { unit, step };
    }
  }
  throw new Error("the model is not called");
};

/** Everything from a unit on is otherwise. */
const fromUnit = (unit: number, end: Uint8Array): ReadonlyMap<number, Uint8Array> => {
  const leaves = new Map<number, Uint8Array>();
  for (let position = unit; position <= LAST; position++) leaves.set(position, end);
  return leaves;
};

type Told = { readonly name: string; readonly seed?: number; readonly story: Story };

/** A lie inside the call of the model: told at level 2 by `inference`, and consistent above it. */
const inTheModel = (name: string, inference: (right: Trace, finish: Uint8Array) => Promise<Trace>): Told => ({
  name,
  story: async (right, { units, end }) => {
    const { unit, step } = await callOf(right, units);
    const finish = wrongState(step);
    const rightExecution = await right.below(unit);
    const told = await inference(await rightExecution.below(step), finish);
    const steps = new Map<number, Uint8Array>([[step, finish]]);
    for (let after = step + 1; after < 2 ** rightExecution.height; after++) steps.set(after, end);
    return lyingTrace(right, {
      leaves: fromUnit(unit, end),
      below: (position, execution) =>
        lyingTrace(execution, {
          leaves: position === unit ? steps : new Map([[2 ** execution.height - 1, end]]),
          ...(position === unit ? { below: () => told } : {}),
        }),
    });
  },
});

/** An element's bytes, one bit of them changed. */
const changed = async ({ packed }: Trace, position: number): Promise<Uint8Array> => {
  assert.ok(packed);
  const bytes = (await packed(0, position)).slice();
  bytes[0] = (bytes[0] as number) ^ 1;
  return bytes;
};

/** One element of one operator is another; what follows is as it was, up to the finish. */
const element = (operator: number, position: number): Told =>
  inTheModel(
    `element ${position} of operator ${operator}, ${MODEL.program.operators[operator]?.kind}`,
    async (right, finish) => {
      const rightTensor = await right.below(operator);
      const tensor = lyingTensor(rightTensor, new Map([[position, await changed(rightTensor, position)]]));
      const leaves = new Map([[operator, await lyingOperator(operator, tensor)]]);
      for (let after = MODEL.program.operators.length; after < 2 ** right.height; after++) leaves.set(after, finish);
      return lyingTrace(right, { leaves, below: () => tensor });
    },
  );

/** Every element of every operator is another. */
const everything = inTheModel("every element of every operator", async (right, finish) => {
  const tensors: Trace[] = [];
  const leaves = new Map<number, Uint8Array>();
  for (const [operator] of MODEL.program.operators.entries()) {
    const tensor = await right.below(operator);
    const elements = new Map<number, Uint8Array>();
    for (let position = 0; position < 2 ** tensor.height; position++)
      elements.set(position, await changed(tensor, position));
    tensors.push(lyingTensor(tensor, elements));
    leaves.set(operator, await lyingOperator(operator, tensors[operator] as Trace));
  }
  for (let after = leaves.size; after < 2 ** right.height; after++) leaves.set(after, finish);
  return lyingTrace(right, { leaves, below: (position) => tensors[position] as Trace });
});

const only = (name: string, leafOf: (units: number) => number, seed: number): Told => ({
  name,
  seed,
  story: (right, { units, end }) =>
    lyingTrace(right, {
      leaves: new Map([[leafOf(units), wrongState(seed)], ...(seed === 0 ? [] : ([[LAST, end]] as const))]),
    }),
});

/** Lies that a contract decides today. */
const LIES: readonly Told[] = [
  {
    name: "the last leaf alone",
    seed: 3,
    story: (right, { end }) => lyingTrace(right, { leaves: new Map([[LAST, end]]) }),
  },
  only("the first unit", () => 0, 4),
  only("a unit in the middle, and the right end", (units) => units >> 1, 0),
  only("the first padding leaf", (units) => units, 5),
  { name: "all leaves", seed: 6, story: (right, { end }) => lyingTrace(right, { leaves: fromUnit(0, end) }) },
  element(0, 39),
  element(1, 0),
  element(2, 17),
  element(3, 2),
  element(4, 1),
  element(5, 0),
  element(6, 1),
  element(3, 7),
  everything,
  inTheModel("the machine after the call", async (right, finish) => {
    const leaves = new Map<number, Uint8Array>();
    for (let after = MODEL.program.operators.length; after < 2 ** right.height; after++) leaves.set(after, finish);
    return lyingTrace(right, { leaves });
  }),
  inTheModel("padding behind the machine after the call", async (right, finish) =>
    lyingTrace(right, { leaves: new Map([[2 ** right.height - 1, finish]]) }),
  ),
];

const registryOf = ({ anvil, deployment }: DisputeStage) => ({
  status: async (id: Hex) =>
    (
      await anvil.client.readContract({
        address: deployment.contracts.claimRegistry,
        abi: claimRegistry.abi,
        functionName: "claimOf",
        args: [id],
      })
    ).status,
  read: (functionName: "held" | "burned") =>
    anvil.client.readContract({ address: deployment.contracts.claimRegistry, abi: claimRegistry.abi, functionName }),
});

/** Everybody acts, block by block, until the right claim is confirmed and all stakes are decided. */
const playOut = async (
  stage: DisputeStage,
  challengers: readonly ChallengerActor[],
  liars: readonly LiarActor[],
): Promise<number> => {
  for (let rounds = 0; rounds < 300; rounds++) {
    for (const liar of liars) await liar.act();
    for (const challenger of challengers) await challenger.act();
    const disputes = challengers.flatMap((challenger) => challenger.disputes);
    if (disputes.length > 0 && disputes.every(({ state }) => state === "settled")) return rounds;
    const idle = disputes.every(({ moves }) => moves.length === 0);
    await stage.anvil.mine(idle ? 10 : 1);
  }
  const told = challengers.flatMap(({ disputes }) => disputes);
  throw new Error(`not decided: ${JSON.stringify(told, (_, v) => (typeof v === "bigint" ? Number(v) : v))}`);
};

const liarsOn = async (t: TestContext, stage: DisputeStage, told: readonly Told[]): Promise<LiarActor[]> => {
  const node = await stage.open();
  const liars: LiarActor[] = [];
  for (const [i, { story, seed = 10 + i }] of told.entries())
    liars.push(await startLiar(t, stage, node, { story, seed, from: FIRST_LIAR + i }));
  return liars;
};

test("lies at every level, all at once: each is found and beaten, and no honest stake is lost", async (t) => {
  const stage = await createDisputeStage(t);
  const registry = registryOf(stage);
  const liars = await liarsOn(t, stage, LIES);
  const challenger = startChallenger(t, stage, await stage.open());
  const rounds = await playOut(stage, [challenger], liars);
  t.diagnostic(`${LIES.length} liars, ${rounds} rounds`);
  const [dispute] = challenger.disputes;
  assert.ok(dispute?.right);
  assert.equal(await registry.status(dispute.right), CONFIRMED);
  for (const [i, { claim }] of liars.entries()) assert.equal(await registry.status(claim), OPEN, LIES[i]?.name);
  assert.deepEqual(dispute.refusals, []);
  assert.equal(await registry.read("held"), 0n, "every stake was decided");
});
