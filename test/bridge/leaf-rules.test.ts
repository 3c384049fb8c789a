import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeGame } from "../../bridge/index.ts";
import { createInferenceTrace, LEVEL, type Trace } from "../../challenger/index.ts";
import { pastOf } from "../../challenger/trace/trace.fixture.ts";
import {
  type Bytes,
  type ClaimId,
  ceilLog2,
  concat,
  countOf,
  createAssembly,
  DTYPES,
  elementHeight,
  identityOf,
  keccak256,
  keccakOf,
  openRun,
  type Program,
  toHex,
  uintBE,
  utf8,
  ZERO_32,
} from "../../executor/index.ts";
import { PHASE } from "../../executor/machine/state/state.ts";
import { machineBefore } from "../support/inference-proof.ts";
import { deployLeafRules, type PastOfLeaf, type PlaceOfLeaf } from "../support/leaf-rules.ts";
import { createRandom, randomInput, randomProgram } from "../support/random-program.ts";

const HEIGHT_1 = 25;
const rules = deployLeafRules({ height1: HEIGHT_1, most2: 18, most3: 29 });

type Question = readonly [place: PlaceOfLeaf, past: PastOfLeaf, evidence: Bytes];

const past = (given: Partial<PastOfLeaf>): PastOfLeaf => ({
  origin: ZERO_32,
  start: ZERO_32,
  lefts: [],
  pre: ZERO_32,
  ...given,
});
const flipped = (bytes: Bytes, at: number): Bytes => bytes.with(at, (bytes[at] as number) ^ 1);

const says = async (question: Question, expected: unknown): Promise<void> =>
  assert.deepEqual(await (await rules).leafOf(...question), expected);
const refuses = async (question: Question, error = "BadEvidence"): Promise<void> => says(question, { error });

/** Evidence of which anything is changed, missing or too much is refused. */
const refusesOther = async ([place, left, evidence]: Question): Promise<void> => {
  const step = Math.max(1, Math.floor(evidence.length / 24));
  for (let at = 0; at < evidence.length; at += step) await refuses([place, left, flipped(evidence, at)]);
  for (const length of [0, 1, evidence.length - 32, evidence.length - 1])
    await refuses([place, left, evidence.subarray(0, Math.max(0, length))]);
  for (const more of [1, 32]) await refuses([place, left, concat(evidence, new Uint8Array(more))]);
};

const filler = (length: number, seed: number): Bytes =>
  Uint8Array.from({ length }, (_, i) => (i * 151 + seed * 77 + 13) & 0xff);

// --- level 0 -----------------------------------------------------------------------------------------------------------

const chainState = (phase: number, batch: bigint): Bytes =>
  concat(Uint8Array.of(0x11, phase), uintBE(batch, 8), filler(244, 1));
const gameTo = (limitBatch: bigint): Bytes =>
  encodeGame({
    l1ChainId: 31337n,
    registry: `0x${"a1".repeat(20)}`,
    parent: toHex(filler(32, 2)) as ClaimId,
    limitBatch,
    lineage: toHex(filler(32, 3)),
  });

const atChain = (game: Bytes, state: Bytes): Question => [
  { level: LEVEL.chain, position: 3 },
  past({ origin: keccak256(game), pre: keccak256(state) }),
  concat(game, state),
];

test("level 0: a unit before the game's limit has a tree of level 1, behind it is padding", async () => {
  const refined = { leaf: { kind: "refine", level: LEVEL.execution, height: HEIGHT_1 }, post: toHex(ZERO_32) };
  for (const phase of [0, 1]) {
    for (const batch of [0n, 6n]) await says(atChain(gameTo(7n), chainState(phase, batch)), refined);
    for (const batch of [7n, 8n, 2n ** 64n - 1n]) {
      const state = chainState(phase, batch);
      await says(atChain(gameTo(7n), state), { leaf: { kind: "prove" }, post: toHex(keccak256(state)) });
    }
  }
});

test("level 0: another game, another state and what is no chain state are refused", async () => {
  const state = chainState(0, 6n);
  await refusesOther(atChain(gameTo(7n), state));
  const [place, left] = atChain(gameTo(7n), state);
  await refuses([place, left, concat(gameTo(5n), state)]);
  await refuses(atChain(gameTo(7n), chainState(2, 6n)));
  await refuses(atChain(gameTo(7n), state.with(0, 0x10)));
  await refuses(atChain(concat(gameTo(7n), uintBE(0, 8)), state));
});

// --- level 1 -----------------------------------------------------------------------------------------------------------

