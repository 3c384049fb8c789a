import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import {
  type Bytes,
  DTYPES,
  type Dtype,
  fromHex,
  INSTRUCTIONS,
  type Instruction,
  instruction,
  type ScalarType,
  scalarTypeOf,
  unpackTensor,
} from "../../executor/index.ts";
import { compareMaps, judgeMutants, LOWERED, mapsOf, randomMaps } from "../support/map-cases.ts";
import { createRandom } from "../support/random-program.ts";
import { compareInstruction, edgeRows, randomRow, tieRows, zerosOf } from "../support/scalar-cases.ts";
import { bodyOf, dtypesOf, type Outcome, rowsOf, startScalarMachine } from "../support/scalar-machine.ts";

const SEED = 4_100;
const RANDOM_ROWS = 150;

const machine = await startScalarMachine({ after });

describe("the scalar machine on chain equals its definition", () => {
  for (const spec of INSTRUCTIONS)
    test(`${spec.name} on all combinations of edges, on ties and at random`, async () => {
      const random = createRandom(SEED + spec.code);
      const rows = [...edgeRows(spec), ...tieRows(spec.name)];
      for (let i = 0; i < RANDOM_ROWS; i++) rows.push(randomRow(random, spec));
      const { differences, refused } = await compareInstruction(machine, spec, rows);
      assert.deepEqual(differences.slice(0, 5), []);
      assert.ok(rows.length - refused > 100, `${rows.length} rows, ${refused} refused`);
    });

  test("a zero has no sign, whatever made it", async () => {
    const random = createRandom(SEED);
    let zeros = 0;
    for (const spec of INSTRUCTIONS.filter(({ result }) => result === "F")) {
      const rows = edgeRows(spec);
      for (let i = 0; i < RANDOM_ROWS; i++) rows.push(randomRow(random, spec));
      const found = await zerosOf(machine, spec, rows);
      assert.ok(
        found.every((outcome) => outcome === 1),
        spec.name,
      );
      zeros += found.length;
    }
    assert.ok(zeros > 500, `${zeros} zeros`);
    const times = instruction("FMUL", { operand: 0 }, { float: -0 });
    const program = {
      instructions: [times, instruction("FEQ", 0, { float: 0 })],
      operands: ["f32"],
      dtype: "u8",
    } as const;
    assert.equal(times.imm, 0x80000000);
    assert.deepEqual(await machine.outcomesOf(program, [[-1], [0], [1]]), [1, 1, 1]);
    const given = {
      instructions: [instruction("FEQ", { operand: 0 }, { float: 0 })],
      operands: ["f32"],
      dtype: "u8",
    } as const;
    const minus = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x80);
    assert.deepEqual(await machine.outcomesOfBytes(dtypesOf(given), bodyOf(given.instructions), minus), [1]);
  });

  for (const [name, program] of Object.entries(LOWERED))
    test(`${name} on random inputs`, async () => {
      const { differences, rows } = await compareMaps(machine, name, mapsOf(program(), createRandom(SEED), 30));
      assert.deepEqual(differences.slice(0, 5), []);
      assert.ok(rows >= 10);
    });

  test("random bodies", async () => {
    let rows = 0;
    for (let i = 0; i < 60; i++) {
      const compared = await compareMaps(machine, `seed ${SEED + i}`, randomMaps(SEED + i, 10));
      assert.deepEqual(compared.differences.slice(0, 5), []);
      rows += compared.rows;
    }
    assert.ok(rows > 100, `${rows} rows`);
  });
});

