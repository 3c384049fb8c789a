import { type Bytes, concat, uintBE } from "../foundation/bytes.ts";
import { openingOf, spend } from "./budget.ts";
import type { Position } from "./origin.ts";
import type { ChainParameters } from "./parameters.ts";
import { type InboxRecord, type UnitPlace, unitAt } from "./unit.ts";

/** Deterministic numbers below `limit`. */
export const createRoll = (seed: number) => {
  let state = seed >>> 0 || 1;
  return (limit: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
};
export type Roll = ReturnType<typeof createRoll>;

const item = (body: Bytes): Bytes => concat(uintBE(body.length, 4), body);
const headerOf = (timestamp: bigint): Bytes => item(concat(Uint8Array.of(0), uintBE(timestamp, 8)));

/** Bytes of a batch: blocks, envelopes of one to nine bytes, rubbish, in runs. */
export const randomBatch = (roll: Roll, now: bigint): Bytes => {
  const parts: Bytes[] = [];
  for (let left = roll(12); left > 0; left--) {
    const times = roll(4) === 0 ? roll(60) : 1;
    const timestamp = BigInt(Math.max(0, Number(now) + roll(1_000) - 300));
    const part = [
      () => headerOf(timestamp),
      () => headerOf(timestamp),
      () => item(new Uint8Array(1 + roll(9)).fill(1)),
      () => item(new Uint8Array(1)),
      () => new Uint8Array(roll(7)),
    ][roll(5)] as () => Bytes;
    for (let i = 0; i < times; i++) parts.push(part());
  }
  return concat(...parts);
};

/** What happens to an envelope or a message: refused, or included with so much gas. */
export type Verdict = { readonly included: false } | { readonly included: true; readonly gas: bigint };

/** All units of a record, executed by rolled verdicts instead of an engine. */
export const walkRecord = (
  start: UnitPlace,
  record: InboxRecord,
  parameters: ChainParameters,
  judge: (available: bigint) => Verdict,
) => {
  const { batch } = start.position;
  let place = start;
  let units = 0;
  let blocks = 0;
  let gas = 0n;
  while (place.position.batch === batch) {
    const unit = unitAt(place, record, parameters);
    const position: Position = unit.after;
    units++;
    if (unit.kind === "begin") {
      blocks++;
      const { timestamp, budget } = openingOf(place, unit.attributes, parameters);
      place = { phase: "open", position, timestamp, budget };
    } else if (unit.kind === "envelope") {
      const verdict = judge(place.budget);
      const used = verdict.included ? verdict.gas : parameters.budget.refusal;
      gas += used;
      place = { ...place, position, budget: spend(place.budget, used) };
    } else if (unit.kind === "message") {
      const verdict = judge(parameters.blockGasLimit);
      const used = verdict.included ? verdict.gas : 0n;
      place = { ...place, position, budget: spend(place.budget, used) };
    } else place = { ...place, position, phase: "between" };
  }
  return { place, units, blocks, gas };
};
