import { parseArgs } from "node:util";
import { compileFolder } from "../../bridge/contracts/compile.ts";
import { stepCreations } from "../../bridge/index.ts";
import { FORKS, type Fork } from "../../executor/index.ts";
import { openTransaction } from "../../executor/machine/transaction.fixture.ts";
import { outsideRules, setupOfCase } from "../conformance/machine.ts";
import { readStateCorpus } from "../conformance/state-corpus.ts";
import { corpus } from "../conformance/suite.ts";
import { stepsOf, type Taken } from "./collect.ts";
import { rulesFrom } from "./contracts.ts";
import { mutantsOf } from "./mutants.ts";
import { startVerifier } from "./verifier.ts";

/**
 * `npm run test:steps [-- --filter NAME] [--every N] [--fork NAME] [--mutants PLACES]`: every step of every state test through
 * the contracts that judge steps, compiled from their sources, on an L1 of its own. Of each kind of step the first, fourth,
 * sixteenth and so on with changed evidence, too, at so many places of it. Exit code 1 where one gives another hash than the
 * machine, or any hash for evidence that is not the step's.
 */

const BATCH = 2_000;
const SHOWN = 20;

const { values } = parseArgs({
  options: {
    filter: { type: "string", default: "" },
    every: { type: "string", default: "1" },
    fork: { type: "string" },
    mutants: { type: "string", default: "0" },
  },
});
const every = Number(values.every);
const places = Number(values.mutants);
const forks = FORKS.filter((fork) => values.fork === undefined || fork === values.fork);

/** Whether the count is 1, 4, 16, ... */
const isSample = (count: number): boolean => Number.isInteger(Math.log2(count) / 2);

type Covered = { readonly count: number; readonly gas: number; readonly bytes: number };

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
    const verifier = await startVerifier({ after: (end: () => void) => void ends.push(end) }, () =>
      stepCreations(rulesFrom(fork), compiled),
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
        const known = covered.get(what) ?? { count: 0, gas: 0, bytes: 0 };
        covered.set(what, {
          count: known.count + 1,
          gas: Math.max(known.gas, gas),
          bytes: Math.max(known.bytes, evidence.length),
        });
        judged++;
        if (places > 0 && isSample(known.count + 1)) await judgeMutants(batch[i] as Taken, name);
        if (verdict === "right") continue;
        differs(`${what}: ${verdict} ${reason}, ${name}`);
      }
      batch = [];
    };
    const cases = readStateCorpus(directory, [fork]).cases.filter(
      (test) => outsideRules(test) === undefined && test.name.includes(values.filter),
    );
    for (const test of cases.filter((_, i) => i % every === 0))
      for (const step of stepsOf(openTransaction(await setupOfCase(test)), counts)) {
        batch.push({ ...step, name: test.name });
        if (batch.length === BATCH) await judge();
      }
    await judge();
  };

  for (const fork of forks) await runFork(fork);
  for (const [what, { count, gas, bytes }] of [...covered].sort())
    console.log(`${what}: ${count}, at most ${gas} gas and ${bytes} bytes`);
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
