import { type ChainParameters, DEVNET_PARAMETERS, leastUnitPrice } from "../../executor/index.ts";
import { createRoll, randomBatch, walkRecord } from "../../executor/protocol/unit.fixture.ts";
import type { UnitPlace } from "../../executor/protocol/unit.ts";
import { type MeteredRecord, unitsBound } from "../support/metering.ts";

/** Budgets from one that pays for nothing to one that pays for all, so that each of the two bounds is the lesser one. */
const BUDGETS = [
  { rate: 0n, cap: 0n, block: 50_000n, refusal: 21_000n },
  { rate: 500n, cap: 300_000n, block: 50_000n, refusal: 21_000n },
  { rate: 20_000n, cap: 2_000_000n, block: 42_000n, refusal: 20_000n },
  { rate: 10n ** 9n, cap: 10n ** 12n, block: 50_000n, refusal: 21_000n },
];
const MOST_FINDINGS = 10;
const RECORDS = 8;

type Round = { readonly count: number; readonly seed: number; readonly print: (line: string) => void };

/** Random batches derived, unit by unit, against the bound by which the inbox cuts claims; of every run of records. */
export const fuzzMetering = async ({ count, seed, print }: Round): Promise<readonly string[]> => {
  const findings: string[] = [];
  let [batches, units, tight] = [0, 0, 0];
  for (let run = 0; batches < count && findings.length < MOST_FINDINGS; run++) {
    const roll = createRoll(seed + run);
    for (let i = 0; i < 8; i++) roll(2);
    const parameters: ChainParameters = {
      ...DEVNET_PARAMETERS,
      maxDrift: BigInt(roll(900)),
      maxLag: BigInt(roll(60)),
      budget: BUDGETS[roll(BUDGETS.length)] as ChainParameters["budget"],
    };
    const { rate, cap } = parameters.budget;
    const drift = parameters.maxDrift + parameters.maxLag;
    const metering = { rate, cap, drift, unitPrice: leastUnitPrice(parameters.budget) };
    let now = 10_000n;
    let delayedEnd = 0n;
    let place: UnitPlace = {
      phase: "between",
      position: { batch: 0n, cursor: 0, delayed: 0n },
      timestamp: now - BigInt(roll(500)),
      budget: cap,
    };
    const records: MeteredRecord[] = [];
    const counted: number[] = [];
    for (let index = 0; index < RECORDS; index++, batches++) {
      now += BigInt(roll(4) === 0 ? roll(2_000) : roll(13));
      const messages = roll(3) === 0 ? roll(4) : 0;
      delayedEnd += BigInt(messages);
      const data = randomBatch(roll, now);
      records.push({ size: data.length, messages, timestamp: now });
      const record = { data, delayedEnd, origin: { number: 1n, timestamp: now } };
      const walked = walkRecord(place, record, parameters, (available) => {
        if (available < 21_000n || roll(2) === 0) return { included: false };
        return { included: true, gas: 21_000n + BigInt(roll(3) === 0 ? roll(Number(available - 21_000n) + 1) : 0) };
      });
      place = walked.place;
      counted.push(walked.units);
      units += walked.units;
    }
    for (let start = 0; start < RECORDS; start++)
      for (let end = start + 1; end <= RECORDS; end++) {
        const derived = counted.slice(start, end).reduce((sum, some) => sum + some, 0);
        const bound = unitsBound(records.slice(start, end), metering);
        if (BigInt(derived) === bound) tight++;
        if (BigInt(derived) > bound)
          findings.push(`seed ${seed + run}: records ${start} to ${end} hold ${derived} units, the bound is ${bound}`);
      }
  }
  print(`${batches} batches, ${units} units, the bound reached exactly ${tight} times`);
  return findings;
};
