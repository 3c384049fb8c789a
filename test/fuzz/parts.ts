import type { Ends } from "../support/peers.ts";
import type { StepsTally } from "./steps.ts";

type Round = { readonly count: number; readonly seed: number; readonly print: (line: string) => void };

type Part = {
  readonly name: string;
  /** What is counted. */
  readonly what: string;
  /** How many, unless it is said. */
  readonly count: number;
  /** Answers what is wrong. */
  readonly run: (round: Round) => Promise<readonly string[]>;
};

const MOST_FINDINGS = 10;

/** Every so many messages one goes over a socket: a node lets in so many strangers a second. */
const SOCKET_SHARE = 50;
/** Every so many games one is played on a real L1, by whole processes. */
const HOSTILE_SHARE = 500;

const fuzzPrograms = async ({ count, seed, print }: Round): Promise<readonly string[]> => {
  const { createTally, fuzzOne } = await import("./fuzz.ts");
  const tally = createTally();
  const started = performance.now();
  for (let i = 0; i < count && tally.findings.length < MOST_FINDINGS; i++) {
    await fuzzOne(seed + i, tally);
    if (tally.programs % 1_000 === 0) print(`${tally.programs} programs, ${tally.findings.length} findings`);
  }
  const seconds = (performance.now() - started) / 1000;
  print(
    `${tally.programs} programs, ${tally.operators} operators, ${tally.elements} elements compared in ${seconds.toFixed(1)} s`,
  );
  for (const [what, ran] of [...tally.ran].sort()) print(`  ${what.padEnd(28)} ${ran}`);
  return tally.findings.map(({ seed: at, source, what }) => `seed ${at} (${source}): ${what}`);
};

const fuzzMessages = async ({ count, seed, print }: Round): Promise<readonly string[]> => {
  const { fuzzPeers, RESIDENT_BOUND } = await import("./peers.ts");
  const ending: (() => unknown)[] = [];
  const ends: Ends = { after: (done) => void ending.push(done) };
  const started = performance.now();
  const sent = Math.ceil(count / SOCKET_SHARE);
  const tally = await fuzzPeers(ends, { seed, sent, judged: count - sent, print });
  for (const end of ending) await end();
  const seconds = (performance.now() - started) / 1000;
  print(`${tally.sent + tally.judged} messages, ${tally.penalties} penalties in ${seconds.toFixed(1)} s`);
  for (const [kind, made] of [...tally.byKind].sort()) print(`  ${kind.padEnd(36)} ${made}`);
  const resident = tally.resident.map((mib) => `${mib.toFixed(0)} MiB`).join(", ");
  print(`  resident after a tenth, half, all    ${resident} (bound: ${RESIDENT_BOUND} MiB from half to all)`);
  return tally.findings;
};

/** The contracts with the devnet's constants. */
const fuzzAdmissionLies = async ({ count, print }: Round): Promise<readonly string[]> => {
  const ending: (() => unknown)[] = [];
  const ends: Ends = { after: (done) => void ending.push(done) };
  try {
    const { outcome, text } = await (await import("./admission-lies.ts")).playAdmissions(ends, count);
    print(text);
    return outcome.findings;
  } finally {
    for (const done of ending.reverse()) await done();
  }
};

const devnetVerifier = async (ends: Ends) => {
  const { startVerifier } = await import("../steps/verifier.ts");
  const { devnetAt } = await import("../steps/contracts.ts");
  return startVerifier(ends, devnetAt);
};

/** Steps of transactions through the contracts, and mutants of their evidence. */
const runSteps =
  (fuzz: (ends: Ends, round: Round) => Promise<StepsTally>) =>
  async (round: Round): Promise<readonly string[]> => {
    const ending: (() => unknown)[] = [];
    const started = performance.now();
    const tally = await fuzz({ after: (done) => void ending.push(done) }, round);
    for (const end of ending) await end();
    const seconds = (performance.now() - started) / 1000;
    round.print(`${tally.steps} steps, ${tally.mutants} mutants in ${seconds.toFixed(1)} s`);
    for (const [kind, count] of [...tally.kinds].sort()) round.print(`  ${kind.padEnd(28)} ${count}`);
    return tally.findings;
  };

