import assert from "node:assert/strict";
import test from "node:test";
import { outsideRules, runCase } from "./machine.ts";
import { readStateCorpus, type StateCase } from "./state-corpus.ts";
import { corpus } from "./suite.ts";

const directory = corpus("evm/state");
const skip = directory === undefined ? "no evm/state in the corpora (set CORPORA)" : false;
/** Every so many cases run here; `npm run conformance -- machine` runs all. */
const STRIDE = 9;

test("official state tests run on the machine as in the library, opcode by opcode", { skip }, async () => {
  const { cases } = readStateCorpus(directory as string);
  const failures: string[] = [];
  let opcodes = 0;
  for (let i = 4; i < cases.length; i += STRIDE) {
    const state = cases[i] as StateCase;
    if (outsideRules(state) !== undefined) continue;
    const result = await runCase(state);
    opcodes += result.opcodes;
    if (result.difference !== undefined) failures.push(`${state.name}: ${result.difference}`);
  }
  assert.deepEqual(failures, []);
  assert.ok(opcodes > 10_000);
});
