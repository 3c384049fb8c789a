import assert from "node:assert/strict";
import test from "node:test";
import { deriveRandomBatches } from "../chain/units.fixture.ts";
import { compareUnits, MEDIA } from "./machine.fixture.ts";
import { PHASE } from "./state/state.ts";

for (const medium of MEDIA)
  test(`random batches in ${medium}: the machine ends every unit in the chain's state`, async () => {
    const { chain, inbox, units } = await deriveRandomBatches(7, 12);
    const seen = await compareUnits(chain, inbox, medium);
    assert.equal(
      seen.units,
      units.reduce((sum, count) => sum + count, 0),
    );
    assert.equal(seen.phases.has(PHASE.load), medium === "blobs");
  });
