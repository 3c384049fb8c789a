import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Interval } from "./program.ts";
import {
  codeOf,
  f32OfBits,
  INSTRUCTIONS,
  type InstructionSpec,
  immediateBits,
  immediateOf,
  instructionOf,
  OPERAND_SOURCE,
  roundToEven,
  runInstructions,
} from "./scalar.ts";

// --- an oracle over exact rationals ----------------------------------------------------------------------------------

/** Numerator and positive denominator. */
type Rational = readonly [bigint, bigint];

const rational = (x: number): Rational => {
  let scaled = x;
  let denominator = 1n;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    denominator *= 2n;
  }
  return [BigInt(scaled), denominator];
};
const absolute = (n: bigint): bigint => (n < 0n ? -n : n);
/** Nearest integer of n/d >= 0, ties to even. */
const nearest = (n: bigint, d: bigint): bigint => {
  const floor = n / d;
  const twice = 2n * (n - floor * d);
  return twice > d || (twice === d && floor % 2n === 1n) ? floor + 1n : floor;
};
const signed = ([n, d]: Rational, of: (n: bigint, d: bigint) => bigint): bigint => (n < 0n ? -of(-n, d) : of(n, d));
const rne = (x: Rational): bigint => signed(x, nearest);
const normal = (n: bigint, d: bigint): Rational => (d < 0n ? [-n, -d] : [n, d]);

/** RN32 of an exact rational. */
const rn32 = ([n, d]: Rational): number => {
  if (n === 0n) return 0;
  const size = absolute(n);
  let exponent = size.toString(2).length - d.toString(2).length;
  const atLeast = (e: number): boolean => (e >= 0 ? size >= d << BigInt(e) : size << BigInt(-e) >= d);
  if (!atLeast(exponent)) exponent--;
  const quantum = Math.max(exponent - 23, -149);
  const units = quantum >= 0 ? nearest(size, d << BigInt(quantum)) : nearest(size << BigInt(-quantum), d);
  const value = Number(units) * 2 ** quantum;
  return (n < 0n ? -1 : 1) * (value >= 2 ** 128 ? Number.POSITIVE_INFINITY : value);
};

/** Whether r is the correctly rounded root of a: a lies between the squares of the midpoints around r. */
const isRoot = (a: number, r: number): boolean => {
  if (a === 0) return r === 0;
  const pattern = new DataView(new ArrayBuffer(4));
  pattern.setFloat32(0, r);
  const bits = pattern.getUint32(0);
  const squareOfMiddle = (p: number, q: number): Rational => {
    const [pn, pd] = rational(p);
    const [qn, qd] = rational(q);
    const n = pn * qd + qn * pd;
    const d = 2n * pd * qd;
    return [n * n, d * d];
  };
  const [an, ad] = rational(a);
  const below = squareOfMiddle(f32OfBits(bits - 1), r);
  const above = squareOfMiddle(r, f32OfBits(bits + 1));
  return below[0] * ad <= an * below[1] && an * above[1] <= above[0] * ad;
};

const bool = (condition: boolean): number => (condition ? 1 : 0);
const clampTo = (lo: bigint, hi: bigint, v: bigint): number => Number(v < lo ? lo : v > hi ? hi : v);

