import { countOf, KINDS, type Operator, type TensorTree, toHex } from "../../executor/index.ts";
import { type Claim, type ProvenCall, provenCall } from "../support/inference-proof.ts";
import { createRandom, type Random, randomInput, randomProgram } from "../support/random-program.ts";
import { startVerifier, type TensorVerifier } from "../support/tensor-verifier.ts";

/** Single elements on L1 against the definition, for every kind of operator. */

export type ElementTally = {
  readonly byKind: Map<Operator["kind"], number>;
  readonly findings: string[];
};
export const createElementTally = (): ElementTally => ({
  byKind: new Map(KINDS.map((kind) => [kind, 0])),
  findings: [],
});

/** The first, the last, the first that is not there, one beyond, and some at random. */
const positionsOf = (random: Random, operator: Operator, tree: TensorTree): number[] => {
  const count = countOf(operator);
  const last = 2 ** tree.height - 1;
  const some = Array.from({ length: 6 }, () => random.below(count));
  return [...new Set([0, count - 1, Math.min(count, last), last, ...some])];
};

/** A call of a random program, its input anywhere in the memory's words. */
export const randomCall = (seed: number): ProvenCall => {
  const random = createRandom(seed);
  const program = randomProgram(random);
  const input = randomInput(random, program);
  return provenCall(program, input, random.pick([0, 32, 1, 31, random.below(200)]));
};

/** Elements of operators of which fewer than `wanted` were seen. */
export const claimsOf = (call: ProvenCall, seed: number, wanted: (operator: Operator) => boolean): Claim[] => {
  const random = createRandom(seed ^ 0x2545f491);
  return call.program.operators.flatMap((operator, index) =>
    wanted(operator)
      ? positionsOf(random, operator, call.tree(index)).map((position) => call.prove(index, position))
      : [],
  );
};

/** The proof is of the tensor's element, and the contract computes it. */
export const checkElements = async (
  verifier: TensorVerifier,
  cases: readonly { readonly seed: number; readonly call: ProvenCall; readonly claims: readonly Claim[] }[],
  tally: ElementTally,
): Promise<void> => {
  const verdicts = await verifier.verify(cases.flatMap(({ claims }) => claims));
  let next = 0;
  for (const { seed, call, claims } of cases)
    for (const claim of claims) {
      const verdict = verdicts[next++];
      const { kind } = call.program.operators[claim.operator] as Operator;
      tally.byKind.set(kind, (tally.byKind.get(kind) as number) + 1);
      const expected = toHex(call.tree(claim.operator).node(0, claim.position));
      const place = `seed ${seed}: element ${claim.position} of operator ${claim.operator} (${kind})`;
      if (toHex(claim.post) !== expected) tally.findings.push(`${place}: the proof is of another element`);
      if (verdict === undefined || "error" in verdict) tally.findings.push(`${place}: ${verdict?.error}`);
      else if (verdict.post !== expected) tally.findings.push(`${place}: the contract computes another element`);
    }
};

type ElementsFuzz = {
  /** Elements of each kind, at least. */
  readonly count: number;
  readonly seed: number;
  readonly print: (line: string) => void;
};

const MOST_FINDINGS = 10;
/** Programs whose elements go to the contract in one request. */
const PROGRAMS_A_REQUEST = 40;

export const fuzzElements = async ({ count, seed, print }: ElementsFuzz): Promise<readonly string[]> => {
  const ending: (() => unknown)[] = [];
  const verifier = await startVerifier({ after: (done) => void ending.push(done as () => unknown) });
  const tally = createElementTally();
  const started = performance.now();
  let pending: Promise<void> = Promise.resolve();
  const isWanted = (kind: Operator["kind"]): boolean => (tally.byKind.get(kind) as number) < count;
  for (let at = seed; KINDS.some(isWanted) && tally.findings.length < MOST_FINDINGS; at += PROGRAMS_A_REQUEST) {
    const cases = Array.from({ length: PROGRAMS_A_REQUEST }, (_, i) => {
      const call = randomCall(at + i);
      return { seed: at + i, call, claims: claimsOf(call, at + i, ({ kind }) => isWanted(kind)) };
    });
    // The next proofs are made while the contract checks these.
    await pending;
    pending = checkElements(verifier, cases, tally);
  }
  await pending;
  for (const end of ending) await end();
  print(
    `${[...tally.byKind.values()].reduce((a, b) => a + b)} elements in ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
  for (const [kind, checked] of tally.byKind) print(`  ${kind.padEnd(10)} ${checked}`);
  return tally.findings;
};