const fuzzBytecode = runSteps(async (ends, { count, seed }) =>
  (await import("./steps.ts")).fuzzSteps(await devnetVerifier(ends), { transactions: count, seed, mutants: 2 }),
);

const fuzzDecoding = runSteps(async (ends, { count, seed }) =>
  (await import("./envelopes.ts")).fuzzEnvelopes(ends, { count, seed, mutants: 2 }),
);

const fuzzNative = runSteps(async (ends, { count, seed }) => {
  const { randomNativeCall } = await import("../support/random-native.ts");
  return (await import("./steps.ts")).fuzzSteps(await devnetVerifier(ends), {
    transactions: count,
    seed,
    mutants: 2,
    open: randomNativeCall,
  });
});

const fuzzNativeEvidence = runSteps(async (ends, { count, seed }) => {
  const { randomNativeCall } = await import("../support/random-native.ts");
  return (await import("./steps.ts")).fuzzEvidence(await devnetVerifier(ends), {
    transactions: count,
    seed,
    open: randomNativeCall,
  });
});

/** Batches of one chain, and the share of them in blobs: an opening takes a sixth of a second. */
const CHAIN_BATCHES = 20;
const IN_BLOBS = 0.1;

const runDerivation = async ({ count, seed, print }: Round): Promise<readonly string[]> => {
  const { fuzzDerivation } = await import("./derivation.ts");
  const kinds = new Map<string, number>();
  const findings: string[] = [];
  const started = performance.now();
  let units = 0;
  let steps = 0;
  for (let done = 0; done < count && findings.length < MOST_FINDINGS; done += CHAIN_BATCHES) {
    const ending: (() => unknown)[] = [];
    const batches = Math.min(CHAIN_BATCHES, count - done);
    const ends: Ends = { after: (end) => void ending.push(end) };
    const tally = await fuzzDerivation(ends, { batches, seed: seed + done, inBlobs: IN_BLOBS });
    for (const end of ending) await end();
    units += tally.units;
    steps += tally.steps;
    findings.push(...tally.findings);
    for (const [kind, many] of tally.kinds) kinds.set(kind, (kinds.get(kind) ?? 0) + many);
  }
  const seconds = (performance.now() - started) / 1000;
  print(`${units} units, ${steps} steps judged in ${seconds.toFixed(1)} s`);
  for (const [kind, many] of [...kinds].sort()) print(`  ${kind.padEnd(36)} ${many}`);
  return findings;
};

const runSolvency = async ({ count, seed, print }: Round): Promise<readonly string[]> => {
  const { fuzzSolvency } = await import("./solvency.ts");
  const ending: (() => unknown)[] = [];
  const started = performance.now();
  const tally = await fuzzSolvency({ after: (done) => void ending.push(done) }, { steps: count, seed });
  for (const end of ending) await end();
  const seconds = (performance.now() - started) / 1000;
  print(`${tally.steps} steps, ${tally.withdrawals} withdrawals in ${seconds.toFixed(1)} s`);
  for (const [name, done] of [...tally.done].sort())
    print(`  ${name.padEnd(12)} ${done}, refused ${tally.refused.get(name) ?? 0}`);
  return tally.findings;
};

const runMachine = async ({ count, seed, print }: Round): Promise<readonly string[]> => {
  const { createMachineTally, fuzzTransaction } = await import("./machine.ts");
  const tally = createMachineTally();
  const started = performance.now();
  for (let i = 0; i < count && tally.findings.length < MOST_FINDINGS; i++) await fuzzTransaction(seed + i, tally);
  const seconds = (performance.now() - started) / 1000;
  const { transactions, opcodes, steps, nearest } = tally;
  print(`${transactions} transactions, ${opcodes} opcodes compared, ${steps} steps in ${seconds.toFixed(1)} s`);
  print(`  most steps above the gas used, 21,000 aside: ${nearest}`);
  return tally.findings;
};

