import { type Bytes, bytesOf, concat, partHash, toHex } from "../../executor/index.ts";
import type { Claim, ProvenCall } from "../support/inference-proof.ts";
import { createRandom, type Random } from "../support/random-program.ts";
import { startVerifier, type TensorVerifier } from "../support/tensor-verifier.ts";
import { claimsOf, randomCall } from "./elements.ts";

/** Accepted proofs of single elements, changed in one place: none may prove a wrong element. */

type Mutation = (claim: Claim, random: Random) => Claim;

const flip = (bytes: Bytes, random: Random, from = 0, to = bytes.length): Bytes => {
  const at = random.between(from, to - 1);
  return bytes.with(at, (bytes[at] as number) ^ (1 << random.below(8)));
};

const flipEvidence =
  (from: number, to?: number): Mutation =>
  (claim, random) => ({ ...claim, evidence: flip(claim.evidence, random, from, to ?? claim.evidence.length) });

const onEvidence =
  (change: (evidence: Bytes, random: Random) => Bytes): Mutation =>
  (claim, random) => ({ ...claim, evidence: change(claim.evidence, random) });

/** Where the parts of evidence begin: state, rest, registers, identity, size and record of the operator. */
const [REST, REGISTERS, IDENTITY, RECORD] = [128, 429, 771, 963];
const WORD = 32;
const sizeOfRecord = ({ evidence }: Claim): number =>
  256 * (evidence[RECORD] as number) + (evidence[RECORD + 1] as number);

const cut = (evidence: Bytes, from: number, to: number): Bytes =>
  concat(evidence.subarray(0, from), evidence.subarray(to));
const place = (evidence: Bytes, random: Random): number => random.below(evidence.length - WORD);

/** Changes of evidence: whatever is changed, the proof is refused. */
export const OF_EVIDENCE: Readonly<Record<string, Mutation>> = {
  "a bit of the machine's state": flipEvidence(0, REST),
  "a bit of its rest": flipEvidence(REST, REGISTERS),
  "a bit of its registers": flipEvidence(REGISTERS, IDENTITY),
  "a bit of the program's identity": flipEvidence(IDENTITY, RECORD),
  "the size of the record": flipEvidence(RECORD, RECORD + 2),
  "a bit of the record": (claim, random) => flipEvidence(RECORD + 2, RECORD + 2 + sizeOfRecord(claim))(claim, random),
  "a bit behind the record": (claim, random) => {
    const from = RECORD + 2 + sizeOfRecord(claim);
    return flipEvidence(from < claim.evidence.length ? from : 0)(claim, random);
  },
  "a bit of the last word": (claim, random) => flipEvidence(claim.evidence.length - WORD)(claim, random),
  "a bit anywhere": flipEvidence(0),
  "several bits": (claim, random) => {
    let changed = claim;
    for (let i = 0; i < 3; i++) changed = { ...changed, evidence: flip(changed.evidence, random) };
    return toHex(changed.evidence) === toHex(claim.evidence) ? flipEvidence(0)(claim, random) : changed;
  },
  "a byte less": onEvidence((evidence) => evidence.subarray(0, -1)),
  "a byte more": onEvidence((evidence, random) => concat(evidence, Uint8Array.of(random.below(256)))),
  "a word less at the end": onEvidence((evidence) => evidence.subarray(0, -WORD)),
  "a word more at the end": onEvidence((evidence) => concat(evidence, new Uint8Array(WORD))),
  "a word left out": onEvidence((evidence, random) => {
    const at = place(evidence, random);
    return cut(evidence, at, at + WORD);
  }),
  "a word twice": onEvidence((evidence, random) => {
    const at = place(evidence, random);
    return concat(evidence.subarray(0, at + WORD), evidence.subarray(at));
  }),
  nothing: onEvidence(() => new Uint8Array(0)),
};

/** Changes of what is claimed: the proof is refused, or it is one of the right element of that place. */
export const OF_CLAIM: Readonly<Record<string, Mutation>> = {
  "another k": (claim, random) => ({ ...claim, k: random.pick([0, 2, 3, 5, 8].filter((k) => k !== claim.k)) }),
  "the next element": (claim) => ({ ...claim, position: claim.position + 1 }),
  "another element": (claim, random) => ({ ...claim, position: random.below(200) }),
  "another operator": (claim, random) => ({ ...claim, operator: random.below(claim.operator + 3) }),
  "another start": (claim, random) => ({ ...claim, start: flip(claim.start, random) }),
  "other lefts": (claim, random) => ({ ...claim, lefts: claim.lefts.map((left) => flip(left, random)) }),
  "a left less": (claim) => ({ ...claim, lefts: claim.lefts.slice(1) }),
};

