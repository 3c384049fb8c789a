import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, uintBE } from "../foundation/bytes.ts";
import { encodeBatch } from "./batch.ts";
import { blockTimestamp, openingOf } from "./budget.ts";
import { type ChainParameters, DEVNET_PARAMETERS } from "./parameters.ts";
import { rulesAt } from "./rules.ts";
import { createRoll, randomBatch, walkRecord } from "./unit.fixture.ts";
import { type UnitPlace, unitAt } from "./unit.ts";

const PARAMETERS: ChainParameters = {
  ...DEVNET_PARAMETERS,
  maxDrift: 600n,
  maxLag: 10n,
  budget: { rate: 1_000n, cap: 500_000n, block: 50_000n, refusal: 21_000n },
};
const { rate, cap, block, refusal } = PARAMETERS.budget;
const NOW = 1_000n;
const origin = { number: 7n, timestamp: NOW };
const START = { batch: 3n, cursor: 0, delayed: 0n };
const place = (budget: bigint, fields: Partial<UnitPlace> = {}): UnitPlace => ({
  phase: "between",
  position: START,
  timestamp: NOW,
  budget,
  ...fields,
});
const recordOf = (data: Uint8Array, delayedEnd = 0n) => ({ data, delayedEnd, origin });
const oneBlock = encodeBatch([{ timestamp: NOW, envelopes: [Uint8Array.of(1)] }]);

test("a timestamp lies between its bounds around the origin's, and never before the parent's", () => {
  const at = (parent: bigint, given: bigint) => blockTimestamp(parent, given, origin, PARAMETERS);
  assert.equal(at(0n, 0n), NOW - 10n);
  assert.equal(at(0n, NOW - 10n), NOW - 10n);
  assert.equal(at(0n, NOW), NOW);
  assert.equal(at(0n, NOW + 600n), NOW + 600n);
  assert.equal(at(0n, NOW + 601n), NOW + 600n);
  assert.equal(at(NOW + 900n, 0n), NOW + 900n, "a parent that is ahead already");
  assert.equal(at(2n ** 64n - 1n, 2n ** 64n), 2n ** 64n - 1n);
});

test("time adds to the budget up to its cap, a block takes its price, and the gas limit is what is left", () => {
  const opening = (budget: bigint, seconds: bigint, hasMessages = false) =>
    openingOf({ timestamp: NOW, budget }, { timestamp: NOW + seconds, origin, hasMessages }, PARAMETERS);
  const rules = rulesAt(PARAMETERS, NOW);
  assert.deepEqual(opening(block, 0n), { timestamp: NOW, budget: 0n, gasLimit: 0n, isPaid: true, rules });
  assert.equal(opening(block - 1n, 0n).isPaid, false);
  assert.equal(opening(block - rate, 1n).isPaid, true);
  assert.equal(opening(0n, 100n).budget, 100n * rate - block);
  assert.equal(opening(cap, 100n).budget, cap - block);
  const withMessages = opening(0n, 0n, true);
  assert.deepEqual([withMessages.budget, withMessages.gasLimit], [0n, PARAMETERS.blockGasLimit]);
});

test("what the budget does not pay for is passed over at once", () => {
  const record = recordOf(oneBlock);
  const begun = unitAt(place(block), record, PARAMETERS);
  assert.equal(begun.kind, "begin");
  assert.deepEqual(unitAt(place(block - 1n), record, PARAMETERS), {
    kind: "skip",
    after: { ...START, cursor: oneBlock.length },
  });
  const open = (budget: bigint) => place(budget, { phase: "open", position: { ...START, cursor: 13 } });
  assert.equal(unitAt(open(refusal), record, PARAMETERS).kind, "envelope");
  assert.deepEqual(unitAt(open(refusal - 1n), record, PARAMETERS), {
    kind: "end",
    after: { ...START, cursor: 13 },
  });
  // What is left lies in no block.
  assert.deepEqual(unitAt({ ...open(refusal - 1n), phase: "between" }, record, PARAMETERS), {
    kind: "skip",
    after: { ...START, cursor: oneBlock.length },
  });
});

test("behind the end of the rules no unit is known: no block that begins, and none that is passed over", () => {
  const ending = { ...PARAMETERS, forks: { osaka: 0n, later: NOW } };
  const record = recordOf(oneBlock, 1n);
  for (const budget of [block, block - 1n]) {
    assert.throws(() => unitAt(place(budget), record, ending), { code: "FORK_UNKNOWN" });
    assert.equal(
      unitAt(place(budget), record, { ...ending, forks: { later: NOW + 1n } }).kind === "begin",
      budget === block,
    );
  }
  const atEnd = { ...START, cursor: oneBlock.length };
  assert.throws(() => unitAt(place(block, { position: atEnd }), record, ending), { code: "FORK_UNKNOWN" });
  // An open block ends by its own rules, and the next record is taken up by nobody's.
  const open = { phase: "open", timestamp: NOW - 1n, position: { ...atEnd, delayed: 1n } } as const;
  assert.equal(unitAt(place(block, open), record, ending).kind, "end");
  assert.equal(unitAt(place(block, { position: open.position }), record, ending).kind, "skip");
});

test("delayed messages run whatever the budget, in a block of their own if need be", () => {
  const record = recordOf(oneBlock, 2n);
  const passed = unitAt(place(0n), record, PARAMETERS);
  assert.equal(passed.kind, "skip");
  const atEnd = unitAt(place(0n, { position: passed.after }), record, PARAMETERS);
  assert.ok(atEnd.kind === "begin");
  assert.equal(atEnd.attributes.hasMessages, true);
  assert.equal(atEnd.opening.gasLimit, PARAMETERS.blockGasLimit);
  assert.equal(unitAt(place(0n, { phase: "open" }), record, PARAMETERS).kind, "message");
});

test("an envelope in no block takes the rest of its batch with it", () => {
  const stray = concat(uintBE(1, 4), Uint8Array.of(1), oneBlock);
  assert.deepEqual(unitAt(place(cap), recordOf(stray), PARAMETERS), {
    kind: "skip",
    after: { ...START, cursor: stray.length },
  });
});

test("units, blocks and gas of random batches stay below what bytes, time and messages pay for", () => {
  const roll = createRoll(20_261);
  for (let run = 0; run < 300; run++) {
    let state = place(cap, { position: { batch: 0n, cursor: 0, delayed: 0n }, timestamp: NOW });
    let gas = 0n;
    let blocks = 0;
    let units = 0;
    let delayedEnd = 0n;
    let now = NOW;
    const records = 1 + roll(6);
    for (let index = 0; index < records; index++) {
      now += BigInt(roll(40));
      delayedEnd += BigInt(roll(3));
      const record = { data: randomBatch(roll, now), delayedEnd, origin: { number: 1n, timestamp: now } };
      const walked = walkRecord(state, record, PARAMETERS, (available) => {
        if (available < 21_000n || roll(2) === 0) return { included: false };
        return { included: true, gas: 21_000n + BigInt(roll(Number(available - 21_000n) + 1)) };
      });
      state = walked.place;
      units += walked.units;
      blocks += walked.blocks;
      gas += walked.gas;
    }
    const paid = cap + rate * (now + PARAMETERS.maxDrift - NOW);
    assert.ok(gas <= paid);
    assert.ok(BigInt(blocks - records) * block <= paid);
    assert.ok(BigInt(units) <= paid / refusal + delayedEnd + 4n * BigInt(records));
  }
});
