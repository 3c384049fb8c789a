import { boundOf, outcomeText, playAtOnce } from "../support/at-once.ts";
import { startChallengerProcess } from "../support/challenger-process.ts";
import { createDisputeStage, type DisputeStage, rightClaimsOf, rightRange } from "../support/disputes.ts";
import { machineStep, type Told } from "../support/lies.ts";
import { createRandom } from "../support/random-program.ts";
import { type Met, STEP_KIND_NAMES, type StepKind, surveyOf } from "../support/step-kinds.ts";
import { TOUR_CLAIMS, takeTour } from "../support/tour.ts";

type Round = { readonly count: number; readonly seed: number; readonly print: (line: string) => void };

/** Liars at a time against one challenger, a process with a database of its own. */
const AT_ONCE = 20;

type Ending = { readonly t: { after(end: () => unknown): void }; end(): Promise<void> };
const endings = (): Ending => {
  const ends: (() => unknown)[] = [];
  return {
    t: { after: (end) => void ends.push(end) },
    async end() {
      for (const end of ends.reverse()) await end();
      ends.length = 0;
    },
  };
};

const survey = async (stage: DisputeStage): Promise<ReadonlyMap<StepKind, readonly Met[]>> => {
  const { t, end } = endings();
  try {
    const node = await stage.open();
    const { trace, succession } = await rightRange(stage, node, rightClaimsOf(t, stage, node));
    return await surveyOf(trace, { units: succession.range.units, l1: node.l1 });
  } finally {
    await end();
  }
};

/**
 * A tour of all kinds of steps, and `count` liars, each in one step of a kind: the kinds are dealt in a random order, all of
 * them before one comes again. Twenty lie at once.
 */
export const fuzzLies = async ({ count, seed, print }: Round): Promise<readonly string[]> => {
  const { t, end } = endings();
  const findings: string[] = [];
  try {
    const random = createRandom(seed);
    const stage = await createDisputeStage(t, {
      claims: TOUR_CLAIMS,
      fill: (on) => takeTour(on, { inBlobs: true, forceDelay: 3_600 }),
    });
    const bound = boundOf(stage.claims);
    const found = await survey(stage);
    for (const kind of STEP_KIND_NAMES) if (!found.has(kind)) findings.push(`the tour has no step of kind ${kind}`);
    const kinds = [...found.keys()];
    const deal: StepKind[] = [];
    const nextKind = (): StepKind => {
      if (deal.length === 0) deal.push(...kinds);
      return deal.splice(random.below(deal.length), 1)[0] as StepKind;
    };
    for (let done = 0; done < count; done += AT_ONCE) {
      const lies = Array.from({ length: Math.min(AT_ONCE, count - done) }, (_, i): Told => {
        const kind = nextKind();
        const { unit, step, view } = random.pick(found.get(kind) as readonly Met[]);
        return {
          ...machineStep(unit, step),
          name: `${kind} (${view.name}, step ${step} of unit ${unit})`,
          seed: i + 1,
        };
      });
      const round = endings();
      const fresh = await stage.anvil.snapshot();
      try {
        const outcome = await playAtOnce(round.t, stage, { lies, bound, start: startChallengerProcess });
        for (const { name } of lies) print(`  ${name}`);
        print(`${lies.length} at once: ${outcomeText(outcome, bound)}`);
        findings.push(...outcome.findings);
      } finally {
        await round.end();
        await stage.anvil.revert(fresh);
      }
    }
    return findings;
  } finally {
    await end();
  }
};
