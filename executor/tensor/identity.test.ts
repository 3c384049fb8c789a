import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Bytes, concat, toHex, uintBE } from "../foundation/bytes.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { createAssembly } from "./assembly.ts";
import { encodeProgram } from "./codec.ts";
import { tensorRoot, tensorRootOf } from "./commitment.ts";
import { decodeProgram } from "./decode.ts";
import { identityOf, operatorLeaf, programId } from "./identity.ts";
import type { Program } from "./program.ts";

const sample = (weights: readonly number[], meta = "m"): Program => {
  const a = createAssembly();
  const x = a.input({ dtype: "u8", output: [4], interval: { lo: 0, hi: 255 } });
  const w = a.constant("i8", weights);
  const bias = a.constant("i32", [5]);
  const y = a.operator({
    kind: "CONTRACT",
    dtype: "i32",
    output: [1],
    reduction: [4],
    za: 0,
    zw: 0,
    operands: [
      { ref: x, stride: [0, 1] },
      { ref: w, stride: [0, 1] },
      { ref: bias, stride: [0, 0] },
    ],
  });
  const z = a.operator({ kind: "MOVE", dtype: "i32", output: [1], fill: 0, operands: [{ ref: y, stride: [1] }] });
  return a.finish({ outputs: [z], meta: new TextEncoder().encode(meta) });
};

const K = (...parts: Bytes[]): Bytes => keccak256(concat(...parts));
const tag = (value: number): Bytes => Uint8Array.of(value);

describe("identity", () => {
  it("is the hash of the artifact's parts, cut out of its bytes", () => {
    const program = sample([1, 2, 3, 4]);
    const bytes = encodeProgram(program);
    const view = new DataView(bytes.buffer);
    const header = bytes.slice(0, 96);
    const constants = [0, 1].map((i) => bytes.slice(96 + 32 * i, 128 + 32 * i));
    const recordBytes = view.getUint32(40);
    const records: Bytes[] = [];
    for (let at = 96 + 64; records.length < 3; ) {
      // header, extents, bounds, operands without guards, body
      const [outputAxes, reductionAxes, operands] = [bytes[at + 2], bytes[at + 3], bytes[at + 4]] as number[];
      const axes = (outputAxes as number) + (reductionAxes as number);
      const length = 8 + 4 * axes + 16 + (operands as number) * (20 + 8 * axes) + view.getUint16(at + 6);
      records.push(bytes.slice(at, at + length));
      at += length;
    }
    assert.equal(
      records.reduce((sum, { length }) => sum + length, 0),
      recordBytes,
    );
    const outputs = bytes.slice(96 + 64 + recordBytes, 96 + 64 + recordBytes + 8);
    const data = [bytes.slice(-8, -4), bytes.slice(-4)];

    const leaf = records.map((record, i) => K(tag(0x17), uintBE(i, 4), record)) as [Bytes, Bytes, Bytes];
    const operatorsRoot = K(tag(1), K(tag(1), leaf[0], leaf[1]), K(tag(1), leaf[2], new Uint8Array(32)));
    const [first, second] = constants.map((record, i) =>
      K(tag(0x18), uintBE(i, 4), record, tensorRootOf(data[i] as Bytes)),
    ) as [Bytes, Bytes];
    const constantsRoot = K(tag(1), first, second);
    const id = K(tag(0x16), header, operatorsRoot, constantsRoot, keccak256(outputs));
    assert.equal(programId(program), toHex(id));
    assert.deepEqual(identityOf(program).operatorLeaves, leaf);
  });

  it("is the same for decoded bytes and another for any other content", () => {
    const program = sample([1, 2, 3, 4]);
    assert.equal(programId(decodeProgram(encodeProgram(program))), programId(program));
    const others = [sample([1, 2, 3, 5]), sample([1, 2, 3, 4], "n"), sample([4, 3, 2, 1])];
    assert.equal(new Set([program, ...others].map(programId)).size, 4);
  });

  it("has 32 zero bytes for a tree without constants", () => {
    const a = createAssembly();
    const program = a.finish({ outputs: [a.input({ dtype: "u8", output: [1], interval: { lo: 0, hi: 1 } })] });
    assert.equal(toHex(identityOf(program).constantsRoot), `0x${"00".repeat(32)}`);
  });

  it("binds an operator's output to its index", () => {
    const root = tensorRoot("u8", [1, 2, 3]);
    assert.equal(toHex(operatorLeaf(7, root)), toHex(K(tag(0x12), uintBE(7, 4), root)));
  });

  it("is linear in the constants", () => {
    const a = createAssembly();
    const x = a.constant(
      "u8",
      new Uint8Array(2 ** 21).map((_, i) => i * i),
    );
    a.input({ dtype: "u8", output: [1], interval: { lo: 0, hi: 1 } });
    const y = a.operator({ kind: "MOVE", dtype: "u8", output: [1], fill: 0, operands: [{ ref: x, stride: [1] }] });
    const program = a.finish({ outputs: [y] });
    const start = performance.now();
    programId(program);
    assert.ok(performance.now() - start < 2000, "2 MiB in 2 s");
  });
});
