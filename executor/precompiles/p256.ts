import { createECDH, type ECDH } from "node:crypto";
import { type Bytes, EMPTY_BYTES, uintBE } from "../foundation/bytes.ts";
import type { Precompile } from "./precompile.ts";

/** EIP-7951. */
const GAS = 6_900n;
const INPUT_BYTES = 160;
/** Order of the group, and of the field; y^2 = x^3 + A x + B. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const FIELD = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const A = -3n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

type Point = { readonly x: bigint; readonly y: bigint };

const modulo = (value: bigint, modulus: bigint): bigint => {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
};

/** Of a number that is none of its multiples; the modulus is prime. */
const inverse = (value: bigint, modulus: bigint): bigint => {
  let [a, b, x, y] = [modulo(value, modulus), modulus, 1n, 0n];
  while (a > 1n) {
    const quotient = b / a;
    [a, b, x, y] = [b - quotient * a, a, y - quotient * x, x];
  }
  return modulo(x, modulus);
};

const numberIn = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);

const isOnCurve = ({ x, y }: Point): boolean => modulo(y * y - (x * x * x + A * x + B), FIELD) === 0n;

/** Undefined: the point at infinity. */
const sumOf = (p: Point, q: Point): Point | undefined => {
  if (p.x === q.x && modulo(p.y + q.y, FIELD) === 0n) return undefined;
  const slope = p.x === q.x ? (3n * p.x * p.x + A) * inverse(2n * p.y, FIELD) : (q.y - p.y) * inverse(q.x - p.x, FIELD);
  const x = modulo(slope * slope - p.x - q.x, FIELD);
  return { x, y: modulo(slope * (p.x - x) - p.y, FIELD) };
};

/** OpenSSL's multiplication, by way of its key agreement. */
const keyOf = (scalar: bigint): ECDH => {
  const key = createECDH("prime256v1");
  key.setPrivateKey(uintBE(scalar, 32));
  return key;
};
const generatorTimes = (scalar: bigint): Point => {
  const encoded = keyOf(scalar).getPublicKey();
  return { x: numberIn(encoded.subarray(1, 33)), y: numberIn(encoded.subarray(33)) };
};
const xOfProduct = ({ x, y }: Point, scalar: bigint): bigint =>
  numberIn(keyOf(scalar).computeSecret(Buffer.concat([Uint8Array.of(4), uintBE(x, 32), uintBE(y, 32)])));

/**
 * Whether the key Q signed e. R = (e/s) G + (r/s) Q is (r/s) ((e/r) G + Q): one multiple of the generator, one sum, and one
 * multiple of which only x is asked, which is what key agreement gives.
 */
const isSigned = (e: bigint, r: bigint, s: bigint, key: Point): boolean => {
  if (r === 0n || r >= ORDER || s === 0n || s >= ORDER) return false;
  // (0, 0) is not on the curve.
  if (key.x >= FIELD || key.y >= FIELD || !isOnCurve(key)) return false;
  const factor = modulo(e * inverse(r, ORDER), ORDER);
  const base = factor === 0n ? key : sumOf(generatorTimes(factor), key);
  if (base === undefined) return false;
  return modulo(xOfProduct(base, modulo(r * inverse(s, ORDER), ORDER)), ORDER) === r;
};

const verify = (data: Bytes): boolean => {
  if (data.length !== INPUT_BYTES) return false;
  const [e, r, s, x, y] = [0, 32, 64, 96, 128].map((at) => numberIn(data.subarray(at, at + 32))) as [
    ...[bigint, bigint, bigint, bigint, bigint],
  ];
  return isSigned(e, r, s, { x, y });
};

/** Precompile 0x100: `hash ++ r ++ s ++ x ++ y` to one if the key signed the hash; nothing, and no failure, otherwise. */
export const p256Verify: Precompile = (data, gasLimit) =>
  gasLimit < GAS ? undefined : { gas: GAS, output: verify(data) ? uintBE(1, 32) : EMPTY_BYTES };
