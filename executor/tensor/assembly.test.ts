import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hasCode } from "../foundation/errors.ts";
import { denseStrides } from "./address.ts";
import { createAssembly, type Ref } from "./assembly.ts";
import { violations } from "./constraints.ts";
import { callGas, programGas } from "./gas.ts";
import { run } from "./reference.ts";
import { codeOf } from "./scalar.ts";

const add = (ref: Ref, imm: number) =>
  ({
    kind: "MAP",
    dtype: "i32",
    output: [ref.count],
    operands: [{ ref, stride: [1] }],
    instructions: [{ op: codeOf("ADD"), a: 0x80, b: 0xff, c: 0, imm }],
  }) as const;
const byte = { dtype: "u8", output: [4], interval: { lo: 0, hi: 255 } } as const;

describe("assembly", () => {
  it("puts inputs first whenever they come, and leaves out what no output needs", () => {
    const a = createAssembly();
    const x = a.input(byte);
    const dead = a.constant("u8", [1, 2]);
    a.operator(add(dead, 1));
    const table = a.constant("i32", [10, 20, 30, 40]);
    const early = a.operator(add(x, 1));
    a.operator(add(early, 5));
    const y = a.input(byte);
    const sum = a.operator({
      ...add(early, 0),
      operands: [early, y, table].map((ref) => ({ ref, stride: [1] })),
      instructions: [
        { op: codeOf("ADD"), a: 0x80, b: 0x81, c: 0, imm: 0 },
        { op: codeOf("ADD"), a: 0, b: 0x82, c: 0, imm: 0 },
      ],
    });
    const program = a.finish({ outputs: [sum] });
    assert.deepEqual(
      program.operators.map(({ kind }) => kind),
      ["INPUT", "INPUT", "MAP", "MAP"],
    );
    assert.equal(program.constants.length, 1);
    assert.deepEqual(program.outputs, [3]);
    assert.deepEqual(violations(program), []);
    const input = new Uint8Array(64);
    input.set([1, 2, 3, 4]);
    input.set([100, 0, 0, 200], 32);
    assert.deepEqual([...(run(program, input).tensors[3] ?? [])], [112, 23, 34, 245]);
  });

  it("keeps the order of outputs by copying what comes twice, out of order or from a constant", () => {
    const a = createAssembly();
    const x = a.input(byte);
    const first = a.operator(add(x, 1));
    const second = a.operator(add(x, 2));
    const program = a.finish({ outputs: [second, first, first, a.constant("i32", [9, 8, 7, 6]), x] });
    assert.deepEqual(violations(program), []);
    assert.equal(program.outputs.length, 5);
    const { output } = run(
      program,
      Uint8Array.from({ length: 32 }, (_, i) => (i < 4 ? i : 0)),
    );
    const word = (j: number) => [0, 4, 8, 12].map((at) => output[32 * j + at]);
    assert.deepEqual(
      [word(0), word(1), word(2), word(3)],
      [
        [2, 3, 4, 5],
        [1, 2, 3, 4],
        [1, 2, 3, 4],
        [9, 8, 7, 6],
      ],
    );
    assert.deepEqual([...output.subarray(128, 132)], [0, 1, 2, 3]);
  });

  it("stores equal constants once, by content and dtype", () => {
    const a = createAssembly();
    assert.deepEqual(a.constant("u8", [1, 2]).source, a.constant("u8", [1, 2]).source);
    assert.notDeepEqual(a.constant("u8", [1, 2]).source, a.constant("i8", [1, 2]).source);
    assert.deepEqual(a.constant("i32", [-5, 9]).interval, { lo: -5, hi: 9 });
    assert.deepEqual(a.constant("f32", [0.1]).interval, { lo: Math.fround(0.1), hi: Math.fround(0.1) });
  });

  it("declares the computed interval, or a wider one that was asked for", () => {
    const a = createAssembly();
    const x = a.input(byte);
    assert.deepEqual(a.operator(add(x, 1)).interval, { lo: 1, hi: 256 });
    assert.deepEqual(a.operator({ ...add(x, 1), interval: { lo: 0, hi: 999 } }).interval, { lo: 0, hi: 999 });
    assert.throws(
      () => a.operator({ ...add(x, 1), interval: { lo: 2, hi: 999 } }),
      (error) => hasCode(error, "INTERVAL_TOO_NARROW"),
    );
    assert.throws(
      () => a.operator({ ...add(x, 0), instructions: [{ op: codeOf("DIV"), a: 0x80, b: 0x80, c: 0, imm: 0 }] }),
      (error) => hasCode(error, "INTERVAL_UNBOUNDED") && error.data["constraint"] === "C9",
    );
  });

  it("refuses to finish what breaks a rule", () => {
    const malformed = (constraint: string) => (error: unknown) =>
      hasCode(error, "PROGRAM_MALFORMED") && error.data["constraint"] === constraint;
    const long = createAssembly();
    const x = long.input({ ...byte, output: [4097] });
    const sum = { kind: "REDUCE", dtype: "i32", output: [1], reduction: [4097], fold: "SUM" } as const;
    const y = long.operator({ ...sum, operands: [{ ref: x, stride: [0, 1] }] });
    assert.throws(() => long.finish({ outputs: [y] }), malformed("C7"));
    const wrapped = createAssembly();
    const c = wrapped.constant("u8", [300]);
    wrapped.input(byte);
    assert.throws(() => wrapped.finish({ outputs: [c] }), malformed("C14"));
    assert.throws(
      () => createAssembly().finish({ outputs: [] }),
      (error) => hasCode(error, "OUTPUT_MISSING"),
    );
  });

  it("has row-major strides", () => {
    assert.deepEqual(denseStrides([2, 3, 4]), [12, 4, 1]);
    assert.deepEqual(denseStrides([5]), [1]);
  });
});

