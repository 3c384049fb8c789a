import { parseArgs } from "node:util";
import { compileFolder } from "../../bridge/contracts/compile.ts";
import { stepCreations } from "../../bridge/index.ts";
import { FORKS, type Fork, type Hex, toHex, ZERO_32 } from "../../executor/index.ts";
import { openTransaction } from "../../executor/machine/transaction.fixture.ts";
import { prevRandaoOf } from "../../executor/protocol/block.ts";
import { outsideRules, setupOfCase } from "../conformance/machine.ts";
import { gasCapOf } from "../conformance/state-chain.ts";
import { readStateCorpus, type StateCase } from "../conformance/state-corpus.ts";
import { corpus } from "../conformance/suite.ts";
import { stepsOf, type Taken } from "./collect.ts";
import { rulesOn } from "./contracts.ts";
import { startVerifier } from "./verifier.ts";

/**
 * `npm run test:steps [-- --filter NAME] [--every N] [--fork NAME]`: every step of every state test through the contracts that
 * judge steps, compiled from their sources, on an L1 of its own. Exit code 1 where one gives another hash than the machine.
 */

const prevRandao = prevRandaoOf(toHex(ZERO_32), 0n);
const BATCH = 2_000;
const SHOWN = 20;

const { values } = parseArgs({
  options: {
    filter: { type: "string", default: "" },
    every: { type: "string", default: "1" },
    fork: { type: "string" },
  },
});
const every = Number(values.every);
const forks = FORKS.filter((fork) => values.fork === undefined || fork === values.fork);

type Covered = { readonly count: number; readonly gas: number; readonly bytes: number };

const run = async (directory: string, ends: (() => void)[]): Promise<number> => {
  const compiled = compileFolder("bridge/contracts/steps", "prague");
  const started = performance.now();
  const counts = new Map<string, number>();
  const covered = new Map<string, Covered>();
  let judged = 0;
  let differences = 0;

  const runCases = async (fork: Fork, coinbase: Hex, cases: readonly StateCase[]): Promise<void> => {
    const verifier = await startVerifier({ after: (end: () => void) => void ends.push(end) }, async (l1) => {
      const { parameters, ...rules } = await rulesOn(l1, fork);
      const own = { parameters: { ...parameters, chainId: 1n }, coinbase, gasCap: gasCapOf(fork) };
      return stepCreations({ ...rules, ...own }, compiled);
    });
    let batch: (Taken & { readonly name: string })[] = [];
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
        if (verdict === "right") continue;
        if (differences++ < SHOWN) console.log(`${what}: ${verdict} ${reason}, ${name}`);
      }
      batch = [];
    };
    for (const test of cases) {
      const { block, ...setup } = await setupOfCase(test);
      // PREVRANDAO is derived, whatever the case says.
      for (const step of stepsOf(openTransaction({ ...setup, block: { ...block, prevRandao } }), counts)) {
        batch.push({ ...step, name: test.name });
        if (batch.length === BATCH) await judge();
      }
    }
    await judge();
  };

  for (const fork of forks) {
    const cases = readStateCorpus(directory, [fork]).cases.filter(
      (test) => outsideRules(test) === undefined && test.name.includes(values.filter),
    );
    const taken = cases.filter((_, i) => i % every === 0);
    // The chain has one coinbase, and so have the contracts.
    for (const [coinbase, group] of Map.groupBy(taken, (test) => test.environment.currentCoinbase))
      await runCases(fork, coinbase, group);
  }
  for (const [what, { count, gas, bytes }] of [...covered].sort())
    console.log(`${what}: ${count}, at most ${gas} gas and ${bytes} bytes`);
  const without = [...counts].filter(([what]) => !covered.has(what)).sort((a, b) => b[1] - a[1]);
  if (without.length > 0)
    console.log(`without a contract: ${without.map(([what, count]) => `${what} ${count}`).join(", ")}`);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`steps: ${judged} judged, ${differences} differences in ${seconds} s`);
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
