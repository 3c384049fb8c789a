import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ADDRESS } from "../protocol/parameters.ts";
import { createBench, type Decimal, num } from "./predeploys.fixture.ts";
import { inferencePredeploy } from "./predeploys.gen.ts";

const { call, resultOf, errorOf } = await createBench();
const inference = inferencePredeploy.abi;

const bitsOf = (x: number): number => new Uint32Array(Float32Array.of(x).buffer)[0] as number;

/** The float32 nearest to value / 10^decimals by exact comparison with its neighbours; undefined: too large. */
const nearest = ({ value, decimals }: Decimal): number | undefined => {
  const up = decimals < 0n ? 10n ** -decimals : 1n;
  const down = decimals > 0n ? 10n ** decimals : 1n;
  const magnitude = value < 0n ? -value : value;
  // Positive patterns are ordered; 0x7f800000 stands for 2^128 here.
  const exact = (bits: number): bigint => {
    const exponent = bits >> 23;
    const mantissa = exponent === 0 ? bits : (bits & 0x7fffff) | 0x800000;
    return BigInt(mantissa) << BigInt(Math.max(exponent, 1) - 1);
  };
  // Both sides in units of 2^-150 / down.
  const target = (magnitude * up) << 150n;
  const scaled = (bits: number) => (exact(bits) << 1n) * down;
  let low = 0;
  let high = 0x7f800000;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (scaled(middle) <= target) low = middle;
    else high = middle;
  }
  const toLow = target - scaled(low);
  const toHigh = scaled(high) - target;
  const bits = toLow < toHigh || (toLow === toHigh && low % 2 === 0) ? low : high;
  if (bits >= 0x7f800000 || target > scaled(0x7f800000)) return undefined;
  return bits === 0 ? 0 : value < 0n ? bits + 0x80000000 : bits;
};

const checkToFloat = async (number: Decimal) => {
  const expected = nearest(number);
  const answer = await call(ADDRESS.inference, inference, "toFloat32", [number]);
  if (expected === undefined) assert.equal(answer.error, "NumberOutOfRange", JSON.stringify(String(number.value)));
  else assert.equal(answer.result, expected, `${number.value} / 10^${number.decimals}`);
};

test("decimal to float32: ties, subnormals, extremes", async () => {
  const max = (1n << 127n) - 1n;
  const cases: Decimal[] = [
    num(0),
    num(0, 500),
    num(0, -500),
    num(1),
    num(-1),
    num(1, 1),
    num(15, 1),
    num(-25, 2),
    // Halfway between two floats above 2^24: to the even one.
    num(2 ** 24 + 1),
    num(2 ** 24 + 3),
    num(2 ** 25 + 2),
    num(2 ** 25 + 6),
    num(-(2 ** 24 + 1)),
    // A hair off the tie.
    num(16777217000000000000000000000001n, 24),
    num(16777216999999999999999999999999n, 24),
    // 1 + 2^-24 is a tie, in decimal exactly; and beside it.
    num(1000000059604644775390625n, 24),
    num(1000000059604644775390624n, 24),
    num(1000000059604644775390626n, 24),
    num(1000000178813934326171875n, 24),
    // Greatest float, the tie above it, and just below that.
    num(340282346638528859811704183484516925440n / 4n, 0),
    num(3402823466385288598117041834845169254n, -2),
    num(34028235677973366163753939545814242n, -4),
    num(34028235677973366163753939545814241n, -4),
    num(34028236n, -31),
    num(34028235n, -31),
    num(1, -38),
    num(3, -38),
    num(4, -38),
    num(1, -39),
    num(1, -1000),
    // Smallest subnormal, half of it (tie to zero), a bit above, and the border of normal numbers.
    num(14012984643248170709237295832899161n, 79),
    num(7006492321624085354618647916449580n, 79),
    num(7006492321624085354618647916449581n, 79),
    num(70064923216240853546186479164495806561n, 83),
    num(70064923216240853546186479164495807n, 80),
    num(21019476964872256063855943749348742n, 79),
    num(11754943508222875079687365372222456n, 72),
    num(11754942106924410159919424692687n, 69),
    num(1, 45),
    num(1, 46),
    num(8, 46),
    num(7, 46),
    num(1, 38),
    num(1, 44),
    num(max, 83),
    num(max, 84),
    num(max, 85),
    num(max),
    num(-max - 1n),
    num(max, 38),
    num(-max - 1n, 77),
    num(max, -1),
    num(max, -38),
    num(1, max),
    num(-1, -max - 1n),
  ];
  for (const number of cases)
    if (number.decimals > 400n || number.decimals < -400n) {
      const answer = await call(ADDRESS.inference, inference, "toFloat32", [number]);
      if (number.value === 0n || number.decimals > 0n) assert.equal(answer.result, 0);
      else assert.equal(answer.error, "NumberOutOfRange");
    } else await checkToFloat(number);
  assert.equal(nearest(num(1, 1)), bitsOf(0.1));
  assert.equal(nearest(num(2 ** 24 + 1)), bitsOf(2 ** 24));
});