const atExecution = (position: number, state: Bytes, evidence = state): Question => [
  { level: LEVEL.execution, position },
  past({ pre: keccak256(state) }),
  evidence,
];

test("level 1: a chain state is the unit's begin at the first leaf, and padding behind", async () => {
  for (const phase of [0, 1]) {
    const state = chainState(phase, 6n);
    await refuses(atExecution(0, state));
    for (const position of [1, 2, 2 ** HEIGHT_1 - 1])
      await says(atExecution(position, state), { leaf: { kind: "prove" }, post: toHex(keccak256(state)) });
  }
  await refusesOther(atExecution(1, chainState(0, 6n)));
  await refuses(atExecution(1, chainState(2, 6n)));
});

const machineState = (phase: number): Bytes => concat(Uint8Array.of(0x10, phase, 0, 0), filler(124, 3));

test("level 1: what is no state and no part's evidence is refused, and a unit's begin stands at its first leaf alone", async () => {
  for (let phase = 1; phase <= 16; phase++) {
    if (phase !== PHASE.admit) await refuses(atExecution(5, machineState(phase)));
    for (let part = 0; part < 0x10; part++) await refuses(atExecution(5, machineState(phase), Uint8Array.of(part)));
  }
  for (const bad of [machineState(6).with(0, 0x45), machineState(6).subarray(1), new Uint8Array(0)])
    await refuses(atExecution(5, bad));
  await says(atExecution(5, machineState(PHASE.admit)), {
    leaf: { kind: "refine", level: LEVEL.inference, height: 18 },
    post: toHex(ZERO_32),
  });
  await refusesOther(atExecution(5, machineState(PHASE.admit)));
  const begin = concat(Uint8Array.of(0), chainState(1, 6n));
  await refuses(atExecution(5, chainState(1, 6n), begin));
});

// --- level 2 -----------------------------------------------------------------------------------------------------------

const programs = Array.from({ length: 4 }, (_, seed) => randomProgram(createRandom(40 + seed)));
const origin = keccakOf(utf8("a leaf of level 1"));

const callOf = (program: Program) => {
  const call = machineBefore(program, randomInput(createRandom(9), program), 7);
  const evidence = concat(call.state, call.rest, call.registers, identityOf(program).preimage);
  return { call, evidence, hash: keccak256(call.state) };
};
const traceOf = async (program: Program): Promise<Trace> => {
  const openings = await openRun(program, randomInput(createRandom(9), program));
  assert.ok(openings !== undefined);
  return createInferenceTrace(callOf(program).call, openings);
};
const atInference = async (trace: Trace, position: number): Promise<Question> => [
  { level: LEVEL.inference, position },
  await pastOf(trace, position, origin),
  await trace.evidence(position),
];

test("level 1: a call of a model has a tree of level 2, as high as its program is long", async () => {
  for (const program of programs) {
    const { evidence, hash } = callOf(program);
    const question: Question = [{ level: LEVEL.execution, position: 5 }, past({ pre: hash }), evidence];
    const height = ceilLog2(program.operators.length + 1);
    await says(question, { leaf: { kind: "refine", level: LEVEL.inference, height }, post: toHex(ZERO_32) });
  }
  const { evidence, hash } = callOf(programs[0] as Program);
  await refusesOther([{ level: LEVEL.execution, position: 5 }, past({ pre: hash }), evidence]);
});

test("level 2: operators, finish and padding by position", async () => {
  for (const program of programs) {
    const trace = await traceOf(program);
    for (const [position, { dtype, output }] of program.operators.entries()) {
      const level = LEVEL.tensor + DTYPES[dtype].wordExponent;
      const height = elementHeight(dtype, countOf({ output }));
      await says(await atInference(trace, position), {
        leaf: { kind: "descend", level, height },
        post: toHex(ZERO_32),
      });
    }
    const finish = program.operators.length;
    for (const position of [finish, finish + 1, finish + 2].filter((i) => i < 2 ** trace.height))
      await says(await atInference(trace, position), {
        leaf: { kind: "prove" },
        post: toHex(await trace.node(0, finish)),
      });
  }
});

