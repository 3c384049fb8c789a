import type { Bytes } from "./bytes.ts";
import { keccak256 } from "./keccak.ts";
import type { Tag } from "./tags.ts";
import { type Code, encodeModule, instantiate, OP, type WasmFunction } from "./wasm.ts";

/*
 * Keccak-256 of many short messages of one length, two at a time: lane x of both states is one 128-bit vector of
 * WebAssembly. A tree's level is such a batch. The module is emitted when this file is loaded.
 */

/** What each message of a batch is: a tag, if there is one, and `size` bytes that follow it. */
export type MessageForm =
  | { readonly tag?: undefined; readonly size: 32 | 64 | 128 }
  | { readonly tag: Tag; readonly size: 32 | 64 };

/**
 * Hashes `count` messages, which lie one after the other in `from`, to as many 32-byte hashes in `to`. Both may be the
 * same bytes: a message is read before its hash is written.
 */
export type HashBatch = (form: MessageForm, from: Bytes, count: number, to: Bytes) => void;

const LANES = 25;
/** The lane with the last bit of the 136-byte rate. */
const RATE_END_LANE = 16;
const ROUNDS = 24;

/** Rotation of each lane, and where it goes to (rho and pi of FIPS 202, lane x + 5y). */
const MOVES = (() => {
  const moves = [{ from: 0, to: 0, by: 0 }];
  for (let t = 0, x = 1, y = 0; t < ROUNDS; t++) {
    const to = { x: y, y: (2 * x + 3 * y) % 5 };
    moves.push({ from: x + 5 * y, to: to.x + 5 * to.y, by: (((t + 1) * (t + 2)) / 2) % 64 });
    ({ x, y } = to);
  }
  return moves;
})();

/** Constants of iota (FIPS 202, algorithm 5): bits of a shift register of eight bits. */
const ROUND_CONSTANTS = (() => {
  let register = 1;
  const bit = (): boolean => {
    const out = (register & 1) === 1;
    register = (register << 1) ^ (register & 0x80 ? 0x171 : 0);
    return out;
  };
  return Array.from({ length: ROUNDS }, () => {
    let constant = 0n;
    for (let j = 0; j <= 6; j++) if (bit()) constant |= 1n << BigInt(2 ** j - 1);
    return constant;
  });
})();

// Memory: the constants of iota, what a tagged message begins and ends with, two states, then the messages.
const VECTOR = 16;
const FIRST = ROUNDS * VECTOR;
const LAST = FIRST + VECTOR;
const STATE = LAST + VECTOR;
const MESSAGES = STATE + LANES * VECTOR;
const PAGE = 65_536;
/** Bytes of messages that are copied in at once; behind them is room for the partner of an odd last one. */
const BATCH_BYTES = 2 * PAGE;
const PAGES = BATCH_BYTES / PAGE + 1;

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
const zero = OP.i32Const(0);
const advance = (local: number, by: number): Code => [
  ...OP.get(local),
  ...OP.i32Const(by),
  ...OP.i32Add,
  ...OP.set(local),
];
const rotate = (operand: Code, by: number): Code =>
  by === 0
    ? operand
    : [...operand, ...OP.i32Const(by), ...OP.shl, ...operand, ...OP.i32Const(64 - by), ...OP.shr, ...OP.or];

/**
 * Rounds of one turn of the permutation's loop: as much code as the processor's cache of decoded instructions holds (all
 * 24 in a row take half as long again).
 */
const UNROLLED = 4;

/** The permutation of the two states in memory; their first four lanes go to `to` and `to + 32`. `at` is zero. */
const permute = (): WasmFunction => {
  const [to, at] = [0, 1];
  const lane = (i: number): number => 2 + i;
  const moved = (i: number): number => 2 + LANES + i;
  const parity = (x: number): number => 2 + 2 * LANES + (x % 5);
  const code: Code[] = [];
  for (let round = 0; round < UNROLLED; round++) {
    for (let x = 0; x < 5; x++) {
      code.push(OP.get(lane(x)));
      for (let y = 5; y < LANES; y += 5) code.push(OP.get(lane(x + y)), OP.xor);
      code.push(OP.set(parity(x)));
    }
    for (let x = 0; x < 5; x++) {
      code.push(OP.get(parity(x + 4)), rotate(OP.get(parity(x + 1)), 1), OP.xor, OP.set(moved(x)));
      for (let y = 0; y < LANES; y += 5) code.push(OP.get(lane(x + y)), OP.get(moved(x)), OP.xor, OP.set(lane(x + y)));
    }
    for (const { from, to, by } of MOVES) code.push(rotate(OP.get(lane(from)), by), OP.set(moved(to)));
    for (let i = 0; i < LANES; i++) {
      const inRow = (x: number): Code => OP.get(moved(i - (i % 5) + (x % 5)));
      code.push(inRow(i), inRow(i + 2), inRow(i + 1), OP.andNot, OP.xor);
      if (i === 0) code.push(OP.get(at), OP.load(VECTOR * round), OP.xor);
      code.push(OP.set(lane(i)));
    }
  }
  const rounds = OP.loopWhile(code.flat(), [
    ...advance(at, VECTOR * UNROLLED),
    ...OP.get(at),
    ...OP.i32Const(VECTOR * ROUNDS),
    ...OP.i32Less,
  ]);
  const loads = range(0, LANES).map((i) => [...zero, ...OP.load(STATE + VECTOR * i), ...OP.set(lane(i))]);
  const stores = range(0, 8).map((i) => {
    const [word, state] = [i >> 1, i & 1];
    return [...OP.get(to), ...OP.get(lane(word)), ...OP.store64Lane(32 * state + 8 * word, state)];
  });
  return { name: "permute", parameters: 2, vectors: 2 * LANES + 5, code: [loads, rounds, stores].flat(2) };
};
const PERMUTE = 0;