test("decimal to float32: random numbers against exact comparison", async () => {
  const any = fc.record({
    value: fc.oneof(
      fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n }),
      fc.bigInt({ min: -1_000_000_000n, max: 1_000_000_000n }),
    ),
    decimals: fc.bigInt({ min: -40n, max: 90n }),
  });
  // The exact middle of two neighbouring floats, where it fits an int128.
  const ties = fc
    .tuple(fc.integer({ min: 2 ** 23, max: 2 ** 24 - 1 }), fc.integer({ min: -20, max: 60 }))
    .map(([m, e]) => {
      const middle = BigInt(2 * m + 1);
      return e >= 0 ? num(middle << BigInt(e)) : num(middle * 5n ** BigInt(-e), -e);
    });
  await fc.assert(fc.asyncProperty(fc.oneof(any, ties), checkToFloat), { seed: 7, numRuns: 700 });
});

/** Nine digits of a float by exact arithmetic, ties to even, in the canonical form. */
const nineDigits = (bits: number): Decimal => {
  const exponent = (bits >> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  const mantissa = BigInt(exponent === 0 ? fraction : fraction | 0x800000);
  if (mantissa === 0n) return num(0);
  const e = Math.max(exponent, 1) - 150;
  const top = mantissa << BigInt(Math.max(e, 0));
  const bottom = 1n << BigInt(Math.max(-e, 0));
  let decimals = 60n;
  const scaled = () => ({
    n: decimals >= 0n ? top * 10n ** decimals : top,
    d: decimals >= 0n ? bottom : bottom * 10n ** -decimals,
  });
  while (scaled().n / scaled().d >= 1_000_000_000n) decimals--;
  const { n, d } = scaled();
  let value = n / d;
  const rest = 2n * (n % d);
  if (rest > d || (rest === d && value % 2n === 1n)) value++;
  while (value % 10n === 0n && decimals > 0n) {
    value /= 10n;
    decimals--;
  }
  if (decimals < 0n && decimals >= -29n) {
    value *= 10n ** -decimals;
    decimals = 0n;
  }
  return num(bits >= 0x80000000 ? -value : value, decimals);
};

const checkToNumber = async (bits: number) => {
  const shown = await resultOf<Decimal>(ADDRESS.inference, inference, "toNumber", [bits]);
  assert.deepEqual(shown, nineDigits(bits), `0x${bits.toString(16)}`);
  // Nine digits tell all floats apart.
  const back = await resultOf<number>(ADDRESS.inference, inference, "toFloat32", [shown]);
  assert.equal(back, bits === 0x80000000 ? 0 : bits);
};

test("float32 to decimal: every power of two, extremes, ties, and random patterns; and back", async () => {
  for (let exponent = 0; exponent < 255; exponent++) await checkToNumber(exponent << 23);
  for (const bits of [1, 2, 3, 0x7fffff, 0x800000, 0x800001, 0x7f7fffff, 0x80000000, 0x80000001])
    await checkToNumber(bits);
  for (const x of [0.5, 0.1, 1e9, 999999936, 1e10, 123456.789, 16777215, 1e38, 1.7e38, -1e-45, 0.3333333432674408])
    await checkToNumber(bitsOf(x));
  // Tenth digit exactly 5: 2^-n with few digits does not reach it, odd multiples of 2^-10 above 10^5 do.
  for (const x of [65536.0078125, 100000.0078125, 100000.0234375, 262144.03125, 131071.9921875])
    await checkToNumber(bitsOf(x));
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 0xffffffff }).filter((bits) => ((bits >> 23) & 0xff) !== 0xff),
      checkToNumber,
    ),
    { seed: 8, numRuns: 400 },
  );
  for (const bits of [0x7f800000, 0xff800000, 0x7fc00000])
    assert.equal((await errorOf(ADDRESS.inference, inference, "toNumber", [bits])).error, "NotFinite");
});
