import { createHash } from "node:crypto";
import type { ExecResult, PrecompileInput } from "@ethereumjs/evm";
import { type Bytes, concat, equalBytes, fromHex, readUintBE, uintBE } from "../foundation/bytes.ts";
import { burn } from "./precompiles.ts";

/** The curve is loaded at the first call: nothing else needs it. */
const loadCurve = async () => (await import("@noble/curves/bls12-381.js")).bls12_381;
let curve: ReturnType<typeof loadCurve> | undefined;

const GAS = 50_000n;
const INPUT_BYTES = 192;
const FIELD_ELEMENTS_PER_BLOB = 4096;
const MODULUS = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
/** The ceremony's secret times the generator of G2: second monomial point of Ethereum's trusted setup. */
const TAU_G2 =
  "0xb5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2";

const OUTPUT = concat(uintBE(FIELD_ELEMENTS_PER_BLOB, 32), uintBE(MODULUS, 32));

/** EIP-4844: does the polynomial behind `commitment` have the value `y` at `z`? False for malformed points and numbers. */
export const verifyProof = async (commitment: Bytes, z: Bytes, y: Bytes, proof: Bytes): Promise<boolean> => {
  curve ??= loadCurve();
  const { G1, G2, pairingBatch, fields } = await curve;
  const point = readUintBE(z);
  const value = readUintBE(y);
  if (point >= MODULUS || value >= MODULUS) return false;
  let c: InstanceType<typeof G1.Point>;
  let p: InstanceType<typeof G1.Point>;
  try {
    c = G1.Point.fromBytes(commitment);
    p = G1.Point.fromBytes(proof);
    c.assertValidity();
    p.assertValidity();
  } catch {
    return false;
  }
  const left = c.subtract(G1.Point.BASE.multiplyUnsafe(value));
  const right = G2.Point.fromBytes(fromHex(TAU_G2)).subtract(G2.Point.BASE.multiplyUnsafe(point));
  const pairs = [
    { g1: left, g2: G2.Point.BASE.negate() },
    { g1: p, g2: right },
  ].filter(({ g1, g2 }) => !g1.is0() && !g2.is0());
  return pairs.length === 0 || fields.Fp12.eql(pairingBatch(pairs), fields.Fp12.ONE);
};

/** Precompile 0x0a: `versionedHash ++ z ++ y ++ commitment ++ proof`. */
export const pointEvaluation = async ({ data, gasLimit }: PrecompileInput): Promise<ExecResult> => {
  if (gasLimit < GAS || data.length !== INPUT_BYTES) return burn(gasLimit);
  const commitment = data.slice(96, 144);
  const versioned = createHash("sha256").update(commitment).digest();
  versioned[0] = 1;
  if (!equalBytes(versioned, data.subarray(0, 32))) return burn(gasLimit);
  const holds = await verifyProof(commitment, data.slice(32, 64), data.slice(64, 96), data.slice(144, 192));
  return holds ? { executionGasUsed: GAS, returnValue: OUTPUT.slice() } : burn(gasLimit);
};
