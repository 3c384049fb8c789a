import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toHex } from "../foundation/bytes.ts";
import { hasCode } from "../foundation/errors.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { createAssembly } from "./assembly.ts";
import { encodeOperator, encodeProgram, operatorRecordBytes } from "./codec.ts";
import { readProgram } from "./constraints.ts";
import { decodeProgram } from "./decode.ts";
import type { Program } from "./program.ts";
import { codeOf, immediateBits } from "./scalar.ts";

/** Every kind of operator once, every dtype, guards, negative strides. */
const everything = (): Program => {
  const a = createAssembly();
  const bytes = a.input({ dtype: "u8", output: [2, 6], interval: { lo: 0, hi: 200 } });
  const floats = a.input({ dtype: "f32", output: [4], interval: { lo: -1.5, hi: 2 } });
  const w = a.constant("i8", [1, -2, 3, 4, -5, 6]);
  const big = a.constant("i64", [-(2 ** 53 - 1), 2 ** 40, 7]);
  const moved = a.operator({
    kind: "MOVE",
    dtype: "u8",
    output: [3, 4],
    fill: 9,
    operands: [{ ref: bytes, base: 11, stride: [-4, -1], guards: [{ off: -1, coef: [1, 0], limit: 2 }] }],
  });
  const sums = a.operator({
    kind: "CONTRACT",
    dtype: "i32",
    output: [2],
    reduction: [6],
    za: 3,
    zw: -4,
    operands: [
      { ref: moved, stride: [6, 1] },
      { ref: w, stride: [0, 1] },
    ],
  });
  const gathered = a.operator({
    kind: "GATHER",
    dtype: "i64",
    output: [2],
    first: -7,
    num: 3,
    step: -1,
    operands: [
      { ref: sums, stride: [1] },
      { ref: big, base: 2, stride: [0] },
    ],
  });
  const best = a.operator({
    kind: "REDUCE",
    dtype: "i64",
    output: [1],
    reduction: [2],
    fold: "MIN",
    operands: [{ ref: gathered, stride: [0, 1] }],
  });
  const order = a.operator({
    kind: "TOPK",
    dtype: "i32",
    output: [2],
    reduction: [4],
    operands: [{ ref: floats, stride: [0, 1] }],
  });
  const scaled = a.operator({
    kind: "MAP",
    dtype: "f32",
    output: [2],
    operands: [
      { ref: order, stride: [1] },
      { ref: best, stride: [0] },
    ],
    instructions: [
      { op: codeOf("LT"), a: 0x80, b: 0x81, c: 0, imm: 0 },
      { op: codeOf("I2F"), a: 0, b: 0, c: 0, imm: 0 },
      { op: codeOf("FMUL"), a: 1, b: 0xff, c: 0, imm: immediateBits("F", 0.3) },
    ],
  });
  return a.finish({ outputs: [best, scaled], meta: new TextEncoder().encode("a model") });
};

const refused = (bytes: Uint8Array, constraint: string, decode: (bytes: Uint8Array) => Program = decodeProgram) =>
  assert.throws(
    () => decode(bytes),
    (error) => hasCode(error, "PROGRAM_MALFORMED") && error.data["constraint"] === constraint,
  );

