import { type Bytes, compareBytes, fromHex, uintBE, ZERO_32 } from "../foundation/bytes.ts";
import { CURVE, type Curve, loadCurve, SIZE } from "./curve-library.ts";
import { MAX_PRECOMPILE_INPUT, type Precompile } from "./precompile.ts";

/*
 * EIP-2537. A field element is 64 bytes, of which the first 16 are zero; an element of the quadratic extension is two of
 * them, the real part first; zeros are the point at infinity.
 */

const ADD_GAS = { g1: 375n, g2: 600n } as const;
const MULTIPLY_GAS = { g1: 12_000n, g2: 22_500n } as const;
const PAIRING_GAS = 37_700n;
const PAIR_GAS = 32_600n;
const MAP_GAS = { g1: 5_500n, g2: 23_800n } as const;

const FIELD_BYTES = 64;
const PADDING = 16;
const SCALAR_BYTES = 32;
/** Order of the field. */
const MODULUS = fromHex(
  "0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab",
);
/** Of mcl's maps to curves: that of RFC 9380. */
const HASH_TO_CURVE = 5;

/** Thousandths of the price of one multiplication that each of so many costs; of more, the last. */
const DISCOUNTS = {
  g1: [
    ...[1000, 949, 848, 797, 764, 750, 738, 728, 719, 712, 705, 698, 692, 687, 682, 677, 673, 669, 665, 661, 658, 654],
    ...[651, 648, 645, 642, 640, 637, 635, 632, 630, 627, 625, 623, 621, 619, 617, 615, 613, 611, 609, 608, 606, 604],
    ...[603, 601, 599, 598, 596, 595, 593, 592, 591, 589, 588, 586, 585, 584, 582, 581, 580, 579, 577, 576, 575, 574],
    ...[573, 572, 570, 569, 568, 567, 566, 565, 564, 563, 562, 561, 560, 559, 558, 557, 556, 555, 554, 553, 552, 551],
    ...[550, 549, 548, 547, 547, 546, 545, 544, 543, 542, 541, 540, 540, 539, 538, 537, 536, 536, 535, 534, 533, 532],
    ...[532, 531, 530, 529, 528, 528, 527, 526, 525, 525, 524, 523, 522, 522, 521, 520, 520, 519],
  ],
  g2: [
    ...[1000, 1000, 923, 884, 855, 832, 812, 796, 782, 770, 759, 749, 740, 732, 724, 717, 711, 704, 699, 693, 688, 683],
    ...[679, 674, 670, 666, 663, 659, 655, 652, 649, 646, 643, 640, 637, 634, 632, 629, 627, 624, 622, 620, 618, 615],
    ...[613, 611, 609, 607, 606, 604, 602, 600, 598, 597, 595, 593, 592, 590, 589, 587, 586, 584, 583, 582, 580, 579],
    ...[578, 576, 575, 574, 573, 571, 570, 569, 568, 567, 566, 565, 563, 562, 561, 560, 559, 558, 557, 556, 555, 554],
    ...[553, 552, 552, 551, 550, 549, 548, 547, 546, 545, 545, 544, 543, 542, 541, 541, 540, 539, 538, 537, 537, 536],
    ...[535, 535, 534, 533, 532, 532, 531, 530, 530, 529, 528, 528, 527, 526, 526, 525, 524, 524],
  ],
} as const;

type GroupName = "g1" | "g2";
/** Field elements in a coordinate. */
const DEGREE = { g1: 1, g2: 2 } as const;
const PAIR_BYTES = (2 * DEGREE.g1 + 2 * DEGREE.g2) * FIELD_BYTES;
const pointBytes = (name: GroupName): number => 2 * DEGREE[name] * FIELD_BYTES;
const termBytes = (name: GroupName): number => pointBytes(name) + SCALAR_BYTES;

