import { type Bytes, concat } from "../../executor/index.ts";
import { openTransaction, setupOf } from "../../executor/machine/transaction.fixture.ts";
import { stepsOf, type Taken } from "../steps/collect.ts";
import { mutantsOf } from "../steps/mutants.ts";
import type { Verifier } from "../steps/verifier.ts";
import { randomTransaction } from "../support/random-bytecode.ts";
import type { Opened } from "../support/random-native.ts";
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

/** Of bytecode. */
const openBytecode = async (random: Random): Promise<Opened> => ({
  machine: openTransaction(await setupOf(randomTransaction(random))),
  sources: {},
});

type Steps = {
  readonly transactions: number;
  readonly seed: number;
  readonly mutants: number;
  /** Makes a transaction: of random bytecode, unless it is said. */
  readonly open?: (random: Random) => Promise<Opened>;
};

/**
 * Random transactions step by step through the contracts, and for each of their steps `mutants` changed ones, of which none
 * may give any hash.
 */
export const fuzzSteps = async (
  verifier: Verifier,
  { transactions, seed, mutants, open = openBytecode }: Steps,
): Promise<StepsTally> => {
  const tally: StepsTally = { steps: 0, mutants: 0, kinds: new Map(), findings: [] };
  for (let i = 0; i < transactions; i++) {
    const random = createRandom(seed + i);
    const { machine, sources } = await open(random);
    const steps: readonly Taken[] = [...stepsOf(machine, tally.kinds, sources)];
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

/** Longer evidence is left to the mutants that are drawn. */
const MOST_MUTATED = 6_000;

/**
 * Every changed byte and every cut of the evidence of one step of each kind that random calls of precompiles and models
 * have: none may give any hash.
 */
export const fuzzEvidence = async (
  verifier: Verifier,
  { transactions, seed, open }: Required<Pick<Steps, "transactions" | "seed" | "open">>,
): Promise<StepsTally> => {
  const tally: StepsTally = { steps: 0, mutants: 0, kinds: new Map(), findings: [] };
  const met = new Set<string>();
  for (let i = 0; i < transactions; i++) {
    const random = createRandom(seed + i);
    const { machine, sources } = await open(random);
    const fresh = [...stepsOf(machine, tally.kinds, sources)].filter(
      ({ what, evidence }) => evidence.length <= MOST_MUTATED && !met.has(what) && met.add(what),
    );
    for (const step of fresh) {
      const changed = [...mutantsOf(step, step.evidence.length)];
      for (const [k, { verdict }] of (await verifier.judge(changed)).entries())
        if (verdict !== "reverted") tally.findings.push(`seed ${seed + i}: mutant ${k} of ${step.what} is taken`);
      tally.mutants += changed.length;
    }
    tally.steps += fresh.length;
  }
  return tally;
};
