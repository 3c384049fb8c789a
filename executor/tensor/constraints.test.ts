import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hasCode } from "../foundation/errors.ts";
import { encodeProgram } from "./codec.ts";
import { CASES } from "./constraints.fixture.ts";
import { CONSTRAINTS, checkProgram, readProgram, violations, wellFormed } from "./constraints.ts";
import { copied, input, program, rangeOf, read, readConstant } from "./program.fixture.ts";
import { type Constant, countOf, type Operator } from "./program.ts";

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

  it("have each a sentence, a reason, a record to look at and cases", () => {
    for (const { id, sentence, rationale, header, constant, operator, output, end } of CONSTRAINTS) {
      const looks = [header, constant, operator, output, end];
      assert.ok(sentence.length > 20 && rationale.length > 10);
      assert.ok(looks.some((look) => look !== undefined));
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

  it("judge records alone: a megabyte of weights is not looked at", () => {
    const [H, C, O] = [56, 64, 256];
    const bytes = { dtype: "i8", count: O * 9 * C, interval: rangeOf("i8") } as const;
    const unread = Object.defineProperty({ ...bytes }, "data", {
      get: () =>
        new Proxy(new Uint8Array(bytes.count), { get: (of, key) => (key === "length" ? of.length : assert.fail()) }),
    }) as Constant;
    const conv: Operator = {
      kind: "CONTRACT",
      dtype: "i32",
      output: [1, H, H, 1, O],
      reduction: [3, 3, C],
      za: 7,
      zw: 0,
      interval: rangeOf("i32"),
      operands: [
        read(
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
        readConstant(0, bytes, { stride: [0, 0, 0, O * 9 * C, 9 * C, 3 * C, C, 1] }),
      ],
    };
    assert.ok(wellFormed(copied(program({ operators: [input("u8", H * H * C), conv], constants: [unread] }))));
  });
});
