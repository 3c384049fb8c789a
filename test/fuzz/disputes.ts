import {
  createDisputeStage,
  type LiarActor,
  LOW,
  MODEL,
  registryOf,
  startChallenger,
  startLiar,
} from "../support/disputes.ts";
import { modelLies, only, type Told, unitLies } from "../support/lies.ts";
import { createRandom, type Random } from "../support/random-program.ts";

type Round = { readonly count: number; readonly seed: number; readonly print: (line: string) => void };

const FIRST_LIAR = 20;
const CONFIRMED = 2;
/** Of the whole process, with all its liars. */
const MOST_RESIDENT_MIB = 2_048;
const MOST_ROUNDS = 1_500;

/** The unit with the most steps has some two thousand. */
const CLAIMS = { ...LOW, heights: [5, 12, 16, 26], period: 140n } as const;

/** L1 blocks from the first claim to the verdict, at most: the game's second bound. */
const BOUND = (() => {
  const path = CLAIMS.heights.reduce((sum, height) => sum + height + 1, 0);
  return CLAIMS.period + LOW.censorship + (LOW.delay + 1n) * BigInt(path + 1);
})();

const { operators } = MODEL.program;
const { element, everything, finish, padding } = modelLies(MODEL.program);

/** A lie of any level whose last step a contract decides. */
const randomLie = (random: Random): Told => {
  const operator = random.below(operators.length);
  const elements = (operators[operator]?.output ?? []).reduce((product, extent) => product * extent, 1);
  return random.pick([
    () => unitLies.lastLeaf,
    () => unitLies.allLeaves,
    () => only("a padding leaf", (units) => units + random.below(4), 1),
    () => only("a unit", (units) => random.below(units), random.below(2)),
    () => element(operator, random.below(elements)),
    () => element(operator, random.below(elements)),
    () => element(operator, random.below(elements)),
    () => everything,
    () => finish,
    () => padding,
  ])();
};

/** Plays `count` random wrong claims at once against one challenger, an L1 block a round, and looks at what comes of them. */
export const fuzzDisputes = async ({ count, seed, print }: Round): Promise<readonly string[]> => {
  const ends: (() => unknown)[] = [];
  const t = { after: (end: () => unknown) => void ends.push(end) };
  const findings: string[] = [];
  try {
    const random = createRandom(seed);
    const stage = await createDisputeStage(t, { claims: CLAIMS });
    const { anvil } = stage;
    const registry = registryOf(stage);
    const node = await stage.open();
    const first = await anvil.client.getBlockNumber();
    const liars: LiarActor[] = [];
    const names: string[] = [];
    for (let i = 0; i < count; i++) {
      const lie = randomLie(random);
      names.push(lie.name);
      // Ends differ, so that every claim is one of its own; a lie that has the right end keeps it.
      const told = { ...lie, seed: lie.seed === 0 && !names.slice(0, -1).includes(lie.name) ? 0 : i + 1 };
      liars.push(await startLiar(t, stage, node, { ...told, from: FIRST_LIAR + i }));
    }
    const challenger = startChallenger(t, stage, node);
    const begun = await anvil.client.getBlockNumber();
    await anvil.manual();
    let resident = 0;
    let verdict = 0n;
    let rounds = 0;
    for (; rounds < MOST_ROUNDS; rounds++) {
      for (const liar of liars) await liar.launch();
      await challenger.launch();
      await anvil.mine(1);
      resident = Math.max(resident, process.memoryUsage().rss / 2 ** 20);
      const right = challenger.disputes[0]?.right;
      if (verdict === 0n && right !== undefined && (await registry.status(right)) === CONFIRMED)
        verdict = await anvil.client.getBlockNumber();
      if (verdict > 0n && (await registry.read("held")) === 0n) break;
    }
    if (verdict === 0n) findings.push("the right claim was not confirmed");
    else if (verdict - begun > BOUND)
      findings.push(`the verdict took ${verdict - begun} blocks, the bound is ${BOUND}`);
    if ((await registry.read("held")) !== 0n) findings.push("not every stake was decided");
    for (const [i, { claim }] of liars.entries())
      if ((await registry.status(claim)) === CONFIRMED) findings.push(`a wrong claim was confirmed: ${names[i]}`);
    if ((await registry.losers()).includes(challenger.address)) findings.push("an honest stake was lost");
    if (resident > MOST_RESIDENT_MIB) findings.push(`${resident.toFixed(0)} MiB resident`);
    print(
      `${count} wrong claims from L1 block ${first}: verdict ${verdict - begun} blocks after the last (bound ${BOUND})`,
    );
    print(`${rounds} rounds, ${resident.toFixed(0)} MiB resident at most, the liars' share among it`);
    return findings;
  } finally {
    for (const end of ends.reverse()) await end();
  }
};
