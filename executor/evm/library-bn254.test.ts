import assert from "node:assert/strict";
import test from "node:test";
import { bn254 as definition } from "@noble/curves/bn254.js";
import fc from "fast-check";
import { type Bytes, concat, toHex, uintBE } from "../foundation/bytes.ts";
import { OWN } from "./library-precompiles.ts";
import { runBoth } from "./precompile.fixture.ts";

const bn254Add = OWN.get(6) as NonNullable<ReturnType<typeof OWN.get>>;
const bn254Multiply = OWN.get(7) as NonNullable<ReturnType<typeof OWN.get>>;
const bn254Pairing = OWN.get(8) as NonNullable<ReturnType<typeof OWN.get>>;

const { G1, G2, fields } = definition;
const FIELD = fields.Fp.ORDER;
const ORDER = fields.Fr.ORDER;
const TOP = 2n ** 256n - 1n;

type First = typeof G1.Point.BASE;
type Second = typeof G2.Point.BASE;

const first = (point: First): Bytes => {
  if (point.is0()) return new Uint8Array(64);
  const { x, y } = point.toAffine();
  return concat(uintBE(x, 32), uintBE(y, 32));
};
const second = (point: Second): Bytes => {
  if (point.is0()) return new Uint8Array(128);
  const { x, y } = point.toAffine();
  return concat(...[x.c1, x.c0, y.c1, y.c0].map((part) => uintBE(part, 32)));
};
const times = <P extends First | Second>(point: P, factor: bigint): P =>
  (factor % ORDER === 0n ? point.subtract(point as never) : point.multiply(factor % ORDER)) as P;

/** A point of the twist outside the subgroup: the first of these x that has a y. */
const outside = ((): Bytes => {
  const { Fp2 } = fields;
  const b = Fp2.mul(Fp2.create({ c0: 3n, c1: 0n }), Fp2.inv(Fp2.create({ c0: 9n, c1: 1n })));
  for (let i = 1n; ; i++) {
    const x = Fp2.create({ c0: i, c1: 2n });
    try {
      const y = Fp2.sqrt(Fp2.add(Fp2.mul(Fp2.mul(x, x), x), b));
      return concat(...[x.c1, x.c0, y.c1, y.c0].map((part) => uintBE(part, 32)));
    } catch {}
  }
})();

const factor = fc.oneof(
  fc.bigInt(0n, TOP),
  fc.bigInt(0n, 40n),
  fc.constantFrom(0n, 1n, 2n, ORDER - 1n, ORDER, ORDER + 1n, 2n * ORDER, FIELD, TOP),
);
const onFirst = factor.map((n) => first(times(G1.Point.BASE, n)));
/** Coordinates that are not below the field's order, though they are on the curve when reduced. */
const unreduced = factor.map((n) => {
  const { x, y } = times(G1.Point.BASE, n % ORDER === 0n ? 1n : n).toAffine();
  return concat(uintBE(x + FIELD, 32), uintBE(y, 32));
});
const word = fc.oneof(
  fc.bigInt(0n, TOP),
  fc.constantFrom(0n, 1n, 2n, FIELD - 1n, FIELD, FIELD + 1n, FIELD + 2n, ORDER, TOP),
);
const anything = fc.tuple(word, word).map(([x, y]) => concat(uintBE(x, 32), uintBE(y, 32)));
const point = fc.oneof(
  { weight: 8, arbitrary: onFirst },
  { weight: 1, arbitrary: unreduced },
  { weight: 2, arbitrary: anything },
);
const scalar = factor.map((n) => uintBE(n, 32));
/** Cuts or lengthens an input. */
const length = fc.oneof({ weight: 3, arbitrary: fc.constant(1000) }, fc.integer({ min: 0, max: 140 }));
const tail = fc.uint8Array({ maxLength: 40 });

/** Both must happen, or the property says little. */
const bothHappen = (seen: ReadonlyMap<boolean, number>) =>
  assert.ok((seen.get(true) ?? 0) >= 20 && (seen.get(false) ?? 0) >= 10, `accepted and refused: ${[...seen]}`);

test("addition equals the library's: infinity, opposites, no points, short and long inputs", async () => {
  const seen = new Map<boolean, number>();
  const opposites = factor.map((n) => {
    const one = times(G1.Point.BASE, n);
    return concat(first(one), first(one.negate()));
  });
  const doubled = onFirst.map((bytes) => concat(bytes, bytes));
  const input = fc.oneof(
    { weight: 6, arbitrary: fc.tuple(point, point, tail).map((parts) => concat(...parts)) },
    opposites,
    doubled,
  );
  await fc.assert(
    fc.asyncProperty(input, length, fc.constantFrom(149n, 150n, 151n, 9000n), async (bytes, end, gas) => {
      const [ours, theirs] = await runBoth(6, bn254Add, bytes.slice(0, end), gas);
      assert.deepEqual(ours, theirs);
      seen.set(ours.ok, (seen.get(ours.ok) ?? 0) + 1);
    }),
    { seed: 31, numRuns: 400 },
  );
  bothHappen(seen);
});

