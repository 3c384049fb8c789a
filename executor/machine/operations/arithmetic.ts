import { push } from "../state/stack.ts";
import { halt, next, type Operation, spend } from "./operation.ts";

/** A pure function of the words on top of the stack, the topmost first. Words are 0 <= w < 2^256. */
type WordFunction = (a: bigint, b: bigint, c: bigint) => bigint;

const BITS = 256;
const wrap = (value: bigint): bigint => BigInt.asUintN(BITS, value);
const signed = (value: bigint): bigint => BigInt.asIntN(BITS, value);
const truth = (value: boolean): bigint => (value ? 1n : 0n);

const power: WordFunction = (base, exponent) => {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = wrap(result * square);
    if (rest > 1n) square = wrap(square * square);
  }
  return result;
};

const signExtend: WordFunction = (byte, value) =>
  byte >= 31n ? value : wrap(BigInt.asIntN(8 * (Number(byte) + 1), value));

/** Division and remainder by zero are zero. */
export const WORD_FUNCTIONS: ReadonlyMap<number, WordFunction> = new Map<number, WordFunction>([
  [0x01, (a, b) => wrap(a + b)],
  [0x02, (a, b) => wrap(a * b)],
  [0x03, (a, b) => wrap(a - b)],
  [0x04, (a, b) => (b === 0n ? 0n : a / b)],
  // -2^255 / -1 wraps to itself.
  [0x05, (a, b) => (b === 0n ? 0n : wrap(signed(a) / signed(b)))],
  [0x06, (a, b) => (b === 0n ? 0n : a % b)],
  // The remainder has the sign of the dividend.
  [0x07, (a, b) => (b === 0n ? 0n : wrap(signed(a) % signed(b)))],
  [0x08, (a, b, n) => (n === 0n ? 0n : (a + b) % n)],
  [0x09, (a, b, n) => (n === 0n ? 0n : (a * b) % n)],
  [0x0a, power],
  [0x0b, signExtend],
  [0x10, (a, b) => truth(a < b)],
  [0x11, (a, b) => truth(a > b)],
  [0x12, (a, b) => truth(signed(a) < signed(b))],
  [0x13, (a, b) => truth(signed(a) > signed(b))],
  [0x14, (a, b) => truth(a === b)],
  [0x15, (a) => truth(a === 0n)],
  [0x16, (a, b) => a & b],
  [0x17, (a, b) => a | b],
  [0x18, (a, b) => a ^ b],
  [0x19, (a) => wrap(~a)],
  [0x1a, (i, value) => (i >= 32n ? 0n : (value >> (8n * (31n - i))) & 0xffn)],
  [0x1b, (shift, value) => (shift >= 256n ? 0n : wrap(value << shift))],
  [0x1c, (shift, value) => (shift >= 256n ? 0n : value >> shift)],
  // Beyond the width only the sign is left.
  [0x1d, (shift, value) => wrap(signed(value) >> (shift >= 256n ? 255n : shift))],
  // CLZ (EIP-7939).
  [0x1e, (a) => BigInt(BITS - (a === 0n ? 0 : a.toString(2).length))],
]);

const VERY_LOW = 3;
const LOW = 5;
const MID = 8;
/** Static gas, by opcode. */
const GAS: Readonly<Record<number, number>> = {
  1: VERY_LOW,
  2: LOW,
  3: VERY_LOW,
  4: LOW,
  5: LOW,
  6: LOW,
  7: LOW,
  8: MID,
  9: MID,
  10: 10,
  11: LOW,
  30: LOW,
};
const POPS: Readonly<Record<number, 1 | 3>> = { 8: 3, 9: 3, 21: 1, 25: 1, 30: 1 };

const EXP = 0x0a;
/** EIP-160. */
const EXP_BYTE_GAS = 50;
const bytesIn = (value: bigint): number => (value === 0n ? 0 : Math.ceil(value.toString(16).length / 2));

const operationOf = (opcode: number, of: WordFunction): Operation => {
  const pops = POPS[opcode] ?? 2;
  const gas = GAS[opcode] ?? VERY_LOW;
  return {
    pops,
    pushes: 1,
    run: (state) => {
      const { stack } = state;
      const second = stack.below;
      const charge = opcode === EXP ? gas + EXP_BYTE_GAS * bytesIn(second.value) : gas;
      if (!spend(state, charge)) return halt(state);
      const rest = pops === 2 ? second.below : pops === 1 ? second : second.below.below;
      next(state, push(rest, of(stack.value, second.value, second.below.value)));
    },
  };
};

/** Opcodes that read and write the stack alone, each a function of words. */
export const ARITHMETIC: ReadonlyMap<number, Operation> = new Map(
  Array.from(WORD_FUNCTIONS, ([opcode, of]) => [opcode, operationOf(opcode, of)]),
);
