import type { Bytes } from "../../foundation/bytes.ts";

/** Bytes of the sponge: 25 lanes of 8, little-endian. */
export const SPONGE_BYTES = 200;
/** Bytes that one permutation absorbs. */
export const RATE = 136;

const ROUNDS = 24;

/** Round constants by FIPS 202's shift register, as pairs low, high. */
const roundConstants = (): Uint32Array => {
  const constants = new Uint32Array(2 * ROUNDS);
  let register = 1;
  for (let round = 0; round < ROUNDS; round++)
    for (let j = 0; j <= 6; j++) {
      const bit = 2 ** j - 1;
      if (register & 1) {
        const at = 2 * round + (bit >> 5);
        constants[at] = (constants[at] as number) ^ (1 << (bit & 31));
      }
      register = (register << 1) ^ (register & 0x80 ? 0x171 : 0);
    }
  return constants;
};
const CONSTANTS = roundConstants();

/** For each step of rho and pi, where the lane in hand goes (an index of its low half) and by how much it is rotated. */
const TARGETS = new Int32Array(24);
const ROTATIONS = new Int32Array(24);
for (let t = 0, x = 1, y = 0; t < 24; t++) {
  [x, y] = [y, (2 * x + 3 * y) % 5];
  TARGETS[t] = 2 * (x + 5 * y);
  ROTATIONS[t] = (((t + 1) * (t + 2)) / 2) % 64;
}

/** Low and high halves of the 25 lanes, one after the other. */
const lanes = new Int32Array(50);
const columns = new Int32Array(10);

const theta = (): void => {
  for (let i = 0; i < 10; i++)
    columns[i] =
      (lanes[i] as number) ^
      (lanes[i + 10] as number) ^
      (lanes[i + 20] as number) ^
      (lanes[i + 30] as number) ^
      (lanes[i + 40] as number);
  for (let x = 0; x < 10; x += 2) {
    const before = x === 0 ? 8 : x - 2;
    const after = x === 8 ? 0 : x + 2;
    const low = columns[after] as number;
    const high = columns[after + 1] as number;
    const toLow = (columns[before] as number) ^ ((low << 1) | (high >>> 31));
    const toHigh = (columns[before + 1] as number) ^ ((high << 1) | (low >>> 31));
    for (let at = x; at < 50; at += 10) {
      lanes[at] = (lanes[at] as number) ^ toLow;
      lanes[at + 1] = (lanes[at + 1] as number) ^ toHigh;
    }
  }
};

const rhoPi = (): void => {
  let low = lanes[2] as number;
  let high = lanes[3] as number;
  for (let i = 0; i < 24; i++) {
    const target = TARGETS[i] as number;
    const rotation = ROTATIONS[i] as number;
    // No rotation is by 0 or 32: a shift by 32 would be none.
    const by = rotation & 31;
    const first = rotation < 32 ? low : high;
    const second = rotation < 32 ? high : low;
    low = lanes[target] as number;
    high = lanes[target + 1] as number;
    lanes[target] = (first << by) | (second >>> (32 - by));
    lanes[target + 1] = (second << by) | (first >>> (32 - by));
  }
};

/** On one half of the lanes of a row, which begins at `at`. */
const chiHalf = (at: number): void => {
  const a = lanes[at] as number;
  const b = lanes[at + 2] as number;
  const c = lanes[at + 4] as number;
  const d = lanes[at + 6] as number;
  const e = lanes[at + 8] as number;
  lanes[at] = a ^ (~b & c);
  lanes[at + 2] = b ^ (~c & d);
  lanes[at + 4] = c ^ (~d & e);
  lanes[at + 6] = d ^ (~e & a);
  lanes[at + 8] = e ^ (~a & b);
};

const chi = (): void => {
  for (let at = 0; at < 50; at += 10) {
    chiHalf(at);
    chiHalf(at + 1);
  }
};

/** keccak-f[1600] on a sponge: a new one. No library lets its state be read between two permutations. */
const permute = (sponge: Bytes): Bytes => {
  const from = new DataView(sponge.buffer, sponge.byteOffset, SPONGE_BYTES);
  for (let i = 0; i < 50; i++) lanes[i] = from.getInt32(4 * i, true);
  for (let round = 0; round < ROUNDS; round++) {
    theta();
    rhoPi();
    chi();
    lanes[0] = (lanes[0] as number) ^ (CONSTANTS[2 * round] as number);
    lanes[1] = (lanes[1] as number) ^ (CONSTANTS[2 * round + 1] as number);
  }
  const out = new Uint8Array(SPONGE_BYTES);
  const to = new DataView(out.buffer);
  for (let i = 0; i < 50; i++) to.setInt32(4 * i, lanes[i] as number, true);
  return out;
};

export const EMPTY_SPONGE: Bytes = new Uint8Array(SPONGE_BYTES);

/** Absorbs one whole block of 136 bytes. */
export const absorb = (sponge: Bytes, block: Bytes): Bytes => {
  if (block.length !== RATE) throw new RangeError(`a block of ${block.length} bytes`);
  const mixed = sponge.slice();
  for (let i = 0; i < RATE; i++) mixed[i] = (mixed[i] as number) ^ (block[i] as number);
  return permute(mixed);
};

/** Pads what is left, fewer than 136 bytes, as Keccak does (0x01 .. 0x80), absorbs it and squeezes the hash. */
export const squeeze = (sponge: Bytes, rest: Bytes): Bytes => {
  if (rest.length >= RATE) throw new RangeError(`${rest.length} bytes are left`);
  const block = new Uint8Array(RATE);
  block.set(rest);
  block[rest.length] = 0x01;
  block[RATE - 1] = (block[RATE - 1] as number) | 0x80;
  return absorb(sponge, block).slice(0, 32);
};
