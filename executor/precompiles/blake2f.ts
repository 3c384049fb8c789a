import type { Bytes } from "../foundation/bytes.ts";
import type { Precompile } from "./precompile.ts";

/*
 * The rounds of BLAKE2b in WebAssembly, whose words have 64 bits. The module is written out here: ten unrolled rounds in a
 * loop that ends when the counter is zero.
 */

/** RFC 7693, 2.7: which words of the message a round takes. */
const SIGMA: readonly (readonly number[])[] = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];
/** Words that the eight mixings of a round work on: columns, then diagonals. */
const LANES: readonly (readonly [number, number, number, number])[] = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
];
/** RFC 7693, 2.6. */
const IV: readonly bigint[] = [
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
];

/** In the module's memory: sixteen words of message, then sixteen of work. */
const MESSAGE = 0;
const WORK = 128;

const leb = (value: number): number[] => (value < 0x80 ? [value] : [0x80 | (value & 0x7f), ...leb(value >> 7)]);
const vector = (items: readonly (readonly number[])[]): number[] => [...leb(items.length), ...items.flat()];
const section = (id: number, body: readonly number[]): number[] => [id, ...leb(body.length), ...body];

const ADD = 0x7c;
const XOR = 0x85;
const ROTATE_RIGHT = 0x8a;
const COUNTER = 0;
/** Local of a word of work; the counter comes before. */
const local = (word: number): number => 1 + word;
const get = (index: number): number[] => [0x20, index];
const set = (index: number): number[] => [0x21, index];
const load = (at: number): number[] => [0x41, 0, 0x29, 3, ...leb(at)];
/** Below 64: one byte of a signed LEB128. */
const i64 = (value: number): number[] => [0x42, value];

/** `a += b`, and a word of the message. */
const plus = (a: number, b: number, word?: number): number[] => [
  ...get(local(a)),
  ...get(local(b)),
  ADD,
  ...(word === undefined ? [] : [...load(MESSAGE + 8 * word), ADD]),
  ...set(local(a)),
];
/** `a = (a ^ b) >>> bits`, rotated. */
const turn = (a: number, b: number, bits: number): number[] => [
  ...get(local(a)),
  ...get(local(b)),
  XOR,
  ...i64(bits),
  ROTATE_RIGHT,
  ...set(local(a)),
];
const mix = ([a, b, c, d]: readonly [number, number, number, number], x: number, y: number): number[] => [
  ...[...plus(a, b, x), ...turn(d, a, 32), ...plus(c, d), ...turn(b, c, 24)],
  ...[...plus(a, b, y), ...turn(d, a, 16), ...plus(c, d), ...turn(b, c, 63)],
];

/** `run(rounds)`: that many rounds from the first permutation on. */
const moduleBytes = (): Bytes => {
  const words = Array.from({ length: 16 }, (_, i) => i);
  const round = (sigma: readonly number[]): number[] => [
    // Leaves the block when no round is left, else counts.
    ...[...get(COUNTER), 0x45, 0x0d, 1],
    ...[...get(COUNTER), 0x41, 1, 0x6b, ...set(COUNTER)],
    ...LANES.flatMap((lane, i) => mix(lane, sigma[2 * i] as number, sigma[2 * i + 1] as number)),
  ];
  const code = [
    ...vector([[16, 0x7e]]),
    ...words.flatMap((i) => [...load(WORK + 8 * i), ...set(local(i))]),
    ...[0x02, 0x40, 0x03, 0x40, ...SIGMA.flatMap(round), 0x0c, 0, 0x0b, 0x0b],
    ...words.flatMap((i) => [0x41, 0, ...get(local(i)), 0x37, 3, ...leb(WORK + 8 * i)]),
    0x0b,
  ];
  const name = (text: string): number[] => vector([...Buffer.from(text)].map((byte) => [byte]));
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector([[0x60, ...vector([[0x7f]]), ...vector([])]])),
    ...section(3, vector([[0]])),
    ...section(5, vector([[0, 1]])),
    ...section(
      7,
      vector([
        [...name("memory"), 2, 0],
        [...name("run"), 0, 0],
      ]),
    ),
    ...section(10, vector([[...leb(code.length), ...code]])),
  ]);
};

/** Not among the types of Node. */
declare const WebAssembly: {
  readonly Module: new (bytes: Bytes) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

type Rounds = { readonly memory: DataView; run(rounds: number): void };
let loaded: Rounds | undefined;
const instantiate = (): Rounds => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()));
  const { memory, run } = exports as { memory: { buffer: ArrayBuffer }; run: Rounds["run"] };
  return { memory: new DataView(memory.buffer), run };
};

/** Rounds of one call into the module, a multiple of ten: the engine's faster code takes over between calls only. */
const SLICE = 20_000;

/** BLAKE2b's `F` on the input of EIP-152, 213 bytes: the new state, 64 bytes. */
export const compress = (data: Bytes): Bytes => {
  loaded ??= instantiate();
  const { memory, run } = loaded;
  const input = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const word = (offset: number): bigint => input.getBigUint64(offset, true);
  for (let i = 0; i < 16; i++) memory.setBigUint64(MESSAGE + 8 * i, word(68 + 8 * i), true);
  const mask = [0n, 0n, 0n, 0n, word(196), word(204), data[212] === 1 ? 2n ** 64n - 1n : 0n, 0n];
  for (let i = 0; i < 8; i++) {
    memory.setBigUint64(WORK + 8 * i, word(4 + 8 * i), true);
    memory.setBigUint64(WORK + 64 + 8 * i, (IV[i] as bigint) ^ (mask[i] as bigint), true);
  }
  for (let rest = input.getUint32(0); rest > 0; rest -= SLICE) run(Math.min(rest, SLICE));
  const output = new Uint8Array(64);
  const view = new DataView(output.buffer);
  for (let i = 0; i < 8; i++) {
    const mixed = memory.getBigUint64(WORK + 8 * i, true) ^ memory.getBigUint64(WORK + 64 + 8 * i, true);
    view.setBigUint64(8 * i, word(4 + 8 * i) ^ mixed, true);
  }
  return output;
};

const INPUT_BYTES = 213;

/** Precompile 0x09 (EIP-152): `rounds u32 ++ h ++ m ++ t ++ final`, a gas a round. */
export const blake2f: Precompile = (data, gasLimit) => {
  if (data.length !== INPUT_BYTES || (data[212] as number) > 1) return undefined;
  const gas = BigInt(new DataView(data.buffer, data.byteOffset).getUint32(0));
  return gas > gasLimit ? undefined : { gas, output: compress(data) };
};