const createGroups = ({ module, allocate, write, read }: Curve) => {
  module._mclBn_verifyOrderG1(0);
  module._mclBn_verifyOrderG2(0);
  if (module._mclBn_setMapToMode(HASH_TO_CURVE) !== 0) throw new Error("the curve library lacks the map of RFC 9380");
  const buffer = allocate(SIZE.fp);

  /** False: padding that is not zero, or not below the order. */
  const readField = (at: number, bytes: Bytes): boolean => {
    if (bytes.subarray(0, PADDING).some((byte) => byte !== 0)) return false;
    const element = bytes.subarray(PADDING);
    if (compareBytes(element, MODULUS) >= 0) return false;
    write(buffer, element);
    return module._mclBnFp_setBigEndianMod(at, buffer, element.length) === 0;
  };

  /** Elements one behind the other. */
  const readFields = (at: number, bytes: Bytes): boolean => {
    for (let i = 0; i * FIELD_BYTES < bytes.length; i++)
      if (!readField(at + i * SIZE.fp, bytes.subarray(i * FIELD_BYTES, (i + 1) * FIELD_BYTES))) return false;
    return true;
  };

  const groupOf = (name: GroupName) => {
    const degree = DEGREE[name];
    const size = SIZE[name];
    const calls = {
      g1: {
        clear: module._mclBnG1_clear,
        isZero: module._mclBnG1_isZero,
        isValid: module._mclBnG1_isValid,
        isValidOrder: module._mclBnG1_isValidOrder,
        normalize: module._mclBnG1_normalize,
        add: module._mclBnG1_add,
        sum: module._mclBnG1_mulVec,
        map: module._mclBnFp_mapToG1,
      },
      g2: {
        clear: module._mclBnG2_clear,
        isZero: module._mclBnG2_isZero,
        isValid: module._mclBnG2_isValid,
        isValidOrder: module._mclBnG2_isValidOrder,
        normalize: module._mclBnG2_normalize,
        add: module._mclBnG2_add,
        sum: module._mclBnG2_mulVec,
        map: module._mclBnFp2_mapToG2,
      },
    }[name];
    const most = Math.floor(MAX_PRECOMPILE_INPUT / termBytes(name));
    const points = allocate(most * size);
    const scalars = allocate(most * SIZE.scalar);
    const result = allocate(size);
    const element = allocate(degree * SIZE.fp);

    /** A point of the curve, in the subgroup if that is asked. */
    const readPoint = (at: number, bytes: Bytes, inSubgroup: boolean): boolean => {
      if (bytes.every((byte) => byte === 0)) {
        calls.clear(at);
        return true;
      }
      if (!readFields(at, bytes)) return false;
      for (let i = 0; i < degree; i++) module._mclBnFp_setInt32(at + (2 * degree + i) * SIZE.fp, i === 0 ? 1 : 0);
      return calls.isValid(at) === 1 && (!inSubgroup || calls.isValidOrder(at) === 1);
    };

    const writePoint = (at: number): Bytes => {
      const out = new Uint8Array(pointBytes(name));
      if (calls.isZero(at) === 1) return out;
      calls.normalize(at, at);
      for (let i = 0; i < 2 * degree; i++) {
        const length = module._mclBnFp_getLittleEndian(buffer, SIZE.fp, at + i * SIZE.fp);
        out.set(read(buffer, length).reverse(), (i + 1) * FIELD_BYTES - length);
      }
      return out;
    };

    return {
      size,
      isZero: calls.isZero,
      readPoint,
      /** Sum of two points of the curve, whatever their order. Undefined: one of them is none. */
      add(input: Bytes): Bytes | undefined {
        const [a, b] = [points, points + size];
        const half = pointBytes(name);
        if (!readPoint(a, input.subarray(0, half), false) || !readPoint(b, input.subarray(half), false))
          return undefined;
        calls.add(result, a, b);
        return writePoint(result);
      },
      /** Sum of points of the subgroup, each times its scalar. */
      sum(input: Bytes): Bytes | undefined {
        let count = 0;
        for (let at = 0; at < input.length; at += termBytes(name)) {
          const point = points + count * size;
          const scalar = input.subarray(at + pointBytes(name), at + termBytes(name));
          if (!readPoint(point, input.subarray(at, at + pointBytes(name)), true)) return undefined;
          if (calls.isZero(point) === 1) continue;
          write(buffer, scalar);
          if (module._mclBnFr_setBigEndianMod(scalars + count * SIZE.scalar, buffer, SCALAR_BYTES) !== 0)
            return undefined;
          count++;
        }
        calls.clear(result);
        if (count > 0) calls.sum(result, points, scalars, count);
        return writePoint(result);
      },
      /** The point that a field element is mapped to; undefined: it is none. */
      map(input: Bytes): Bytes | undefined {
        if (!readFields(element, input) || calls.map(result, element) !== 0) return undefined;
        return writePoint(result);
      },
    };
  };
  const groups = { g1: groupOf("g1"), g2: groupOf("g2") };

  const mostPairs = Math.floor(MAX_PRECOMPILE_INPUT / PAIR_BYTES);
  const firsts = allocate(mostPairs * SIZE.g1);
  const seconds = allocate(mostPairs * SIZE.g2);
  const value = allocate(SIZE.gt);
  /** Whether the product of the pairings of all pairs is one. Undefined: a point is none of its subgroup. */
  const pairing = (input: Bytes): boolean | undefined => {
    const { g1, g2 } = groups;
    let count = 0;
    for (let at = 0; at < input.length; at += PAIR_BYTES) {
      const first = firsts + count * SIZE.g1;
      const second = seconds + count * SIZE.g2;
      const border = at + pointBytes("g1");
      if (!g1.readPoint(first, input.subarray(at, border), true)) return undefined;
      if (!g2.readPoint(second, input.subarray(border, at + PAIR_BYTES), true)) return undefined;
      if (g1.isZero(first) === 0 && g2.isZero(second) === 0) count++;
    }
    if (count === 0) return true;
    module._mclBn_millerLoopVec(value, firsts, seconds, count);
    module._mclBn_finalExp(value, value);
    return module._mclBnGT_isOne(value) === 1;
  };
  return { ...groups, pairing };
};

