import { parseArgs } from "node:util";
import { compileFolder } from "../../bridge/contracts/compile.ts";
import { FORKS, type Fork, fromHex, type Hex, hashChainState, toHex, ZERO_32 } from "../../executor/index.ts";
import { openTransaction } from "../../executor/machine/transaction.fixture.ts";
import { witnessOf } from "../../executor/machine/witness/witness.ts";
import { prevRandaoOf } from "../../executor/protocol/block.ts";
import { outsideRules } from "../conformance/machine.ts";
import { freshWorld, putPreState } from "../conformance/state.ts";
import { gasCapOf, putBlockHashes } from "../conformance/state-chain.ts";
import { readStateCorpus, type StateCase } from "../conformance/state-corpus.ts";
import { signedTransaction } from "../conformance/state-transaction.ts";
import { corpus } from "../conformance/suite.ts";
import { deployables, forksWord, verifierOf } from "./contracts.ts";
import { ORIGIN, type Record as StepRecord, startVerifier } from "./verifier.ts";

export const open = async (test: StateCase) => {
  const { environment: env, fork, envelope = signedTransaction(test).serialize() } = test;
  const { world, commit } = freshWorld();
  await putPreState(world, test);
  await putBlockHashes(world, env.currentNumber);
  await commit();
  const block = {
    number: env.currentNumber,
    timestamp: env.currentTimestamp,
    gasLimit: env.currentGasLimit,
    baseFee: env.currentBaseFee,
    coinbase: fromHex(env.currentCoinbase),
    // As DECODE derives it.
    prevRandao: prevRandaoOf(toHex(ZERO_32), ORIGIN.number),
    chainId: 1n,
    fork,
  };
  return openTransaction({ world, envelope, block, gasCap: gasCapOf(fork) });
};

const endOf = ({ ended }: Awaited<ReturnType<typeof open>>) => ended;

type Taken = StepRecord & { readonly what: string };

/** Every step of a case that a contract has. `coinbases`: those that there are decoders for. */
export async function* stepsOf(
  test: StateCase,
  counts: Map<string, number>,
  coinbases: readonly Hex[] = [test.environment.currentCoinbase],
): AsyncGenerator<Taken> {
  const decoder = coinbases.indexOf(test.environment.currentCoinbase);
  const machine = await open(test);
  for (let ended = machine.ended; ended === undefined; ended = machine.ended) {
    const { state, context } = machine;
    const { phase, frame } = state;
    const opcode = phase === 6 && frame !== undefined && frame.code.size > 0 ? (frame.code.bytes[state.pc] ?? 0) : 0;
    const verifier = verifierOf(phase, opcode) + (phase === 2 ? decoder : 0);
    const evidence = verifier < 0 ? undefined : witnessOf(state, context);
    const pre = machine.hash();
    machine.step();
    const last = endOf(machine);
    const post = last === undefined ? machine.hash() : hashChainState(last.chain);
    const refused = phase === 2 && last !== undefined;
    const halts = refused ? " refused" : state.phase === 10 && state.result === 3 ? " halt" : "";
    const what = phase === 6 ? `op ${opcode.toString(16).padStart(2, "0")}${halts}` : `phase ${phase}${halts}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
    if (evidence !== undefined) yield { verifier, pre, post, evidence, what };
  }
}

const { values } = parseArgs({
  options: {
    filter: { type: "string", default: "" },
    every: { type: "string", default: "1" },
    fork: { type: "string" },
  },
});
const directory = corpus("evm/state");
if (directory === undefined) {
  console.log("steps: SKIPPED, no evm/state in the corpora (set CORPORA)");
} else {
  const after: (() => void)[] = [];
  const compiled = compileFolder("bridge/contracts/steps", "prague");
  const started = performance.now();
  let judged = 0;
  let wrong = 0;
  const counts = new Map<string, number>();
  const covered = new Map<string, { count: number; gas: number; bytes: number }>();
  const NEVER = 2n ** 64n - 1n;
  for (const fork of FORKS.filter((one: Fork) => values.fork === undefined || one === values.fork)) {
    const forks = forksWord(fork === "cancun" ? NEVER : 0n, fork === "osaka" ? 0n : NEVER);
    const cases = readStateCorpus(directory, [fork]).cases.filter(
      (test) => outsideRules(test) === undefined && test.name.includes(values.filter),
    );
    const coinbases = [...new Set(cases.map((test) => test.environment.currentCoinbase))];
    if (coinbases.length === 0) continue;
    const chain = { forks, chainId: 1n, gasCap: gasCapOf(fork) };
    const verifier = await startVerifier({ after: (end: () => void) => after.push(end) } as never, (inbox) =>
      deployables(compiled, { ...chain, inbox }, coinbases),
    );
    let batch: Taken[] = [];
    let name = "";
    const flush = async () => {
      for (const [i, { verdict, gas, reason }] of (await verifier.judge(batch)).entries()) {
        const { what, evidence } = batch[i] as Taken;
        const known = covered.get(what) ?? { count: 0, gas: 0, bytes: 0 };
        covered.set(what, {
          count: known.count + 1,
          gas: Math.max(known.gas, gas),
          bytes: Math.max(known.bytes, evidence.length),
        });
        judged++;
        if (verdict === "right") continue;
        wrong++;
        if (wrong < 20) console.log(`${verdict} ${reason} ${what} by ${name}`);
      }
      batch = [];
    };
    for (const [i, test] of cases.entries()) {
      if (i % Number(values.every) !== 0) continue;
      name = test.name;
      for await (const step of stepsOf(test, counts, coinbases)) {
        batch.push(step);
        if (batch.length === 2000) await flush();
      }
    }
    await flush();
  }
  for (const end of after) end();
  const missing = [...counts].filter(([what]) => !covered.has(what)).sort((a, b) => b[1] - a[1]);
  for (const [what, { count, gas, bytes }] of [...covered].sort())
    console.log(`${what}: ${count}, at most ${gas} gas, ${bytes} bytes`);
  console.log(`uncovered: ${missing.map(([what, count]) => `${what} ${count}`).join(", ")}`);
  console.log(`${judged} steps, ${wrong} differences, ${((performance.now() - started) / 1000).toFixed(1)} s`);
  if (wrong > 0) process.exitCode = 1;
}
