import { boundOf, outcomeText, playAtOnce } from "../support/at-once.ts";
import { createDisputeStage, LOW, MODEL } from "../support/disputes.ts";
import { modelLies, only, type Told, unitLies } from "../support/lies.ts";
import { createRandom, type Random } from "../support/random-program.ts";

type Round = { readonly count: number; readonly seed: number; readonly print: (line: string) => void };

/** The unit with the most steps has some two thousand. */
const CLAIMS = { ...LOW, heights: [5, 12, 18, 29], period: 150n } as const;

const { operators } = MODEL.program;
const { element, everything, finish, padding } = modelLies(MODEL.program);

/** A lie of any level whose last step is not the machine's: those are the part `lies`. */
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
  try {
    const random = createRandom(seed);
    const stage = await createDisputeStage(t, { claims: CLAIMS });
    const lies: Told[] = [];
    for (let i = 0; i < count; i++) {
      const lie = randomLie(random);
      // Ends differ, so that every claim is one of its own; a lie that has the right end keeps it.
      const isFirst = !lies.some(({ name }) => name === lie.name);
      lies.push({ ...lie, seed: lie.seed === 0 && isFirst ? 0 : i + 1 });
    }
    const bound = boundOf(stage.claims);
    const outcome = await playAtOnce(t, stage, { lies, bound });
    print(`${count} wrong claims at once: ${outcomeText(outcome, bound)}, the liars' share among it`);
    return outcome.findings;
  } finally {
    for (const end of ends.reverse()) await end();
  }
};
