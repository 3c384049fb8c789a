import { type Bytes, ZERO_32 } from "../../foundation/bytes.ts";
import { keccak256 } from "../../foundation/keccak.ts";
import { writeWord } from "./word.ts";

/**
 * The stack as an immutable chain from the top down, so that a snapshot is a reference. A link's hash is
 * `K(hash of what is below ++ value)`, computed when first asked for; the empty stack's is zero.
 */
export type Stack = {
  readonly size: number;
  readonly value: bigint;
  /** The empty stack is below itself. */
  readonly below: Stack;
  hash: Bytes | undefined;
};

const ground = { size: 0, value: 0n, hash: ZERO_32 } as { -readonly [K in keyof Stack]: Stack[K] };
ground.below = ground;
export const EMPTY_STACK: Stack = ground;

export const push = (below: Stack, value: bigint): Stack => ({ size: below.size + 1, value, below, hash: undefined });

/** The stack without its `count` top words. */
export const drop = (stack: Stack, count: number): Stack => {
  let rest = stack;
  for (let i = 0; i < count; i++) rest = rest.below;
  return rest;
};

/** The `count` top words, the top first. */
export const operands = (stack: Stack, count: number): bigint[] => {
  const values = new Array<bigint>(count);
  let rest = stack;
  for (let i = 0; i < count; i++) {
    values[i] = rest.value;
    rest = rest.below;
  }
  return values;
};

const preimage = new Uint8Array(64);
const preimageView = new DataView(preimage.buffer);

export const hashStack = (stack: Stack): Bytes => {
  if (stack.hash !== undefined) return stack.hash;
  const open: Stack[] = [];
  let link = stack;
  for (; link.hash === undefined; link = link.below) open.push(link);
  let hash = link.hash;
  for (let i = open.length - 1; i >= 0; i--) {
    const next = open[i] as Stack;
    preimage.set(hash);
    writeWord(preimageView, 32, next.value);
    hash = keccak256(preimage);
    next.hash = hash;
  }
  return hash;
};
