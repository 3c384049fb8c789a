import assert from "node:assert/strict";
import test from "node:test";
import { bls12_381 as curve } from "@noble/curves/bls12-381.js";
import fc from "fast-check";
import { type Bytes, concat, fromHex, readUintBE, uintBE } from "../foundation/bytes.ts";
import { verifyProof } from "./kzg.ts";

const { G1, G2, fields } = curve;
const { Fr, Fp12 } = fields;
const ORDER = Fr.ORDER;
const BASE = G1.Point.BASE;
type Point = typeof BASE;
const TAU_G2 = G2.Point.fromBytes(
  fromHex(
    "0xb5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2",
  ),
);

/** EIP-4844's `verify_kzg_proof` on another library, term by term. */
const definition = (commitment: Bytes, z: Bytes, y: Bytes, proof: Bytes): boolean => {
  const [point, value] = [readUintBE(z), readUintBE(y)];
  if (point >= ORDER || value >= ORDER) return false;
  let c: Point;
  let p: Point;
  try {
    c = G1.Point.fromBytes(commitment);
    p = G1.Point.fromBytes(proof);
    c.assertValidity();
    p.assertValidity();
  } catch {
    return false;
  }
  const pairs = [
    { g1: c.subtract(BASE.multiplyUnsafe(value)), g2: G2.Point.BASE.negate() },
    { g1: p, g2: TAU_G2.subtract(G2.Point.BASE.multiplyUnsafe(point)) },
  ].filter(({ g1, g2 }) => !g1.is0() && !g2.is0());
  return pairs.length === 0 || Fp12.eql(curve.pairingBatch(pairs), Fp12.ONE);
};

/** go-ethereum's vector: `q` commits to a polynomial, `p` proves its value at `z`. */
const Z = 0x564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306n;
const Y = 0x24d25032e67a7e6a4910df5834b8fe70e6bcfeeac0352434196bdf4b2485d5a1n;
const C = G1.Point.fromHex(
  "8f59a8d2a1a625a17f3fea0fe5eb8c896db3764f3185481bc22f91b4aaffcca25f26936857bc3a7c2539ea8ec3a952b7",
);
const P = G1.Point.fromHex(
  "873033e038326e87ed3e1276fd140253fa08e9fc25fb2d9a98527fc22a2c9612fbeafdad446cbc7bcdbdcd780af2c16a",
);

type Statement = readonly [commitment: Bytes, z: Bytes, y: Bytes, proof: Bytes];
const state = (c: Point, z: bigint, y: bigint, p: Point): Statement => [
  c.toBytes(true),
  uintBE(z, 32),
  uintBE(y, 32),
  p.toBytes(true),
];
const number = fc.oneof(fc.bigInt(0n, ORDER - 1n), fc.constantFrom(0n, 1n, 2n, ORDER - 1n));

/** Statements about `a q + b` at the vector's point, and about constants anywhere. */
const truth = fc.oneof(
  fc
    .tuple(number, number)
    .map(([a, b]) =>
      state(C.multiplyUnsafe(a).add(BASE.multiplyUnsafe(b)), Z, Fr.create(a * Y + b), P.multiplyUnsafe(a)),
    ),
  fc.tuple(number, number).map(([z, y]) => state(BASE.multiplyUnsafe(y), z, y, G1.Point.ZERO)),
);

test("true statements hold; with a bit changed anywhere, the answer is the definition's", async () => {
  const change = fc.option(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.nat(), fc.integer({ min: 0, max: 7 })));
  let held = 0;
  await fc.assert(
    fc.asyncProperty(truth, change, async (statement, changed) => {
      if (changed !== null) {
        const part = statement[changed[0]] as Bytes;
        part[changed[1] % part.length] = (part[changed[1] % part.length] as number) ^ (1 << changed[2]);
      }
      const holds = await verifyProof(...statement);
      assert.equal(holds, definition(...statement));
      if (changed === null) assert.ok(holds);
      if (holds) held++;
    }),
    { seed: 41, numRuns: 80 },
  );
  assert.ok(held > 10 && held < 70, `${held} held`);
});

/** A point of the curve outside the subgroup, compressed: the first x with a y. Nearly every point is one. */
const outside = ((): Bytes => {
  const { Fp } = fields;
  for (let x = 1n; ; x++) {
    const square = Fp.create(x ** 3n + 4n);
    const y = Fp.pow(square, (Fp.ORDER + 1n) / 4n);
    if (!Fp.eql(Fp.sqr(y), square)) continue;
    assert.ok(!G1.Point.fromAffine({ x, y }).isTorsionFree());
    const bytes = uintBE(x, 48);
    bytes[0] = 0x80;
    return bytes;
  }
})();

test("points have one form, lie on the curve and in the subgroup; numbers are below the order", async () => {
  const [c, z, y, p] = state(C, Z, Y, P);
  const infinity = concat(Uint8Array.of(0xc0), new Uint8Array(47));
  const field = fields.Fp.ORDER;
  const flagged = (flags: number, rest: Bytes) => {
    const out = rest.slice();
    out[0] = (out[0] as number) | flags;
    return out;
  };
  const plain = c.slice();
  plain[0] = (plain[0] as number) & 0x1f;
  const points = [
    infinity,
    concat(Uint8Array.of(0xe0), new Uint8Array(47)),
    concat(Uint8Array.of(0x40), new Uint8Array(47)),
    concat(Uint8Array.of(0xc0), new Uint8Array(46), Uint8Array.of(1)),
    concat(Uint8Array.of(0xc1), new Uint8Array(47)),
    concat(Uint8Array.of(0x80), new Uint8Array(47)),
    concat(Uint8Array.of(0xa0), new Uint8Array(47)),
    new Uint8Array(48),
    new Uint8Array(48).fill(255),
    plain,
    flagged(0x40, c),
    flagged(0x20, plain),
    outside,
    flagged(0x20, outside),
    flagged(0x80, uintBE(field, 48)),
    flagged(0x80, uintBE(field + 4n, 48)),
    flagged(0x80, uintBE(field - 1n, 48)),
    flagged(0x80, uintBE((1n << 381n) - 1n, 48)),
  ];
  assert.ok(await verifyProof(c, z, y, p));
  for (const point of points)
    for (const statement of [
      [point, z, y, p],
      [c, z, y, point],
      [point, z, uintBE(0, 32), point],
    ] as const)
      assert.equal(await verifyProof(...statement), definition(...statement), statement.map((s) => s.join()).join(" "));
  assert.ok(await verifyProof(infinity, z, uintBE(0, 32), infinity), "zero is the constant zero");
  for (const [point, value] of [
    [Z + ORDER, Y],
    [Z, Y + ORDER],
    [ORDER, Y],
    [Z, 2n ** 256n - 1n],
  ] as const)
    assert.equal(await verifyProof(c, uintBE(point % 2n ** 256n, 32), uintBE(value % 2n ** 256n, 32), p), false);
});
