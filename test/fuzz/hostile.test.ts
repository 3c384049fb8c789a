import assert from "node:assert/strict";
import { test } from "node:test";
import { playWorld } from "./hostile.ts";

test("against a hostile sequencer and hostile claimants at once, the honest side wins, and is paid", async (t) => {
  const { findings, games, behind } = await playWorld(t, { seed: 3, blocks: 16 });
  assert.deepEqual(findings, []);
  assert.ok(games > 1, "there were games");
  assert.ok(behind > 0, "records waited for their claims");
});
