import { type Bytes, concat, STEP_PARTS } from "../../executor/index.ts";
import { openTransaction, setupOf } from "../../executor/machine/transaction.fixture.ts";
import { stepsOf, type Taken } from "../steps/collect.ts";
import { mutantsOf } from "../steps/mutants.ts";
import type { Record, Verifier } from "../steps/verifier.ts";
import { randomTransaction } from "../support/random-bytecode.ts";
import type { Opened } from "../support/random-native.ts";
import { createRandom, type Random } from "../support/random-program.ts";

type Mutation = (random: Random, step: Taken, other: Taken) => Record;

const flipped = (random: Random, bytes: Bytes, end = bytes.length): Bytes => {
  const place = random.below(end);
  return bytes.with(place, (bytes[place] as number) ^ (1 << random.below(8)));
};
/** State and rest, which all evidence of a machine's step begins with. */
const HEAD_BYTES = 128 + 301;

/**
 * What is not the step's own: evidence with one bit or one field of the head changed, cut, lengthened, with a part of another
 * step's behind it, in the form that the frame would have if it halted where it does not and the reverse; before another
 * state; for another part.
 */
const MUTATIONS: Readonly<globalThis.Record<string, Mutation>> = {
  "a bit": (random, step) => ({ ...step, evidence: flipped(random, step.evidence) }),
  "a bit of the head": (random, step) => ({
    ...step,
    evidence: flipped(random, step.evidence, Math.min(HEAD_BYTES, step.evidence.length)),
  }),
  "a byte of the head": (random, step) => {
    const place = random.below(Math.min(HEAD_BYTES, step.evidence.length));
    const byte = ((step.evidence[place] as number) + random.between(1, 255)) & 255;
    return { ...step, evidence: step.evidence.with(place, byte) };
  },
  cut: (random, step) => ({ ...step, evidence: step.evidence.subarray(0, random.below(step.evidence.length)) }),
  longer: (random, step) => ({
    ...step,
    evidence: concat(step.evidence, new Uint8Array(random.between(1, 64))),
  }),
  "a part of another's": (random, step, other) => ({
    ...step,
    evidence: concat(step.evidence, other.evidence.subarray(random.below(other.evidence.length))),
  }),
  "another form": (random, step) => {
    const forms = step.forms();
    return { ...step, evidence: forms.length === 0 ? flipped(random, step.evidence) : random.pick(forms) };
  },
  "another state": (random, step) => ({ ...step, pre: flipped(random, step.pre) }),
  "the state after": (_, step) => ({ ...step, pre: step.post }),
  "another part": (random, step) => ({
    ...step,
    verifier: (step.verifier + random.between(1, STEP_PARTS.length - 1)) % STEP_PARTS.length,
  }),
};
const NAMES = Object.keys(MUTATIONS);

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
      Array.from({ length: mutants }, () => {
        const name = random.pick(NAMES);
        const mutant = (MUTATIONS[name] as Mutation)(random, step, random.pick(steps));
        return { ...mutant, what: `${step.what}, ${name}` };
      }),
    );
    for (const [k, { verdict }] of (await verifier.judge(changed)).entries())
      if (verdict !== "reverted") tally.findings.push(`seed ${seed + i}: mutant ${k}, ${changed[k]?.what}, is taken`);
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
