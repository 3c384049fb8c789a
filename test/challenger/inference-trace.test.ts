import assert from "node:assert/strict";
import { test } from "node:test";
import { createInferenceTrace, LEVEL, type Trace } from "../../challenger/index.ts";
import { holdTrace } from "../../challenger/trace/trace.fixture.ts";
import {
  countOf,
  createHeldTrees,
  keccakOf,
  type Operator,
  openRun,
  type Program,
  runReference,
  tensorRoot,
  toHex,
  utf8,
} from "../../executor/index.ts";
import { machineBefore } from "../support/inference-proof.ts";
import { deployLeafRules } from "../support/leaf-rules.ts";
import { createRandom, randomInput, randomProgram } from "../support/random-program.ts";

const rules = deployLeafRules({ height1: 25, most2: 18, most3: 29 });
const origin = keccakOf(utf8("the leaf of level 1"));

const traceOf = async (program: Program, seed: number, memory?: number) => {
  const input = randomInput(createRandom(seed), program);
  const openings = await openRun(program, input, createHeldTrees(memory));
  assert.ok(openings !== undefined);
  const { output, tensors } = runReference(program, input);
  assert.deepEqual(openings.output, output);
  const roots = tensors.map((tensor, i) => tensorRoot((program.operators[i] as Operator).dtype, tensor));
  assert.deepEqual(openings.roots.map(toHex), roots.map(toHex));
  return createInferenceTrace(machineBefore(program, input, 41), openings);
};

for (let seed = 0; seed < 6; seed++)
  test(`levels 2 and 3 of random program ${seed} are as the contracts say`, async () => {
    const program = randomProgram(createRandom(seed));
    const trace = await traceOf(program, seed);
    const judge = await rules;
    const finish = program.operators.length;
    const leaves = 2 ** trace.height;
    const positions = [...new Set([...Array(finish + 1).keys(), Math.min(finish + 1, leaves - 1), leaves - 1])];
    await holdTrace(trace, { origin, judge, positions, leaf: await trace.node(0, finish) });
    for (const index of positions.filter((i) => i < finish)) {
      const operator = program.operators[index] as Operator;
      const below = await trace.below(index);
      const count = countOf(operator);
      const elements = new Set([
        0,
        count >> 1,
        count - 1,
        Math.min(count, 2 ** below.height - 1),
        2 ** below.height - 1,
      ]);
      await holdTrace(below, {
        origin,
        judge,
        positions: [...elements],
        above: { trace, operator: index, origin },
      });
    }
  });

test("a tensor that was forgotten is found again", async () => {
  const program = randomProgram(createRandom(3));
  const [held, forgetful] = [await traceOf(program, 3), await traceOf(program, 3, 0)];
  for (let index = 0; index < program.operators.length; index++) {
    const [a, b] = [await held.below(index), await forgetful.below(index)];
    assert.deepEqual(await b.node(b.height, 0), await a.node(a.height, 0));
    assert.deepEqual(await b.evidence(0), await a.evidence(0));
  }
});

test("an input that the program refuses has no run", async () => {
  const program = randomProgram(createRandom(2));
  const input = randomInput(createRandom(2), program);
  assert.equal(await openRun(program, input.subarray(1)), undefined);
});

test("the suite finds whatever is wrong in a trace", async () => {
  const program = randomProgram(createRandom(4));
  const trace = await traceOf(program, 4);
  const finish = program.operators.length;
  const leaf = await trace.node(0, finish);
  const positions = [0, finish];
  const hold = async (wrong: Partial<Trace>) =>
    holdTrace({ ...trace, ...wrong }, { origin, judge: await rules, positions, leaf });
  await hold({});
  let asked = 0;
  const wrongs: readonly Partial<Trace>[] = [
    { node: async (height, index) => (height === 1 && index === 0 ? leaf : trace.node(height, index)) },
    { node: async (height, index) => (asked++ % 2 === 0 ? leaf : trace.node(height, index)) },
    { node: (height, index) => trace.node(height, Math.min(index, 2 ** (trace.height - height) - 1)) },
    { start: leaf },
    { pre: async (position) => (position === finish ? leaf : trace.pre(position)) },
    { leafKind: async () => ({ kind: "prove" }) },
    { evidence: (position) => trace.evidence(position === finish ? 0 : position) },
    { below: (position) => trace.below(position === finish ? 0 : position) },
  ];
  for (const [i, wrong] of wrongs.entries()) await assert.rejects(hold(wrong), assert.AssertionError, `fault ${i}`);
  await assert.rejects(
    holdTrace(trace, { origin, judge: await rules, positions, leaf: keccakOf(leaf) }),
    assert.AssertionError,
  );
});

test("packed elements are those below the node", async () => {
  const program = randomProgram(createRandom(1));
  const trace = await traceOf(program, 1);
  const below = await trace.below(0);
  const k = below.level - LEVEL.tensor;
  const word = await below.packed?.(k, 0);
  assert.equal(word?.length, 32);
  assert.deepEqual(await below.packed?.(k - 1, 1), word?.slice(16));
});