/** Hashes `pairs` of messages (at least one) that lie from `from` on to `to`. */
const hashPairs = (name: string, size: number, lanes: readonly Code[]): WasmFunction => {
  const [from, to, pairs] = [0, 1, 2];
  const body = [
    ...lanes.flatMap((value, i) => [...zero, ...value, ...OP.store(STATE + VECTOR * i)]),
    ...OP.get(to),
    ...zero,
    ...OP.call(PERMUTE),
    ...advance(from, 2 * size),
    ...advance(to, 64),
  ];
  const condition = [...OP.get(pairs), ...OP.i32Const(1), ...OP.i32Sub, ...OP.tee(pairs)];
  return { name, parameters: 3, vectors: 0, code: OP.loopWhile(body, condition) };
};

/** Eight bytes, from `offset` on, of both messages of the pair that `from` points to. */
const both = (size: number, offset: number): Code => [
  ...OP.get(0),
  ...OP.get(0),
  ...OP.load64Splat(offset),
  ...OP.load64Lane(size + offset, 1),
];
const bareLanes = (size: number): Code[] => range(0, size / 8).map((i) => both(size, 8 * i));
/** A byte stands one place later in the message than in memory. */
const taggedLanes = (size: number): Code[] => [
  [...both(size, 0), ...OP.i32Const(8), ...OP.shl, ...zero, ...OP.load(FIRST), ...OP.or],
  ...range(1, size / 8).map((i) => both(size, 8 * i - 1)),
  [...both(size, size - 8), ...OP.i32Const(56), ...OP.shr, ...zero, ...OP.load(LAST), ...OP.or],
];

const SIZES = { bare: [32, 64, 128], tagged: [32, 64] } as const;
const nameOf = ({ tag, size }: MessageForm): string => `${tag === undefined ? "bare" : "tagged"}${size}`;

const createVectorHash = (): HashBatch | undefined => {
  const instance = instantiate(
    encodeModule(PAGES, [
      permute(),
      ...SIZES.bare.map((size) => hashPairs(`bare${size}`, size, bareLanes(size))),
      ...SIZES.tagged.map((size) => hashPairs(`tagged${size}`, size, taggedLanes(size))),
    ]),
  );
  if (instance === undefined) return undefined;
  const { memory, functions } = instance;
  const view = new DataView(memory.buffer);
  const put = (at: number, lane: bigint): void => {
    view.setBigUint64(at, lane, true);
    view.setBigUint64(at + 8, lane, true);
  };
  ROUND_CONSTANTS.forEach((constant, round) => {
    put(VECTOR * round, constant);
  });
  put(LAST, 0x0100n);

  return (form, from, count, to) => {
    const { tag, size } = form;
    const hash = functions[nameOf(form)] as (typeof functions)[string];
    memory.fill(0, STATE, MESSAGES);
    put(STATE + VECTOR * RATE_END_LANE, 1n << 63n);
    if (tag !== undefined) put(FIRST, BigInt(tag));
    else put(STATE + (VECTOR * size) / 8, size / 8 === RATE_END_LANE ? (1n << 63n) | 1n : 1n);
    const most = BATCH_BYTES / size;
    for (let done = 0; done < count; done += most) {
      const messages = Math.min(most, count - done);
      memory.set(from.subarray(size * done, size * (done + messages)), MESSAGES);
      hash(MESSAGES, MESSAGES, Math.ceil(messages / 2));
      to.set(memory.subarray(MESSAGES, MESSAGES + 32 * messages), 32 * done);
    }
  };
};

/** One message after the other. */
export const plainHash: HashBatch = ({ tag, size }, from, count, to) => {
  const offset = tag === undefined ? 0 : 1;
  const message = new Uint8Array(offset + size);
  if (tag !== undefined) message[0] = tag;
  for (let i = 0; i < count; i++) {
    message.set(from.subarray(size * i, size * (i + 1)), offset);
    to.set(keccak256(message), 32 * i);
  }
};

/** Undefined where the processor or the engine has no vectors. */
export const vectorHash = createVectorHash();

export const hashBatch: HashBatch = vectorHash ?? plainHash;
