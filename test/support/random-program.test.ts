import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  bytesOf,
  type Constant,
  constantData,
  countOf,
  createTensorTree,
  decodeProgram,
  element,
  encodeProgram,
  hasCode,
  INSTRUCTIONS,
  type Interval,
  KINDS,
  type Operator,
  packTensor,
  programId,
  readProgram,
  runReference,
  type Source,
  tensorRoot,
  unpackTensor,
  violations,
} from "../../executor/index.ts";
import { foldsSomething, readsInside } from "../../executor/tensor/liveness.ts";
import { createRandom, randomInput, randomProgram } from "./random-program.ts";

const SEEDS = Array.from({ length: 400 }, (_, seed) => seed);

describe("random programs", () => {
  it("are well-formed, survive their bytes, and use every operator, instruction and kind of guard", () => {
    const kinds = new Map<string, number>();
    const instructions = new Set<number>();
    let guarded = 0;
    let backwards = 0;
    for (const seed of SEEDS) {
      const program = randomProgram(createRandom(seed));
      assert.deepEqual(violations(program), []);
      const bytes = encodeProgram(program);
      const back = readProgram(bytes);
      assert.deepEqual(encodeProgram(back), bytes);
      assert.equal(programId(back), programId(program));
      for (const operator of program.operators) {
        kinds.set(operator.kind, (kinds.get(operator.kind) ?? 0) + 1);
        if (operator.kind === "MAP") for (const { op } of operator.instructions) instructions.add(op);
        for (const { guards, stride } of operator.operands) {
          if (guards.length > 0) guarded++;
          if (stride.some((s) => s < 0)) backwards++;
        }
      }
    }
    for (const kind of KINDS) assert.ok((kinds.get(kind) ?? 0) > 50, `${kind}: ${kinds.get(kind)}`);
    assert.equal(instructions.size, INSTRUCTIONS.length);
    assert.ok(guarded > 80 && backwards > 80, `${guarded} guarded, ${backwards} backwards`);
  });

  it("read beyond tensors, fold nothing, and have elements outside their intervals", () => {
    const seen = { reachingOut: 0, nothing: 0, constants: 0, inputs: 0 };
    const outside = (stored: ArrayLike<number>, { lo, hi }: Interval): boolean =>
      Array.from(stored).some((v) => !(v >= lo && v <= hi) || Object.is(v, -0));
    for (const seed of SEEDS) {
      const random = createRandom(seed);
      const program = randomProgram(random);
      const input = randomInput(random, program);
      for (const { dtype, count, data, interval } of program.constants)
        if (outside(unpackTensor(dtype, count, data), interval)) seen.constants++;
      for (const operator of program.operators) {
        const { dtype, interval, operands, kind } = operator;
        if (kind === "INPUT") {
          const stored = input.subarray(operator.offset, operator.offset + bytesOf(dtype, countOf(operator)));
          if (outside(unpackTensor(dtype, countOf(operator), stored), interval)) seen.inputs++;
        }
        for (const j of operands.keys()) if (!readsInside(operator, j)) seen.reachingOut++;
        if (kind === "REDUCE" && !foldsSomething(operator)) seen.nothing++;
      }
    }
    assert.ok(seen.reachingOut > 100 && seen.nothing > 20, JSON.stringify(seen));
    assert.ok(seen.constants > 50 && seen.inputs > 30, JSON.stringify(seen));
  });

  it("follow from their seed", () => {
    const bytesOfSeed = (seed: number) => {
      const random = createRandom(seed);
      const program = randomProgram(random);
      return [encodeProgram(program), randomInput(random, program)];
    };
    assert.deepEqual(bytesOfSeed(7), bytesOfSeed(7));
    assert.notDeepEqual(bytesOfSeed(7), bytesOfSeed(8));
  });

  it("stay in their declared intervals and are exact in every element", () => {
    let edges = 0;
    for (const seed of SEEDS) {
      const random = createRandom(seed);
      const program = randomProgram(random);
      const { tensors, output } = runReference(program, randomInput(random, program));
      for (const [index, operator] of program.operators.entries()) {
        const tensor = tensors[index] as ArrayLike<number>;
        assert.equal(tensor.length, countOf(operator));
        const { lo, hi } = operator.interval;
        for (let i = 0; i < tensor.length; i++) {
          const v = tensor[i] as number;
          assert.ok(v >= lo && v <= hi, `${operator.kind} ${v} in ${lo}..${hi} (seed ${seed})`);
          assert.ok(operator.dtype === "f32" ? Math.fround(v) === v : Number.isSafeInteger(v));
          if (v === lo || v === hi) edges++;
        }
        assert.deepEqual(
          [...unpackTensor(operator.dtype, tensor.length, packTensor(operator.dtype, tensor))],
          [...Array.from(tensor)],
        );
      }
      assert.equal(output.length % 32, 0);
    }
    assert.ok(edges > 1000, `${edges} values at the edge of their interval`);
  });

  it("give each element from the elements it reads alone", () => {
    for (const seed of SEEDS.slice(0, 60)) {
      const random = createRandom(seed);
      const program = randomProgram(random);
      const { tensors } = runReference(program, randomInput(random, program));
      const elementOf = ({ constant, index }: Source, at: number): number => {
        if (!constant) return tensors[index]?.[at] ?? Number.NaN;
        return constantData(program.constants[index] as Constant)[at] ?? Number.NaN;
      };
      for (const [index, operator] of program.operators.entries()) {
        const count = countOf(operator);
        for (const i of [0, count - 1, random.below(count), count]) {
          const read = (j: number, at: number) =>
            operator.kind === "INPUT"
              ? elementOf({ constant: false, index }, at)
              : elementOf(operator.operands[j]?.source as Source, at);
          assert.equal(element(operator as Operator, i, read), i < count ? tensors[index]?.[i] : 0);
        }
      }
    }
  });

  it("commit to every operator's output by one tree", () => {
    for (const seed of SEEDS.slice(0, 30)) {
      const random = createRandom(seed);
      const program = randomProgram(random);
      const { tensors } = runReference(program, randomInput(random, program));
      for (const [index, { dtype }] of program.operators.entries()) {
        const tensor = tensors[index] as ArrayLike<number>;
        assert.deepEqual(createTensorTree(dtype, packTensor(dtype, tensor)).root, tensorRoot(dtype, tensor));
      }
    }
  });

  it("decode from changed bytes to themselves or not at all, and are never judged by an accident", () => {
    let refused = 0;
    let kept = 0;
    for (const seed of SEEDS) {
      const random = createRandom(seed);
      const bytes = encodeProgram(randomProgram(random));
      for (let round = 0; round < 12; round++) {
        let changed = bytes.slice();
        for (let n = random.between(1, 3); n > 0; n--)
          changed[random.below(changed.length)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
        if (random.chance(0.1)) changed = changed.slice(0, random.below(changed.length));
        if (random.chance(0.05)) changed = Uint8Array.of(...changed, random.below(256));
        try {
          const program = decodeProgram(changed);
          assert.deepEqual(encodeProgram(program), changed);
          kept++;
          for (const { constraint } of violations(program)) assert.match(constraint, /^C([1-9]|1[0-6])$/);
        } catch (error) {
          if (!hasCode(error, "PROGRAM_MALFORMED") && !hasCode(error, "PROGRAM_FORMAT")) throw error;
          refused++;
        }
      }
    }
    assert.ok(refused > 500 && kept > 500, `${refused} refused, ${kept} kept`);
  });

  it("never leave their intervals or read outside when changed bytes are still well-formed", () => {
    let accepted = 0;
    for (const seed of SEEDS) {
      const random = createRandom(seed);
      const bytes = encodeProgram(randomProgram(random));
      for (let round = 0; round < 20; round++) {
        const changed = bytes.slice();
        const at = 96 + random.below(bytes.length - 96);
        changed[at] = random.pick([(changed[at] as number) + 1, (changed[at] as number) - 1, random.below(256)]);
        let program: ReturnType<typeof readProgram>;
        try {
          program = readProgram(changed);
        } catch (error) {
          if (!hasCode(error, "PROGRAM_MALFORMED") && !hasCode(error, "PROGRAM_FORMAT")) throw error;
          continue;
        }
        if (program.gas > 200_000) continue;
        accepted++;
        const { tensors } = runReference(program, randomInput(random, program));
        for (const [index, { interval, dtype }] of program.operators.entries())
          for (const v of tensors[index] ?? []) {
            assert.ok(v >= interval.lo && v <= interval.hi, `seed ${seed}, operator ${index}: ${v}`);
            assert.ok(dtype === "f32" ? Math.fround(v) === v : Number.isSafeInteger(v));
          }
      }
    }
    assert.ok(accepted > 300, `${accepted} accepted`);
  });
});
