import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hasCode } from "../foundation/errors.ts";
import { encodeProgram } from "./codec.ts";
import { CASES } from "./constraints.fixture.ts";
import { CONSTRAINTS, checkProgram, readProgram, violations, wellFormed } from "./constraints.ts";
import {
  constant,
  copied,
  input,
  move,
  over,
  program,
  rangeOf,
  read,
  readConstant,
  reduce,
} from "./program.fixture.ts";
import { countOf, type Operator } from "./program.ts";

describe("constraints", () => {
  for (const [id, what, malformed, neighbour] of CASES)
    it(`${id} alone refuses ${what}`, () => {
      const found = violations(malformed);
      assert.deepEqual(
        found.map(({ constraint }) => constraint),
        [id],
        JSON.stringify(found),
      );
      assert.deepEqual(violations(neighbour), []);
      assert.throws(
        () => checkProgram(malformed),
        (error) => hasCode(error, "PROGRAM_MALFORMED") && error.data["constraint"] === id,
      );
    });

  it("are seventeen, each with a sentence, a reason and cases", () => {
    const ids = CONSTRAINTS.map(({ id }) => id);
    assert.deepEqual(
      ids,
      Array.from({ length: 17 }, (_, i) => `C${i + 1}`),
    );
    for (const { id, sentence, rationale } of CONSTRAINTS) {
      assert.ok(sentence.length > 20 && rationale.length > 10);
      assert.ok(
        CASES.some(([of]) => of === id),
        `${id} has no case`,
      );
    }
  });

  it("judge the encoded bytes as they judge the program, wherever these can be written", () => {
    let written = 0;
    for (const [id, what, malformed, neighbour] of CASES) {
      if (countOf(neighbour.operators[0] as Operator) < 2 ** 20) {
        const back = readProgram(encodeProgram(neighbour));
        assert.deepEqual(Buffer.compare(encodeProgram(back), encodeProgram(neighbour)), 0, what);
      }
      // Many programs of C1 have no bytes, and encoding rounds a bound that is no binary32.
      if (id === "C1" || what === "a bound that is no binary32") continue;
      written++;
      assert.throws(
        () => readProgram(encodeProgram(malformed)),
        (error) => hasCode(error, "PROGRAM_MALFORMED") && error.data["constraint"] === id,
        what,
      );
    }
    assert.ok(written > 40);
  });

  it("name the refuting point", () => {
    const [found] = violations(over([move(8, { base: 1, stride: [1] })]));
    assert.deepEqual(found?.data, { operator: 1, operand: 0, i: 7, r: 0, address: 8 });
    const dead = reduce({}, { stride: [4, 1], guards: [{ off: -1, coef: [1, 0], limit: 4 }] });
    assert.equal(violations(dead)[0]?.data["i"], 0);
  });

  it("judge a ResNet-size convolution within a second", () => {
    const [H, C, O] = [56, 64, 256];
    const w = constant(
      "i8",
      Array.from({ length: O * 9 * C }, (_, i) => (i % 129) - 64),
    );
    const conv: Operator = {
      kind: "CONTRACT",
      dtype: "i32",
      output: [1, H, H, 1, O],
      reduction: [3, 3, C],
      za: 7,
      zw: 0,
      interval: rangeOf("i32"),
      operands: [
        {
          ...read(
            0,
            { dtype: "u8", count: H * H * C },
            {
              base: -(H + 1) * C,
              stride: [H * H * C, H * C, C, C, 0, H * C, C, 1],
              guards: [
                { off: -1, coef: [0, 1, 0, 0, 0, 1, 0, 0], limit: H },
                { off: -1, coef: [0, 0, 1, 0, 0, 0, 1, 0], limit: H },
              ],
            },
          ),
        },
        readConstant(0, w, { stride: [0, 0, 0, O * 9 * C, 9 * C, 3 * C, C, 1] }),
      ],
    };
    const made = copied(program({ operators: [input("u8", H * H * C), conv], constants: [w] }));
    const start = performance.now();
    assert.ok(wellFormed(made));
    assert.ok(performance.now() - start < 1000);
  });

  it("scan the weights of unrolled steps once, within a budget that 64 scans exceed", () => {
    const [rows, reads] = [192, 4096];
    const w = constant("i8", new Array<number>(rows * reads).fill(1));
    const bound = 255 * reads;
    const step = (za: number): Operator => ({
      kind: "CONTRACT",
      dtype: "i32",
      output: [rows],
      reduction: [reads],
      za,
      zw: 0,
      interval: { lo: -bound, hi: bound },
      operands: [
        read(0, { dtype: "u8", count: reads }, { stride: [0, 1] }),
        readConstant(0, w, { stride: [reads, 1] }),
      ],
    });
    const unrolled = (zeroOf: (i: number) => number) =>
      program({
        operators: [input("u8", reads), ...Array.from({ length: 64 }, (_, i) => step(zeroOf(i)))],
        constants: [w],
        outputs: Array.from({ length: 64 }, (_, i) => i + 1),
      });
    assert.deepEqual(violations(unrolled(() => 0)), []);
    assert.equal(violations(unrolled((i) => i))[0]?.constraint, "C10");
  });
});