const createPrecompiles = (curve: Curve) => {
  const groups = createGroups(curve);

  /** Of a fixed price and length. */
  const fixed =
    (price: bigint, length: number, compute: (data: Bytes) => Bytes | undefined): Precompile =>
    (data, gasLimit) => {
      const output = data.length !== length || price > gasLimit ? undefined : compute(data);
      return output === undefined ? undefined : { gas: price, output };
    };
  const addition = (name: GroupName): Precompile => fixed(ADD_GAS[name], 2 * pointBytes(name), groups[name].add);
  const mapping = (name: GroupName): Precompile => fixed(MAP_GAS[name], DEGREE[name] * FIELD_BYTES, groups[name].map);
  const summation =
    (name: GroupName): Precompile =>
    (data, gasLimit) => {
      const count = data.length / termBytes(name);
      if (count === 0 || !Number.isInteger(count) || data.length > MAX_PRECOMPILE_INPUT) return undefined;
      const table = DISCOUNTS[name];
      const discount = table[Math.min(count, table.length) - 1] as number;
      const gas = (BigInt(count) * MULTIPLY_GAS[name] * BigInt(discount)) / 1000n;
      const output = gas > gasLimit ? undefined : groups[name].sum(data);
      return output === undefined ? undefined : { gas, output };
    };
  const pairing: Precompile = (data, gasLimit) => {
    const count = data.length / PAIR_BYTES;
    if (count === 0 || !Number.isInteger(count) || data.length > MAX_PRECOMPILE_INPUT) return undefined;
    const gas = PAIRING_GAS + PAIR_GAS * BigInt(count);
    const holds = gas > gasLimit ? undefined : groups.pairing(data);
    return holds === undefined ? undefined : { gas, output: holds ? uintBE(1, 32) : ZERO_32.slice() };
  };

  return {
    /** 0x0b. */
    g1Add: addition("g1"),
    /** 0x0c. */
    g1Sum: summation("g1"),
    /** 0x0d. */
    g2Add: addition("g2"),
    /** 0x0e. */
    g2Sum: summation("g2"),
    /** 0x0f: a word that is one or zero. */
    pairing,
    /** 0x10. */
    mapToG1: mapping("g1"),
    /** 0x11. */
    mapToG2: mapping("g2"),
  };
};

/** The curve is loaded at the first call. */
let loading: Promise<ReturnType<typeof createPrecompiles>> | undefined;
export const loadBls12381 = (): Promise<ReturnType<typeof createPrecompiles>> => {
  loading ??= loadCurve(CURVE.bls12381).then(createPrecompiles);
  return loading;
};
