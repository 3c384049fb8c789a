import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { compileFolder } from "../../bridge/contracts/compile.ts";
import { type Bytes, FORKS, type Fork, STEP_PARTS } from "../../executor/index.ts";
import { openTransaction } from "../../executor/machine/transaction.fixture.ts";
import { outsideRules, setupOfCase } from "../conformance/machine.ts";
import { readStateCorpus, type StateCase } from "../conformance/state-corpus.ts";
import { corpus } from "../conformance/suite.ts";
import { stepsOf, type Taken } from "./collect.ts";
import { ethereumFrom, ONLY_RANDAO } from "./contracts.ts";
import { mutantsOf } from "./mutants.ts";
import { decoderOf, startVerifier } from "./verifier.ts";

/**
 * `npm run test:steps [-- --filter NAME] [--every N] [--fork NAME] [--mutants PLACES] [--write]`: every step of every state
 * test through the contracts that judge steps, compiled from their sources, on an L1 of its own. Of each kind of step the
 * first, fourth, sixteenth and so on with changed evidence, too, at so many places of it. `--write`: and the table of them,
 * STEPS.md. Exit code 1 where one gives another hash than the machine, or any hash for evidence that is not the step's.
 */

const BATCH = 2_000;
const SHOWN = 20;

const { values } = parseArgs({
  options: {
    filter: { type: "string", default: "" },
    every: { type: "string", default: "1" },
    fork: { type: "string" },
    mutants: { type: "string", default: "0" },
    write: { type: "boolean", default: false },
  },
});
const every = Number(values.every);
const places = Number(values.mutants);
const forks = FORKS.filter((fork) => values.fork === undefined || fork === values.fork);

/** Whether the count is 1, 4, 16, ... */
const isSample = (count: number): boolean => Number.isInteger(Math.log2(count) / 2);

const DECODE = STEP_PARTS.indexOf("decode");

const stepsOfCase = async (test: StateCase, counts: Map<string, number>): Promise<Iterable<Taken>> => {
  const setup = await setupOfCase(test);
  return stepsOf(openTransaction({ ...setup, block: { ...setup.block, prevRandao: ONLY_RANDAO } }), counts);
};

/** Of one kind of step, the most of all that were judged. `osaka`, `next`: a transaction with this evidence alone. */
type Covered = { readonly count: number } & Readonly<Record<(typeof MOST)[number], number>>;
const MOST = ["gas", "bytes", "osaka", "next"] as const;
const NOTHING: Covered = { count: 0, gas: 0, bytes: 0, osaka: 0, next: 0 };

const TRANSACTION_GAS = 21_000;
/** Gas of a zero byte and of another: as it is charged beside execution, and at least (EIP-7623). */
const [CHARGED, FLOOR] = [
  [4, 16],
  [10, 40],
] as const;
/** Of any byte, at least, under L1's next rules (EIP-7976). */
const NEXT_FLOOR = 64;

/** Gas of a transaction that takes the evidence to its part and does nothing else, under L1's rules of today and the next. */
const wholeCall = (evidence: Bytes, gas: number): { readonly osaka: number; readonly next: number } => {
  const zeros = evidence.reduce((sum, byte) => (byte === 0 ? sum + 1 : sum), 0);
  const priced = ([zero, other]: readonly [number, number]) => zero * zeros + other * (evidence.length - zeros);
  const charged = priced(CHARGED) + gas;
  return {
    osaka: TRANSACTION_GAS + Math.max(charged, priced(FLOOR)),
    next: TRANSACTION_GAS + Math.max(charged, NEXT_FLOOR * evidence.length),
  };
};

const grown = (known: Covered, seen: Omit<Covered, "count">): Covered => ({
  count: known.count + 1,
  ...(Object.fromEntries(MOST.map((name) => [name, Math.max(known[name], seen[name])])) as Omit<Covered, "count">),
});

const figure = (value: number): string => value.toLocaleString("en-US");
const TABLE = new URL("STEPS.md", import.meta.url);