const MUTATIONS = [...Object.entries(OF_EVIDENCE), ...Object.entries(OF_CLAIM)];

/** The one hash that a claim may be accepted with, if any. */
const rightPost = (call: ProvenCall, { operator, position, k }: Claim): string | undefined => {
  const { dtype } = call.program.operators[operator] ?? {};
  const tree = dtype === undefined ? undefined : call.tree(operator);
  if (dtype === undefined || tree === undefined || k !== tree.height - tree.wordHeight) return undefined;
  // Beyond the tree there is no leaf; what the contract says of it is the zero element.
  const isBeyond = position >= 2 ** tree.height;
  return toHex(isBeyond ? partHash(0, new Uint8Array(bytesOf(dtype, 1))) : tree.node(0, position));
};

export type MutationTally = {
  proofs: number;
  mutations: number;
  /** Accepted although changed: of the right element. */
  readonly accepted: Map<string, number>;
  readonly findings: string[];
};
export const createMutationTally = (): MutationTally => ({
  proofs: 0,
  mutations: 0,
  accepted: new Map(),
  findings: [],
});

type Case = { readonly seed: number; readonly call: ProvenCall; readonly claim: Claim };

/** Every kind of mutation of every claim. */
export const checkMutations = async (
  verifier: TensorVerifier,
  cases: readonly Case[],
  tally: MutationTally,
): Promise<void> => {
  const mutated = cases.flatMap(({ seed, call, claim }) => {
    const random = createRandom(seed ^ (claim.operator << 16) ^ claim.position);
    return MUTATIONS.map(([name, mutate]) => ({ seed, call, name, claim: mutate(claim, random) }));
  });
  const verdicts = await verifier.verify([...cases, ...mutated].map(({ claim }) => claim));
  for (const [i, { seed, claim }] of cases.entries()) {
    const verdict = verdicts[i];
    if (verdict === undefined || "error" in verdict || verdict.post !== toHex(claim.post))
      tally.findings.push(`seed ${seed}: the proof itself is refused`);
    tally.proofs++;
  }
  for (const [i, { seed, call, name, claim }] of mutated.entries()) {
    const verdict = verdicts[cases.length + i];
    tally.mutations++;
    if (verdict === undefined) tally.findings.push(`seed ${seed}, ${name}: no verdict`);
    else if ("error" in verdict) {
      // Nothing but BadEvidence: a proof is refused before its data are computed with.
      if (verdict.error !== "BadEvidence") tally.findings.push(`seed ${seed}, ${name}: ${verdict.error}`);
    } else if (name in OF_EVIDENCE) tally.findings.push(`seed ${seed}, ${name}: accepted`);
    else {
      tally.accepted.set(name, (tally.accepted.get(name) ?? 0) + 1);
      if (verdict.post !== rightPost(call, claim)) tally.findings.push(`seed ${seed}, ${name}: a wrong element`);
    }
  }
};

type MutationsFuzz = {
  /** Proofs, each of which is changed in every way. */
  readonly count: number;
  readonly seed: number;
  readonly print: (line: string) => void;
};

/** A few proofs of one random program. */
export const mutationCases = (seed: number): Case[] => {
  const call = randomCall(seed);
  const random = createRandom(seed ^ 0x6c8e9cf5);
  const claims = claimsOf(call, seed, () => true);
  return Array.from({ length: Math.min(4, claims.length) }, () => ({ seed, call, claim: random.pick(claims) }));
};

const PROGRAMS_A_REQUEST = 2;
const REPORT_EVERY = 500;
const MOST_FINDINGS = 10;

export const fuzzMutations = async ({ count, seed, print }: MutationsFuzz): Promise<readonly string[]> => {
  const ending: (() => unknown)[] = [];
  const verifier = await startVerifier({ after: (done) => void ending.push(done as () => unknown) });
  const tally = createMutationTally();
  let nextReport = REPORT_EVERY;
  try {
    for (let at = seed; tally.proofs < count && tally.findings.length < MOST_FINDINGS; at += PROGRAMS_A_REQUEST) {
      const cases = Array.from({ length: PROGRAMS_A_REQUEST }, (_, i) => mutationCases(at + i)).flat();
      await checkMutations(verifier, cases, tally);
      if (tally.proofs >= nextReport) {
        print(`${tally.proofs} proofs, ${tally.findings.length} findings`);
        nextReport += REPORT_EVERY;
      }
    }
  } finally {
    for (const end of ending) await end();
  }
  print(`${tally.proofs} proofs, ${MUTATIONS.length} mutations of each`);
  for (const [name, accepted] of tally.accepted) print(`  ${name}: ${accepted} accepted, each of the right element`);
  return tally.findings;
};
