import { boundOf, outcomeText, playAtOnce } from "../support/at-once.ts";
import { startChallengerProcess } from "../support/challenger-process.ts";
import { createDisputeStage } from "../support/disputes.ts";
import { HOARD_CLAIMS, HOARDS, type HoardName, hoardUnits, takeHoards } from "../support/hoards.ts";
import { machineStep, type Told } from "../support/lies.ts";
import { createRandom } from "../support/random-program.ts";

type Round = { readonly count: number; readonly seed: number; readonly print: (line: string) => void };

const NAMES = Object.keys(HOARDS) as HoardName[];

/** `count` liars at once, each in one step of a unit of his own that takes a challenger as much memory as any can. */
export const fuzzHoards = async ({ count, seed, print }: Round): Promise<readonly string[]> => {
  const ends: (() => unknown)[] = [];
  const t = { after: (end: () => unknown) => void ends.push(end) };
  try {
    const random = createRandom(seed);
    const names = Array.from({ length: count }, (_, i) => NAMES[i % NAMES.length] as HoardName);
    const stage = await createDisputeStage(t, {
      claims: HOARD_CLAIMS,
      fill: (on) => takeHoards(on, names),
    });
    const units = await hoardUnits(await stage.open());
    if (units.length !== count) throw new Error(`${units.length} units of ${count} took all their gas`);
    const lies = names.map((name, i): Told => {
      const unit = units[i] as number;
      const step = 1 + random.below(HOARDS[name].steps - 1);
      return { ...machineStep(unit, step), name: `${name} (step ${step} of unit ${unit})`, seed: i + 1 };
    });
    const bound = boundOf(stage.claims);
    const outcome = await playAtOnce(t, stage, { lies, bound, start: startChallengerProcess });
    for (const { name } of lies) print(`  ${name}`);
    print(`${count} at once: ${outcomeText(outcome, bound)}`);
    return outcome.findings;
  } finally {
    for (const end of ends.reverse()) await end();
  }
};