describe("gas", () => {
  it("weighs operators, records and constants", () => {
    const a = createAssembly();
    const x = a.input(byte); // 4 elements, record of 8 + 4 + 16 + 8
    const w = a.constant("i8", [1, 2, 3, 4, 5, 6, 7, 8]); // 8 bytes
    const c = a.operator({
      kind: "CONTRACT",
      dtype: "i32",
      output: [2],
      reduction: [4],
      za: 0,
      zw: 0,
      operands: [
        { ref: x, stride: [0, 1] },
        { ref: w, stride: [4, 1] },
      ],
    });
    const t = a.operator({
      kind: "TOPK",
      dtype: "i32",
      output: [1],
      reduction: [2],
      operands: [{ ref: c, stride: [0, 1] }],
    });
    const g = a.operator({
      kind: "GATHER",
      dtype: "i32",
      output: [1],
      first: 0,
      num: 2,
      step: 1,
      operands: [
        { ref: t, stride: [1] },
        { ref: c, stride: [0] },
      ],
    });
    const m = a.operator({
      ...add(g, 0),
      dtype: "f32",
      instructions: [
        { op: codeOf("I2F"), a: 0x80, b: 0, c: 0, imm: 0 },
        { op: codeOf("FABS"), a: 0, b: 0, c: 0, imm: 0 },
        { op: codeOf("FSQRT"), a: 1, b: 0, c: 0, imm: 0 },
      ],
    });
    const records =
      36 + (8 + 8 + 16 + 2 * 36 + 4) + (8 + 8 + 16 + 36) + (8 + 4 + 16 + 2 * 28 + 20) + (8 + 4 + 16 + 28 + 25);
    const units = 4 + (2 * 4 + 2 * 8) + (2 * 8 * 1 + 8) + 8 + (2 + 1 + 1 + 4) + 64 * records + 8;
    const program = a.finish({ outputs: [m] });
    assert.equal(programGas(program), units);
    assert.equal(program.gas, units);
  });

  it("prices a call", () => {
    assert.equal(callGas(0, 0, 0), 20_000n);
    assert.equal(callGas(1, 32, 32), 20_007n);
    assert.equal(callGas(64, 33, 64), 20_013n);
    assert.equal(callGas(65, 64, 0), 20_008n);
  });
});
