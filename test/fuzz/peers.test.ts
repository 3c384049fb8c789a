import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzPeers } from "./peers.ts";

const SEED = 32_000;

test("mutated messages neither stop a node nor make it believe them, and are held against their senders", {
  timeout: 120_000,
}, async (t) => {
  const tally = await fuzzPeers(t, { seed: SEED, sent: 100, judged: 2_000 });
  assert.deepEqual(tally.findings, []);
  assert.equal(tally.sent + tally.judged, 2_100);
  assert.ok(tally.bans > 2 && tally.reached > 80);
  assert.ok(tally.penalties > 1_000);
  for (const [kind, count] of tally.byKind) assert.ok(count > 50, kind);
});
