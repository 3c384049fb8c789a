import assert from "node:assert/strict";
import { test } from "node:test";
import { WORD_FUNCTIONS } from "./arithmetic.ts";

const MAX = 2n ** 256n - 1n;
const MIN_SIGNED = 2n ** 255n;
/** Two's complement. */
const minus = (value: bigint): bigint => 2n ** 256n - value;

/** Operands, the topmost first, and the result, by name and opcode: where implementations differ. */
const VECTORS: Readonly<Record<string, readonly [opcode: number, operands: readonly bigint[], result: bigint][]>> = {
  "wrapping sums, differences and products": [
    [0x01, [MAX, 2n], 1n],
    [0x02, [MAX, MAX], 1n],
    [0x02, [2n ** 128n, 2n ** 128n], 0n],
    [0x03, [0n, 1n], MAX],
  ],
  "division by zero is zero": [
    [0x04, [5n, 0n], 0n],
    [0x05, [5n, 0n], 0n],
    [0x06, [5n, 0n], 0n],
    [0x07, [5n, 0n], 0n],
    [0x08, [5n, 6n, 0n], 0n],
    [0x09, [5n, 6n, 0n], 0n],
  ],
  "signed division truncates, and the least number by -1 is itself": [
    [0x05, [MIN_SIGNED, MAX], MIN_SIGNED],
    [0x05, [minus(7n), 2n], minus(3n)],
    [0x05, [7n, minus(2n)], minus(3n)],
    [0x05, [minus(7n), minus(2n)], 3n],
    [0x05, [1n, minus(2n)], 0n],
  ],
  "a remainder has the sign of the dividend": [
    [0x07, [minus(7n), 3n], minus(1n)],
    [0x07, [7n, minus(3n)], 1n],
    [0x07, [minus(7n), minus(3n)], minus(1n)],
    [0x07, [MIN_SIGNED, MAX], 0n],
    [0x06, [minus(7n), 3n], 0n],
  ],
  "sums and products before a modulus have 512 bits": [
    [0x08, [MAX, MAX, MAX - 1n], 2n],
    [0x09, [MAX, MAX, MAX - 1n], 1n],
    [0x09, [MAX, MAX, 12n], 9n],
    [0x08, [MAX, 1n, 1n], 0n],
  ],
  powers: [
    [0x0a, [0n, 0n], 1n],
    [0x0a, [0n, 1n], 0n],
    [0x0a, [2n, 255n], 2n ** 255n],
    [0x0a, [2n, 256n], 0n],
    [0x0a, [3n, MAX], 77194726158210796949047323339125271902179989777093709359638389338608753093291n],
    [0x0a, [MAX, MAX], MAX],
  ],
  "sign extension": [
    [0x0b, [0n, 0x80n], minus(0x80n)],
    [0x0b, [0n, 0xff7fn], 0x7fn],
    [0x0b, [1n, 0x8000n], minus(0x8000n)],
    [0x0b, [30n, 2n ** 247n], minus(2n ** 247n)],
    [0x0b, [30n, 2n ** 248n], 0n],
    [0x0b, [31n, MIN_SIGNED], MIN_SIGNED],
    [0x0b, [32n, 0x80n], 0x80n],
    [0x0b, [MAX, 0x80n], 0x80n],
  ],
  comparison: [
    [0x10, [MAX, 0n], 0n],
    [0x10, [0n, MAX], 1n],
    [0x11, [MAX, 0n], 1n],
    [0x12, [MAX, 0n], 1n],
    [0x12, [MIN_SIGNED, MIN_SIGNED - 1n], 1n],
    [0x12, [0n, 0n], 0n],
    [0x13, [0n, MAX], 1n],
    [0x13, [MIN_SIGNED, MAX], 0n],
    [0x14, [MAX, MAX], 1n],
    [0x14, [MAX, 0n], 0n],
    [0x15, [0n], 1n],
    [0x15, [MAX], 0n],
  ],
  bits: [
    [0x16, [0b1100n, 0b1010n], 0b1000n],
    [0x17, [0b1100n, 0b1010n], 0b1110n],
    [0x18, [0b1100n, 0b1010n], 0b0110n],
    [0x19, [0n], MAX],
    [0x19, [MAX], 0n],
  ],
  "bytes are counted from the most significant": [
    [0x1a, [0n, 0xabn << 248n], 0xabn],
    [0x1a, [31n, 0xabcdn], 0xcdn],
    [0x1a, [32n, MAX], 0n],
    [0x1a, [MAX, MAX], 0n],
  ],
  "shifts by 256 and more": [
    [0x1b, [255n, 3n], MIN_SIGNED],
    [0x1b, [256n, 1n], 0n],
    [0x1b, [MAX, 1n], 0n],
    [0x1c, [255n, MAX], 1n],
    [0x1c, [256n, MAX], 0n],
    [0x1c, [2n ** 64n, MAX], 0n],
    [0x1d, [1n, minus(3n)], minus(2n)],
    [0x1d, [255n, MIN_SIGNED], MAX],
    [0x1d, [256n, MIN_SIGNED], MAX],
    [0x1d, [256n, MIN_SIGNED - 1n], 0n],
    [0x1d, [MAX, MAX], MAX],
    [0x1d, [4n, 0x70n], 7n],
    [0x1e, [0n], 256n],
    [0x1e, [1n], 255n],
    [0x1e, [MAX], 0n],
    [0x1e, [MIN_SIGNED], 0n],
    [0x1e, [MIN_SIGNED - 1n], 1n],
    [0x1e, [0xffn << 200n], 48n],
  ],
};

for (const [name, vectors] of Object.entries(VECTORS))
  test(name, () => {
    for (const [opcode, [a = 0n, b = 0n, c = 0n], result] of vectors)
      assert.equal(WORD_FUNCTIONS.get(opcode)?.(a, b, c), result, `0x${opcode.toString(16)} of ${a}, ${b}, ${c}`);
  });

test("every function of words has its vectors", () => {
  const seen = new Set(Object.values(VECTORS).flatMap((vectors) => vectors.map(([opcode]) => opcode)));
  assert.deepEqual(
    [...WORD_FUNCTIONS.keys()],
    [...seen].sort((a, b) => a - b),
  );
});
