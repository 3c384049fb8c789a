import assert from "node:assert/strict";
import test from "node:test";
import type { ClaimId, StateHash } from "../foundation/ids.ts";
import type { Block } from "../protocol/block.ts";
import type { Claim, L1View } from "./backend.ts";
import { expectationFrom } from "./expectation.ts";

/** An L1 of 12 s a block; batches are built on blocks 100, 110, …, 190 and posted 4 blocks later. */
const PACE = 12n;
const at = (number: bigint) => 1_000n + PACE * number;
const RECORDS = Array.from({ length: 10 }, (_, i) => {
  const number = 100n + 10n * BigInt(i);
  return { origin: { number, timestamp: at(number) }, l1Block: number + 4n };
});
const L1: L1View = {
  head: { number: 200n, hash: "0x00", timestamp: at(200n) },
  finalized: 150n,
  recordCount: 10n,
  record: (index) => RECORDS[Number(index)],
  depositOf: () => undefined,
};
const EMPTY: L1View = { ...L1, recordCount: 0n, record: () => undefined };

const blockOf = (origin: bigint): Block => ({ origin: { number: origin, timestamp: at(origin) } }) as unknown as Block;
const CLAIM: Claim = {
  id: "0x01" as ClaimId,
  parent: "0x00" as ClaimId,
  state: "open",
  endState: "0x02" as StateHash,
  outputRoot: "0x03",
  blockNumber: 7n,
  limitBatch: 8n,
  madeAt: 190n,
  createdAt: at(190n),
  confirmedAt: undefined,
  staker: "0x04",
  stake: 1n,
  timer: 10n,
  isRunning: true,
};
const PARENT: Claim = { ...CLAIM, id: "0x00" as ClaimId, madeAt: 175n, timer: 25n };

test("a block is on L1 as long after its origin as the newest batch was", () => {
  const { posted } = expectationFrom(L1);
  assert.equal(posted(blockOf(198n)), at(202n));
  assert.equal(posted(blockOf(196n)), undefined, "late");
  assert.equal(expectationFrom(EMPTY).posted(blockOf(198n)), undefined);
});

test("a batch is final when as many L1 blocks are above it as are not final now", () => {
  const { finalized } = expectationFrom(L1);
  assert.equal(finalized(blockOf(150n)), at(204n), "posted in 154, and 150 is final at 200");
  assert.equal(finalized(blockOf(190n)), at(244n));
  assert.equal(finalized(blockOf(155n)), undefined, "L1 has no batch of that origin");
  assert.equal(finalized(blockOf(140n)), undefined, "late");
  assert.equal(expectationFrom({ ...L1, head: undefined }).finalized(blockOf(190n)), undefined);
});

test("the next claim has what was on L1 when the newest was made, the one after it the rest", () => {
  const { claimed } = expectationFrom(L1);
  assert.equal(claimed(blockOf(180n), CLAIM, PARENT), at(205n));
  assert.equal(claimed(blockOf(190n), CLAIM, PARENT), at(220n));
  assert.equal(claimed(blockOf(199n), CLAIM, PARENT), undefined, "not on L1");
});

test("a claim is confirmed when the rest of the period is over, while its time runs", () => {
  const { confirmed } = expectationFrom(L1);
  assert.equal(confirmed(CLAIM, PARENT, 50n), at(240n));
  assert.equal(confirmed(CLAIM, { ...PARENT, state: "confirmed", isRunning: false }, 50n), at(240n));
  assert.equal(confirmed({ ...CLAIM, isRunning: false }, PARENT, 50n), undefined);
  assert.equal(confirmed(CLAIM, { ...PARENT, isRunning: false }, 50n), undefined);
  assert.equal(confirmed({ ...CLAIM, state: "confirmed" }, PARENT, 50n), undefined);
  assert.equal(confirmed(CLAIM, PARENT, 10n), undefined, "late");
});