describe("a body that is not well-formed", () => {
  test("reverts wherever C13 refuses it, and only there", async () => {
    const seen = { refused: 0, ran: 0 };
    for (let seed = SEED; seed < SEED + 250; seed++)
      for (const { isWellTyped, outcomes } of await judgeMutants(machine, seed))
        for (const outcome of outcomes) {
          if (isWellTyped) assert.notEqual(outcome, "BadBody", `seed ${seed}`);
          else assert.equal(typeof outcome, "string", `seed ${seed}: ${outcome}`);
          seen[isWellTyped ? "ran" : "refused"]++;
        }
    assert.ok(seen.refused > 100 && seen.ran > 50, JSON.stringify(seen));
  });

  const sum: readonly Instruction[] = [
    instruction("ADD", { operand: 0 }, { operand: 1 }),
    instruction("I2F", 0),
    instruction("FMUL", 1, { float: 0.5 }),
    instruction("F2I", 2),
  ];
  const typed = { operands: ["i32", "u8"], dtype: "i32" } as const;
  const rows = [[7, 4]];
  const bytes = bodyOf(sum);
  const changed = (at: number, value: number): Bytes => bytes.map((byte, i) => (i === at ? value : byte));
  const repeated = (count: number): Bytes =>
    Uint8Array.of(count, ...Array.from({ length: count }, () => [...bytes.subarray(1, 9)]).flat());
  const BODIES: readonly [string, Bytes, Outcome][] = [
    ["as it is", bytes, 6],
    ["no byte", new Uint8Array(0), "BadBody"],
    ["no instruction", Uint8Array.of(0), "BadBody"],
    ["fewer than it says", bytes.subarray(0, 25), "BadBody"],
    ["more than it says", changed(0, 3), "BadBody"],
    ["a byte more", Uint8Array.of(...bytes, 0), "BadBody"],
    ["a byte less", bytes.subarray(0, 32), "BadBody"],
    ["64 instructions", repeated(64), 11],
    ["65 instructions", repeated(65), "BadBody"],
    ["code 0", changed(1, 0), "BadBody"],
    ["a code between", changed(1, 11), "BadBody"],
    ["the first code beyond", changed(1, 37), "BadBody"],
    ["the last code", changed(1, 255), "BadBody"],
    ["its own result", changed(10, 1), "BadBody"],
    ["a later result", changed(10, 2), "BadBody"],
    ["a missing operand", changed(3, 0x82), "BadBody"],
    ["a source between", changed(3, 0x40), "BadBody"],
    ["a source beyond", changed(3, 0xfe), "BadBody"],
    ["another type", changed(2, 1), "BadBody"],
    ["I for F", changed(18, 0), "BadBody"],
    ["an unused source", changed(11, 1), "BadBody"],
    ["an unused third source", changed(4, 0x80), "BadBody"],
    ["an unused immediate", changed(8, 1), "BadBody"],
    ["an immediate that is infinite", changed(22, 0x80).with(21, 0x7f), "NotFinite"],
    ["F for an integer element", bytes.subarray(0, 25).with(0, 3), "BadBody"],
  ];
  for (const [what, body, outcome] of BODIES)
    test(what, async () => {
      assert.deepEqual(await machine.outcomesOfBytes(dtypesOf(typed), body, rowsOf(typed.operands, rows)), [outcome]);
    });

  test("nine operands", async () => {
    const operands = new Array<Dtype>(9).fill("u8");
    const program = { instructions: [instruction("ADD", { operand: 0 }, { operand: 7 })], dtype: "i32" } as const;
    const row = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    assert.deepEqual(await machine.outcomesOf({ ...program, operands: operands.slice(1) }, [row]), [9]);
    assert.deepEqual(await machine.outcomesOf({ ...program, operands }, [row]), ["BadBody"]);
  });
});

describe("elements on chain", () => {
  const identity = (type: ScalarType): Bytes => {
    const operand = { operand: 0 } as const;
    return bodyOf([instruction(type === "I" ? "MAX" : "FMAX", operand, operand)]);
  };
  const FIELDS = ["0", "1", "7f", "80", "ff", "100", "8000", "ffff", "1ff", "ff00ff", "7fffffff", "80000000"].concat(
    // The same from the other end, where binary32 has its exponent: infinity, the largest, NaN, -0.
    ["807f", "ffff7f7f", "c07f", "1000807f", "80ff", "80", "ffffffff", "ffffff7f", "100000000", "180ffffffff"],
    ["ffffffffffff1f00", "0000000000002000", "010000000000e0ff", "000000000000e0ff", "ffffffffffffffff", "ff7f"],
  );

  for (const dtype of Object.keys(DTYPES) as Dtype[])
    test(`${dtype}: bytes that hold a value are read and written again, others revert`, async () => {
      const { bytes, lo, hi } = DTYPES[dtype];
      const fields = [...FIELDS, ...Array.from({ length: 257 }, (_, byte) => byte.toString(16))].map((hex) =>
        BigInt(`0x${hex}`),
      );
      const rows = fromHex(`0x${fields.map((field) => field.toString(16).padStart(16, "0")).join("")}`);
      const dtypes = dtypesOf({ operands: [dtype], dtype });
      const found = await machine.outcomesOfBytes(dtypes, identity(scalarTypeOf(dtype)), rows);
      const defined = fields.map((field, i): Outcome => {
        if (field >> BigInt(8 * bytes) !== 0n) return "OutsideDtype";
        const value = (unpackTensor(dtype, 1, rows.subarray(8 * i + 8 - bytes))[0] as number) + 0;
        if (value >= lo && value <= hi) return value;
        return dtype === "f32" ? "NotFinite" : "OutsideDtype";
      });
      assert.deepEqual(found, defined);
      assert.ok(found.some((outcome) => typeof outcome === "string") && found.some((v) => typeof v === "number"));
    });

  test("an integer that the element's dtype does not have reverts", async () => {
    const operand = { operand: 0 } as const;
    const instructions = [instruction("MAX", operand, operand)];
    for (const dtype of ["u8", "i8", "i32", "i64"] as const) {
      const { lo, hi } = DTYPES[dtype];
      const rows = [lo - 1, lo, 0, hi, hi + 1].filter(Number.isSafeInteger);
      const defined = rows.map((v) => (v < lo || v > hi ? "OutsideDtype" : v));
      assert.deepEqual(
        await machine.outcomesOf(
          { instructions, operands: ["i64"], dtype },
          rows.map((v) => [v]),
        ),
        defined,
      );
    }
  });

  test("no other dtype has elements", async () => {
    const row = new Uint8Array(8);
    for (const unknown of [0, 6, 255]) {
      assert.deepEqual(await machine.outcomesOfBytes(Uint8Array.of(unknown, 4), identity("I"), row), ["UnknownDtype"]);
      assert.deepEqual(await machine.outcomesOfBytes(Uint8Array.of(4, unknown), identity("I"), row), ["UnknownDtype"]);
    }
  });
});
