import { createHash } from "node:crypto";
import { type Bytes, compareBytes, concat, equalBytes, fromHex, uintBE } from "../foundation/bytes.ts";
import { CURVE, type Curve, loadCurve, SIZE } from "./curve-library.ts";
import type { Precompile } from "./precompile.ts";

const GAS = 50_000n;
const INPUT_BYTES = 192;
const FIELD_ELEMENTS_PER_BLOB = 4096;
/** Order of the group. */
const ORDER = fromHex("0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001");
/** Order of the field that coordinates are in. */
const MODULUS = fromHex(
  "0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab",
);
/** Generators of BLS12-381's groups, compressed. */
const G1 = "0x97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb";
const G2 =
  "0x93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8";
/** The ceremony's secret times the generator of G2: second monomial point of Ethereum's trusted setup. */
const TAU_G2 =
  "0xb5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2";

const OUTPUT = concat(uintBE(FIELD_ELEMENTS_PER_BLOB, 32), ORDER);

const createVerifier = ({ module, allocate, write }: Curve) => {
  module._mclBn_setETHserialization(1);
  module._mclBn_verifyOrderG1(0);
  const buffer = allocate(2 * SIZE.fp);
  const c = allocate(SIZE.g1);
  const p = allocate(SIZE.g1);
  const left = allocate(SIZE.g1);
  const generator = allocate(SIZE.g1);
  const scalar = allocate(SIZE.scalar);
  const value = allocate(SIZE.gt);

  /** A compressed point of the group: on the curve, in the subgroup, in its only form. */
  const readPoint = (at: number, bytes: Bytes): boolean => {
    const flags = bytes[0] as number;
    if ((flags & 0x80) === 0) return false;
    if ((flags & 0x40) !== 0) {
      module._mclBnG1_clear(at);
      return flags === 0xc0 && bytes.every((byte, i) => i === 0 || byte === 0);
    }
    const x = bytes.slice();
    x[0] = flags & 0x1f;
    if (compareBytes(x, MODULUS) >= 0) return false;
    write(buffer, bytes);
    return (
      module._mclBnG1_deserialize(at, buffer, bytes.length) === bytes.length && module._mclBnG1_isValidOrder(at) === 1
    );
  };
  /** Lines of the Miller loop of a fixed point. */
  const precompute = (hex: string): number => {
    const point = allocate(SIZE.g2);
    const bytes = fromHex(hex);
    write(buffer, bytes);
    if (module._mclBnG2_deserialize(point, buffer, bytes.length) !== bytes.length) throw new Error("no point of G2");
    const table = allocate(8 * module._mclBn_getUint64NumToPrecompute());
    module._mclBn_precomputeG2(table, point);
    return table;
  };
  const multiply = (at: number, point: number, bytes: Bytes): void => {
    write(buffer, bytes);
    module._mclBnFr_setBigEndianMod(scalar, buffer, bytes.length);
    module._mclBnG1_mul(at, point, scalar);
  };
  if (!readPoint(generator, fromHex(G1))) throw new Error("no point of G1");
  const one = precompute(G2);
  const tau = precompute(TAU_G2);

  /** e(c - y g + z p, h) = e(p, tau h), which is e(c - y g, h) = e(p, (tau - z) h) with both second points fixed. */
  return (commitment: Bytes, z: Bytes, y: Bytes, proof: Bytes): boolean => {
    if (compareBytes(z, ORDER) >= 0 || compareBytes(y, ORDER) >= 0) return false;
    if (!readPoint(c, commitment) || !readPoint(p, proof)) return false;
    multiply(left, generator, y);
    module._mclBnG1_sub(c, c, left);
    multiply(left, p, z);
    module._mclBnG1_add(left, left, c);
    const zeros = module._mclBnG1_isZero(left) + module._mclBnG1_isZero(p);
    if (zeros > 0) return zeros === 2;
    module._mclBnG1_neg(p, p);
    module._mclBnG1_normalize(left, left);
    module._mclBn_precomputedMillerLoop2(value, left, one, p, tau);
    module._mclBn_finalExp(value, value);
    return module._mclBnGT_isOne(value) === 1;
  };
};

/** The curve is loaded at the first call. */
let loading: Promise<ReturnType<typeof createVerifier>> | undefined;
const loadVerifier = () => {
  loading ??= loadCurve(CURVE.bls12381).then(createVerifier);
  return loading;
};

/** EIP-4844: does the polynomial behind `commitment` have the value `y` at `z`? False for malformed points and numbers. */
export const verifyProof = async (commitment: Bytes, z: Bytes, y: Bytes, proof: Bytes): Promise<boolean> =>
  (await loadVerifier())(commitment, z, y, proof);

/** Precompile 0x0a: `versionedHash ++ z ++ y ++ commitment ++ proof`. */
export const loadPointEvaluation = async (): Promise<Precompile> => {
  const verify = await loadVerifier();
  return (data, gasLimit) => {
    if (gasLimit < GAS || data.length !== INPUT_BYTES) return undefined;
    const commitment = data.slice(96, 144);
    const versioned = createHash("sha256").update(commitment).digest();
    versioned[0] = 1;
    if (!equalBytes(versioned, data.subarray(0, 32))) return undefined;
    const holds = verify(commitment, data.slice(32, 64), data.slice(64, 96), data.slice(144, 192));
    return holds ? { gas: GAS, output: OUTPUT.slice() } : undefined;
  };
};