export const parts: readonly Part[] = [
  {
    name: "programs",
    what: "random programs, reference against fast executor",
    count: 10_000,
    run: fuzzPrograms,
  },
  {
    name: "metering",
    what: "random batches, units derived against the inbox's bounds",
    count: 100_000,
    run: async (round) => (await import("./metering.ts")).fuzzMetering(round),
  },
  {
    name: "solvency",
    what: "deposits, forced transactions, withdrawals, claims and L1 reorgs",
    count: 200,
    run: runSolvency,
  },
  {
    name: "elements",
    what: "elements of each kind of operator, L1's verifier against the reference",
    count: 5_000,
    run: async (round) => (await import("./elements.ts")).fuzzElements(round),
  },
  {
    name: "instructions",
    what: "random cases of each scalar instruction and lowered body, contract against definition",
    count: 10_000,
    run: async (round) => (await import("./instructions.ts")).fuzzInstructions(round),
  },
  {
    name: "game",
    what: "games of a dispute, liars against the honest client",
    count: 26_200,
    run: async (round) => [
      ...(await (await import("./game.ts")).fuzzGames(round)),
      ...(await (
        await import("./hostile.ts")
      ).fuzzHostile({ ...round, count: Math.ceil(round.count / HOSTILE_SHARE) })),
    ],
  },
  {
    name: "hostile",
    what: "games of a dispute on a real L1, with a hostile sequencer, reorgs, restarts and failing reads",
    count: 20,
    run: async (round) => (await import("./hostile.ts")).fuzzHostile(round),
  },
  {
    name: "board",
    what: "multicalls to the board and its twin",
    count: 10_000,
    run: async (round) => (await import("./board.ts")).fuzzBoard(round),
  },
  {
    name: "disputes",
    what: "wrong claims at once, of random lies, against one challenger",
    count: 4,
    run: async (round) => (await import("./disputes.ts")).fuzzDisputes(round),
  },
  {
    name: "lies",
    what: "wrong claims, each in one step of a kind, twenty at once against one challenger's process",
    count: 80,
    run: async (round) => (await import("./lies.ts")).fuzzLies(round),
  },
  {
    name: "hoards",
    what: "wrong claims at once, each in a unit that takes a challenger the most memory",
    count: 20,
    run: async (round) => (await import("./hoards.ts")).fuzzHoards(round),
  },
  {
    name: "machine",
    what: "random transactions, the machine's steps against the library's opcodes",
    count: 2_000,
    run: runMachine,
  },
  {
    name: "steps",
    what: "random transactions step by step through the contracts, each step with two mutants",
    count: 300,
    run: fuzzBytecode,
  },
  {
    name: "native",
    what: "calls of precompiles and models step by step through the contracts, each step with two mutants",
    count: 300,
    run: fuzzNative,
  },
  {
    name: "evidence",
    what: "calls of precompiles and models, one step of each kind with every byte changed and every cut",
    count: 100,
    run: fuzzNativeEvidence,
  },
  {
    name: "envelopes",
    what: "random envelopes, L1's decoder against the machine's and @ethereumjs/tx, each step with two mutants",
    count: 3_000,
    run: fuzzDecoding,
  },
  {
    name: "derivation",
    what: "batches unit by unit through the contracts, in calldata, in blobs and forced",
    count: 60,
    run: runDerivation,
  },
  {
    name: "tree",
    what: "random changes of the state tree, contract against definition",
    count: 2_000,
    run: async (round) => (await import("./state-tree.ts")).fuzzStateTree(round),
  },
  {
    name: "mutations",
    what: "proofs of single elements, each changed in two dozen ways",
    count: 1_000,
    run: async (round) => (await import("./mutations.ts")).fuzzMutations(round),
  },
  {
    name: "memory",
    what: "calls, estimates, replays and rehearsals each: what they leave in memory",
    count: 10_000,
    run: async (round) => (await import("./memory.ts")).fuzzMemory(round),
  },
  {
    name: "admission",
    what: "artifacts, well-formed and changed, every leaf of their admission by the contracts against the definition",
    count: 300,
    run: async ({ print, ...round }) => {
      const { fuzzAdmission } = await import("./admission.ts");
      const { leaves, admitted, refused, findings } = await fuzzAdmission(round);
      print(`${leaves} leaves of ${admitted} admitted and ${refused} refused`);
      return findings;
    },
  },
  {
    name: "admission-lies",
    what: "wrong claims, each in another kind of leaf of one admission, at once against one challenger",
    count: 10,
    run: fuzzAdmissionLies,
  },
  { name: "peers", what: "mutated messages of peers", count: 5_000, run: fuzzMessages },
];
