import assert from "node:assert/strict";
import { test } from "node:test";
import { p256 } from "@noble/curves/nist.js";
import { concat, toHex, uintBE } from "../foundation/bytes.ts";
import { p256Verify } from "./p256.ts";

const ORDER = p256.Point.Fn.ORDER;
const FIELD = p256.Point.Fp.ORDER;

/** As the library sees it: false for what it throws at. */
const inLibrary = (input: Uint8Array): boolean => {
  try {
    const key = concat(Uint8Array.of(4), input.subarray(96));
    return p256.verify(input.slice(32, 96), input.slice(0, 32), key, { prehash: false, lowS: false });
  } catch {
    return false;
  }
};
const holds = (input: Uint8Array): boolean => {
  const output = p256Verify(input, 6_900n)?.output;
  assert.ok(output !== undefined && (output.length === 0 || toHex(output) === toHex(uintBE(1, 32))));
  return output.length === 32;
};

const signed = (seed: number, hash: Uint8Array): Uint8Array => {
  const key = uintBE(BigInt(seed) * 0x1234567890abcdefn + 1n, 32);
  return concat(hash, p256.sign(hash, key, { prehash: false, lowS: false }), p256.getPublicKey(key, false).slice(1));
};

test("signatures, and each of their parts changed, are judged as another implementation does", () => {
  let valid = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const hash = new Uint8Array(32).fill(seed * 19);
    const input = signed(seed, hash);
    assert.equal(holds(input), true);
    for (let at = 0; at < 160; at += 13) {
      const changed = input.slice();
      changed[at] = (changed[at] as number) ^ (1 << (seed % 8));
      assert.equal(holds(changed), inLibrary(changed), `${seed} ${at}`);
    }
    // The other root of s.
    const s = BigInt(toHex(input.slice(64, 96)));
    const negated = concat(input.slice(0, 64), uintBE(ORDER - s, 32), input.slice(96));
    if (holds(negated)) valid++;
    assert.equal(holds(negated), inLibrary(negated));
  }
  assert.equal(valid, 12);
});

test("hashes of zero, of the order and above it, and a sum that is a doubling or infinity", () => {
  for (const e of [0n, ORDER - 1n, ORDER, ORDER + 1n, 2n ** 256n - 1n]) {
    const input = signed(7, uintBE(e, 32));
    assert.equal(holds(input), inLibrary(input), `${e}`);
    assert.equal(holds(input), true);
  }
  // With the key d and e = r d, the sum of (e/r) G and Q is a doubling; with e = -r d it is infinity.
  const [d, r] = [5n, 9n];
  const { x, y } = p256.Point.BASE.multiply(d).toAffine();
  for (const e of [r * d, ORDER - r * d]) {
    const input = concat(uintBE(e, 32), uintBE(r, 32), uintBE(3n, 32), uintBE(x, 32), uintBE(y, 32));
    assert.equal(holds(input), inLibrary(input));
  }
  // A doubling that is a signature: R = (r/s) 2 Q, so s follows from r = x(R) for any multiple.
  const nonce = 11n;
  const rx = p256.Point.BASE.multiply(nonce).toAffine().x % ORDER;
  const fn = p256.Point.Fn;
  const doubled = fn.mul(fn.mul(rx, 2n * d), fn.inv(nonce));
  const input = concat(...[fn.mul(rx, d), rx, doubled, x, y].map((value) => uintBE(value, 32)));
  assert.equal(inLibrary(input), true);
  assert.equal(holds(input), true);
});

test("what is out of range, no point, or of another length gives nothing; too little gas fails", () => {
  const input = signed(3, new Uint8Array(32).fill(1));
  const withAt = (at: number, value: bigint) => concat(input.slice(0, at), uintBE(value, 32), input.slice(at + 32));
  for (const value of [0n, ORDER, ORDER + 1n, 2n ** 256n - 1n])
    for (const at of [32, 64]) assert.equal(holds(withAt(at, value)), false);
  for (const value of [0n, FIELD, 2n ** 256n - 1n])
    for (const at of [96, 128]) assert.equal(holds(withAt(at, value)), false);
  assert.equal(holds(concat(input.slice(0, 96), new Uint8Array(64))), false);
  for (const length of [0, 159, 161]) {
    const other = new Uint8Array(length);
    other.set(input.subarray(0, length));
    assert.equal(holds(other), false);
  }
  assert.equal(p256Verify(input, 6_899n), undefined);
});
