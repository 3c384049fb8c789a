import { stepCreations } from "../../bridge/index.ts";
import { type Bytes, concat } from "../../executor/index.ts";
import { openTransaction, setupOf } from "../../executor/machine/transaction.fixture.ts";
import { stepsOf, type Taken } from "../steps/collect.ts";
import { rulesOn } from "../steps/contracts.ts";
import { startVerifier } from "../steps/verifier.ts";
import { randomTransaction } from "../support/random-bytecode.ts";
import { createRandom, type Random } from "../support/random-program.ts";

type Mutation = (random: Random, evidence: Bytes, other: Bytes) => Bytes;

/** Evidence that is not the step's own: one bit changed, cut, lengthened, or with a part of another step's behind it. */
const MUTATIONS: readonly Mutation[] = [
  (random, evidence) => {
    const changed = evidence.slice();
    const place = random.below(changed.length);
    changed[place] = (changed[place] as number) ^ (1 << random.below(8));
    return changed;
  },
  (random, evidence) => evidence.subarray(0, random.below(evidence.length)),
  (random, evidence) => concat(evidence, new Uint8Array(random.between(1, 64))),
  (random, evidence, other) => concat(evidence, other.subarray(random.below(other.length))),
];

export type StepsTally = { steps: number; mutants: number; readonly kinds: Map<string, number>; findings: string[] };

/**
 * Random transactions step by step through the contracts, and for each of their steps `mutants` changed ones, of which none
 * may give any hash.
 */
export const fuzzSteps = async (
  ends: { after(end: () => unknown): void },
  { transactions, seed, mutants }: { readonly transactions: number; readonly seed: number; readonly mutants: number },
): Promise<StepsTally> => {
  const verifier = await startVerifier(ends, async (l1) => stepCreations(await rulesOn(l1, "osaka")));
  const tally: StepsTally = { steps: 0, mutants: 0, kinds: new Map(), findings: [] };
  for (let i = 0; i < transactions; i++) {
    const random = createRandom(seed + i);
    const steps: readonly Taken[] = [
      ...stepsOf(openTransaction(await setupOf(randomTransaction(random))), tally.kinds),
    ];
    const verdicts = await verifier.judge(steps);
    for (const [k, { verdict, reason }] of verdicts.entries())
      if (verdict !== "right") tally.findings.push(`seed ${seed + i}: ${steps[k]?.what} ${verdict} ${reason}`);
    tally.steps += steps.length;
    const changed = steps.flatMap((step) =>
      Array.from({ length: mutants }, () => ({
        ...step,
        evidence: random.pick(MUTATIONS)(random, step.evidence, random.pick(steps).evidence),
      })),
    );
    for (const [k, { verdict }] of (await verifier.judge(changed)).entries())
      if (verdict !== "reverted") tally.findings.push(`seed ${seed + i}: mutant ${k} of ${changed[k]?.what} is taken`);
    tally.mutants += changed.length;
  }
  return tally;
};
