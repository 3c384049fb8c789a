import { type Bytes, compareBytes, fromHex, uintBE, ZERO_32 } from "../foundation/bytes.ts";
import { CURVE, type Curve, loadCurve, SIZE } from "./curve-library.ts";
import { MAX_PAIRING_INPUT, type Precompile } from "./precompile.ts";

/** EIP-196 and 197 at the prices of EIP-1108. */
const ADD_GAS = 150n;
const MULTIPLY_GAS = 6_000n;
const PAIRING_GAS = 45_000n;
const PAIR_GAS = 34_000n;

const G1_BYTES = 64;
const PAIR_BYTES = 192;
const MAX_PAIRS = MAX_PAIRING_INPUT / PAIR_BYTES;
/** Order of the field. */
const MODULUS = fromHex("0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47");

const isZero = (bytes: Bytes): boolean => bytes.every((byte) => byte === 0);

/** The first bytes of the input, with zeros behind where it is short. */
const padded = (data: Bytes, size: number): Bytes => {
  const out = new Uint8Array(size);
  out.set(data.subarray(0, size));
  return out;
};

const createGroup = ({ module, allocate, write, read }: Curve) => {
  const a = allocate(SIZE.g1);
  const b = allocate(SIZE.g1);
  const scalar = allocate(SIZE.scalar);
  const buffer = allocate(SIZE.fp);
  const value = allocate(SIZE.gt);
  const firsts = allocate(MAX_PAIRS * SIZE.g1);
  const seconds = allocate(MAX_PAIRS * SIZE.g2);

  /** False: not below the order. */
  const readField = (at: number, bytes: Bytes): boolean => {
    if (compareBytes(bytes, MODULUS) >= 0) return false;
    write(buffer, bytes);
    return module._mclBnFp_setBigEndianMod(at, buffer, 32) === 0;
  };

  /** `x ++ y` on the curve; zeros are the point at infinity. The group is the whole curve. */
  const readFirst = (at: number, bytes: Bytes): boolean => {
    if (isZero(bytes)) {
      module._mclBnG1_clear(at);
      return true;
    }
    module._mclBnFp_setInt32(at + 2 * SIZE.fp, 1);
    return (
      readField(at, bytes.subarray(0, 32)) &&
      readField(at + SIZE.fp, bytes.subarray(32)) &&
      module._mclBnG1_isValid(at) === 1
    );
  };

  /** `x ++ y`, imaginary parts first, on the twist and in the subgroup. Not for the point at infinity. */
  const readSecond = (at: number, bytes: Bytes): boolean => {
    module._mclBnFp_setInt32(at + 4 * SIZE.fp, 1);
    module._mclBnFp_setInt32(at + 5 * SIZE.fp, 0);
    const places = [1, 0, 3, 2];
    return (
      places.every((place, i) => readField(at + place * SIZE.fp, bytes.subarray(32 * i, 32 * i + 32))) &&
      module._mclBnG2_isValid(at) === 1 &&
      module._mclBnG2_isValidOrder(at) === 1
    );
  };

  const writeFirst = (at: number): Bytes => {
    const out = new Uint8Array(G1_BYTES);
    if (module._mclBnG1_isZero(at) === 1) return out;
    module._mclBnG1_normalize(at, at);
    for (const i of [0, 1]) {
      const length = module._mclBnFp_getLittleEndian(buffer, SIZE.fp, at + i * SIZE.fp);
      out.set(read(buffer, length).reverse(), 32 * i + 32 - length);
    }
    return out;
  };

  return {
    /** Two points of 64 bytes to their sum. Undefined: one of them is none. */
    add(input: Bytes): Bytes | undefined {
      if (!readFirst(a, input.subarray(0, 64)) || !readFirst(b, input.subarray(64, 128))) return undefined;
      module._mclBnG1_add(a, a, b);
      return writeFirst(a);
    },
    /** A point and 32 bytes of scalar, of any size, to their product. */
    multiply(input: Bytes): Bytes | undefined {
      if (!readFirst(a, input.subarray(0, 64))) return undefined;
      write(buffer, input.subarray(64, 96));
      if (module._mclBnFr_setBigEndianMod(scalar, buffer, 32) !== 0) return undefined;
      module._mclBnG1_mul(a, a, scalar);
      return writeFirst(a);
    },
    /** Whether the product of the pairings of all pairs is one. */
    pairing(input: Bytes): boolean | undefined {
      let count = 0;
      for (let offset = 0; offset < input.length; offset += PAIR_BYTES) {
        const first = firsts + count * SIZE.g1;
        const second = seconds + count * SIZE.g2;
        const point = input.subarray(offset + G1_BYTES, offset + PAIR_BYTES);
        const infinite = isZero(point);
        if (!readFirst(first, input.subarray(offset, offset + G1_BYTES))) return undefined;
        if (!infinite && !readSecond(second, point)) return undefined;
        if (!infinite && module._mclBnG1_isZero(first) === 0) count++;
      }
      if (count === 0) return true;
      module._mclBn_millerLoopVec(value, firsts, seconds, count);
      module._mclBn_finalExp(value, value);
      return module._mclBnGT_isOne(value) === 1;
    },
  };
};

const createPrecompiles = (curve: Curve) => {
  const group = createGroup(curve);

  /** Precompile 0x06. */
  const add: Precompile = (data, gasLimit) => {
    const output = gasLimit < ADD_GAS ? undefined : group.add(padded(data, 2 * G1_BYTES));
    return output === undefined ? undefined : { gas: ADD_GAS, output };
  };
  /** Precompile 0x07. */
  const multiply: Precompile = (data, gasLimit) => {
    const output = gasLimit < MULTIPLY_GAS ? undefined : group.multiply(padded(data, G1_BYTES + 32));
    return output === undefined ? undefined : { gas: MULTIPLY_GAS, output };
  };
  /** Precompile 0x08: a word that is one or zero. Any number of pairs, up to the protocol's bound. */
  const pairing: Precompile = (data, gasLimit) => {
    if (data.length % PAIR_BYTES !== 0 || data.length > MAX_PAIRING_INPUT) return undefined;
    const gas = PAIRING_GAS + PAIR_GAS * BigInt(data.length / PAIR_BYTES);
    const holds = gas > gasLimit ? undefined : group.pairing(data);
    return holds === undefined ? undefined : { gas, output: holds ? uintBE(1, 32) : ZERO_32.slice() };
  };
  return { add, multiply, pairing };
};

/** The curve is loaded at the first call. */
let loading: Promise<ReturnType<typeof createPrecompiles>> | undefined;
export const loadBn254 = (): Promise<ReturnType<typeof createPrecompiles>> => {
  loading ??= loadCurve(CURVE.bn254).then(createPrecompiles);
  return loading;
};