test("multiplication equals the library's: scalars of any size, infinity, no points, short and long inputs", async () => {
  const seen = new Map<boolean, number>();
  await fc.assert(
    fc.asyncProperty(
      point,
      scalar,
      tail,
      length,
      fc.constantFrom(5999n, 6000n, 9000n),
      async (base, by, rest, end, gas) => {
        const [ours, theirs] = await runBoth(7, bn254Multiply, concat(base, by, rest).slice(0, end), gas);
        assert.deepEqual(ours, theirs);
        seen.set(ours.ok, (seen.get(ours.ok) ?? 0) + 1);
      },
    ),
    { seed: 32, numRuns: 300 },
  );
  bothHappen(seen);
});

test("pairing equals the library's: products that are one, infinity, points outside, wrong lengths", async () => {
  const small = fc.bigInt(0n, 12n);
  const pair = fc
    .tuple(small, small)
    .map(([a, b]) => concat(first(times(G1.Point.BASE, a)), second(times(G2.Point.BASE, b))));
  // e(a g, b h) e(-ab g, h) = 1
  const balanced = fc
    .tuple(factor, small)
    .map(([a, b]) => [
      concat(first(times(G1.Point.BASE, a)), second(times(G2.Point.BASE, b))),
      concat(first(times(G1.Point.BASE, (a * b) % ORDER).negate()), second(G2.Point.BASE)),
    ]);
  const spoiled = fc.tuple(pair, fc.integer({ min: 0, max: 191 })).map(([bytes, at]) => {
    bytes[at] = (bytes[at] as number) ^ 1;
    return bytes;
  });
  const swapped = pair.map((bytes) =>
    concat(bytes.slice(0, 64), bytes.slice(96, 128), bytes.slice(64, 96), bytes.slice(128)),
  );
  const beyond = fc.tuple(pair, fc.integer({ min: 2, max: 5 })).map(([bytes, at]) => {
    bytes.set(uintBE(FIELD, 32), 32 * at);
    return bytes;
  });
  const fromOutside = onFirst.map((bytes) => concat(bytes, outside));
  const wrong = fc.oneof(
    spoiled,
    swapped,
    beyond,
    fromOutside,
    fc.tuple(anything, anything, anything).map((parts) => concat(...parts)),
  );
  const input = fc.oneof(
    { weight: 4, arbitrary: fc.array(pair, { maxLength: 3 }).map((pairs) => concat(...pairs)) },
    { weight: 4, arbitrary: fc.array(balanced, { maxLength: 2 }).map((pairs) => concat(...pairs.flat())) },
    { weight: 3, arbitrary: fc.tuple(fc.array(pair, { maxLength: 1 }), wrong).map(([a, b]) => concat(...a, b)) },
    { weight: 1, arbitrary: fc.tuple(pair, tail).map((parts) => concat(...parts)) },
  );
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(input, fc.constantFrom(45_000n, 112_999n, 113_000n, 900_000n), async (bytes, gas) => {
      const [ours, theirs] = await runBoth(8, bn254Pairing, bytes, gas);
      assert.deepEqual(ours, theirs);
      seen.set(ours.output.slice(-1), (seen.get(ours.output.slice(-1)) ?? 0) + 1);
    }),
    { seed: 33, numRuns: 250 },
  );
  for (const outcome of ["1", "0", "x"]) assert.ok((seen.get(outcome) ?? 0) >= 15, `outcomes: ${[...seen]}`);
});

test("a point of the twist outside the subgroup is refused, wherever it stands", async () => {
  const good = concat(first(G1.Point.BASE), second(G2.Point.BASE));
  for (const bad of [concat(first(G1.Point.BASE), outside), concat(new Uint8Array(64), outside)])
    for (const data of [bad, concat(good, bad), concat(bad, good)]) {
      const [ours, theirs] = await runBoth(8, bn254Pairing, data, 500_000n);
      assert.deepEqual(ours, theirs);
      assert.deepEqual([ours.ok, ours.gas, ours.output], [false, 500_000n, "0x"]);
    }
});

test("the most pairs that a call may have, and one more", async () => {
  const one = concat(first(G1.Point.BASE), second(G2.Point.BASE));
  const opposite = concat(first(G1.Point.BASE.negate()), second(G2.Point.BASE));
  const most = concat(...Array.from({ length: 100 }, () => [one, opposite]).flat());
  const input = { gasLimit: 8_000_000n } as Parameters<typeof bn254Pairing>[0];
  const full = await bn254Pairing({ ...input, data: most });
  assert.equal(toHex(full.returnValue), toHex(uintBE(1, 32)));
  assert.equal(full.executionGasUsed, 45_000n + 200n * 34_000n);
  const uneven = most.slice();
  uneven.set(one, uneven.length - 192);
  assert.equal(toHex((await bn254Pairing({ ...input, data: uneven })).returnValue), toHex(new Uint8Array(32)));
  assert.notEqual((await bn254Pairing({ ...input, data: concat(most, one) })).exceptionError, undefined);
});