test("level 2: whatever else is shown is refused", async () => {
  const program = programs.find(
    ({ operators }) => 2 ** ceilLog2(operators.length + 1) > operators.length + 1,
  ) as Program;
  const trace = await traceOf(program);
  const finish = program.operators.length;
  for (const position of [0, finish - 1, finish, finish + 1]) {
    const [place, left, evidence] = await atInference(trace, position);
    await refusesOther([place, left, evidence]);
    await refuses([place, { ...left, start: keccakOf(left.start) }, evidence]);
  }
  // The evidence of one place is none of another.
  const [first, second] = [await atInference(trace, 0), await atInference(trace, 1)];
  await refuses([second[0], second[1], first[2]]);
  // Outputs are those of the tree to the left.
  const [place, left, evidence] = await atInference(trace, finish);
  for (let i = 0; i < left.lefts.length; i++) {
    const lefts = left.lefts.map((node, j) => (i === j ? keccakOf(node) : node));
    const { leaf, error } = {
      leaf: undefined,
      error: undefined,
      ...(await (await rules).leafOf(place, { ...left, lefts }, evidence)),
    };
    const holdsOutput = program.outputs.some((index) => subtreeOf(finish, index) === i);
    assert.equal(leaf === undefined, holdsOutput, `${error}`);
  }
});

/** Less than an L1 transaction may have, without what its own bytes cost. */
const MOST_GAS = 12_000_000n;

test("level 2: outputs as long as a program may have are opened in one transaction", async () => {
  const assembly = createAssembly();
  const program = assembly.finish({
    outputs: [assembly.input({ dtype: "u8", output: [98_176], interval: DTYPES.u8 })],
  });
  const trace = await traceOf(program);
  const [place, left, evidence] = await atInference(trace, 1);
  assert.ok(evidence.length < 100_000);
  assert.deepEqual(await (await rules).leafOf(place, left, evidence, MOST_GAS), {
    leaf: { kind: "prove" },
    post: toHex(await trace.node(0, 1)),
  });
});

/** Which of the subtrees left of leaf `position` holds leaf `index`. */
const subtreeOf = (position: number, index: number): number => {
  let which = 0;
  let from = 0;
  for (let height = 20; height >= 0; height--) {
    if ((position >>> height) % 2 === 0) continue;
    if (index < from + 2 ** height) return which;
    from += 2 ** height;
    which++;
  }
  throw new RangeError(`${index} is not left of ${position}`);
};

/** A call of a program that says it has so many operators. */
const callOfLong = (operators: number): Question => {
  const { call } = callOf(programs[0] as Program);
  const identity = identityOf(programs[0] as Program).preimage.slice();
  identity.set(uintBE(operators, 4), 12);
  const registers = call.registers.slice();
  registers.set(keccakOf(Uint8Array.of(0x16), identity), 78);
  const rest = call.rest.slice();
  rest.set(keccak256(registers), 269);
  const state = call.state.slice();
  state.set(keccak256(rest), 96);
  const evidence = concat(state, rest, registers, identity);
  return [{ level: LEVEL.execution, position: 5 }, past({ pre: keccak256(state) }), evidence];
};

test("all that may be admitted has trees, and what is higher is refused", async () => {
  await says(callOfLong(65_535), {
    leaf: { kind: "refine", level: LEVEL.inference, height: 16 },
    post: toHex(ZERO_32),
  });
  await refuses(callOfLong(65_536));
  for (const [most2, most3] of [
    [17, 29],
    [18, 28],
  ] as const)
    await assert.rejects(deployLeafRules({ height1: HEIGHT_1, most2, most3 }));
});

test("other levels have no leaves here", async () => {
  const question = atExecution(1, chainState(0, 6n));
  for (const level of [3, 0x30, 0x35, 0xff]) await refuses([{ level, position: 1 }, question[1], question[2]]);
});

test("level 3: an element is the tensor verifier's word, and a lack of gas is told as such", async () => {
  const program = programs[1] as Program;
  const trace = await traceOf(program);
  const operator = program.operators.length - 1;
  const below = await trace.below(operator);
  const left = await pastOf(trace, operator, origin);
  const place = { k: below.level - LEVEL.tensor, position: 0, operator };
  const evidence = await below.evidence(0);
  const { elementOf } = await rules;
  const right = { post: toHex(await below.node(0, 0)) };
  assert.deepEqual(await elementOf(place, left, evidence), right);
  assert.deepEqual(await elementOf(place, left, flipped(evidence, 30)), { error: "BadEvidence" });
  assert.deepEqual(await elementOf({ ...place, k: place.k === 5 ? 3 : 5 }, left, evidence), { error: "BadEvidence" });
  const answers = [];
  for (let gas = 20_000n; ; gas = (gas * 21n) / 20n) {
    const answer = await elementOf(place, left, evidence, gas);
    if ("post" in answer) {
      assert.deepEqual(answer, right);
      break;
    }
    answers.push(answer.error);
  }
  assert.ok(answers.includes("NotEnoughGas"), answers.join());
  assert.deepEqual(
    answers.filter((error) => !["NotEnoughGas", "out of gas"].includes(error)),
    [],
  );
});
