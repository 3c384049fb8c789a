import { createTally, fuzzOne } from "./fuzz.ts";

/** `npm run fuzz [programs] [seed]`, or FUZZ_PROGRAMS and FUZZ_SEED: reference against fast executor. */

const print = (line: string): void => void process.stdout.write(`${line}\n`);

const numberOf = (text: string | undefined, otherwise: number): number => {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`not a whole number: ${text}\n`);
  return process.exit(2);
};

const programs = numberOf(process.argv[2] ?? process.env["FUZZ_PROGRAMS"], 10_000);
const seed = numberOf(process.argv[3] ?? process.env["FUZZ_SEED"], Math.floor(Math.random() * 2 ** 30));
const MOST_FINDINGS = 10;

print(`${programs} random programs from seed ${seed}`);
const tally = createTally();
const started = performance.now();
for (let i = 0; i < programs && tally.findings.length < MOST_FINDINGS; i++) {
  await fuzzOne(seed + i, tally);
  if (tally.programs % 1_000 === 0) print(`${tally.programs} programs, ${tally.findings.length} findings`);
}
const seconds = (performance.now() - started) / 1000;
print(
  `${tally.programs} programs, ${tally.operators} operators, ${tally.elements} elements compared in ${seconds.toFixed(1)} s`,
);
for (const [what, count] of [...tally.ran].sort()) print(`  ${what.padEnd(28)} ${count}`);
for (const { seed: at, source, what } of tally.findings) print(`seed ${at} (${source}): ${what}`);
print(tally.findings.length === 0 ? "no difference" : `${tally.findings.length} findings`);
process.exit(tally.findings.length === 0 ? 0 : 1);