describe("codec", () => {
  it("lays out the smallest program byte by byte", () => {
    const a = createAssembly();
    const x = a.input({ dtype: "i8", output: [3], interval: { lo: -2, hi: 5 } });
    const program = a.finish({ outputs: [x] });
    const record = [
      ...[0, 2, 1, 0, 0, 0, 0, 8], // INPUT, i8, A, R, n, zero, bodyBytes
      ...[0, 0, 0, 3], // extent
      ...[255, 255, 255, 255, 255, 255, 255, 254], // lo
      ...[0, 0, 0, 0, 0, 0, 0, 5], // hi
      ...new Array(8).fill(0), // offset
    ];
    assert.deepEqual([...encodeOperator(program.operators[0] as Program["operators"][number])], record);
    const gas = 3 + 64 * record.length;
    const expected = [
      ...[0x41, 0x53, 0x50, 0x47, 0, 2, 0, 1],
      ...[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], // I, P, C, O
      ...[0, 0, 0, 0, 0, 0, gas >> 8, gas & 255, ...new Array(8).fill(0)], // gas, constantBytes
      ...[0, 0, 0, record.length, 0, 0, 0, 0], // recordBytes, metaBytes
      ...keccak256(Uint8Array.of(0x19)),
      ...new Array(16).fill(0),
      ...record,
      ...new Array(8).fill(0), // output 0
    ];
    assert.equal(toHex(encodeProgram(program)), toHex(Uint8Array.from(expected)));
  });

  it("gives back the program and the bytes", () => {
    const program = everything();
    const bytes = encodeProgram(program);
    const back = readProgram(bytes);
    assert.deepEqual(back, program);
    assert.deepEqual(encodeProgram(back), bytes);
    for (const operator of program.operators)
      assert.equal(encodeOperator(operator).length, operatorRecordBytes(operator));
  });

  it("reads artifacts that lie anywhere in a larger buffer", () => {
    const bytes = encodeProgram(everything());
    const shifted = new Uint8Array(bytes.length + 13);
    shifted.set(bytes, 7);
    assert.deepEqual(encodeProgram(readProgram(shifted.subarray(7, 7 + bytes.length))), bytes);
  });

  it("refuses trailing bytes, missing bytes and every non-zero filling byte", () => {
    const bytes = encodeProgram(everything());
    refused(Uint8Array.of(...bytes, 0), "C1");
    for (const length of [0, 1, 4, 50, 95, 96, 200, bytes.length - 32, bytes.length - 1])
      refused(bytes.subarray(0, length), "C1");
    for (const at of [80, 95, 97, 99]) {
      const changed = bytes.slice();
      changed[at] = 1;
      refused(changed, "C1");
    }
  });

  it("refuses every other header than its own", () => {
    const bytes = encodeProgram(everything());
    for (const [at, value] of [
      [0, 0x42],
      [7, 2],
      [11, 0],
      [11, 65],
      [15, 1],
      [18, 9],
      [23, 0],
      [23, 65],
      [43, 1],
      [47, 8],
      [60, 0],
    ] as const) {
      const changed = bytes.slice();
      changed[at] = value;
      refused(changed, "C1");
    }
  });

  it("refuses other formats by a code of their own", () => {
    for (const format of [0, 1, 3, 0x102]) {
      const changed = encodeProgram(everything());
      new DataView(changed.buffer).setUint16(4, format);
      assert.throws(
        () => readProgram(changed),
        (error) => hasCode(error, "PROGRAM_FORMAT") && error.data["format"] === format,
      );
    }
  });

  it("has the constants' data one behind the other, where their records say", () => {
    const program = everything();
    const bytes = encodeProgram(program);
    const view = new DataView(bytes.buffer);
    const [first, second] = [0, 1].map((i) => Number(view.getBigUint64(96 + 32 * i + 24))) as [number, number];
    assert.deepEqual([second - first, bytes.length - second], [6, 24]);
    assert.deepEqual(bytes.subarray(first, second), program.constants[0]?.data);
    for (const at of [96 + 31, 96 + 32 + 31]) {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) + 1;
      refused(changed, "C1");
    }
  });

  it("refuses integers beyond 2^53 by the rule that bounds their field, never rounding them", () => {
    const a = createAssembly();
    const x = a.input({ dtype: "i64", output: [2], interval: { lo: 0, hi: 5 } });
    const y = a.operator({
      kind: "GATHER",
      dtype: "i64",
      output: [1],
      first: 0,
      num: 1,
      step: 0,
      operands: [
        { ref: a.constant("u8", [0]), stride: [0] },
        { ref: x, stride: [0] },
      ],
    });
    const bytes = encodeProgram(a.finish({ outputs: [y] }));
    const first = 96 + 32; // the operator records
    const second = first + 8 + 4 + 16 + 8;
    const operand = second + 8 + 4 + 16;
    const fields = [
      [24, "C15"],
      [96 + 8, "C14"],
      [96 + 24, "C1"],
      [first + 12, "C9"],
      [first + 20, "C9"],
      [first + 28, "C2"],
      [operand + 12, "C5"],
      [operand + 20, "C5"],
      [operand + 56, "C5"],
      [operand + 56 + 12, "C5"],
    ] as const;
    const view = (changed: Uint8Array) => new DataView(changed.buffer, changed.byteOffset);
    for (const [at, constraint] of fields)
      for (const value of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 53n), -(2n ** 63n)]) {
        const changed = bytes.slice();
        view(changed).setBigInt64(at, value);
        refused(changed, constraint);
      }
    // 2^53 - 1 can be held, and is refused by its own rule
    for (const [at, constraint] of fields.filter(([, id]) => id === "C5")) {
      const changed = bytes.slice();
      view(changed).setBigInt64(at, 2n ** 53n - 1n);
      assert.ok(decodeProgram(changed).operators.length === 2);
      refused(changed, constraint, readProgram);
    }
  });

  it("knows one encoding of a binary32 bound", () => {
    const a = createAssembly();
    const x = a.input({ dtype: "f32", output: [1], interval: { lo: 0, hi: 5 } });
    const bytes = encodeProgram(a.finish({ outputs: [x] }));
    const lo = 96 + 8 + 4;
    const withLo = (high: number, low: number) => {
      const changed = bytes.slice();
      const view = new DataView(changed.buffer);
      view.setUint32(lo, high);
      view.setUint32(lo + 4, low);
      return changed;
    };
    refused(withLo(1, 0), "C1");
    refused(withLo(0, 0x80000000), "C1"); // -0
    for (const bits of [0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001]) refused(withLo(0, bits), "C9");
    assert.equal(decodeProgram(withLo(0, 0xbf800000)).operators[0]?.interval.lo, -1);
  });

  it("refuses or reproduces bytes that were changed anywhere", () => {
    const bytes = encodeProgram(everything());
    let refusals = 0;
    let reproduced = 0;
    for (let at = 0; at < bytes.length; at++)
      for (const flip of [1, 0x80, 0xff, 0x10]) {
        const changed = bytes.slice();
        changed[at] = (changed[at] as number) ^ flip;
        try {
          const program = decodeProgram(changed);
          assert.deepEqual(encodeProgram(program), changed, `byte ${at} ^ ${flip}`);
          reproduced++;
        } catch (error) {
          if (!hasCode(error, "PROGRAM_MALFORMED") && !hasCode(error, "PROGRAM_FORMAT")) throw error;
          refusals++;
        }
      }
    assert.ok(refusals > 500 && reproduced > 500, `${refusals} refused, ${reproduced} reproduced`);
  });
});