/** What each instruction means, from exact arithmetic alone. */
const MEANING: Record<string, (a: number, b: number, c: number) => number> = {
  ADD: (a, b) => Number(BigInt(a) + BigInt(b)),
  SUB: (a, b) => Number(BigInt(a) - BigInt(b)),
  MUL: (a, b) => Number(BigInt(a) * BigInt(b)),
  DIV: (a, b) => Number(BigInt(a) / BigInt(b)),
  MIN: (a, b) => (BigInt(a) < BigInt(b) ? a : b),
  MAX: (a, b) => (BigInt(a) > BigInt(b) ? a : b),
  LT: (a, b) => bool(BigInt(a) < BigInt(b)),
  LE: (a, b) => bool(BigInt(a) <= BigInt(b)),
  EQ: (a, b) => bool(BigInt(a) === BigInt(b)),
  SEL: (c, a, b) => (c === 0 ? b : a),
  FADD: (a, b) => {
    const [[p, q], [r, s]] = [rational(a), rational(b)];
    return rn32([p * s + r * q, q * s]);
  },
  FSUB: (a, b) => {
    const [[p, q], [r, s]] = [rational(a), rational(b)];
    return rn32([p * s - r * q, q * s]);
  },
  FMUL: (a, b) => {
    const [[p, q], [r, s]] = [rational(a), rational(b)];
    return rn32([p * r, q * s]);
  },
  FDIV: (a, b) => {
    const [[p, q], [r, s]] = [rational(a), rational(b)];
    return rn32(normal(p * s, q * r));
  },
  FNEG: (a) => 0 - a,
  FABS: (a) => (a < 0 ? 0 - a : a),
  FMIN: (a, b) => (a < b ? a : b),
  FMAX: (a, b) => (a > b ? a : b),
  FFLOOR: (a) => {
    const [n, d] = rational(a);
    return Number(n / d) - (n < 0n && n % d !== 0n ? 1 : 0);
  },
  FRNE: (a) => Number(rne(rational(a))),
  FLT: (a, b) => bool(a < b),
  FLE: (a, b) => bool(a <= b),
  FEQ: (a, b) => bool(a === b),
  FSEL: (c, a, b) => (c === 0 ? b : a),
  I2F: (a) => rn32([BigInt(a), 1n]),
  F2I: (a) => Number(rne(rational(a))),
  QU8: (x, z) => clampTo(0n, 255n, rne(rational(x)) + BigInt(z)),
  QI8: (x, z) => clampTo(-128n, 127n, rne(rational(x)) + BigInt(z)),
  POW2: (a) => Number(rational(2)[0] ** BigInt(absolute(BigInt(a)))) ** (a < 0 ? -1 : 1),
};

// --- edges -----------------------------------------------------------------------------------------------------------

const SUBNORMAL = 2 ** -149;
const NORMAL = 2 ** -126;
const MAX_F32 = f32OfBits(0x7f7fffff);
const both = (values: readonly number[]): number[] => values.flatMap((v) => [v, -v]);
const F_EDGES = both([
  0,
  SUBNORMAL,
  3 * SUBNORMAL,
  NORMAL,
  NORMAL - SUBNORMAL,
  0.5,
  0.5 + 2 ** -24,
  0.5 - 2 ** -25,
  1,
  1 + 2 ** -23,
  1 - 2 ** -24,
  1.5,
  2.5,
  1 / 3,
  127.5,
  254.5,
  255.5,
  2 ** 22 + 0.5,
  2 ** 23 - 0.5,
  2 ** 23,
  2 ** 24 - 1,
  2 ** 24,
  2 ** 24 + 2,
  2 ** 31,
  2 ** 53,
  2 ** 63,
  3e38,
  MAX_F32,
]).map(Math.fround);
const I_EDGES = both([
  0,
  1,
  2,
  3,
  7,
  126,
  127,
  128,
  255,
  2 ** 24 - 1,
  2 ** 24,
  2 ** 24 + 1,
  2 ** 26 + 3,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 53 - 1,
]);

const point = (v: number): Interval => ({ lo: v, hi: v });
const isExact = (spec: InstructionSpec, v: number): boolean =>
  spec.result === "I" ? Math.abs(v) < 2 ** 53 : Number.isFinite(v);

/** All combinations of edges that an instruction's operands can have. */
function* operandsOf(spec: InstructionSpec): Generator<[number, number, number]> {
  const [ta, tb, tc] = spec.operands.map((type) => (type === "I" ? I_EDGES : F_EDGES));
  for (const a of ta ?? [0]) for (const b of tb ?? [0]) for (const c of tc ?? [0]) yield [a, b, c];
}

