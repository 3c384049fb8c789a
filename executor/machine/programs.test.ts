import assert from "node:assert/strict";
import test from "node:test";
import { compareUnits, MEDIA } from "./machine.fixture.ts";
import { deriveRandomPrograms } from "./programs.fixture.ts";
import { PHASE } from "./state/state.ts";

/** Opcodes that random programs of these seeds reach, and more. */
const OPCODES = 65;

test("random programs: calls, creations, destructions, access lists, reverts end as the chain's", async () => {
  const phases = new Set<number>();
  const opcodes = new Set<number>();
  let steps = 0;
  for (let seed = 1; seed <= 6; seed++) {
    const { chain, inbox } = await deriveRandomPrograms(seed);
    const seen = await compareUnits(chain, inbox, MEDIA[seed % 2] as (typeof MEDIA)[number]);
    for (const phase of seen.phases) phases.add(phase);
    for (const opcode of seen.opcodes) opcodes.add(opcode);
    steps += seen.steps;
  }
  for (const phase of [PHASE.load, PHASE.access, PHASE.initcode, PHASE.bulk, PHASE.precompile, PHASE.deposit])
    assert.ok(phases.has(phase), `phase ${phase}`);
  assert.ok(opcodes.size >= OPCODES, `${opcodes.size} opcodes`);
  assert.ok(steps > 10_000, `${steps} steps`);
});
