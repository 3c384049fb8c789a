import type { Bytes } from "../foundation/bytes.ts";

/*
 * mcl (pairing-friendly curves in WebAssembly) below its JavaScript face: that one holds a single curve and copies every
 * operand. Addresses are numbers in the module's memory; elements lie there in the library's own form.
 */

/** Sizes in bytes: fields of 48, points in Jacobian coordinates, whatever the curve. */
export const SIZE = { fp: 48, fp2: 96, scalar: 32, g1: 144, g2: 288, gt: 576 } as const;

/** The functions that are used. Those on strings of bytes give 0 for success, or the number of bytes. */
export type CurveModule = {
  readonly wasmMemory: { readonly buffer: ArrayBuffer };
  _malloc(size: number): number;
  _mclBn_init(curve: number, compiled: number): number;
  _mclBn_setETHserialization(on: number): void;
  _mclBn_verifyOrderG1(on: number): void;
  _mclBn_verifyOrderG2(on: number): void;
  /** 0: it has this way of mapping field elements to points. */
  _mclBn_setMapToMode(mode: number): number;
  _mclBnFr_setBigEndianMod(scalar: number, bytes: number, size: number): number;
  _mclBnFp_setBigEndianMod(element: number, bytes: number, size: number): number;
  _mclBnFp_getLittleEndian(bytes: number, size: number, element: number): number;
  _mclBnFp_setInt32(element: number, value: number): void;
  _mclBnG1_clear(point: number): void;
  _mclBnG1_isZero(point: number): number;
  _mclBnG1_isEqual(a: number, b: number): number;
  _mclBnG1_isValid(point: number): number;
  _mclBnG1_isValidOrder(point: number): number;
  _mclBnG1_deserialize(point: number, bytes: number, size: number): number;
  _mclBnG1_normalize(result: number, point: number): void;
  _mclBnG1_neg(result: number, point: number): void;
  _mclBnG1_add(result: number, a: number, b: number): void;
  _mclBnG1_sub(result: number, a: number, b: number): void;
  _mclBnG1_mul(result: number, point: number, scalar: number): void;
  /** Sum of products; normalises the points in their place. */
  _mclBnG1_mulVec(result: number, points: number, scalars: number, count: number): void;
  _mclBnFp_mapToG1(point: number, element: number): number;
  _mclBnG2_clear(point: number): void;
  _mclBnG2_isZero(point: number): number;
  _mclBnG2_normalize(result: number, point: number): void;
  _mclBnG2_add(result: number, a: number, b: number): void;
  _mclBnG2_mulVec(result: number, points: number, scalars: number, count: number): void;
  _mclBnFp2_mapToG2(point: number, element: number): number;
  _mclBnG2_isValid(point: number): number;
  _mclBnG2_isValidOrder(point: number): number;
  _mclBnG2_deserialize(point: number, bytes: number, size: number): number;
  _mclBnGT_isOne(value: number): number;
  _mclBn_getUint64NumToPrecompute(): number;
  _mclBn_precomputeG2(table: number, point: number): void;
  _mclBn_precomputedMillerLoop2(result: number, p: number, tableP: number, q: number, tableQ: number): void;
  _mclBn_millerLoopVec(result: number, p: number, q: number, count: number): void;
  _mclBn_finalExp(result: number, value: number): void;
};

export type Curve = {
  readonly module: CurveModule;
  /** Memory for good. */
  allocate(size: number): number;
  write(at: number, bytes: Bytes): void;
  /** A copy. */
  read(at: number, size: number): Bytes;
};

export const CURVE = { bn254: 4, bls12381: 5 } as const;
/** Widths that the module was compiled for: ten times the words of a scalar, and those of a field element. */
const COMPILED = 46;

/** An instance of its own for a curve. */
export const loadCurve = async (curve: (typeof CURVE)[keyof typeof CURVE]): Promise<Curve> => {
  const { default: create } = await import("mcl-wasm/dist/mcl_c.js");
  const module = (await create({})) as CurveModule;
  if (module._mclBn_init(curve, COMPILED) !== 0) throw new Error("the curve library was compiled for other widths");
  const view = (at: number, size: number) => new Uint8Array(module.wasmMemory.buffer, at, size);
  return {
    module,
    allocate(size) {
      const at = module._malloc(size);
      if (at === 0) throw new Error("the curve library is out of memory");
      return at;
    },
    write: (at, bytes) => view(at, bytes.length).set(bytes),
    read: (at, size) => view(at, size).slice(),
  };
};