describe("scalar instructions", () => {
  for (const spec of INSTRUCTIONS)
    it(`${spec.name} is exact on all combinations of edges`, () => {
      let checked = 0;
      for (const [a, b, c] of operandsOf(spec)) {
        const bound = spec.interval(point(a), point(b), point(c));
        if (bound === undefined) continue; // outside the domain
        const value = spec.value(a, b, c);
        if (spec.name === "FSQRT") assert.ok(isRoot(a, value), `sqrt ${a} is not ${value}`);
        else {
          const meant = MEANING[spec.name]?.(a, b, c) ?? Number.NaN;
          if (isExact(spec, meant)) assert.equal(value + 0, meant + 0, `${spec.name}(${a}, ${b}, ${c})`);
          else assert.ok(!isExact(spec, value), `${spec.name}(${a}, ${b}, ${c}) must be refused`);
        }
        if (isExact(spec, value)) assert.ok(bound.lo <= value && value <= bound.hi);
        checked++;
      }
      assert.ok(checked >= 13, `${checked} combinations`);
    });

  it("QU8 and QI8 round every half to even", () => {
    const [qu8, qi8] = ["QU8", "QI8"].map((name) => instructionOf(codeOf(name)) as InstructionSpec);
    for (let n = -300; n <= 300; n++)
      for (const z of [0, 1, 128, -128, 255]) {
        const even = n % 2 === 0 ? n : n + 1;
        assert.equal(qu8?.value(n + 0.5, z, 0), Math.min(Math.max(even + z, 0), 255));
        assert.equal(qi8?.value(n + 0.5, z, 0), Math.min(Math.max(even + z, -128), 127));
      }
    assert.deepEqual([qu8?.value(3e38, 0, 0), qu8?.value(-3e38, 255, 0)], [255, 0]);
    assert.deepEqual([qi8?.value(3e38, -128, 0), qi8?.value(-3e38, 127, 0)], [127, -128]);
  });

  it("I2F rounds ties of 25 to 53 bits to even", () => {
    const i2f = instructionOf(codeOf("I2F")) as InstructionSpec;
    for (let bits = 25; bits <= 53; bits++) {
      const unit = 2 ** (bits - 24); // distance of binary32 values in [2^(bits-1), 2^bits)
      for (const mantissa of [2 ** 23, 2 ** 23 + 1, 2 ** 24 - 2, 2 ** 24 - 1]) {
        const tie = mantissa * unit + unit / 2;
        if (tie >= 2 ** 53) continue;
        const down = mantissa * unit;
        const up = (mantissa + 1) * unit;
        assert.equal(i2f.value(tie, 0, 0), mantissa % 2 === 0 ? down : up);
        assert.equal(i2f.value(-tie, 0, 0), mantissa % 2 === 0 ? -down : -up);
        if (unit > 2) {
          assert.equal(i2f.value(tie - 1, 0, 0), down);
          assert.equal(i2f.value(tie + 1, 0, 0), up);
        }
      }
    }
  });

  it("DIV truncates for all pairs of signs, exactly below 2^53", () => {
    const div = instructionOf(codeOf("DIV")) as InstructionSpec;
    assert.deepEqual(
      [div.value(7, 2, 0), div.value(-7, 2, 0), div.value(7, -2, 0), div.value(-7, -2, 0)],
      [3, -3, -3, 3],
    );
    const big = fc.maxSafeInteger();
    fc.assert(
      fc.property(big, big, (a, b) => {
        fc.pre(b !== 0);
        assert.equal(div.value(a, b, 0) + 0, Number(BigInt(a) / BigInt(b)));
      }),
      { seed: 1, numRuns: 2000 },
    );
    // quotients one step below an integer
    for (const [n, b] of [
      [3, 2 ** 51],
      [2 ** 26, 2 ** 26],
      [94_906_265, 94_906_265],
    ] as const)
      assert.equal(div.value(n * b - 1, b, 0), n - 1);
  });

  it("rounds every binary32 like exact arithmetic", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (x) => {
        assert.equal(BigInt(roundToEven(x)), rne(rational(x)));
      }),
      { seed: 2, numRuns: 3000 },
    );
  });

  it("bounds every value between the endpoints", () => {
    const integer = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -300, max: 300 }));
    const float = fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.float({ noNaN: true, min: -300, max: 300 }),
    );
    const triple = (numbers: fc.Arbitrary<number>) => fc.tuple(numbers, numbers, numbers);
    for (const spec of INSTRUCTIONS) {
      const [ta, tb, tc] = spec.operands.map((type) => triple(type === "I" ? integer : float));
      const none = fc.constant([0, 0, 0] as [number, number, number]);
      let bounded = 0;
      fc.assert(
        fc.property(ta ?? none, tb ?? none, tc ?? none, (...drawn) => {
          const sorted = drawn.map((values) => values.toSorted((x, y) => x - y) as [number, number, number]);
          const [a, b, c] = sorted.map(([lo, , hi]) => ({ lo, hi })) as [Interval, Interval, Interval];
          const bound = spec.interval(a, b, c);
          if (bound === undefined || !isExact(spec, bound.lo) || !isExact(spec, bound.hi)) return;
          bounded++;
          const [x, y, z] = sorted.map(([, inside]) => inside) as [number, number, number];
          const value = spec.value(x, y, z);
          assert.ok(bound.lo <= value && value <= bound.hi, `${spec.name}: ${value} in ${bound.lo}..${bound.hi}`);
        }),
        { seed: 3, numRuns: 400 },
      );
      if (spec.name !== "POW2") assert.ok(bounded > 20, `${spec.name}: ${bounded}`);
    }
  });

  it("refuses what lies outside a domain", () => {
    const domain = (name: string, a: Interval, b: Interval = point(0)) =>
      instructionOf(codeOf(name))?.interval(a, b, point(0));
    assert.equal(domain("DIV", point(1), { lo: -1, hi: 1 }), undefined);
    assert.equal(domain("DIV", point(1), { lo: 0, hi: 1 }), undefined);
    assert.deepEqual(domain("DIV", { lo: -7, hi: 7 }, { lo: -2, hi: -1 }), { lo: -7, hi: 7 });
    assert.equal(domain("FDIV", point(1), { lo: -1, hi: 0 }), undefined);
    assert.equal(domain("FSQRT", { lo: -SUBNORMAL, hi: 1 }), undefined);
    assert.equal(domain("POW2", { lo: -127, hi: 0 }), undefined);
    assert.equal(domain("POW2", { lo: 0, hi: 128 }), undefined);
    assert.deepEqual(domain("POW2", { lo: -126, hi: 127 }), { lo: NORMAL, hi: 2 ** 127 });
  });

  it("runs a body over operands, earlier results and immediates", () => {
    const instruction = (name: string, a: number, b = 0, c = 0, imm = 0) => ({ op: codeOf(name), a, b, c, imm });
    const body = [
      instruction("ADD", OPERAND_SOURCE, 0xff, 0, immediateBits("I", -3)),
      instruction("I2F", 0),
      instruction("FMUL", 1, 0xff, 0, immediateBits("F", 0.5)),
      instruction("QU8", 2, OPERAND_SOURCE + 1),
    ];
    assert.equal(runInstructions(body, [8, 100]), 102); // (8-3)/2 = 2.5, to even 2
    assert.equal(runInstructions(body, [10, 100]), 104); // 3.5, to even 4
    assert.equal(immediateOf("I", immediateBits("I", -3)), -3);
    assert.equal(immediateOf("F", immediateBits("F", -0.1)), Math.fround(-0.1));
  });

  it("has one entry a code and a name", () => {
    assert.equal(new Set(INSTRUCTIONS.map(({ code }) => code)).size, INSTRUCTIONS.length);
    assert.equal(new Set(INSTRUCTIONS.map(({ name }) => name)).size, 30);
    assert.throws(() => codeOf("FMA"), RangeError);
    assert.equal(instructionOf(0), undefined);
    assert.equal(instructionOf(31), undefined);
  });
});