/** The table of the repository. */
const tableOf = (covered: ReadonlyMap<string, Covered>): string =>
  [
    "# Steps that contracts judged",
    "",
    "Written by `npm run test:steps -- --write`: every step of the handed-out state tests of all forks of the chain, by opcode (hex) or",
    "phase, and whether the frame halts in it; of each the most that one took. Gas: of the part's call. The last two columns are a",
    "transaction with the evidence and nothing else, under Osaka and under L1's next rules (64 gas a byte at least); the board and",
    "the rules of leaves come on top ([gas](../bench/GAS.md)).",
    "",
    "| step | judged | gas | evidence, bytes | Osaka | next |",
    "| --- | --- | --- | --- | --- | --- |",
    ...[...covered]
      .sort()
      .map(
        ([what, { count, ...most }]) =>
          `| ${[what, figure(count), ...MOST.map((name) => figure(most[name]))].join(" | ")} |`,
      ),
    "",
  ].join("\n");

const run = async (directory: string, ends: (() => void)[]): Promise<number> => {
  const compiled = compileFolder("bridge/contracts/steps", "prague");
  const started = performance.now();
  const counts = new Map<string, number>();
  const covered = new Map<string, Covered>();
  let judged = 0;
  let refused = 0;
  let differences = 0;
  const differs = (line: string): void => {
    if (differences++ < SHOWN) console.log(line);
  };

  const runFork = async (fork: Fork): Promise<void> => {
    const cases = readStateCorpus(directory, [fork]).cases.filter(
      (test) => outsideRules(test) === undefined && test.name.includes(values.filter),
    );
    const coinbases = [...new Set(cases.map((test) => test.environment.currentCoinbase))];
    const verifier = await startVerifier(
      { after: (end: () => void) => void ends.push(end) },
      (inbox) => ethereumFrom(fork, inbox),
      { compiled, coinbases },
    );
    let batch: (Taken & { readonly name: string })[] = [];
    const judgeMutants = async (step: Taken, name: string): Promise<void> => {
      const mutants = [...mutantsOf(step, places)];
      const verdicts = await verifier.judge(mutants);
      const taken = verdicts.findIndex(({ verdict }) => verdict !== "reverted");
      if (taken !== -1) differs(`${step.what}: mutant ${taken} is taken, ${name}`);
      refused += mutants.length;
    };
    const judge = async () => {
      const verdicts = await verifier.judge(batch);
      for (const [i, { what, evidence, name }] of batch.entries()) {
        const { verdict, gas, reason } = verdicts[i] as (typeof verdicts)[number];
        const seen = { gas, bytes: evidence.length, ...wholeCall(evidence, gas) };
        const known = grown(covered.get(what) ?? NOTHING, seen);
        covered.set(what, known);
        judged++;
        if (places > 0 && isSample(known.count)) await judgeMutants(batch[i] as Taken, name);
        if (verdict !== "right") differs(`${what}: ${verdict} ${reason}, ${name}`);
      }
      batch = [];
    };
    for (const test of cases.filter((_, i) => i % every === 0))
      for (const step of await stepsOfCase(test, counts)) {
        const verifierOf =
          step.verifier === DECODE ? decoderOf(coinbases.indexOf(test.environment.currentCoinbase)) : step.verifier;
        batch.push({ ...step, verifier: verifierOf, name: test.name });
        if (batch.length === BATCH) await judge();
      }
    await judge();
  };

  for (const fork of forks) await runFork(fork);
  for (const [what, { count, gas, bytes }] of [...covered].sort())
    console.log(`${what}: ${count}, at most ${gas} gas and ${bytes} bytes`);
  if (values.write) writeFileSync(TABLE, tableOf(covered));
  const without = [...counts].filter(([what]) => !covered.has(what)).sort((a, b) => b[1] - a[1]);
  if (without.length > 0)
    console.log(`without a contract: ${without.map(([what, count]) => `${what} ${count}`).join(", ")}`);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`steps: ${judged} judged, ${refused} mutants, ${differences} differences in ${seconds} s`);
  return differences;
};

const directory = corpus("evm/state");
if (directory === undefined) console.log("steps: SKIPPED, no evm/state in the corpora (set CORPORA)");
else {
  const ends: (() => void)[] = [];
  try {
    if ((await run(directory, ends)) > 0) process.exitCode = 1;
  } finally {
    for (const end of ends) end();
  }
}
